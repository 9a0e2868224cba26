"""When what a workload consists of arrives: how a number of arrivals lies in a window of time. Pure.

However they are spread, so many arrive in all as the workload says: a scenario's size is known before it is played.
"""

import math
from bisect import bisect_left
from itertools import accumulate
from random import Random
from typing import Annotated, Literal

import msgspec

from vksim.schema import Count, Duration, Struct


class Stepped(Struct, frozen=True, tag_field="kind", tag="stepped"):
    """The window falls into parts of the same length, each with a rate of its own.

    Attributes:
        rates: the rates, in proportion to each other: ``[1, 5, 2]``.
    """

    rates: list[Annotated[float, msgspec.Meta(ge=0)]]

    def __post_init__(self) -> None:
        """Raises ValueError for what the types cannot say."""
        if not sum(self.rates):
            raise ValueError("rates: no rate is above 0; write e.g. [1, 5, 2]")


class Bursty(Struct, frozen=True, tag_field="kind", tag="bursty"):
    """They come in bursts that begin anywhere in the window.

    Attributes:
        bursts: how many.
        within: how long a burst lasts.
    """

    bursts: Count = 5
    within: Duration = Duration(2.0)


class Diurnal(Struct, frozen=True, tag_field="kind", tag="diurnal"):
    """The rate rises and falls as over a day.

    Attributes:
        period: how long a day is; it begins with the fewest arrivals.
        ratio: the rate at its highest, over that at its lowest.
    """

    period: Duration = Duration(86400.0)
    ratio: Annotated[float, msgspec.Meta(gt=1)] = 4.0


Plain = Literal["constant", "poisson", "bursty", "diurnal"]
Arrival = Plain | Stepped | Bursty | Diurnal
"""A name, or a mapping with a ``kind`` that says more."""

_POINTS = 1000
"""So many points approximate a curve."""


def times(arrival: Arrival, begin: float, window: float, count: int, random: Random) -> list[float]:
    """When each of ``count`` arrives, in seconds, in order."""
    if arrival == "constant" or not window:
        step = window / (count - 1) if count > 1 else 0.0
        return [begin + number * step for number in range(count)]
    if arrival == "poisson":
        return sorted(begin + random.uniform(0, window) for _ in range(count))
    if isinstance(arrival, Stepped):
        return _by_rate(arrival.rates, begin, window, count, random)
    if arrival == "diurnal" or isinstance(arrival, Diurnal):
        return _diurnal(arrival if isinstance(arrival, Diurnal) else Diurnal(), begin, window, count, random)
    return _bursty(arrival if isinstance(arrival, Bursty) else Bursty(), begin, window, count, random)


def _bursty(arrival: Bursty, begin: float, window: float, count: int, random: Random) -> list[float]:
    length = min(arrival.within.seconds, window)
    starts = [begin + random.uniform(0, window - length) for _ in range(arrival.bursts)]
    return sorted(starts[number % arrival.bursts] + random.uniform(0, length) for number in range(count))


def _diurnal(arrival: Diurnal, begin: float, window: float, count: int, random: Random) -> list[float]:
    """Drawn from a cosine between 1 and ``ratio``."""
    middle, swing = (arrival.ratio + 1) / 2, (arrival.ratio - 1) / 2
    turn = math.tau * window / _POINTS / arrival.period.seconds
    rates = [middle - swing * math.cos((point + 0.5) * turn) for point in range(_POINTS)]
    return _by_rate(rates, begin, window, count, random)


def _by_rate(rates: list[float], begin: float, window: float, count: int, random: Random) -> list[float]:
    """Each rate holds in a part of the window; one arrival lies in each of ``count`` parts of the same weight."""
    sums = [0.0, *accumulate(rates)]
    points = ((number + random.random()) / count * sums[-1] for number in range(count))
    return [begin + window * _inverted(sums, point) for point in points]


def _inverted(sums: list[float], value: float) -> float:
    """Which share of the way through a rising sequence a value is reached."""
    after = min(max(bisect_left(sums, value), 1), len(sums) - 1)
    low, high = sums[after - 1], sums[after]
    within = (value - low) / (high - low) if high > low else 0.0
    return (after - 1 + within) / (len(sums) - 1)
