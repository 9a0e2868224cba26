"""How often AWS may be called: its documented token buckets, somewhat below. Shared by all nodes of a process.

Callers take turns. Whoever is throttled makes everybody of that bucket wait, longer each time; a lack of capacity holds
all launches back, except one now and then that finds out.
"""

import asyncio
from datetime import timedelta
from random import Random
from typing import NamedTuple

from providers.errors import Retryable
from providers.fargate.failures import NoCapacity


class Bucket(NamedTuple):
    """So many calls at once, then so many a second."""

    burst: float
    per_second: float


BUCKETS = {
    "launch": Bucket(18, 19),
    "modify": Bucket(60, 18),
    "read": Bucket(60, 18),
    "define": Bucket(18, 0.95),
    "definitions": Bucket(40, 18),
    "cluster": Bucket(15, 0.9),
    "logs": Bucket(20, 10),
    "others": Bucket(20, 10),
}
"""Documented (Amazon ECS API request throttling): launches 20 and 20/s, StopTask and the like 100 and 40/s of which
launches take half, reads 100 and 20/s, task definitions 20 and 1/s; CloudWatch Logs 25/s."""
OPERATIONS = {
    "RunTask": "launch",
    "StopTask": "modify",
    "ExecuteCommand": "modify",
    "ListTasks": "read",
    "DescribeTasks": "read",
    "RegisterTaskDefinition": "define",
    "DeregisterTaskDefinition": "define",
    "DescribeTaskDefinition": "definitions",
    "ListTaskDefinitionFamilies": "definitions",
    "CreateCluster": "cluster",
    "GetLogEvents": "logs",
}
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds after one was throttled, and after one was throttled again and again."""
FIRST_FULL, LONGEST_FULL = 5.0, 30.0
"""The same, when there is no capacity."""
PATIENCE = 600.0
"""Seconds that a caller waits at most; else it is told to come again."""


class Traffic:
    """Lets calls through, each at its turn.

    Args:
        random: spreads what would come at the same time.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._next: dict[str, float] = {}
        self._throttled: dict[str, int] = {}
        self._full = 0
        self._full_until = 0.0

    async def turn(self, operation: str) -> None:
        """Wait until the operation may be called.

        Raises:
            Retryable: that would take too long, or there is no capacity; it says how long.
        """
        name = OPERATIONS.get(operation, "others")
        bucket, now = BUCKETS[name], _now()
        due = max(self._next.get(name, 0.0), now)
        wait = due - bucket.burst / bucket.per_second - now
        if wait > PATIENCE:
            raise Retryable(f"{operation}: too many calls before it", delay=timedelta(seconds=wait))
        self._next[name] = due + 1 / bucket.per_second
        if wait > 0:
            await asyncio.sleep(wait)

    def throttled(self, operation: str) -> timedelta:
        """The cloud has refused a call for there being too many: how long everybody waits."""
        name = OPERATIONS.get(operation, "others")
        count = self._throttled[name] = self._throttled.get(name, 0) + 1
        pause = min(FIRST_PAUSE * 2 ** min(count - 1, 10), LONGEST_PAUSE) * self._random.uniform(0.75, 1.25)
        bucket = BUCKETS[name]
        until = _now() + pause + bucket.burst / bucket.per_second
        self._next[name] = max(self._next.get(name, 0.0), until)
        return timedelta(seconds=pause)

    def went_well(self, operation: str) -> None:
        """The cloud has taken a call."""
        self._throttled.pop(OPERATIONS.get(operation, "others"), None)

    def check_room(self) -> None:
        """Whether a launch may be tried: one that may is the one that finds out.

        Raises:
            NoCapacity: there was none a moment ago; it says when to come again.
        """
        now = _now()
        if not self._full:
            return
        if now < self._full_until:
            wait = self._full_until - now + self._random.uniform(0, LONGEST_FULL / 2)
            raise NoCapacity("AWS had no capacity a moment ago", delay=timedelta(seconds=wait))
        self._full_until = now + FIRST_FULL

    def full(self) -> timedelta:
        """A launch has found no capacity: how long to wait."""
        if _now() >= self._full_until - FIRST_FULL:
            self._full += 1
        pause = min(FIRST_FULL * 2 ** min(self._full - 1, 10), LONGEST_FULL) * self._random.uniform(0.75, 1.25)
        self._full_until = max(self._full_until, _now() + pause)
        return timedelta(seconds=pause)

    def found_room(self) -> None:
        """A launch went well."""
        self._full = 0


def _now() -> float:
    return asyncio.get_running_loop().time()
