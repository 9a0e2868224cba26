"""How arrivals lie in time (``vksim.arrivals``)."""

from itertools import pairwise
from random import Random

import pytest

from vksim.arrivals import Arrival, Bursty, Diurnal, Stepped, times
from vksim.schema import Duration

EVERY: list[Arrival] = ["constant", "poisson", "bursty", "diurnal", Stepped(rates=[1, 0, 3])]


@pytest.mark.parametrize("arrival", EVERY)
def test_as_many_arrive_as_are_said_in_order_and_within_the_window(arrival: Arrival) -> None:
    found = times(arrival, 10.0, 60.0, 200, Random(1))
    assert len(found) == 200
    assert found == sorted(found)
    assert found[0] >= 10
    assert found[-1] <= 70


@pytest.mark.parametrize("arrival", EVERY)
def test_the_same_seed_gives_the_same_times(arrival: Arrival) -> None:
    assert times(arrival, 0, 60, 50, Random(7)) == times(arrival, 0, 60, 50, Random(7))


@pytest.mark.parametrize("arrival", EVERY)
def test_without_a_window_all_come_at_once(arrival: Arrival) -> None:
    assert times(arrival, 5, 0, 3, Random(1)) == [5, 5, 5]


def test_constant_is_even() -> None:
    assert times("constant", 0, 30, 4, Random(1)) == [0, 10, 20, 30]


def test_steps_have_their_rates() -> None:
    found = times(Stepped(rates=[1, 0, 3]), 0, 30, 400, Random(1))
    assert [sum(low <= each < low + 10 for each in found) for low in (0, 10, 20)] == [100, 0, 300]


def test_bursts_are_short() -> None:
    found = times(Bursty(bursts=3, within=Duration(2)), 0, 600, 300, Random(1))
    gaps = [later - earlier for earlier, later in pairwise(found)]
    assert sum(gap > 2 for gap in gaps) <= 2


def test_a_day_has_its_peak_in_the_middle() -> None:
    found = times(Diurnal(period=Duration(86400), ratio=5), 0, 86400, 1000, Random(1))
    hours = [sum(low <= each / 3600 < low + 6 for each in found) for low in (0, 6, 12, 18)]
    assert hours[0] < hours[1]
    assert hours[3] < hours[2]
    assert max(found.count(each) for each in found) == 1
