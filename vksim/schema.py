"""What the parts of the scenario language are made of: mappings with known fields, and values with units."""

from datetime import timedelta
from random import Random
from typing import Final

import msgspec

from fakes.apiserver import quantity
from providers.durations import parse_seconds


class Struct(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """Any mapping of a scenario: camelCase in the file, nothing but the known fields."""


class Duration:
    """A length of time; ``90s``, ``1m30s`` or ``90`` in a file.

    No dataclass: msgspec would look for its fields in the file instead of asking ``parse``.
    """

    __slots__ = ("seconds",)

    def __init__(self, seconds: float) -> None:
        self.seconds: Final = seconds

    def __str__(self) -> str:
        return f"{self.seconds:g}s"

    @classmethod
    def parse(cls, value: object) -> "Duration":
        """Raises ValueError, saying what a duration looks like."""
        return cls(_seconds(value))


class Span:
    """A length of time, or a range to draw one from; ``5s`` or ``[2s, 10s]`` in a file."""

    __slots__ = ("high", "low")

    def __init__(self, low: float, high: float) -> None:
        self.low: Final = low
        self.high: Final = high

    def __str__(self) -> str:
        return f"{self.low:g}s" if self.low == self.high else f"[{self.low:g}s, {self.high:g}s]"

    @classmethod
    def parse(cls, value: object) -> "Span":
        """Raises ValueError, saying what is wrong."""
        if isinstance(value, list):
            if len(value) != 2:
                raise ValueError(f"{value!r} is not a range; write two durations, [2s, 10s]")
            low, high = (_seconds(each) for each in value)
            if low > high:
                raise ValueError(f"{value!r} is upside down; write the shorter duration first")
            return cls(low, high)
        seconds = _seconds(value)
        return cls(seconds, seconds)

    def draw(self, random: Random) -> float:
        """Seconds; randomness is used only where there is a choice."""
        return self.low if self.low == self.high else random.uniform(self.low, self.high)


class Quantity:
    """An amount of a resource as Kubernetes writes it: ``500m``, ``16Gi``, ``4``."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text: Final = text

    def __str__(self) -> str:
        return self.text

    @classmethod
    def parse(cls, value: object) -> "Quantity":
        """Raises ValueError, saying what a quantity looks like."""
        number = quantity.parse(value) if isinstance(value, str | int | float) else None
        if number is None or number < 0:
            raise ValueError(f"{value!r} is not a quantity; write e.g. 4, 500m or 16Gi")
        return cls(str(value))


LONGEST = timedelta(days=366).total_seconds()
"""A longer time is a slip of the pen."""


def hook(kind: type, value: object) -> object:
    """How msgspec reads the values that it does not know."""
    if kind in (Duration, Span, Quantity):
        return kind.parse(value)
    raise NotImplementedError(kind)


def _seconds(value: object) -> float:
    seconds = parse_seconds(value)
    if seconds > LONGEST:
        raise ValueError(f"{value!r} is longer than a year")
    return seconds
