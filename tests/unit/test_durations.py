"""Durations as people write them."""

import math

import pytest

from providers.durations import parse_seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30.0),
        ("1m30s", 90.0),
        ("1.5h", 5400.0),
        ("500ms", 0.5),
        ("250us", 0.00025),
        ("2d", 172800.0),
        ("90", 90.0),
        (" 0 ", 0.0),
        (7, 7.0),
        (0.25, 0.25),
    ],
)
def test_a_duration_is_understood(text: object, seconds: float) -> None:
    assert parse_seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "soon", "1 s", "-5s", "s", "5x", -1, True, None, math.inf, math.nan, [1]])
def test_what_is_no_duration_is_refused_with_an_example(text: object) -> None:
    with pytest.raises(ValueError, match=r"is not a duration; write e\.g\. 500ms, 30s, 1m30s or 2h"):
        parse_seconds(text)
