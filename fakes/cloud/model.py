"""The common model of a cloud: every call goes through ``admit``, which throttles it, fails it or lets it pass.

Time is read, never waited for: what a cloud does by itself is a ``Timeline`` that is computed when somebody looks. So
an object costs no task and no timer, in virtual time and in real time alike.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from random import Random
from typing import Generic, NamedTuple, TypeVar

from fakes.cloud.limits import Quotas, TokenBucket
from fakes.cloud.settings import CloudSettings, FaultKind

S = TypeVar("S")


class Call(NamedTuple):
    """A line of the journal: an operation on a resource, when, and what came of it (``ok``, or a kind of fault)."""

    at: datetime
    operation: str
    resource: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a call.

    Attributes:
        fault: what goes wrong; None if nothing does.
        retry_after: seconds after which a throttled call would be taken.
    """

    fault: FaultKind | None = None
    retry_after: float = 0.0

    @property
    def done(self) -> bool:
        """Whether the cloud does what it was asked, be the answer heard or not."""
        return self.fault in (None, FaultKind.LOST_ANSWER)


class Timeline(Generic[S]):
    """States that follow one another by themselves: each with the moment at which it begins, in order."""

    def __init__(self, steps: Sequence[tuple[datetime, S]]) -> None:
        if not steps or any(later[0] < earlier[0] for earlier, later in pairwise(steps)):
            raise ValueError("a timeline is one state or more, in the order of their moments")
        self._begins = [moment for moment, _ in steps]
        self._states = [state for _, state in steps]

    def at(self, now: datetime) -> S:
        """The state at a moment; before the first one begins, the first."""
        return self._states[max(0, bisect_right(self._begins, now) - 1)]


class CloudModel:
    """One region of a cloud, for one account.

    Args:
        settings: how it behaves.
        now: the wall clock, virtual or real.
        random: the only source of chance.

    Attributes:
        quotas: what is taken of what.
        journal: all calls, for whoever checks what was done.
    """

    def __init__(self, settings: CloudSettings, now: Callable[[], datetime], random: Random) -> None:
        self.settings = settings
        self.quotas = Quotas(settings.quotas)
        self.journal: list[Call] = []
        self._now = now
        self._random = random
        self._began = now()
        self._buckets = {name: TokenBucket(rate) for name, rate in settings.rates.items()}

    def admit(self, operation: str, resource: str) -> Verdict:
        """Decide about a call, and note it in the journal."""
        now = self._now()
        verdict = self._verdict(operation, (now - self._began).total_seconds())
        self.journal.append(Call(now, operation, resource, verdict.fault or "ok"))
        return verdict

    def remaining(self, operation: str) -> int | None:
        """How many calls of an operation would be taken now; None where they are not counted."""
        bucket = self._buckets.get(operation)
        return None if bucket is None else bucket.remaining((self._now() - self._began).total_seconds())

    def takes(self, name: str) -> float:
        """Seconds that something takes, drawn anew; 0 where the settings do not say."""
        latency = self.settings.latencies.get(name)
        return latency.draw(self._random) if latency else 0.0

    def _verdict(self, operation: str, at: float) -> Verdict:
        bucket = self._buckets.get(operation)
        wait = bucket.take(at) if bucket else 0.0
        if wait:
            return Verdict(FaultKind.THROTTLED, wait)
        for fault in self.settings.faults:
            if fault.holds(operation, at) and (fault.probability >= 1 or self._random.random() < fault.probability):
                return Verdict(fault.kind)
        return Verdict()
