"""The controllers that the server brings along: those without which kubectl's commands make no sense.

They are named as in kube-controller-manager, so that one of those can take over. What a write gives them to do is done
before the write is answered: each thing once, in the order in which it came up, without a clock.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable, Hashable
from collections.abc import Set as AbstractSet

from fakes.apiserver.errors import StatusError

log = logging.getLogger("fakes.apiserver")

AGGREGATION = "clusterrole-aggregation-controller"
DISRUPTION = "disruption-controller"
GARBAGE_COLLECTOR = "garbage-collector-controller"
NAMESPACE = "namespace-controller"
NODE_LIFECYCLE = "node-lifecycle-controller"
"""Not brought along: whoever runs it beside the server looks after the taints of nodes from the start."""
RESOURCE_QUOTA = "resourcequota-controller"
ROOT_CA = "root-ca-certificate-publisher-controller"
SERVICE_ACCOUNT = "serviceaccount-controller"

ALL = frozenset({AGGREGATION, DISRUPTION, GARBAGE_COLLECTOR, NAMESPACE, RESOURCE_QUOTA, ROOT_CA, SERVICE_ACCOUNT})
USUAL = ALL | {NODE_LIFECYCLE}
"""What a server's owner looks after where nobody says otherwise."""


def parse(text: str, known: AbstractSet[str] = ALL) -> frozenset[str]:
    """Which ones are to run: ``*`` for all, a name for one, ``-`` and a name for all but one; apart by commas.

    Raises:
        ValueError: there is none of that name.
    """
    wanted: set[str] = set()
    for each in filter(None, map(str.strip, text.split(","))):
        name = each.removeprefix("-")
        if name != "*" and name not in known:
            raise ValueError(f"no controller is named {name!r}; there are {', '.join(sorted(known))}")
        these = known if name == "*" else {name}
        wanted = wanted - these if each.startswith("-") else wanted | these
    return frozenset(wanted)


class WorkQueue(OrderedDict[tuple[Callable[..., None], tuple[Hashable, ...]], None]):
    """What is to be done, each thing once."""

    _busy = False

    def add(self, do: Callable[..., None], *about: Hashable) -> None:
        """Do this before the request that is under way is answered."""
        self[do, about] = None

    def work(self) -> None:
        """Do all of it, and what it leads to; nothing if that is being done already."""
        if self._busy:
            return
        self._busy = True
        try:
            while self:
                (do, about), _ = self.popitem(last=False)
                try:
                    do(*about)
                except StatusError as error:  # as with a real one, it is not the client's fault
                    log.warning("%s %s: %s", do.__qualname__, about, error)
        finally:
            self._busy = False
