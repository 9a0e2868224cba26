"""What one subscription may still ask of Azure: one account for all nodes of a process that share the subscription."""

from datetime import datetime

from providers.aci.config import Limits
from providers.aci.pace import FIVE_MINUTES, HOUR, Bucket, Turns
from providers.aci.throttle import Throttle
from providers.base import Clock

SHARE = 0.8
"""Part of the subscription's reads that this process uses: others read, too."""

AT_ONCE = 0.25
"""Part of an hour's reads that may be made at once, after a quiet time."""

RESERVE = 500
"""So many reads are left to people and tools, by Azure's own count."""


class Account:
    """Reads, creates and deletes, and how long Azure wants us to wait.

    Args:
        limits: the subscription's.
        clock: the wall clock.
    """

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self.reads = Bucket(limits.reads * SHARE, limits.reads * AT_ONCE)
        self.throttle = Throttle(clock, self.reads)
        hourly = min(limits.creates, limits.writes)
        self.creates = Turns([(_below(hourly), HOUR), (_below(limits.burst), FIVE_MINUTES)])
        self.deletes = Turns([(_below(limits.deletes), HOUR), (_below(limits.burst), FIVE_MINUTES)])
        self._reserve = min(RESERVE, limits.reads // 10)

    def spare_reads(self, now: datetime) -> int:
        """How many reads may be made now that nobody waits for."""
        if self.throttle.wait("GET"):
            return 0
        left = self.throttle.reads_left
        if left is not None and left <= self._reserve:
            return 0
        return self.reads.available(now)


def _below(limit: int) -> int:
    """A little below a limit: Azure's clock and count are not ours."""
    return max(1, limit * 19 // 20)
