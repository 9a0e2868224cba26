"""One task and what becomes of it, computed when somebody looks: no task of asyncio's and no timer stands behind it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from fakes.cloud.model import NEVER, Timeline
from fakes.cloud.scripts import KILLED, TERMINATED, Script

PROVISIONING, PENDING, RUNNING = "PROVISIONING", "PENDING", "RUNNING"
STOPPING, DEPROVISIONING, STOPPED = "STOPPING", "DEPROVISIONING", "STOPPED"
DEFAULT_STOP_TIMEOUT = 30
PULL_RETRIES = timedelta(seconds=30)
"""How long ECS tries to start containers that do not start."""
SHORTEST_RESTARTED = 60.0
"""Seconds that a container must have run for ECS to restart it in place (restartPolicy)."""
FAILED_TO_START, ENDED_BY_ITSELF = "TaskFailedToStart", "EssentialContainerExited"
BY_USER, BY_SPOT = "UserInitiated", "SpotInterruption"
SPOT_REASON = "Your Spot Task was interrupted."


MEMORY = ("memory", "memoryReservation")


class Pace(NamedTuple):
    """How long the task's steps take, in seconds; ``agent``: from a container's start until commands run in it."""

    provision: float
    pull: float
    deprovision: float
    agent: float = 0.0


class Halt(NamedTuple):
    """Why and when the task comes to its end."""

    at: datetime
    code: str
    reason: str


@dataclass(slots=True)
class Container:
    """A container of a task.

    Attributes:
        definition: of the task definition.
        environment: its variables.
        script: what it does.
        refused: why it cannot even be set up; empty if it can.
        begins: when it starts; NEVER if it does not.
        ends: when it ends; NEVER while nothing ends it.
        code: what it ends with.
        killed: whether it was ended from outside.
    """

    definition: Mapping[str, Any]
    environment: Mapping[str, str]
    script: Script
    refused: str = ""
    begins: datetime = NEVER
    ends: datetime = NEVER
    code: int = 0

    @property
    def name(self) -> str:
        """Of the definition."""
        return str(self.definition["name"])

    def status(self, now: datetime, over: datetime) -> str:
        """PENDING, RUNNING or STOPPED, as the API says."""
        if now >= min(self.ends, over):
            return STOPPED
        return RUNNING if now >= self.begins else PENDING


class Task:
    """A task.

    Args:
        arn: its name.
        request: of RunTask.
        containers: of its definition.
        pace: how long it takes.
        now: when it is made.

    Attributes:
        constant: what of its description never changes; the service fills it in.
        stops: how often its end was tried.
    """

    def __init__(
        self, arn: str, request: Mapping[str, Any], containers: Sequence[Container], pace: Pace, now: datetime
    ) -> None:
        self.arn = arn
        self.request = request
        self.containers = list(containers)
        self.constant: dict[str, Any] = {}
        self.stops = 0
        self.created = now
        self._pace = pace
        self._asked: Halt | None = None
        self._pending = now + timedelta(seconds=pace.provision)
        self._pulled = self._pending + timedelta(seconds=pace.pull)
        self._compute()

    def stop(self, now: datetime, code: str, reason: str) -> None:
        """End it: its containers get their time."""
        if self._asked is None and now < self.halt.at:
            self._asked = Halt(now, code, reason)
            self._compute()

    def status(self, now: datetime) -> str:
        """Its ``lastStatus``."""
        return self._states.at(now)

    def desired(self, now: datetime) -> str:
        """Its ``desiredStatus``: STOPPED as soon as it is coming to its end."""
        return STOPPED if now >= self.halt.at else RUNNING

    def takes_commands(self, container: Container, now: datetime) -> bool:
        """Whether the agent in a container is up, which runs commands there."""
        return now >= container.begins + timedelta(seconds=self._pace.agent)

    def started(self, now: datetime) -> bool:
        """Whether it ever ran."""
        return self.running_at <= now and self.running_at < self.halt.at

    def _compute(self) -> None:
        """When each container begins and ends, and so the task."""
        natural = self._lives()
        self.running_at = max((each.begins for each in self.containers), default=self._pulled)
        self.halt = natural if self._asked is None or natural.at <= self._asked.at else self._asked
        for each in self.containers:
            if each.begins <= self.halt.at and each.ends > self.halt.at:
                timeout = float(each.definition.get("stopTimeout") or DEFAULT_STOP_TIMEOUT)
                in_time = each.script.ends_after <= timeout
                seconds = each.script.ends_after if in_time else timeout
                by_force = self.halt.at + timedelta(seconds=seconds)
                if by_force <= each.ends:
                    each.ends, each.code = by_force, TERMINATED if in_time else KILLED
            elif each.begins > self.halt.at:
                each.begins = each.ends = NEVER
        over = max([self.halt.at, *(each.ends for each in self.containers if each.ends != NEVER)])
        self.executed = over if self.halt.at != NEVER else NEVER
        gone = min(self.executed, NEVER - timedelta(days=1)) + timedelta(seconds=self._pace.deprovision)
        self.stopped_at = gone if self.executed != NEVER else NEVER
        steps = [(self.created, PROVISIONING), (self._pending, PENDING), (self.running_at, RUNNING)]
        steps = [each for each in steps if each[0] < self.halt.at]
        if self.halt.at != NEVER:
            steps += [(self.halt.at, STOPPING), (self.executed, DEPROVISIONING), (self.stopped_at, STOPPED)]
        self._states: Timeline[str] = Timeline(steps)

    def _lives(self) -> Halt:
        """What each container would do if nobody ended the task, and how that ends it."""
        by_name = {each.name: each for each in self.containers}
        for each in self.containers:
            each.begins = each.ends = NEVER
        if stuck := self._stuck():
            return stuck
        broken = NEVER
        for each in _in_order(self.containers):
            begins = self._pulled
            for need in each.definition.get("dependsOn") or []:
                other = by_name[need["containerName"]]
                if need["condition"] in ("SUCCESS", "COMPLETE"):
                    begins = max(begins, other.ends)
                    if other.code and need["condition"] == "SUCCESS":
                        broken = min(broken, other.ends)
                else:
                    begins = max(begins, other.begins)
            if broken != NEVER:
                begins = NEVER
            each.begins, each.code = begins, each.script.exit_code
            takes = each.script.run_for
            restarts = (each.definition.get("restartPolicy") or {}).get("enabled")
            if takes is not None and begins != NEVER and not (restarts and takes >= SHORTEST_RESTARTED):
                each.ends = begins + timedelta(seconds=takes)
        if broken != NEVER:
            return Halt(broken, ENDED_BY_ITSELF, "Container dependency failed: a container did not exit with 0")
        first = min((each.ends for each in self.containers if each.definition.get("essential", True)), default=NEVER)
        return Halt(first, ENDED_BY_ITSELF, "Essential container in task exited")

    def _stuck(self) -> Halt | None:
        """How the task ends if a container cannot start; None if all can."""
        for each in self.containers:
            if each.refused:
                return Halt(self._pending, FAILED_TO_START, each.refused)
        for each in self.containers:
            if each.script.never_starts:
                return Halt(self._pulled + PULL_RETRIES, FAILED_TO_START, _why(each.script.never_starts))
        return None

    def described(self, now: datetime) -> dict[str, Any]:
        """As DescribeTasks tells it; times in seconds since 1970."""
        state, over = self.status(now), self.halt.at <= now
        told: dict[str, Any] = {
            **self.constant,
            "lastStatus": state,
            "desiredStatus": STOPPED if over else RUNNING,
            "createdAt": self.created.timestamp(),
            "version": 1 + sum(now >= each for each in self._changes()),
            "containers": [self._container(each, now) for each in self.containers],
        }
        if now < self._pending:
            told["attachments"] = []
        moments = (
            ("pullStartedAt", self._pending),
            ("pullStoppedAt", self._pulled),
            ("startedAt", self.running_at if self.running_at < self.halt.at else NEVER),
            ("stoppingAt", self.halt.at),
            ("executionStoppedAt", self.executed),
            ("stoppedAt", self.stopped_at),
        )
        told |= {name: moment.timestamp() for name, moment in moments if moment <= now}
        if over:
            told |= {"stopCode": self.halt.code, "stoppedReason": self.halt.reason}
        return told

    def _changes(self) -> Iterator[datetime]:
        """The moments at which the task, or one of its containers, becomes another."""
        yield from (self._pending, self.running_at, self.halt.at, self.stopped_at)
        for each in self.containers:
            yield from (each.begins, each.ends)

    def _container(self, each: Container, now: datetime) -> dict[str, Any]:
        state = each.status(now, self.executed)
        told: dict[str, Any] = {
            "containerArn": f"{self.arn}/{each.name}",
            "taskArn": self.arn,
            "name": each.name,
            "image": each.definition["image"],
            "lastStatus": state,
            "healthStatus": "HEALTHY" if each.definition.get("healthCheck") and state == RUNNING else "UNKNOWN",
            "networkInterfaces": [],
            "cpu": str(each.definition.get("cpu") or 0),
        }
        told |= {name: str(each.definition[name]) for name in MEMORY if name in each.definition}
        if state == STOPPED and each.ends <= now:
            told["exitCode"] = each.code
            if each.script.reason and each.code == each.script.exit_code:
                told["reason"] = each.script.reason
        return told


def _in_order(containers: Sequence[Container]) -> list[Container]:
    """Each after those that it depends on."""
    left, done = list(containers), dict[str, Container]()
    while left:
        ready = [e for e in left if all(n["containerName"] in done for n in e.definition.get("dependsOn") or [])]
        done |= {each.name: each for each in ready}
        left = [each for each in left if each.name not in done]
        if not ready:
            break
    return list(done.values())


def _why(reason: str) -> str:
    """A kubelet's word in AWS's."""
    if "Image" in reason:
        return "CannotPullContainerError: pull image manifest has been retried 1 time(s): not found"
    return f"{reason}: the container cannot start"
