"""Resource quantities (``500m``, ``1Gi``), as far as the server must understand them. Pure."""

import re
from fractions import Fraction

_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E)|[eE]([+-]?\d+))?")
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}


def parse(value: object) -> Fraction | None:
    """The exact number, or None for what is not a quantity. A bare number counts as its text."""
    match = _QUANTITY.fullmatch(str(value))
    if match is None or isinstance(value, bool):
        return None
    number, suffix, exponent = match.groups()
    if suffix in _BINARY:
        return Fraction(number) * (1 << _BINARY[suffix])
    power: int = _DECIMAL[suffix] if suffix else int(exponent or 0)
    scale = Fraction(10**power) if power >= 0 else Fraction(1, 10**-power)
    return Fraction(number) * scale
