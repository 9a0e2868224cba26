"""How often ACI may be called: what its documented limits leave, shared by all nodes of a process in one subscription.

Time comes in as an argument; nothing waits here. Who has to wait is told for how long.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

HOUR = timedelta(hours=1)
FIVE_MINUTES = timedelta(minutes=5)

_FORGET = timedelta(hours=1)
"""How long after its turn somebody who has not come is remembered."""


class Bucket:
    """So many calls an hour, and some of them at once. Calls that cannot wait may overdraw it."""

    def __init__(self, per_hour: float, burst: float) -> None:
        self._per_second = per_hour / HOUR.total_seconds()
        self._burst = burst
        self._tokens = burst
        self._at: datetime | None = None

    @property
    def per_second(self) -> float:
        """How many calls flow in."""
        return self._per_second

    def available(self, now: datetime) -> int:
        """How many calls may be made now."""
        if self._at is not None:
            flowed = (now - self._at).total_seconds() * self._per_second
            self._tokens = min(self._burst, self._tokens + max(0.0, flowed))
        self._at = now
        return max(0, int(self._tokens))

    def take(self, calls: int, now: datetime) -> None:
        """Count calls."""
        self.available(now)
        self._tokens -= calls


@dataclass(slots=True)
class _Window:
    """One limit: so many calls in a time. ``full`` is when all of them would be free again (the GCRA algorithm)."""

    calls: int
    time: timedelta
    full: datetime | None = None

    def free(self, now: datetime) -> datetime:
        """When the next call may be made."""
        return now if self.full is None else max(now, self.full - self.time * (self.calls - 1) / self.calls)

    def take(self, at: datetime) -> None:
        self.full = max(at, self.full or at) + self.time / self.calls


class Turns:
    """Lets callers through as several limits allow, each at its own turn, in the order in which they first came.

    Who is told to wait has its turn kept, so that a thousand who wait do not all come back at once.
    """

    def __init__(self, limits: Sequence[tuple[int, timedelta]]) -> None:
        self._windows = [_Window(calls, time) for calls, time in limits]
        self._kept: dict[Hashable, datetime] = {}

    def wait(self, who: Hashable, now: datetime) -> timedelta:
        """How long the caller has to wait; nothing, if it is its turn now, which is then used up."""
        turn = self._kept.get(who)
        if turn is None:
            turn = max(window.free(now) for window in self._windows)
            for window in self._windows:
                window.take(turn)
            if turn > now:
                self._prune(now)
                self._kept[who] = turn
        elif turn <= now:
            del self._kept[who]
        return max(turn - now, timedelta(0))

    def _prune(self, now: datetime) -> None:
        """Forget who has not come: kept turns are in the order of their times."""
        for who, turn in list(self._kept.items()):
            if turn > now - _FORGET:
                return
            del self._kept[who]
