"""Durations as people write them in Kubernetes: Go's ``1m30s``, or a plain number of seconds."""

import re

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_WHOLE = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+")


def parse_seconds(text: object) -> float:
    """The seconds that a duration means.

    Raises:
        ValueError: it is no duration; the message says what one looks like.
    """
    if isinstance(text, int | float) and not isinstance(text, bool) and text >= 0:
        return float(text)
    if isinstance(text, str):
        stripped = text.strip()
        if _WHOLE.fullmatch(stripped):
            return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(stripped))
        if re.fullmatch(r"\d+(\.\d+)?", stripped):
            return float(stripped)
    raise ValueError(f"{text!r} is not a duration; write e.g. 500ms, 30s, 1m30s or 2h")
