"""A container group, and all that changes it: what clients ask for, what time brings, what the cloud does itself.

What lies ahead of a group is an agenda of moments; ``advance`` performs what is due by now. So a group costs neither a
task nor a timer, and between two looks at it any time may pass.

Provisioning goes Pending -> Creating -> Succeeded, or Failed when the group has not started within half an hour. That
is about the last operation only. What the containers do is in the instance view: Pending, Running, Succeeded, Failed or
Stopped.
"""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fakes.aci import defaults, shapes, values, views
from fakes.aci.life import RUNNING, TERMINATED, Container, Event
from fakes.aci.script import Script

PENDING, CREATING, UPDATING, SUCCEEDED, FAILED = "Pending", "Creating", "Updating", "Succeeded", "Failed"
DELETING, UNHEALTHY, REPAIRING = "Deleting", "Unhealthy", "Repairing"
STOPPED = "Stopped"

ALLOCATED, PULLING, PULLED = 0.2, 0.3, 0.8
"""When, in parts of the time that provisioning takes."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a group is, as its resource ID says."""

    subscription: str
    resource_group: str
    name: str

    @property
    def id(self) -> str:
        """The resource ID."""
        return (
            f"/subscriptions/{self.subscription}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.ContainerInstance/containerGroups/{self.name}"
        )


