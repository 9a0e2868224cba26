"""One container group and what becomes of it, computed when somebody looks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from msgspec.structs import replace

from fakes.cloud.model import NEVER
from fakes.cloud.scripts import KILLED, TERMINATED
from fakes.eci import scripts
from fakes.eci.catalog import Size
from fakes.eci.lives import Ended, Life, Moment, Stop

SCHEDULING, PENDING, RUNNING = "Scheduling", "Pending", "Running"
RESTARTING, UPDATING, TERMINATING = "Restarting", "Updating", "Terminating"
SUCCEEDED, FAILED, EXPIRED = "Succeeded", "Failed", "Expired"
SCHEDULE_FAILED, STARTING_FAILED = "ScheduleFailed", "StartingFailed"
FINAL = frozenset({SUCCEEDED, FAILED, EXPIRED, SCHEDULE_FAILED, STARTING_FAILED})
CHANGEABLE = frozenset({PENDING, RUNNING})
"""Only in these a group can be updated or restarted."""

STARTING_PATIENCE = timedelta(hours=4)
"""How long a group may be Pending."""
DEFAULT_GRACE = 30
_SIDECAR = ("ECI_CONTAINER_TYPE", "sidecar")


class Place(NamedTuple):
    """Where a group is, and what it has there."""

    zone: str
    vswitch: str
    address: str
    internet: str
    size: Size


class Pace(NamedTuple):
    """How long the group's steps take, in seconds."""

    schedule: float
    start: float
    change: float


