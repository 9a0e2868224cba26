"""The life of one container: states, events, restarts, and what it has written. Time only ever comes in."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from fakes.aci import defaults
from fakes.aci.script import Script, outcome
from fakes.aci.shapes import AnyContainer
from fakes.cloud.shell import FOREVER, Outcome

WAITING, RUNNING, TERMINATED = "Waiting", "Running", "Terminated"
KILLED = 137
"""Exit code of a process that was killed: 128 + SIGKILL."""
STOPPED = "Container stopped per client request"
CRASHING = "CrashLoopBackOff: Back-off restarting failed"
PULL_FAILURES = ("ErrImagePull", "ImagePullBackOff")
MOST_LOG_LINES = 100_000
"""So many of a container's numbered lines are kept."""


@dataclass(frozen=True, slots=True)
class State:
    """What a container is doing."""

    state: str
    detail: str = ""
    started: datetime | None = None
    finished: datetime | None = None
    exit_code: int | None = None

    def view(self) -> dict[str, Any]:
        """As it is answered: what is not known is left out."""
        view: dict[str, Any] = {"state": self.state}
        if self.started is not None:
            view["startTime"] = instant(self.started)
        if self.exit_code is not None:
            view["exitCode"] = self.exit_code
        if self.finished is not None:
            view["finishTime"] = instant(self.finished)
        view["detailStatus"] = self.detail
        return view


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a container, how often, from when to when."""

    name: str
    message: str
    first: datetime
    last: datetime
    kind: str = "Normal"
    count: int = 1

    def view(self) -> dict[str, Any]:
        """As it is answered: to the second."""
        return {
            "count": self.count,
            "firstTimestamp": second(self.first),
            "lastTimestamp": second(self.last),
            "name": self.name,
            "message": self.message,
            "type": self.kind,
        }


class Container:
    """A container of a group, as it lives.

    Args:
        spec: as it was sent.
        script: how it behaves.
        group: the group's name.

    Attributes:
        state: what it is doing.
        previous: what it did before; None until there was a run before.
        restarts: how often it was started again in its place.
        run: what its present run comes to.
    """

    def __init__(self, spec: AnyContainer, script: Script, group: str) -> None:
        self.spec = spec
        self.script = script
        self.state = State(WAITING)
        self.previous: State | None = None
        self.restarts = 0
        self.seen = False
        self.run: Outcome = outcome(script, spec, group)
        self._events: dict[str, Event] = {}

    @property
    def name(self) -> str:
        """The container's."""
        return self.spec.name

    @property
    def ran(self) -> bool:
        """Whether it has ever been started."""
        return self.state.started is not None or self.previous is not None

    # --- what happens to it -----------------------------------------------------------------------------------------

    def pulling(self, at: datetime) -> None:
        """Its image is being fetched."""
        self.seen = True
        self._note("Pulling", f'pulling image "{self._image}"', at)

    def pulled(self, at: datetime) -> None:
        """Its image is there."""
        self._note("Pulled", f'Successfully pulled image "{self._image}"', at)

    def held(self, at: datetime) -> None:
        """It will not start, for the reason that its script gives."""
        reason = self.script.never_starts
        if reason in PULL_FAILURES:
            self._note("Failed", f'Failed to pull image "{self.spec.properties.image}": not found', at, "Warning")
            self._note("BackOff", f'Back-off pulling image "{self.spec.properties.image}"', at, "Warning")
        self.state = State(WAITING, f"{reason}: the container cannot start")

    def start(self, at: datetime) -> datetime | None:
        """It runs from now on: when it will end, if it will."""
        if self.ran:
            self.previous = self.state
        self.seen = True
        self.state = State(RUNNING, started=at)
        self._note("Started", "Started container", at)
        return None if self.run.takes == FOREVER else at + timedelta(seconds=self.run.takes)

    def end(self, at: datetime, code: int) -> None:
        """Its process ended."""
        detail = "Completed" if code == 0 else "Error"
        self.state = State(TERMINATED, detail, self.state.started, at, code)
        self._note("Killing", f"Killing container with id {self._id}.", at)

    def back_off(self) -> float:
        """It waits to be started again: seconds."""
        self.previous, self.state = self.state, State(WAITING, CRASHING)
        wait = min(defaults.BACKOFF_FIRST * 2.0 ** (self.restarts - 1), defaults.BACKOFF_LONGEST)
        self.restarts += 1
        return wait if self.restarts > 1 else 0.0

    def restart(self, at: datetime) -> datetime | None:
        """It runs again after ``back_off``: when it will end, if it will."""
        previous = self.previous
        ends = self.start(at)
        self.previous = previous
        return ends

    def stop(self, at: datetime) -> None:
        """It was stopped by request: no exit code is told."""
        if self.state.state == TERMINATED:
            return
        if self.state.state == RUNNING:
            self.previous = self.state
        self.state = State(TERMINATED, STOPPED, finished=at)
        self._note("Killing", f"Killing container {self.name} (platform initiated).", at)

    def lose(self, at: datetime, why: str) -> None:
        """The cloud ends it."""
        if self.state.state == TERMINATED:
            return
        self.state = State(TERMINATED, why, self.state.started, at, KILLED)
        self._note("Killing", f"Killing container {self.name} (platform initiated).", at)

    # --- what is seen of it -----------------------------------------------------------------------------------------

    def events(self) -> list[dict[str, Any]]:
        """In the order of their first time."""
        return [each.view() for each in self._events.values()]

    def view(self) -> dict[str, Any]:
        """Its instance view."""
        view: dict[str, Any] = {"restartCount": self.restarts, "currentState": self.state.view()}
        if self.previous is not None:
            view["previousState"] = self.previous.view()
        if self._events:
            view["events"] = self.events()
        return view

    def lines(self, now: datetime) -> Iterator[tuple[datetime, str]]:
        """What its last run has written until now, line by line with their moments."""
        state = self.state if self.state.started is not None else self.previous
        if state is None or state.started is None:
            return
        yield from self.lines_of(state.started, min(now, self.ended(state.started) or now))

    def lines_of(self, began: datetime, until: datetime) -> Iterator[tuple[datetime, str]]:
        """What the run that began then has written until a moment."""
        ran = (until - began).total_seconds()
        for piece in self.run.output:
            if piece.at <= ran:
                moment = began + timedelta(seconds=piece.at)
                yield from ((moment, line) for line in piece.text.splitlines())
        every = self.script.log_every
        if every is not None:
            count = int(ran / every)
            for number in range(max(1, count - MOST_LOG_LINES + 1), count + 1):
                yield began + timedelta(seconds=number * every), f"line {number}"

    def ended(self, began: datetime) -> datetime | None:
        """When the run that began then ended; None if it has not, or nobody remembers."""
        if self.state.started == began:
            return self.state.finished
        if self.previous is not None and self.previous.started == began:
            return self.previous.finished or self.state.finished  # a container that was stopped tells no start
        return None if self.run.takes == FOREVER else began + timedelta(seconds=self.run.takes)

    def next_line(self, now: datetime) -> datetime | None:
        """When its present run writes again; None if it does not."""
        if self.state.state != RUNNING or self.state.started is None:
            return None
        ran = (now - self.state.started).total_seconds()
        ahead = [each.at for each in self.run.output if each.at > ran]
        every = self.script.log_every
        if every is not None:
            ahead.append((int(ran / every) + 1) * every)
        return self.state.started + timedelta(seconds=min(ahead)) if ahead else None

    # --- help -------------------------------------------------------------------------------------------------------

    @property
    def _image(self) -> str:
        """By digest, as the service tells it."""
        image = self.spec.properties.image or ""
        if "@" in image:
            return image
        folder, _, last = image.rpartition("/")
        repository = "/".join(each for each in (folder, last.partition(":")[0]) if each)
        return f"{repository}@sha256:{sha256(image.encode()).hexdigest()}"

    @property
    def _id(self) -> str:
        return sha256(f"{self.name}/{self.state.started}".encode()).hexdigest()

    def _note(self, name: str, message: str, at: datetime, kind: str = "Normal") -> None:
        known = self._events.get(name)
        if known is None:
            self._events[name] = Event(name, message, at, at, kind)
        else:
            self._events[name] = replace(known, last=at, message=message, count=known.count + 1)


def instant(moment: datetime) -> str:
    """A moment as the service writes it: to the millisecond."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def second(moment: datetime) -> str:
    """A moment to the second."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
