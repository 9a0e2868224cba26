"""How often the API may be called: its documented limits, and what it says of them. Shared by all nodes of a process.

Each operation has its own limit. A caller waits for its turn; whoever is throttled makes everybody wait, longer each
time.
"""

import asyncio
from datetime import timedelta
from random import Random

from providers.errors import Retryable

CALLS_A_MINUTE = {
    "CreateContainerGroup": 1000,
    "DeleteContainerGroup": 1000,
    "DescribeContainerGroups": 2000,
    "DescribeContainerGroupStatus": 2000,
    "DescribeContainerLog": 500,
    "ExecContainerCommand": 500,
    "UpdateContainerGroup": 500,
}
"""Documented, for an account in a region; the one for statuses is not, and taken to be that of the groups."""
OTHERS = 500
SHARE = 0.8
"""What this process takes of a limit; others call too."""
AT_ONCE = 20
"""Calls of an operation that need not wait for each other."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds after one was throttled, and after one was throttled again and again."""
PATIENCE = 30.0
"""Seconds that a caller waits at most; else it is told to come again."""


class Traffic:
    """Lets calls through, each at its turn.

    Args:
        random: spreads what would come at the same time.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._full: dict[str, float] = {}
        self._throttled: dict[str, int] = {}

    async def turn(self, operation: str) -> None:
        """Wait until the operation may be called.

        Raises:
            Retryable: that would take too long; it says how long.
        """
        now = asyncio.get_running_loop().time()
        interval = self._interval(operation)
        full = max(self._full.get(operation, 0.0), now)
        wait = full - AT_ONCE * interval - now
        if wait > PATIENCE:
            raise Retryable(f"{operation}: too many calls; in {wait:.0f} s again", delay=timedelta(seconds=wait))
        self._full[operation] = full + interval
        if wait > 0:
            await asyncio.sleep(wait)

    def throttled(self, operation: str) -> timedelta:
        """The cloud has refused a call for there being too many: how long to wait, for everybody."""
        count = self._throttled[operation] = self._throttled.get(operation, 0) + 1
        pause = min(FIRST_PAUSE * 2 ** min(count - 1, 10), LONGEST_PAUSE) * self._random.uniform(0.75, 1.25)
        until = asyncio.get_running_loop().time() + pause
        self._full[operation] = max(self._full.get(operation, 0.0), until + AT_ONCE * self._interval(operation))
        return timedelta(seconds=pause)

    def went_well(self, operation: str) -> None:
        """The cloud has taken a call."""
        self._throttled.pop(operation, None)

    @staticmethod
    def _interval(operation: str) -> float:
        return 60.0 / (CALLS_A_MINUTE.get(operation, OTHERS) * SHARE)
