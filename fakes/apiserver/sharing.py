"""Equal parts of objects are kept once: the pods of a template differ in a few values, not in what they run.

A part is looked up by the hash of its JSON. It is remembered from its second occurrence on, so that what is unique
costs next to nothing; what has not occurred for long is forgotten. Objects are immutable, so nobody notices. What is
not equal has at least equal keys, and keeps those once (``compact``).
"""

from itertools import zip_longest
from sys import intern
from typing import Any

import orjson

from fakes.apiserver.compact import Compactor
from fakes.apiserver.objects import Object

GENERATION = 16_384
"""So many parts are remembered at least, and twice as many at most."""
LONGEST_TEXT = 40
"""Characters of a text worth looking up."""

_NOT_SHARED = frozenset({"name", "uid", "resourceVersion"})
"""Metadata that is an object's own."""


class _Once:
    """Stands for a part that has occurred once."""


_ONCE = _Once()


class Sharing:
    """Finds for new objects the parts that others have already."""

    def __init__(self) -> None:
        self._young: dict[int, Any] = {}
        """What has occurred lately, by the hash of its JSON: one generation fills,"""
        self._old: dict[int, Any] = {}
        """the one before is still known."""
        self._dict = Compactor().made

    def shared(self, new: Object, old: Object | None) -> Object:
        """The object, made of known parts as far as they are equal; what it has from the old one is left as it is."""
        if "deletionTimestamp" in new.get("metadata", ()):
            return new  # it will not be there for long
        before = old or {}
        return self._dict(
            tuple(new),
            [value if value is before.get(key) else self._field(key, value, before) for key, value in new.items()],
        )

    def _field(self, key: str, value: Any, before: Object) -> Any:
        old = before.get(key)
        if key != "metadata":
            return self._value(value, old)
        had = old or {}  # never equal, but much of it may be
        return self._dict(
            tuple(value),
            [
                each if name in _NOT_SHARED or each is (was := had.get(name)) else self._value(each, was)
                for name, each in value.items()
            ],
        )

    def _value(self, value: Any, old: Any) -> Any:
        kind = type(value)
        if kind is str:
            return intern(value) if len(value) <= LONGEST_TEXT else value
        return self._part(value, old) if kind is dict or kind is list else value

    def _part(self, part: Any, old: Any) -> Any:
        key = hash(orjson.dumps(part))
        known = self._young.get(key)
        if known is None and (known := self._old.get(key)) is not None:
            self._young[key] = known
        if known == part:
            return known
        part = self._dict_part(part, old) if type(part) is dict else self._list_part(part, old)
        self._young[key] = _ONCE if known is None else part
        if len(self._young) >= GENERATION:
            self._old, self._young = self._young, {}
        return part

    def _dict_part(self, part: Object, old: Any) -> Object:
        value, had = self._value, old if type(old) is dict else {}
        return self._dict(
            tuple(part),
            [each if each is (was := had.get(key)) else value(each, was) for key, each in part.items()],
        )

    def _list_part(self, part: list[Any], old: Any) -> list[Any]:
        value, had = self._value, old if type(old) is list else []
        paired = zip_longest(part, had[: len(part)])
        # a list of known length has no room to spare
        return list(tuple([each if each is was else value(each, was) for each, was in paired]))  # noqa: C414