class Event(NamedTuple):
    """Something that is told about a group."""

    at: datetime
    kind: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A group as it is at a moment.

    Attributes:
        status: of the group.
        containers: in the order of the request.
        init_containers: the same.
        changed: when it came to be so.
        until: when it changes by itself.
        finished: when it came to a final status; None before.
        gone: whether it is no more.
    """

    status: str
    containers: tuple[Moment, ...]
    init_containers: tuple[Moment, ...]
    changed: datetime
    until: datetime
    finished: datetime | None = None
    gone: bool = False


class Group:
    """A container group.

    Args:
        group_id: ``eci-...``.
        parameters: what it was created with, nested; an update changes them.
        place: where it is.
        pace: how long it takes.
        now: when it is created.

    Attributes:
        number: in the order of their making; the region counts.
        unplaced: why it could not be placed; empty if it could.
        deletes: how often its deletion was tried.
    """

    def __init__(self, group_id: str, parameters: dict[str, Any], place: Place, pace: Pace, now: datetime) -> None:
        self.id = group_id
        self.number = 0
        self.parameters = parameters
        self.place = place
        self.created = now
        self.deletes = 0
        self.deleted: datetime | None = None
        self.reclaimed: datetime | None = None
        self._pace = pace
        self._change: tuple[str, datetime] | None = None
        self.containers: list[dict[str, Any]] = parameters["Container"]
        self.init_containers: list[dict[str, Any]] = parameters.get("InitContainer") or []
        self.scripts = [scripts.of(each) for each in self.containers]
        self.script = self.scripts[0]
        self.unplaced = self.script.schedule_fails
        policy = parameters.get("RestartPolicy") or "Always"
        start = pace.start if self.script.start_after is None else self.script.start_after
        self._scheduled = now + timedelta(seconds=pace.schedule)
        begins = self._scheduled + timedelta(seconds=start)
        self._inits: list[Life] = []
        self._stuck_since: datetime | None = None
        for each in self.init_containers:
            script = scripts.of(each)
            takes = script.run_for or 0.0
            self._inits.append(
                Life(replace(script, run_for=takes), "Never" if policy == "Never" else "OnFailure", begins)
            )
            begins = begins + timedelta(seconds=takes)
            if script.exit_code and not script.never_starts:
                self._stuck_since = begins
                break
        self._begins = begins
        self._lives = [Life(each, policy, begins) for each in self.scripts]
        self._sidecars = [is_sidecar(each) for each in self.containers]
        self._seen: Snapshot | None = None
        self._looked = now

    # --- what is done to it -----------------------------------------------------------------------------------------

    def delete(self, now: datetime) -> None:
        """End it: the containers get their grace."""
        if self.deleted is None:
            self.deleted, self._seen = now, None

    def reclaim(self, now: datetime) -> None:
        """The cloud takes it back."""
        if self.reclaimed is None and self.look(now).status not in FINAL:
            self.reclaimed, self._seen = now, None

    def change(self, status: str, now: datetime) -> None:
        """Update or restart it: all containers begin again."""
        done = max(now + timedelta(seconds=self._pace.change), self._begins)
        for life in self._lives:
            life.begin_again(done, now)
        self._change, self._seen = (status, done), None

    # --- what it is -------------------------------------------------------------------------------------------------

    def placed(self, now: datetime) -> bool:
        """Whether it has its place, and its addresses."""
        return now >= self._scheduled and not self.unplaced

    @property
    def grace(self) -> timedelta:
        """How long its containers may take to end."""
        return timedelta(seconds=float(self.parameters.get("TerminationGracePeriodSeconds") or DEFAULT_GRACE))

    def look(self, now: datetime) -> Snapshot:
        """The group at a moment."""
        seen = self._seen
        if seen is None or now >= seen.until or now < self._looked:
            seen = self._seen = self._computed(now)
        self._looked = now
        return seen

    def events(self, now: datetime) -> list[Event]:
        """What is told about it."""
        seen = self.look(now)
        told = []
        if self.unplaced and seen.status == SCHEDULE_FAILED:
            message = f"the group cannot be placed in {self.place.zone}: {self.unplaced}"
            told.append(Event(self._scheduled, "Warning", self.unplaced, message))
        elif now >= self._scheduled:
            told.append(Event(self._scheduled, "Normal", "Scheduled", f"Successfully assigned to {self.place.zone}"))
        waits = self._waits()
        if waits and seen.status in (PENDING, STARTING_FAILED):
            told.append(Event(self._begins, "Warning", waits, "the containers cannot start"))
        if now >= self._begins and not waits and not self.unplaced:
            told += [
                Event(self._begins, "Normal", "Started", f"Started container {each['Name']}")
                for each in self.containers
            ]
        if self.reclaimed is not None:
            told.append(Event(self.reclaimed, "Warning", "SpotToBeReleased", "the spot capacity is taken back"))
        deadline = self._deadline()
        if deadline is not None and seen.status == FAILED and now >= deadline:
            message = "Pod was active on the node longer than the specified deadline"
            told.append(Event(deadline, "Warning", "DeadlineExceeded", message))
        return sorted(told, key=lambda each: each.at)

    def _computed(self, now: datetime) -> Snapshot:
        if self.unplaced and self.deleted is None:
            return self._unplaced_at(now)
        if now < self._scheduled and self.deleted is None and self.reclaimed is None:
            waiting = self._all_waiting(now)
            return Snapshot(SCHEDULING, *waiting, self.created, self._scheduled)
        stop, status = self._stop()
        ended_before = stop is not None and stop.told < self._begins
        if self._begins > now or ended_before or self._waits() or self._stuck_since is not None:
            return self._not_running(now, stop, status)
        inits = tuple(each.look(now, None) for each in self._inits)
        regular = self._look_at(now, stop, sidecars=False)
        over = all(each.over for each in regular.values())
        ended_at = max((each.changed for each in regular.values()), default=now)
        sidecar_stop = stop
        if over and (stop is None or stop.told > ended_at):  # they are not waited for
            sidecar_stop = Stop(ended_at, ended_at, 0)
        found = {**regular, **self._look_at(now, sidecar_stop, sidecars=True)}
        moments = tuple(found[index] for index in range(len(self._lives)))
        changed = max([each.changed for each in moments] + ([stop.told] if stop and stop.told <= now else []))
        until = min(each.until for each in moments)
        if not over:
            if self._change is not None and now < self._change[1]:
                return Snapshot(self._change[0], moments, inits, changed, min(until, self._change[1]))
            return Snapshot(status or RUNNING, moments, inits, changed, until)
        return self._over(regular.values(), moments, inits, ended_at)

    def _over(self, regular: Any, moments: tuple[Moment, ...], inits: tuple[Moment, ...], at: datetime) -> Snapshot:
        if self.deleted is not None:
            return Snapshot(TERMINATING, moments, inits, at, NEVER, at, gone=True)
        if self.reclaimed is not None:
            return Snapshot(EXPIRED, moments, inits, at, NEVER, at)
        failed = any(each.ended is not None and each.ended.code for each in regular) or self._deadline_passed(at)
        return Snapshot(FAILED if failed else SUCCEEDED, moments, inits, at, NEVER, at)

    def _look_at(self, now: datetime, stop: Stop | None, *, sidecars: bool) -> dict[int, Moment]:
        found = {}
        for index, (life, is_side) in enumerate(zip(self._lives, self._sidecars, strict=True)):
            if is_side == sidecars:
                found[index] = life.look(now, self._stop_of(life, stop))
        return found

    def _stop(self) -> tuple[Stop | None, str]:
        """What ends the containers from outside, whatever comes first, and the status meanwhile."""
        both = ((self.reclaimed, EXPIRED), (self._deadline(), RUNNING))
        forced = min(((at, status) for at, status in both if at is not None), default=None)
        deleted = self.deleted
        if deleted is None:
            return (Stop(forced[0], forced[0], KILLED), forced[1]) if forced else (None, "")
        if forced and forced[0] <= deleted:
            return Stop(forced[0], forced[0], KILLED), TERMINATING
        has_begun = deleted >= self._begins and not self._waits()
        return Stop(deleted, deleted + (self.grace if has_begun else timedelta(0)), KILLED), TERMINATING

    def _stop_of(self, life: Life, stop: Stop | None) -> Stop | None:
        """A container that ends within its grace ends by itself."""
        if stop is None or stop.told == stop.over:
            return stop
        by_itself = stop.told + timedelta(seconds=life.script.ends_after)
        return Stop(stop.told, by_itself, TERMINATED) if by_itself <= stop.over else stop

    def _not_running(self, now: datetime, stop: Stop | None, status: str) -> Snapshot:
        """It is placed, and its containers have not begun."""
        waiting, inits = self._all_waiting(now)
        if stop is not None and status in (TERMINATING, EXPIRED) and stop.told <= now:
            ended = tuple(_ended_before_it_began(each, stop) for each in waiting)
            gone = status == TERMINATING
            return Snapshot(status, ended, inits, stop.told, NEVER, stop.told, gone=gone)
        if (
            self._stuck_since is not None
            and now >= self._stuck_since
            and self.parameters.get("RestartPolicy") == "Never"
        ):
            return Snapshot(FAILED, waiting, inits, self._stuck_since, NEVER, self._stuck_since)
        given_up = self._scheduled + STARTING_PATIENCE
        if now >= given_up:
            return Snapshot(STARTING_FAILED, waiting, inits, given_up, NEVER, given_up)
        coming = [given_up, *(each.until for each in inits)]
        coming.append(self._stuck_since or (given_up if self._waits() else self._begins))
        changed = max([self._scheduled, *(each.changed for each in inits)])
        return Snapshot(PENDING, waiting, inits, changed, min(each for each in coming if each > now))

    def _unplaced_at(self, now: datetime) -> Snapshot:
        waiting = self._all_waiting(now)
        if now < self._scheduled:
            return Snapshot(SCHEDULING, *waiting, self.created, self._scheduled)
        return Snapshot(SCHEDULE_FAILED, *waiting, self._scheduled, NEVER, self._scheduled)

    def _all_waiting(self, now: datetime) -> tuple[tuple[Moment, ...], tuple[Moment, ...]]:
        reason = self._waits() or ("PodInitializing" if self._inits else "ContainerCreating")
        waits = Moment(None, None, None, 0, reason, False, False, self._scheduled, NEVER)
        inits = tuple(waits if now < self._scheduled or self._waits() else each.look(now, None) for each in self._inits)
        return tuple(waits for _ in self._lives), inits

    def _waits(self) -> str:
        """Why the containers never start; empty if they do."""
        return next((each.script.never_starts for each in [*self._lives, *self._inits] if each.script.never_starts), "")

    def _deadline(self) -> datetime | None:
        seconds = self.parameters.get("ActiveDeadlineSeconds")
        return None if not seconds else self._begins + timedelta(seconds=float(seconds))

    def _deadline_passed(self, at: datetime) -> bool:
        deadline = self._deadline()
        return deadline is not None and at >= deadline


def is_sidecar(container: Mapping[str, Any]) -> bool:
    """Whether the container is not waited for."""
    variables: Sequence[Mapping[str, Any]] = container.get("EnvironmentVar") or []
    return any((each.get("Key"), each.get("Value")) == _SIDECAR for each in variables)


def _ended_before_it_began(moment: Moment, stop: Stop) -> Moment:
    ended = Ended(stop.told, stop.told, stop.code, "Killing")
    return Moment(None, ended, None, moment.restarts, "", False, True, stop.told, NEVER)
