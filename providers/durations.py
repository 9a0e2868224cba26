"""Durations as people write them in Kubernetes: Go's ``1m30s``, or a plain number of seconds; and ``2d`` for days."""

import math
import re

_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_NUMBER = r"\d+(?:\.\d+)?"
_PART = re.compile(rf"({_NUMBER})(us|ms|s|m|h|d)")
_WHOLE = re.compile(rf"(?:{_NUMBER}(?:us|ms|s|m|h|d))+")


def parse_seconds(text: object) -> float:
    """The seconds that a duration means.

    Raises:
        ValueError: it is no duration; the message says what one looks like.
    """
    if isinstance(text, int | float) and not isinstance(text, bool) and 0 <= text < math.inf:
        return float(text)
    if isinstance(text, str):
        stripped = text.strip()
        if _WHOLE.fullmatch(stripped):
            return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(stripped))
        if re.fullmatch(_NUMBER, stripped):
            return float(stripped)
    raise ValueError(f"{text!r} is not a duration; write e.g. 500ms, 30s, 1m30s or 2h")
