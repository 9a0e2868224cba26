"""Amounts of a resource: quantities that can be added, compared, and written as Kubernetes writes them. Pure."""

from collections.abc import Mapping
from fractions import Fraction
from math import ceil
from typing import NamedTuple

from fakes.apiserver import quantity

_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_DECIMAL = {-9: "n", -6: "u", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T", 15: "P", 18: "E"}
SMALLEST = Fraction(1, 10**9)


class Amount(NamedTuple):
    """A quantity.

    Attributes:
        value: the exact number.
        form: how it is written: ``binary`` (Ki, Mi), ``exponent`` (e3) or ``decimal`` (m, k).
    """

    value: Fraction = Fraction(0)
    form: str = "decimal"

    def plus(self, other: "Amount") -> "Amount":
        """The sum, written as this one; as the other one if this is nothing."""
        return Amount(self.value + other.value, self.form if self.value else other.form)

    def minus(self, other: "Amount") -> "Amount":
        """The difference, written as this one."""
        return Amount(self.value - other.value, self.form)

    def __str__(self) -> str:
        if self.form == "binary" and abs(self.value) >= 1024:
            return _binary(ceil(self.value))
        return _decimal(self.value, exponent=self.form == "exponent")


NOTHING = Amount()
ONE = Amount(Fraction(1))

Amounts = dict[str, Amount]
"""By the name of the resource."""


def amount(text: object) -> Amount:
    """The amount that a quantity names; nothing for what is not a quantity."""
    value, written = quantity.parse(text), str(text)
    if value is None:
        return NOTHING
    if written.endswith("i"):
        return Amount(value, "binary")
    return Amount(value, "exponent" if "e" in written or "E" in written[:-1] else "decimal")


def amounts(quantities: Mapping[str, object] | None) -> Amounts:
    """The amounts of a resource list."""
    return {name: amount(text) for name, text in (quantities or {}).items()}


def total(*lists: Mapping[str, Amount]) -> Amounts:
    """The sum of several lists."""
    result: Amounts = {}
    for each in lists:
        for name, more in each.items():
            result[name] = result[name].plus(more) if name in result else more
    return result


def greatest(*lists: Mapping[str, Amount]) -> Amounts:
    """For each resource the most that is in one of the lists."""
    result: Amounts = {}
    for each in lists:
        for name, other in each.items():
            if name not in result or other.value > result[name].value:
                result[name] = other
    return result


def written(listed: Mapping[str, Amount]) -> dict[str, str]:
    """A resource list."""
    return {name: str(each) for name, each in sorted(listed.items())}


def _binary(value: int) -> str:
    at = 0
    while value and value % 1024 == 0 and at + 1 < len(_BINARY):
        value, at = value // 1024, at + 1
    return f"{value}{_BINARY[at]}"


def _decimal(value: Fraction, *, exponent: bool) -> str:
    """The shortest whole number with a suffix; what is less than a billionth is rounded up."""
    digits, power = ceil(value / SMALLEST), -9
    if not digits:
        return "0"
    while digits % 1000 == 0 and power < 18:
        digits, power = digits // 1000, power + 3
    if not exponent:
        return f"{digits}{_DECIMAL[power]}"
    return f"{digits}e{power}" if power else str(digits)
