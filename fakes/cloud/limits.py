"""What a cloud has only so much of: calls in a time, and resources at a time."""

from collections.abc import Mapping

from fakes.cloud.settings import Rate


class TokenBucket:
    """Counts calls against a rate. It is full at first; no timer runs, what has flowed in is computed when asked."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._tokens = float(rate.burst)
        self._at = 0.0

    def remaining(self, at: float) -> int:
        """How many calls would be taken now."""
        self._fill(at)
        return int(self._tokens)

    def wait(self, at: float, amount: float = 1.0) -> float:
        """Seconds after which so many calls would be taken; 0 if they would be now."""
        self._fill(at)
        return max(0.0, (amount - self._tokens) / self._rate.per_second)

    def take(self, at: float, amount: float = 1.0) -> float:
        """Take calls: 0, or the seconds after which they would be taken; then none is counted."""
        wait = self.wait(at, amount)
        if not wait:
            self._tokens -= amount
        return wait

    def _fill(self, at: float) -> None:
        flowed = max(0.0, at - self._at) * self._rate.per_second
        self._tokens = min(float(self._rate.burst), self._tokens + flowed)
        self._at = max(self._at, at)


class QuotaExceeded(Exception):
    """A quota does not allow it.

    Attributes:
        name: which one.
        limit: how much there is.
        usage: how much of it is taken.
        requested: how much more was asked for.
    """

    def __init__(self, name: str, limit: float, usage: float, requested: float) -> None:
        super().__init__(f"quota {name!r} exceeded: limit {limit:g}, usage {usage:g}, requested {requested:g}")
        self.name = name
        self.limit = limit
        self.usage = usage
        self.requested = requested


class Quotas:
    """Who has taken how much of what. What has no limit is counted all the same."""

    def __init__(self, limits: Mapping[str, float]) -> None:
        self.limits = limits
        self._held: dict[str, dict[str, float]] = {}
        self._usage: dict[str, float] = {}

    def usage(self, name: str) -> float:
        """How much is taken."""
        return self._usage.get(name, 0.0)

    def take(self, holder: str, amounts: Mapping[str, float]) -> None:
        """Let a resource hold these amounts instead of what it held before: all of them, or nothing changes.

        Raises:
            QuotaExceeded: naming the first quota that does not allow it.
        """
        held = self._held.get(holder, {})
        for name, amount in amounts.items():
            limit, others = self.limits.get(name), self.usage(name) - held.get(name, 0.0)
            if limit is not None and others + amount > limit and amount > held.get(name, 0.0):
                raise QuotaExceeded(name, limit, others, amount)
        self.release(holder)
        self._held[holder] = dict(amounts)
        for name, amount in amounts.items():
            self._usage[name] = self.usage(name) + amount

    def release(self, holder: str) -> None:
        """Give back all that a resource holds."""
        for name, amount in self._held.pop(holder, {}).items():
            self._usage[name] -= amount
