"""Asynchronous operations: what a client asks until they are over. Two styles are in use, and both are served.

``Azure-AsyncOperation`` names a resource that tells a status; ``Location`` one that answers 202 until the end.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fakes.aci import defaults
from fakes.aci.group import CREATING, DELETING, FAILED, PENDING, SUCCEEDED, UPDATING, Group
from fakes.aci.life import instant
from fakes.aci.messages import Response, answer

MOST = 20_000
"""So many operations are remembered."""
_UNDER_WAY = (PENDING, CREATING, UPDATING, DELETING)


@dataclass(frozen=True, slots=True)
class Operation:
    """One of them."""

    group: Group
    began: datetime
    deletes: bool

    def status(self) -> str:
        """How it stands."""
        if self.group.gone:
            return SUCCEEDED if self.deletes else "Canceled"
        return self.group.provisioning if self.group.provisioning in (*_UNDER_WAY, FAILED) else SUCCEEDED

    def view(self) -> dict[str, Any]:
        """What polling answers."""
        events = [event for each in self.group.containers for event in each.events()]
        view: dict[str, Any] = {
            "id": self.group.place.id,
            "status": self.status(),
            "startTime": instant(self.began),
            "properties": {"events": events},
        }
        if view["status"] == FAILED:
            minutes = int(defaults.PROVISIONING_TIMEOUT / 60)
            view["error"] = {
                "code": "ContainerGroupProvisioningTimeout",
                "message": f"The container group did not start within {minutes} minutes.",
            }
        return view


class Operations:
    """Those that were begun."""

    def __init__(self, region: str) -> None:
        self._region = region
        self._known: dict[str, Operation] = {}

    def begin(self, identity: str, group: Group, now: datetime, *, deletes: bool = False) -> None:
        """Remember an operation under an ID."""
        self._known[identity] = Operation(group, now, deletes)
        if len(self._known) > MOST:
            del self._known[next(iter(self._known))]

    def find(self, identity: str) -> Operation | None:
        """The operation of that ID."""
        return self._known.get(identity)

    def async_header(self, origin: str, subscription: str, identity: str) -> dict[str, str]:
        """Of the first style."""
        return {"Azure-AsyncOperation": self._url(origin, subscription, "operations", identity)}

    def location_header(self, origin: str, subscription: str, identity: str) -> dict[str, str]:
        """Of the second style."""
        url = self._url(origin, subscription, "operationresults", identity)
        return {"Location": url, "Retry-After": str(defaults.POLL_SECONDS)}

    def result(self, operation: Operation, headers: dict[str, str]) -> Response:
        """What the second style answers."""
        if operation.status() in _UNDER_WAY:
            return answer(202, headers=headers)
        return answer(204)

    def _url(self, origin: str, subscription: str, what: str, identity: str) -> str:
        return (
            f"{origin}/subscriptions/{subscription}/providers/Microsoft.ContainerInstance/locations/{self._region}"
            f"/{what}/{identity}?api-version={defaults.OPERATIONS_VERSION}"
        )
