"""How long to wait before trying again."""

from random import Random

FIRST = 1.0
LONGEST = 300.0


def delay(failures: int, random: Random, *, first: float = FIRST, longest: float = LONGEST) -> float:
    """Seconds to wait after the ``failures``-th failure in a row: doubling, bounded, up to 10 % more by chance."""
    return min(longest, first * 2.0 ** min(failures - 1, 30)) * random.uniform(1.0, 1.1)
