"""The runs of one container, computed when somebody looks: no task and no timer stands behind them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from fakes.cloud.model import NEVER
from fakes.cloud.scripts import TERMINATED, Script

FIRST_BACKOFF, LONGEST_BACKOFF = 10, 300
"""Seconds between the runs of a container that keeps ending; doubled each time, as a kubelet does."""
FORGETS_AFTER = timedelta(seconds=600)
"""A run as long as this begins the back-off anew."""


class Ended(NamedTuple):
    """How a run ended."""

    started: datetime
    finished: datetime
    code: int
    reason: str


class Stop(NamedTuple):
    """The container is ended from outside: told so at one moment, over at another."""

    told: datetime
    over: datetime
    code: int


@dataclass(frozen=True, slots=True)
class Moment:
    """A container as it is at a moment.

    Attributes:
        started: when the current run began; None if none lasts.
        ended: how the latest run ended, if none lasts.
        previous: how the run before that ended.
        restarts: how many runs there were before the current or latest one.
        waits: why it waits; empty if it does not.
        ready: whether it is.
        over: whether there will be no further run.
        changed: when it came to be so.
        until: when it changes by itself; NEVER for never.
    """

    started: datetime | None
    ended: Ended | None
    previous: Ended | None
    restarts: int
    waits: str
    ready: bool
    over: bool
    changed: datetime
    until: datetime


class Life:
    """A container's runs.

    Args:
        script: what it does.
        policy: Always, OnFailure or Never.
        begins: when its first run begins.
    """

    def __init__(self, script: Script, policy: str, begins: datetime) -> None:
        self.script = script
        self._policy = policy
        self._start = begins
        self._previous: Ended | None = None
        self._restarts = 0
        self._in_a_row = 0

    def begin_again(self, at: datetime, now: datetime) -> None:
        """End the current run now, and begin another at a moment: an update or a restart from outside."""
        seen = self.look(now, None)
        if seen.started is not None:
            self._previous = Ended(seen.started, now, TERMINATED, "Killing")
            self._restarts += 1
        elif seen.ended is not None:
            self._previous = seen.ended
            self._restarts += 1
        self._start, self._in_a_row = at, 0

    def look(self, now: datetime, stop: Stop | None) -> Moment:
        """The container at a moment; moments come in order."""
        while True:
            if now < self._start:
                return self._waiting(now, stop)
            ends = NEVER if self.script.run_for is None else self._start + timedelta(seconds=self.script.run_for)
            if stop is not None and stop.over <= ends:
                if now < stop.over:
                    return self._running(now, stop.over)
                return self._over(Ended(self._start, max(stop.over, self._start), stop.code, _reason(stop.code, "")))
            if now < ends:
                return self._running(now, ends)
            ended = Ended(self._start, ends, self.script.exit_code, _reason(self.script.exit_code, self.script.reason))
            if not self._restarts_after(ended) or (stop is not None and stop.told <= ends):
                return self._over(ended)
            again = ends + timedelta(seconds=self._backoff(ended))
            if stop is not None and stop.told <= min(now, again):
                return self._over(ended, stop.told)
            if now < again:
                until = min(again, stop.told) if stop is not None else again
                waits = "CrashLoopBackOff"
                return Moment(None, ended, self._previous, self._restarts, waits, False, False, ends, until)
            self._in_a_row = 1 if ends - self._start >= FORGETS_AFTER else self._in_a_row + 1
            self._previous, self._start = ended, again
            self._restarts += 1

    def _waiting(self, now: datetime, stop: Stop | None) -> Moment:
        """Before the first run, or between two that somebody caused."""
        if stop is not None and stop.told <= now:
            return self._over(Ended(stop.told, stop.told, stop.code, _reason(stop.code, "")))
        return Moment(None, None, self._previous, self._restarts, "ContainerCreating", False, False, now, self._start)

    def _running(self, now: datetime, until: datetime) -> Moment:
        ready_at = self._start + timedelta(seconds=self.script.ready_after)
        ready = now >= ready_at
        changed, until = (ready_at, until) if ready else (self._start, min(until, ready_at))
        return Moment(self._start, None, self._previous, self._restarts, "", ready, False, changed, until)

    def _over(self, ended: Ended, since: datetime | None = None) -> Moment:
        return Moment(None, ended, self._previous, self._restarts, "", False, True, since or ended.finished, NEVER)

    def _restarts_after(self, ended: Ended) -> bool:
        return self._policy == "Always" or (self._policy == "OnFailure" and ended.code != 0)

    def _backoff(self, ended: Ended) -> int:
        in_a_row = 0 if ended.finished - ended.started >= FORGETS_AFTER else self._in_a_row
        return int(min(FIRST_BACKOFF * 2 ** min(in_a_row, 10), LONGEST_BACKOFF))


def _reason(code: int, given: str) -> str:
    return given or ("Error" if code else "Completed")
