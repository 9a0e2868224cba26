"""Dicts that keep their keys once for all dicts of the same keys: half as large as others, and ordinary otherwise.

CPython stores the attributes of a class's instances so (PEP 412, key-sharing dictionaries): the instance has the
values, the class the keys. An instance's ``__dict__`` outlives it, and is a dict like any other; copies are plain.
An interpreter that does it otherwise loses the saving and nothing else.
"""

from collections.abc import Callable, Sequence
from dataclasses import make_dataclass
from keyword import iskeyword
from typing import Any

SHAPES = 1024
"""So many sets of keys are known; each costs a class. Dicts of further ones are plain."""
LONGEST = 30
"""CPython shares no more keys than that."""


class Compactor:
    """Makes compact dicts."""

    def __init__(self) -> None:
        self._shapes: dict[tuple[str, ...], Callable[..., Any] | None] = {}

    def made(self, keys: tuple[str, ...], values: Sequence[Any]) -> dict[str, Any]:
        """A dict of these keys and values, compact if the keys are known, or can be."""
        try:
            shape = self._shapes[keys]
        except KeyError:
            shape = self._learn(keys)
        if shape is None:
            return dict(zip(keys, values, strict=True))
        made: dict[str, Any] = shape(*values).__dict__
        return made

    def _learn(self, keys: tuple[str, ...]) -> Callable[..., Any] | None:
        """A class with these attributes. One that is generated sets them in a quarter of the time."""
        if len(self._shapes) >= SHAPES:
            return None
        shape: Callable[..., Any] | None = None
        # a key like __class__ would be more than a key
        if 0 < len(keys) <= LONGEST and not any(key.startswith("_") for key in keys):
            words = all(key.isidentifier() and not iskeyword(key) for key in keys)
            shape = make_dataclass("_Shape", keys, repr=False, eq=False) if words else _shape(keys)
        self._shapes[keys] = shape
        return shape


def _shape(keys: tuple[str, ...]) -> Callable[..., Any]:
    """A class with attributes that are no words."""

    class Shape:
        def __init__(self, *values: Any) -> None:
            for key, value in zip(keys, values, strict=True):
                setattr(self, key, value)

    return Shape
