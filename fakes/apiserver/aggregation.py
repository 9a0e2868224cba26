"""The aggregation of cluster roles: a role with an ``aggregationRule`` has the rules of the roles that it selects."""

from typing import TYPE_CHECKING, Any

from fakes.apiserver.catalog import CLUSTER_ROLES
from fakes.apiserver.controllers import WorkQueue
from fakes.apiserver.objects import name_of
from fakes.apiserver.patches import MERGE
from fakes.apiserver.selectors import selects
from fakes.apiserver.watch import Change

if TYPE_CHECKING:
    from fakes.apiserver.server import ApiServer


class Aggregation:
    """Keeps up the rules of aggregated roles.

    Args:
        server: its objects.
        queue: takes the roles to be looked at after a write.
    """

    def __init__(self, server: "ApiServer", queue: WorkQueue) -> None:
        self._server = server
        self._queue = queue
        self._aggregated: dict[str, None] = {}
        server.observe(CLUSTER_ROLES, self._changed)

    def load(self) -> None:
        """Take over the roles of another process."""
        for each in self._server.list(CLUSTER_ROLES, None)["items"]:
            if each.get("aggregationRule"):
                self._aggregated[name_of(each)] = None

    def _changed(self, change: Change) -> None:
        name = name_of(change.object)
        self._aggregated.pop(name, None)
        if change.type != "DELETED" and change.object.get("aggregationRule"):
            self._aggregated[name] = None
        for each in self._aggregated:
            self._queue.add(self._sync, each)

    def _sync(self, name: str) -> None:
        role = self._server.find(CLUSTER_ROLES, "", name)
        if role is None:
            return
        selectors = (role.get("aggregationRule") or {}).get("clusterRoleSelectors") or ()
        rules: list[Any] = []
        for selector in selectors:
            chosen = selects(CLUSTER_ROLES, selector)
            for each in self._server.list(CLUSTER_ROLES, None)["items"]:
                if name_of(each) != name and chosen(each):
                    rules += [rule for rule in each.get("rules") or () if rule not in rules]
        if rules != (role.get("rules") or []):
            self._server.patch(CLUSTER_ROLES, None, name, {"rules": rules}, MERGE)
