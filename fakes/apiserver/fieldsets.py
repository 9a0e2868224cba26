"""Sets of fields in the form of ``fieldsV1``: who owns what of an object. Pure; sets are never changed in place.

A set is a tree of dicts. A key names a field (``f:spec``), an element of a list by its keys (``k:{"name":"a"}``) or by
its value (``v:"a"``). An empty dict is a member of the set; so is one that holds ``.``; the others only lead to
members. What counts as a field is structured-merge-diff's idea: an atomic list or object is one, as a whole.
"""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import orjson

from fakes.apiserver.schema import ANY, Form, Schema

Fields = dict[str, Any]

NONE: Fields = {}
"""The empty set, at the root."""
MEMBER: Fields = {}
SELF = "."


def of(value: Any, schema: Schema) -> Fields:
    """The fields of what a client applies."""
    found: Fields = {}
    for key, each, child in children(value, schema):
        if each is None or not is_granular(each, child):
            found[key] = MEMBER
            continue
        below = of(each, child)
        if key[0] != "f":
            below = {SELF: MEMBER, **below}
        if below or each == {}:
            found[key] = below
    return found


def difference(old: Any, new: Any, schema: Schema) -> tuple[Fields, Fields]:
    """The fields that are new or have another value, and those that are gone."""
    changed: Fields = {}
    removed: Fields = {}
    before = {key: each for key, each, _ in children(old, schema)}
    for key, each, child in children(new, schema):
        was = before.pop(key, None)
        if each is was or (each == was and isinstance(each, bool) == isinstance(was, bool)):
            continue
        if was is None:
            changed[key] = _whole(key, each, child, schema)
        elif is_granular(each, child) and is_granular(was, child) and (each or was):
            more, less = difference(was, each, child)
            if more:
                changed[key] = more
            if less:
                removed[key] = less
        else:
            changed[key] = MEMBER
    for key, was in before.items():
        removed[key] = _whole(key, was, _child(key, schema), ANY)
    return changed, removed


def _whole(key: str, value: Any, child: Schema, parent: Schema) -> Fields:
    """All fields of a value that comes or goes, its own included unless every object has it."""
    if value is None or not is_granular(value, child):
        return MEMBER
    part = parent.form is Form.STRUCT and parent.always_has(key[2:])
    below = {key: _whole(key, each, schema, child if part else ANY) for key, each, schema in children(value, child)}
    return below if part or not below else {SELF: MEMBER, **below}


def is_granular(value: Any, schema: Schema) -> bool:
    """Whether the parts of a value can have owners of their own."""
    if isinstance(value, dict):
        return schema.form in (Form.STRUCT, Form.MAP) and not schema.atomic
    return isinstance(value, list) and schema.form is Form.LIST and schema.list_type != "atomic"


def children(value: Any, schema: Schema) -> Iterator[tuple[str, Any, Schema]]:
    """The parts of a granular value with their keys."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield f"f:{name}", each, schema.child(name)
    elif isinstance(value, list):
        for each in value:
            yield element_key(each, schema), each, schema.items


def element_key(element: Any, schema: Schema) -> str:
    """The key of an element of a list that is a map or a set."""
    if schema.list_type != "map" or not isinstance(element, Mapping):
        return f"v:{_compact(element)}"
    keys = {key: element.get(key, schema.items.default(key)) for key in sorted(schema.list_keys)}
    return f"k:{_compact({key: each for key, each in keys.items() if each is not None})}"


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _child(key: str, schema: Schema) -> Schema:
    return schema.child(key[2:]) if key[0] == "f" else schema.items


# --- arithmetic -----------------------------------------------------------------------------------------------------


def union(one: Fields, other: Fields) -> Fields:
    """What is in either."""
    if one is other or not other:
        return one
    if not one:
        return other
    joined = {**one, **other}
    for key in one:
        if key in other:
            joined[key] = _joined(one[key], other[key])
    return joined


def _joined(one: Fields, other: Fields) -> Fields:
    if one and other:
        return union(one, other)
    below = one or other
    return {SELF: MEMBER, **below} if below else MEMBER


def minus(one: Fields, other: Fields) -> Fields:
    """What is in the first only; the very same if they have nothing in common."""
    if not other or not one:
        return one
    left: Fields = {}
    for key, below in one.items():
        if key not in other:
            left[key] = below
        elif key != SELF:
            rest = _less(below, other[key])
            if rest is not None:
                left[key] = rest
    same = len(left) == len(one) and all(left[key] is one[key] for key in one)
    return one if same else left


def _less(one: Fields, other: Fields) -> Fields | None:
    """A branch less another one; None if nothing is left."""
    if _is_member(other):
        other = {**other, SELF: MEMBER}
    if not one:
        return None if SELF in other else one
    return minus(one, other) or None


def common(one: Fields, other: Fields) -> Fields:
    """What is in both."""
    found: Fields = {}
    for key, below in one.items():
        if key not in other:
            continue
        both = common(below, other[key])
        if _is_member(below) and _is_member(other[key]):
            found[key] = {SELF: MEMBER, **both} if both else MEMBER
        elif both:
            found[key] = both
    return found


def _is_member(below: Fields) -> bool:
    return not below or SELF in below


def members(fields: Fields, path: str = "") -> Iterator[str]:
    """The members as paths, e.g. ``.spec.containers[name="c"].image``."""
    for key, below in fields.items():
        if key == SELF:
            continue
        here = path + _shown(key)
        if _is_member(below):
            yield here
        yield from members(below, here)


def _shown(key: str) -> str:
    if key[0] == "f":
        return f".{key[2:]}"
    if key[0] == "v":
        return f"[={key[2:]}]"
    keys = json.loads(key[2:])
    return "[" + ",".join(f"{name}={_compact(keys[name])}" for name in sorted(keys)) + "]"


def shared(fields: Fields) -> Fields:
    """The same set in the order of a real server, one dict for all that are equal: objects resemble each other."""
    return _parsed(orjson.dumps(fields, option=orjson.OPT_SORT_KEYS))


@lru_cache(maxsize=4096)
def _parsed(encoded: bytes) -> Fields:
    parsed: Fields = orjson.loads(encoded)
    return parsed
