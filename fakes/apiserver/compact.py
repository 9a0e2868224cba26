"""Dicts that keep their keys once for all dicts of the same keys: half as large as others, and ordinary otherwise.

CPython stores the attributes of a class's instances so (PEP 412, key-sharing dictionaries): the instance has the
values, the class the keys. An instance's ``__dict__`` outlives it, and is a dict like any other; copies are plain.
An interpreter that does it otherwise loses the saving and nothing else.
"""

from collections.abc import Iterable
from typing import Any

SHAPES = 1024
"""So many sets of keys are known; each costs a class. Dicts of further ones are plain."""
LONGEST = 30
"""CPython shares no more keys than that."""


class _Shape:
    """The class of the dicts of some keys."""


class Compactor:
    """Makes compact dicts."""

    def __init__(self) -> None:
        self._shapes: dict[tuple[str, ...], type[_Shape] | None] = {}

    def made(self, keys: tuple[str, ...], values: Iterable[Any]) -> dict[str, Any]:
        """A dict of these keys and values, compact if the keys are known, or can be."""
        try:
            shape = self._shapes[keys]
        except KeyError:
            shape = self._learn(keys)
        if shape is None:
            return dict(zip(keys, values, strict=True))
        made = shape()
        for key, value in zip(keys, values, strict=True):
            setattr(made, key, value)
        return made.__dict__

    def _learn(self, keys: tuple[str, ...]) -> type[_Shape] | None:
        if len(self._shapes) >= SHAPES:
            return None
        # a key like __class__ would be more than a key
        ordinary = 0 < len(keys) <= LONGEST and not any(key.startswith("_") for key in keys)
        self._shapes[keys] = shape = type("_Shape", (_Shape,), {}) if ordinary else None
        return shape
