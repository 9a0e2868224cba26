"""What the parts of the scenario language are made of: mappings with known fields, and values with units."""

from datetime import timedelta
from typing import Annotated, Any, Final

import msgspec

from fakes.apiserver import quantity
from providers import distributions
from providers.distributions import RandomTime
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
        seconds = parse_seconds(value)
        if seconds > LONGEST:
            raise ValueError(f"{value!r} is longer than a year")
        return cls(seconds)


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


Settings = dict[str, Any]
"""Plain data whose meaning is somebody else's: Kubernetes', or a provider's."""

Share = Annotated[float, msgspec.Meta(gt=0, le=1)]
"""A part of a whole, above 0, up to 1."""

MOST = 10_000_000
"""More of anything is a slip of the pen."""

Count = Annotated[int, msgspec.Meta(ge=1, le=MOST)]
"""How many: 1 or more."""

CountOrNone = Annotated[int, msgspec.Meta(ge=0, le=MOST)]
"""How many, or 0."""

LONGEST = timedelta(days=366).total_seconds()
"""A longer time is a slip of the pen."""

NOTHING = Duration(0.0)


def hook(kind: type, value: object) -> object:
    """How msgspec reads the values that it does not know."""
    if kind in (Duration, Quantity):
        return kind.parse(value)
    if kind is RandomTime:
        return distributions.parse(value)
    raise NotImplementedError(kind)