class Group:
    """A container group.

    Args:
        place: where it is.
        ordinal: its place in lists.

    Attributes:
        spec: as it was last sent, secrets too.
        scripts: what its containers are to do, init containers first.
        provisioning: the provisioning state.
        busy_until: until then, no other change is accepted.
        address: its IP address; empty until it has one.
        gone: whether it was deleted, and is no longer there.
        stopped: whether its containers were ended by request or by the cloud, and nothing starts them again.
    """

    def __init__(self, place: Place, ordinal: int) -> None:
        self.place = place
        self.ordinal = ordinal
        self.spec: shapes.ContainerGroup
        self.scripts: Sequence[Script] = ()
        self.provisioning = PENDING
        self.busy_until: datetime | None = None
        self.address = ""
        self.gone = False
        self.stopped = False
        self.init: list[Container] = []
        self.containers: list[Container] = []
        self._agenda: list[tuple[datetime, int, Callable[[datetime], None]]] = []
        self._noted = 0
        self._events: list[Event] = []
        self._static: dict[str, Any] = {}
        self._listed: tuple[str, bytes] = ("", b"")
        self._reserved = ""

    # --- what is known of it ----------------------------------------------------------------------------------------

    @property
    def tags(self) -> dict[str, str]:
        """The tags."""
        return self.spec.tags or {}

    @property
    def is_spot(self) -> bool:
        """Whether it runs on spare capacity."""
        return values.same(self.spec.properties.priority, values.PRIORITIES) == "Spot"

    @property
    def running(self) -> bool:
        """Whether a container runs."""
        return any(each.state.state == RUNNING for each in self.containers)

    @property
    def ended(self) -> bool:
        """Whether nothing will run in it any more, unless it is started again."""
        return self.state in (SUCCEEDED, FAILED, STOPPED)

    @property
    def state(self) -> str:
        """The instance view's."""
        if self.stopped:
            return STOPPED
        if any(self._is_over(each) and each.state.exit_code for each in self.init):
            return FAILED
        if not any(each.ran for each in self.containers):
            return PENDING
        if all(self._is_over(each) for each in self.containers):
            return FAILED if any(each.state.exit_code for each in self.containers) else SUCCEEDED
        return RUNNING

    def is_busy(self, now: datetime) -> bool:
        """Whether it refuses to be changed."""
        return self.busy_until is not None and now < self.busy_until

    def container(self, name: str) -> Container | None:
        """The container of that name, init containers too."""
        return next((each for each in (*self.containers, *self.init) if each.name == name), None)

    def view(self) -> dict[str, Any]:
        """As GET answers it."""
        return views.whole(self._static, self)

    def listed(self) -> bytes:
        """As a list has it, without the instance views, encoded."""
        key = f"{self.provisioning}/{self.address}"
        if self._listed[0] != key:
            self._listed = (key, views.listed(self._static, self))
        return self._listed[1]

    def events(self) -> list[dict[str, Any]]:
        """The group's own."""
        return [each.view() for each in self._events]

    # --- what clients ask for ---------------------------------------------------------------------------------------

    def deploy(
        self, spec: shapes.ContainerGroup, scripts: Sequence[Script], address: str, now: datetime, takes: float
    ) -> None:
        """Run this from now on, instead of what ran before. ``address`` will be its own."""
        self.spec, self.scripts, self._reserved = spec, scripts, address
        init, name = spec.properties.init_containers or (), self.place.name
        made = [Container(each, script, name) for each, script in zip(shapes.containers(spec), scripts, strict=True)]
        self.init, self.containers = made[: len(init)], made[len(init) :]
        self.provisioning, self.stopped, self._events = PENDING, False, []
        self._render()
        self._agenda.clear()
        self._at(now, ALLOCATED * takes, self._allocated)
        self._at(now, PULLING * takes, self._pulling)
        self._at(now, PULLED * takes, self._pulled)
        self._at(now, takes, self._begin)
        self._at(now, defaults.PROVISIONING_TIMEOUT, self._give_up)

    def update(self, changes: shapes.Update) -> None:
        """Change tags and zones."""
        spec = self.spec
        self.spec = shapes.ContainerGroup(
            properties=spec.properties,
            location=spec.location,
            identity=spec.identity,
            tags=spec.tags if changes.tags is None else changes.tags,
            zones=spec.zones if changes.zones is None else changes.zones,
        )
        self._render()

    def begin_again(self, now: datetime, takes: float) -> None:
        """Start its containers once more: after a stop, or instead of those that run."""
        self._agenda.clear()
        self.provisioning, self.stopped = UPDATING, False
        self._at(now, takes, self._renew)

    def stop(self, now: datetime) -> float:
        """Tell its containers to end: seconds until they have."""
        self._agenda.clear()
        running = [each for each in (*self.init, *self.containers) if each.state.state == RUNNING]
        takes = min(defaults.STOP_GRACE, max((each.script.ends_after for each in running), default=0.0))
        if takes:
            self._at(now, takes, self._halt)
        else:
            self._halt(now)
        return takes

    def delete(self) -> None:
        """It is going, and nothing more happens to it."""
        self._agenda.clear()
        self.provisioning = DELETING

    # --- what the cloud does ----------------------------------------------------------------------------------------

    def evict(self, now: datetime) -> None:
        """End it on the cloud's account (how the service tells of it is a guess)."""
        self._agenda.clear()
        for each in (*self.init, *self.containers):
            each.lose(now, "Evicted")
        self.stopped = True
        self._events.append(
            Event("Evicted", "The container group was evicted to free its capacity.", now, now, "Warning")
        )

    def repair(self, now: datetime, takes: float) -> None:
        """Its machine broke; it is moved to another one, where its containers start anew."""
        self._agenda.clear()
        self.provisioning = UNHEALTHY
        self._at(now, takes / 2, self._repairing)
        self._at(now, takes, self._renew)

    def advance(self, now: datetime) -> None:
        """Do what is due by now."""
        while self._agenda and self._agenda[0][0] <= now:
            at, _, step = heapq.heappop(self._agenda)
            step(at)

    # --- steps ------------------------------------------------------------------------------------------------------

    def _allocated(self, _: datetime) -> None:
        self.provisioning = CREATING
        self.address = self._reserved

    def _pulling(self, at: datetime) -> None:
        for each in (*self.init, *self.containers):
            each.pulling(at)

    def _pulled(self, at: datetime) -> None:
        for each in (*self.init, *self.containers):
            if each.script.never_starts:
                each.held(at)
            else:
                each.pulled(at)

    def _begin(self, at: datetime) -> None:
        self._begin_init(0, at)

    def _begin_init(self, number: int, at: datetime) -> None:
        """Start the init container of that number; after the last, the containers."""
        if number == len(self.init):
            self._begin_containers(at)
        elif not self.init[number].script.never_starts:
            ends = self.init[number].start(at)
            self._when(ends, lambda when: self._init_ended(number, when))

    def _init_ended(self, number: int, at: datetime) -> None:
        container = self.init[number]
        container.end(at, container.run.code)
        if container.run.code == 0:
            self._begin_init(number + 1, at)
        elif self._policy == "Never":
            self.provisioning = FAILED
        else:
            self._at(at, container.back_off(), lambda when: self._restart_init(number, when))

    def _restart_init(self, number: int, at: datetime) -> None:
        self._when(self.init[number].restart(at), lambda when: self._init_ended(number, when))

    def _begin_containers(self, at: datetime) -> None:
        for each in self.containers:
            if not each.script.never_starts:
                self._follow(each, each.start(at))
        if not any(each.script.never_starts for each in self.containers):
            self.provisioning = SUCCEEDED

    def _follow(self, container: Container, ends: datetime | None) -> None:
        self._when(ends, lambda when: self._exited(container, when))

    def _exited(self, container: Container, at: datetime) -> None:
        code = container.run.code
        container.end(at, code)
        if self._policy == "Always" or (self._policy == "OnFailure" and code != 0):
            self._at(at, container.back_off(), lambda when: self._follow(container, container.restart(when)))

    def _renew(self, at: datetime) -> None:
        for each in self.containers:
            if each.state.state == RUNNING:
                each.stop(at)
        self._begin(at)

    def _halt(self, at: datetime) -> None:
        for each in (*self.init, *self.containers):
            each.stop(at)
        self.stopped = True
        if self.provisioning in (PENDING, CREATING, UPDATING):
            self.provisioning = SUCCEEDED

    def _repairing(self, _: datetime) -> None:
        self.provisioning = REPAIRING

    def _give_up(self, _: datetime) -> None:
        if self.provisioning in (PENDING, CREATING):
            self.provisioning = FAILED

    # --- help -------------------------------------------------------------------------------------------------------

    @property
    def _policy(self) -> str:
        return values.same(self.spec.properties.restart_policy, values.RESTART_POLICIES) or "Always"

    def _is_over(self, container: Container) -> bool:
        """Whether the container has ended and will not be started again."""
        if container.state.state != TERMINATED:
            return False
        return self._policy == "Never" or (self._policy == "OnFailure" and not container.state.exit_code)

    def _render(self) -> None:
        self._static = views.static(self.place, self.spec)
        self._listed = ("", b"")

    def _at(self, now: datetime, seconds: float, step: Callable[[datetime], None]) -> None:
        self._when(now + timedelta(seconds=seconds), step)

    def _when(self, at: datetime | None, step: Callable[[datetime], None]) -> None:
        if at is not None:
            self._noted += 1
            heapq.heappush(self._agenda, (at, self._noted, step))
