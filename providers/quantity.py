"""Resource quantities (``500m``, ``1Gi``) as exact numbers."""

import re
from fractions import Fraction

_QUANTITY = re.compile(
    r"([+-]?(?:\d+\.?\d*|\.\d+))(?:(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E)|[eE]([+-]?\d{1,3}))?", re.ASCII
)
_SUFFIXES = {
    **{f"{letter}i": Fraction(1024) ** power for power, letter in enumerate("KMGTPE", 1)},
    **{letter: Fraction(1000) ** power for power, letter in enumerate(("n", "u", "m", "", "k", *"MGTPE"), -3)},
}


def parse(text: str) -> Fraction:
    """The number that a quantity stands for (``k8s.io/apimachinery`` resource.Quantity).

    Raises:
        ValueError: it is no quantity.
    """
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a quantity; write e.g. 4, 500m or 16Gi")
    number, suffix, exponent = match.groups()
    return Fraction(number) * (_SUFFIXES[suffix or ""] if not exponent else Fraction(10) ** int(exponent))


def in_units(text: str, unit: str) -> int:
    """How many whole units a quantity is, rounded up, as ``resourceFieldRef`` counts with its divisor.

    Raises:
        ValueError: one of them is no quantity, or the unit is 0.
    """
    divisor = parse(unit)
    if not divisor:
        raise ValueError("a divisor of 0")
    return -int(-parse(text) // divisor)
