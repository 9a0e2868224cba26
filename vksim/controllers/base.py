"""What all controllers have in common: a queue of objects to look at, and errors that are tried again."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from providers.types import KubeObject
from runner import backoff, kube
from runner.events import NORMAL, WARNING, EventRecorder
from runner.kube import Resource
from runner.ports import Ports, rfc3339
from runner.workqueue import WorkQueue
from vksim.controllers.views import Views, controller_of

log = logging.getLogger("vksim.controllers")

WORKERS = 5
"""Objects of a kind that are looked at at once, as in kube-controller-manager."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a controller works with.

    Attributes:
        api: the cluster.
        views: what it sees of it.
        ports: time and chance.
        events: where it tells what it did.
    """

    api: kube.KubeApi
    views: Views
    ports: Ports
    events: EventRecorder

    def now(self) -> datetime:
        """The wall clock."""
        return self.ports.clock.now()


class Controller(ABC):
    """Brings the objects of one resource in line with what they say. One object at a time, and again when it changes.

    Args:
        setting: what it works with.

    Attributes:
        name: as in kube-controller-manager.
        resource: what it looks after.
    """

    name: ClassVar[str]
    resource: ClassVar[Resource]

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.api = setting.api
        self.view = setting.views.of(self.resource)
        self.queue: WorkQueue[str] = WorkQueue(self._work, workers=WORKERS)
        self._failures: dict[str, int] = {}
        self._written: dict[str, str] = {}
        self.view.read_by(self._seen)

    async def run(self) -> None:
        """Work until cancelled; the views are known by then."""
        await self.queue.run()

    @abstractmethod
    async def sync(self, obj: KubeObject) -> None:
        """Bring one object in line. Raises ``runner.kube.ApiError``: it is tried again."""

    def follow(self, resource: Resource) -> None:
        """Look at an object also when something changes that it controls."""

        def changed(obj: KubeObject) -> None:
            owner = controller_of(obj)
            if owner is not None and owner.get("kind") == self.resource.kind:
                self.queue.add(owner["uid"])

        self.setting.views.of(resource).read_by(changed)

    def again(self, obj: KubeObject, seconds: float) -> None:
        """Look at an object again after some time."""
        self.queue.add_after(obj["metadata"]["uid"], seconds)

    def tell(self, obj: KubeObject, reason: str, message: str, *, warning: bool = False) -> None:
        """Tell an event about an object."""
        self.setting.events.tell(obj, WARNING if warning else NORMAL, reason, message)

    async def write_status(self, obj: KubeObject, changes: Mapping[str, Any]) -> KubeObject:
        """Write what is new in an object's status; a None removes a field. The object as it is then."""
        status: Mapping[str, Any] = obj.get("status") or {}
        patch = {name: value for name, value in changes.items() if status.get(name) != value}
        if not patch:
            return obj
        metadata = obj["metadata"]
        written = await self.api.patch(
            self.resource,
            metadata["name"],
            {"metadata": {"uid": metadata["uid"]}, "status": patch},
            metadata.get("namespace"),
            subresource="status",
        )
        self._written[metadata["uid"]] = written["metadata"]["resourceVersion"]
        self.view.wrote(written)
        return written

    def _seen(self, obj: KubeObject) -> None:
        """An object has changed; that its own words are there is no news to a controller."""
        metadata = obj["metadata"]
        if self._written.get(metadata["uid"]) != metadata["resourceVersion"]:
            self.queue.add(metadata["uid"])

    async def _work(self, uid: str) -> None:
        obj = self.view.objects.get(uid)
        if obj is None:
            self._failures.pop(uid, None)
            self._written.pop(uid, None)
            return
        try:
            await self.sync(obj)
        except kube.ApiError as error:
            failures = self._failures[uid] = self._failures.get(uid, 0) + 1
            wait = backoff.delay(failures, self.setting.ports.random, first=0.01, longest=1000.0)
            log.info("%s %s: %s", self.name, obj["metadata"]["name"], error)
            self.queue.add_after(uid, max(wait, error.retry_after or 0.0))
        else:
            self._failures.pop(uid, None)


def condition(
    type_: str, status: str, reason: str, message: str, now: datetime, before: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """A condition of an object's status. Its time is kept as long as its status stays."""
    same = before is not None and before.get("status") == status
    since = before["lastTransitionTime"] if before is not None and same else rfc3339(now)
    return {"type": type_, "status": status, "reason": reason, "message": message, "lastTransitionTime": since}


def condition_of(obj: Mapping[str, Any], type_: str) -> Mapping[str, Any] | None:
    """The condition of that type that an object has."""
    conditions = (obj.get("status") or {}).get("conditions") or ()
    return next((each for each in conditions if each["type"] == type_), None)
