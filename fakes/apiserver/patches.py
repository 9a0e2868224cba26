"""Patch formats: JSON patch (RFC 6902) and JSON merge patch (RFC 7386) here, strategic merge in ``strategic``. Pure.

Each returns a new object that shares what did not change; the very same object if nothing did.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from fakes.apiserver import strategic
from fakes.apiserver.errors import bad_request, unprocessable, unsupported_media_type
from fakes.apiserver.fieldcheck import known, unreadable_patch
from fakes.apiserver.objects import Object
from fakes.apiserver.schema import Schema
from fakes.apiserver.typecheck import misread, mistyped

JSON = "application/json-patch+json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"

MAX_OPERATIONS = 10_000


def apply(target: Object, patch: Any, patch_type: str, schema: Schema | None) -> Object:
    """Apply a patch of that content type; raises ``StatusError`` if it is none or does not fit.

    Without a schema, as for a custom resource, there is no strategic merge.
    """
    if patch_type == JSON:
        if not isinstance(patch, Sequence) or isinstance(patch, str):
            raise bad_request("a JSON patch must be a list of operations")
        if len(patch) > MAX_OPERATIONS:
            raise bad_request(f"a JSON patch may have at most {MAX_OPERATIONS} operations, not {len(patch)}")
        patched = json_patch(target, patch)
        if schema is None or patched is target or not isinstance(patched, dict):
            return _object(patched)
        return _object(known(_readable(patched, target, schema, whole=True), schema)[0])
    if patch_type not in (MERGE, STRATEGIC) or (patch_type == STRATEGIC and schema is None):
        raise unsupported_media_type((JSON, MERGE, STRATEGIC) if schema else (JSON, MERGE))
    if not isinstance(patch, Mapping):
        raise bad_request("a merge patch must be an object")
    if patch_type == STRATEGIC and schema is not None:
        return strategic.apply(target, patch, schema)
    patched = _object(merge(target, patch))
    return patched if schema is None else _readable(patched, target, schema)


def _readable(patched: Object, target: Object, schema: Schema, *, whole: bool = False) -> Object:
    """The patched object, if it is still of its kind and, where asked, of its type; raises 422."""
    wrong, kind = "", target.get("kind", "")
    if any(patched.get(field, "") not in ("", target.get(field)) for field in ("kind", "apiVersion")):
        wrong = misread(patched, kind)
    elif whole:
        wrong = mistyped(patched, schema, kind)
    if wrong:
        raise unreadable_patch(orjson.dumps(patched).decode(), wrong)
    return patched


def _object(patched: Any) -> Object:
    if not isinstance(patched, dict) or not isinstance(patched.get("metadata", {}), dict):
        raise unprocessable()
    return patched


def merge(target: Any, patch: Any) -> Any:
    """Apply a JSON merge patch."""
    if not isinstance(patch, dict):
        return patch
    if not isinstance(target, dict):
        target = {}
    result: Object | None = None
    for key, value in patch.items():
        if value is None:
            if key in target:
                result = dict(target) if result is None else result
                del result[key]
            continue
        old = target.get(key)
        new = merge(old, value) if isinstance(value, dict) else value
        if new is not old and (key not in target or new != old or not same(new, old)):
            result = dict(target) if result is None else result
            result[key] = new
    return target if result is None else result


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal: unlike in Python, ``true`` is not 1."""
    if one is other:
        return True
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


# --- JSON patch -----------------------------------------------------------------------------------------------------


def json_patch(target: Any, operations: Sequence[Mapping[str, Any]]) -> Any:
    """Apply the operations of a JSON patch in order; raises 422 if one of them does not fit, e.g. a failing test."""
    result = target
    for operation in operations:
        try:
            result = _OPERATIONS[operation["op"]](result, operation)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise unprocessable() from error
    return target if same(result, target) else result


def _add(document: Any, operation: Mapping[str, Any]) -> Any:
    value = operation.get("value")

    def add(parent: Any, key: str) -> Any:
        if isinstance(parent, list):
            at = len(parent) if key == "-" else _index(key, len(parent) + 1)
            return [*parent[:at], value, *parent[at:]]
        return {**parent, key: value}

    return _at(document, _pointer(operation["path"]), add, whole=value)


def _remove(document: Any, operation: Mapping[str, Any]) -> Any:
    def remove(parent: Any, key: str) -> Any:
        if isinstance(parent, list):
            at = _index(key, len(parent))
            return [*parent[:at], *parent[at + 1 :]]
        result = {**parent}
        del result[key]
        return result

    return _at(document, _pointer(operation["path"]), remove, whole=None)


def _replace(document: Any, operation: Mapping[str, Any]) -> Any:
    value = operation.get("value")

    def replace(parent: Any, key: str) -> Any:
        if isinstance(parent, list):
            at = _index(key, len(parent))
            return [*parent[:at], value, *parent[at + 1 :]]
        return {**parent, key: value}

    return _at(document, _pointer(operation["path"]), replace, whole=value)


def _move(document: Any, operation: Mapping[str, Any]) -> Any:
    if operation["path"].startswith(operation["from"] + "/"):
        raise ValueError("a value cannot move into itself")
    value = _value(document, operation["from"])
    return _add(_remove(document, {"path": operation["from"]}), {"path": operation["path"], "value": value})


def _copy(document: Any, operation: Mapping[str, Any]) -> Any:
    return _add(document, {"path": operation["path"], "value": _value(document, operation["from"])})


def _test(document: Any, operation: Mapping[str, Any]) -> Any:
    try:
        found = _value(document, operation["path"])
    except KeyError:
        found = None  # upstream's library takes an absent field for a null
    if not same(found, operation["value"]):
        raise ValueError("the test failed")
    return document


_OPERATIONS: Mapping[str, Callable[[Any, Mapping[str, Any]], Any]] = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "move": _move,
    "copy": _copy,
    "test": _test,
}


def _pointer(path: str) -> list[str]:
    """The parts of a JSON pointer (RFC 6901)."""
    if not path:
        return []
    if not path.startswith("/"):
        raise ValueError("a JSON pointer begins with a slash")
    return [part.replace("~1", "/").replace("~0", "~") for part in path[1:].split("/")]


def _at(document: Any, parts: Sequence[str], change: Callable[[Any, str], Any], *, whole: Any) -> Any:
    """The document with the container of the last part changed, and new containers on the way to it."""
    if not parts:
        return whole
    key, *rest = parts
    if not rest:
        return change(document, key)
    child = _at(_child(document, key), rest, change, whole=whole)
    if isinstance(document, list):
        at = _index(key, len(document))
        return [*document[:at], child, *document[at + 1 :]]
    return {**document, key: child}


def _value(document: Any, path: str) -> Any:
    for part in _pointer(path):
        document = _child(document, part)
    return document


def _child(parent: Any, key: str) -> Any:
    if isinstance(parent, list):
        return parent[_index(key, len(parent))]
    return parent[key]


def _index(key: str, length: int) -> int:
    if not (key.isascii() and key.isdigit()) or (len(key) > 1 and key[0] == "0") or int(key) >= length:
        raise IndexError(key)
    return int(key)
