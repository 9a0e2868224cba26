"""The common model of a cloud: every call goes through ``admit``, which throttles it, fails it or lets it pass.

Time is read, never waited for: what a cloud does by itself is a ``Timeline`` that is computed when somebody looks. So
an object costs no task and no timer, in virtual time and in real time alike.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from random import Random
from typing import Generic, NamedTuple, TypeVar

from fakes.cloud.limits import Quotas, TokenBucket
from fakes.cloud.settings import CloudSettings, Fault, FaultKind, matches

S = TypeVar("S")
NEVER = datetime.max.replace(tzinfo=UTC)
"""The moment of what does not happen."""


class Call(NamedTuple):
    """An operation on a resource, when, and what came of it (``ok``, or a kind of fault)."""

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
        delay: seconds by which the answer is late.
    """

    fault: FaultKind | None = None
    retry_after: float = 0.0
    delay: float = 0.0

    @property
    def done(self) -> bool:
        """Whether the cloud does what it was asked, be the answer heard or not."""
        return self.fault in (None, FaultKind.LOST_ANSWER, FaultKind.SLOW)

    @property
    def heard(self) -> bool:
        """Whether the caller gets an answer, good or bad."""
        return self.fault not in (FaultKind.LOST_ANSWER, FaultKind.LOST_REQUEST)


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
        faults: the rules in force, and those to come; whoever plays a scenario may change them as it goes.
        counts: (operation, outcome) -> calls.
        listeners: told of each call.
    """

    def __init__(self, settings: CloudSettings, now: Callable[[], datetime], random: Random) -> None:
        self.settings = settings
        self.quotas = Quotas(settings.quotas)
        self.faults: list[Fault] = list(settings.faults)
        self.counts: Counter[tuple[str, str]] = Counter()
        self.listeners: list[Callable[[Call], None]] = []
        self._now = now
        self._random = random
        self._began = now()
        self._buckets = {name: TokenBucket(rate) for name, rate in settings.rates.items()}
        self._drawn_from: dict[str, list[TokenBucket]] = {}

    def admit(self, operation: str, resource: str = "", cost: float = 1.0) -> Verdict:
        """Decide about a call.

        Args:
            operation: what is asked for.
            resource: of what, for the faults that are about some of them.
            cost: so many tokens it takes of each rate (a call that starts ten tasks may count for ten).
        """
        now = self._now()
        verdict = self._verdict(operation, resource, cost, self._seconds(now))
        outcome = verdict.fault or "ok"
        self.counts[operation, outcome] += 1
        for tell in self.listeners:
            tell(Call(now, operation, resource, outcome))
        return verdict

    def remaining(self, operation: str) -> int | None:
        """How many calls of an operation would be taken now; None where they are not counted."""
        buckets = self._buckets_of(operation)
        return min(each.remaining(self._seconds(self._now())) for each in buckets) if buckets else None

    def takes(self, name: str) -> float:
        """Seconds that something takes, drawn anew; 0 where the settings do not say."""
        latency = self.settings.latencies.get(name)
        return latency.draw(self._random) if latency else 0.0

    def _verdict(self, operation: str, resource: str, cost: float, at: float) -> Verdict:
        buckets = self._buckets_of(operation)
        wait = max((each.wait(at, cost) for each in buckets), default=0.0)
        if wait:
            return Verdict(FaultKind.THROTTLED, wait)
        for bucket in buckets:
            bucket.take(at, cost)
        for fault in self.faults:
            if fault.holds(operation, resource, at) and self._comes(fault):
                return Verdict(fault.kind, delay=fault.delay.draw(self._random) if fault.delay else 0.0)
        return Verdict()

    def _comes(self, fault: Fault) -> bool:
        return fault.probability >= 1 or self._random.random() < fault.probability

    def _buckets_of(self, operation: str) -> list[TokenBucket]:
        found = self._drawn_from.get(operation)
        if found is None:
            rates = self.settings.rates.items()
            found = [self._buckets[name] for name, rate in rates if matches(operation, rate.operations or (name,))]
            self._drawn_from[operation] = found
        return found

    def _seconds(self, now: datetime) -> float:
        return (now - self._began).total_seconds()
