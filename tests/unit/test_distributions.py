"""Lengths of time that are drawn (``providers.distributions``)."""

from random import Random
from statistics import mean, median

import pytest

from providers.distributions import Span, parse

MANY = 4000


def drawn(text: str) -> list[float]:
    random = Random(1)
    return [parse(text).draw(random) for _ in range(MANY)]


@pytest.mark.parametrize("written", ["2s..10s", [2, "10s"], ["2s", "10s"]])
def test_a_range_is_anything_between(written: object) -> None:
    assert parse(written) == Span(2, 10)


def test_a_duration_draws_nothing() -> None:
    random = Random(1)
    before = random.getstate()
    assert parse("30s").draw(random) == 30
    assert random.getstate() == before


def test_an_exponential_has_its_mean() -> None:
    assert mean(drawn("exponential(mean=30s)")) == pytest.approx(30, rel=0.1)


def test_a_lognormal_has_its_median_and_its_99th_percentile() -> None:
    values = sorted(drawn("lognormal(median=20s, p99=1m)"))
    assert median(values) == pytest.approx(20, rel=0.05)
    assert values[int(MANY * 0.99)] == pytest.approx(60, rel=0.15)


def test_a_weibull_below_one_has_a_long_tail() -> None:
    values = drawn("weibull(scale=60s, shape=0.6)")
    assert median(values) < 40 < mean(values)


def test_measured_lives_come_by_their_weights() -> None:
    values = drawn("weighted(10s=3, 1m=1)")
    assert set(values) == {10.0, 60.0}
    assert values.count(10.0) == pytest.approx(MANY * 0.75, rel=0.1)


def test_min_and_max_are_not_exceeded() -> None:
    values = drawn("exponential(mean=30s, min=10s, max=40s)")
    assert (min(values), max(values)) == (10, 40)


@pytest.mark.parametrize(
    "text",
    ["30s", "2s..10s", "exponential(mean=30s)", "lognormal(median=20s, p99=1m)", "weighted(10s=3, 1m=1, max=50s)"],
)
def test_the_text_of_a_time_means_the_same(text: str) -> None:
    first, second = Random(3), Random(3)
    assert parse(text).draw(first) == parse(str(parse(text))).draw(second)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("gauss(mean=3)", "no distribution 'gauss'; there are: exponential, lognormal, weibull, weighted"),
        ("exponential(median=3s)", "write mean="),
        ("exponential(mean=0s)", "mean is to be above 0"),
        ("lognormal(median=1m, p99=20s)", "p99 is less than the median"),
        ("weibull(scale=1m, shape=x)", "'x' is not a number from 0 up"),
        ("weighted()", "write at least one length"),
        ("exponential(mean=3s, mean=4s)", "is no argument"),
        ("exponential(mean=3s, min=5s, max=2s)", "min is more than max"),
        ([1, 2, 3], "is not a range"),
        ("10s..2s", "upside down"),
        (True, "is not a duration"),
    ],
)
def test_what_is_no_time_is_told(text: object, told: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse(text)
    assert told in str(caught.value)
