"""What breaks, and when. A kind of fault is one class here: its fields in a scenario, how it begins, how it ends.

To add a kind, write its class and name it in ``KINDS`` and ``AnyFault``.
"""

import asyncio
from collections.abc import Mapping
from random import Random
from typing import ClassVar, Literal, Protocol

import msgspec

from providers.errors import Retryable
from vksim.calm import Calm
from vksim.schema import Duration, Struct


class Nodes(Protocol):
    """The nodes of a cluster, as a fault sees them: ``vksim.cluster.Cluster``."""

    def crash(self, name: str) -> None:
        """Kill a node's runner where it stands."""

    def restart(self, name: str) -> None:
        """Start a node's runner again."""


class Trouble:
    """Decides which provider calls fail; the clouds ask it at each call.

    Args:
        groups: node -> its group.
        random: decides where a fault concerns only a part of the calls.

    Attributes:
        active: the faults that are at work.
        errors: so many calls failed.
    """

    def __init__(self, groups: Mapping[str, str], random: Random) -> None:
        self.active: list[ProviderErrors] = []
        self.errors = 0
        self._groups = groups
        self._random = random

    def __call__(self, operation: str, node: str) -> None:
        """Fail the call with Retryable if a fault wants it."""
        for fault in self.active:
            if fault.operation not in ("all", operation) or (fault.group and fault.group != self._groups[node]):
                continue
            if fault.rate >= 1 or self._random.random() < fault.rate:
                self.errors += 1
                raise Retryable(f"the cloud failed to {operation} (injected fault)")


class Fault(Struct, frozen=True, tag_field="kind"):
    """Something that breaks.

    Attributes:
        at: when it begins.
        during: how long it lasts.
    """

    at: Duration
    during: Duration = msgspec.field(name="for", default=Duration(0.0))

    refers: ClassVar[Mapping[str, Literal["node", "group"]]] = {}
    """Its fields that name a node or a group of the scenario; such a field may be empty if that is its default."""

    def describe(self) -> str:
        """The fault in a few words, for the report."""
        raise NotImplementedError

    def begin(self, nodes: Nodes, trouble: Trouble) -> None:
        """Break it."""
        raise NotImplementedError

    def end(self, nodes: Nodes, trouble: Trouble) -> None:
        """Mend it."""
        raise NotImplementedError


class ProviderErrors(Fault, frozen=True, tag="provider-errors"):
    """Calls to a provider fail with a retryable error.

    Attributes:
        operation: which calls: create, update, delete, get, list, ping, or all.
        rate: which part of them, above 0, up to 1.
        group: only nodes of this group; empty for all.
    """

    operation: Literal["create", "update", "delete", "get", "list", "ping", "all"] = "create"
    rate: float = 1.0
    group: str = ""

    refers: ClassVar[Mapping[str, Literal["node", "group"]]] = {"group": "group"}

    def __post_init__(self) -> None:
        """Raises ValueError for what the types cannot say."""
        if not self.during.seconds:
            raise ValueError("for: errors that last no time are none; write how long, e.g. 30s")
        if not 0 < self.rate <= 1:
            raise ValueError(f"rate: {self.rate:g} is not a part of the calls; write a number above 0, up to 1")

    def describe(self) -> str:
        """Which calls fail, and where."""
        calls = "provider calls" if self.operation == "all" else f"provider {self.operation} calls"
        return f"{self.rate:.0%} of {calls} fail{f' in {self.group}' if self.group else ''}"

    def begin(self, nodes: Nodes, trouble: Trouble) -> None:  # noqa: ARG002  (a fault takes what it needs)
        """Let calls fail."""
        trouble.active.append(self)

    def end(self, nodes: Nodes, trouble: Trouble) -> None:  # noqa: ARG002  (as begin)
        """Let them pass again."""
        trouble.active.remove(self)


class RunnerCrash(Fault, frozen=True, kw_only=True, tag="runner-crash"):
    """A runner dies without a word, and starts again when the fault is over.

    Attributes:
        node: whose runner.
    """

    node: str

    refers: ClassVar[Mapping[str, Literal["node", "group"]]] = {"node": "node"}

    def describe(self) -> str:
        """Whose runner is down."""
        return f"the runner of {self.node} is down"

    def begin(self, nodes: Nodes, trouble: Trouble) -> None:  # noqa: ARG002  (a fault takes what it needs)
        """Kill it."""
        nodes.crash(self.node)

    def end(self, nodes: Nodes, trouble: Trouble) -> None:  # noqa: ARG002  (as begin)
        """Start it."""
        nodes.restart(self.node)


KINDS: dict[str, type[Fault]] = {"provider-errors": ProviderErrors, "runner-crash": RunnerCrash}
"""``kind`` in a file -> its class."""

AnyFault = ProviderErrors | RunnerCrash


async def play(fault: Fault, nodes: Nodes, trouble: Trouble, calm: Calm) -> None:
    """Break at the fault's time, mend when it is over. Meanwhile every heartbeat is made, and sees what it sees."""
    await asyncio.sleep(fault.at.seconds)
    with calm.trouble():
        fault.begin(nodes, trouble)
        await asyncio.sleep(fault.during.seconds)
        fault.end(nodes, trouble)
