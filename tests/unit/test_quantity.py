"""Quantities (``providers.quantity``)."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.quantity import in_units, parse


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", 1),
        ("500m", Fraction(1, 2)),
        ("1Ki", 1024),
        ("1.5Gi", 3 << 29),
        ("1k", 1000),
        ("2e3", 2000),
        (".5", Fraction(1, 2)),
        ("10n", Fraction(1, 10**8)),
        ("-1", -1),
    ],
)
def test_a_quantity_is_a_number(text: str, number: Fraction) -> None:
    assert parse(text) == number


@pytest.mark.parametrize("text", ["", "1 Gi", "1gi", "abc", "1e9999", "٣"])
def test_what_is_none_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="is not a quantity"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "unit", "count"),
    [("250m", "1", 1), ("250m", "1m", 250), ("64Mi", "1Mi", 64), ("1", "1Gi", 1), ("0", "1", 0)],
)
def test_units_are_rounded_up(text: str, unit: str, count: int) -> None:
    assert in_units(text, unit) == count


@given(st.integers(0, 10**12))
def test_whole_numbers_stay(number: int) -> None:
    assert parse(str(number)) == number
