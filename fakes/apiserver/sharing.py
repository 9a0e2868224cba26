"""Equal parts of objects are kept once: the pods of a template differ in a few values, not in what they run.

A part is looked up by the hash of its JSON. It is remembered from its second occurrence on, so that what is unique
costs next to nothing; what has not occurred for long is forgotten. Objects are immutable, so nobody notices. What is
not equal has at least equal keys, and keeps those once (``compact``).
"""

from typing import Any, Generic, TypeVar

import orjson

from fakes.apiserver.compact import Compactor
from fakes.apiserver.objects import Object

GENERATION = 16_384
"""So many parts are remembered at least, and twice as many at most."""
LONGEST_TEXT = 64
"""Characters of a text worth looking up."""

T = TypeVar("T")


class _Memory(Generic[T]):
    """What has occurred lately: one generation fills, the one before is still known."""

    def __init__(self) -> None:
        self._young: dict[Any, T] = {}
        self._old: dict[Any, T] = {}

    def get(self, key: object) -> T | None:
        """What is remembered by that key."""
        found = self._young.get(key)
        if found is None and key in self._old:
            found = self._old[key]
            self.put(key, found)
        return found

    def put(self, key: object, value: T) -> None:
        """Remember something."""
        self._young[key] = value
        if len(self._young) >= GENERATION:
            self._old, self._young = self._young, {}


class _Once:
    """Stands for a part that has occurred once."""


_ONCE = _Once()


class Sharing:
    """Finds for new objects the parts that others have already."""

    def __init__(self) -> None:
        self._parts: _Memory[Any] = _Memory()
        self._texts: _Memory[str] = _Memory()
        self._dict = Compactor().made

    def shared(self, new: Object, old: Object | None) -> Object:
        """The object, made of known parts as far as they are equal; what it has from the old one is left as it is."""
        before = old or {}
        return self._dict(
            tuple(new),
            [value if value is before.get(key) else self._field(key, value, before) for key, value in new.items()],
        )

    def _field(self, key: str, value: Any, before: Object) -> Any:
        if key == "metadata":  # never equal, but much of it may be
            old = before.get(key) or {}
            return self._dict(
                tuple(value), [each if each is old.get(name) else self._value(each) for name, each in value.items()]
            )
        return self._value(value)

    def _value(self, value: Any) -> Any:
        if isinstance(value, dict | list):
            return self._part(value)
        if isinstance(value, str) and len(value) <= LONGEST_TEXT:
            known = self._texts.get(value)
            if known is not None:
                return known
            self._texts.put(value, value)
        return value

    def _part(self, part: Any) -> Any:
        key = hash(orjson.dumps(part))
        known = self._parts.get(key)
        if known == part:
            return known
        if isinstance(part, dict):
            part = self._dict(tuple(part), map(self._value, part.values()))
        else:
            part = list(tuple(map(self._value, part)))  # noqa: C414  (a list of known length has no room to spare)
        self._parts.put(key, _ONCE if known is None else part)
        return part
