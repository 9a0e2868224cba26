"""Whether each value of an object is of its type's JSON kind, told as Go's decoder tells it. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from fakes.apiserver import formats, gojson
from fakes.apiserver.schema import Form, Schema, of_kind

_GO = {"string": "string", "boolean": "bool", "integer": "int32", "number": "float64"}


def mistyped(obj: Any, schema: Schema, kind: str) -> str:
    """What is wrong with the first value of the wrong kind; empty if there is none.

    Directives of a strategic merge patch (``$patch`` and the like) are not looked at.
    """
    return _mistyped(obj, schema, kind, "")


def misread(obj: Mapping[str, Any], expected: str) -> str:
    """What is wrong with an object, by what it says that it is, as one of the expected kind; empty if nothing is."""
    kind, api_version = str(obj.get("kind") or ""), str(obj.get("apiVersion") or "")
    schema = of_kind(api_version, kind)
    if schema is None:
        return unregistered(kind, api_version)
    wrong = mistyped(obj, schema, kind)
    return wrong or (f"converting (v1.{kind}) to (v1.{expected}): unknown conversion" if kind != expected else "")


def unregistered(kind: str, api_version: str) -> str:
    """What is said of a kind that there is not."""
    return f'no kind "{kind}" is registered for version "{api_version}" in scheme "pkg/runtime/scheme.go:110"'


def unrestorable(value: Any, schema: Schema) -> str:
    """What is wrong with the first value of the wrong kind, as told of a strategic merge patch."""
    if value is None or schema.form is Form.ANY:
        return ""
    if not _fits(value, schema):
        kind = {dict: "map", list: "slice", str: "string", bool: "bool", int: "int64", float: "float64"}[type(value)]
        if schema.form is not Form.SCALAR:
            return f"cannot restore {_RESTORED[schema.form]} from: {kind}"
        into = schema.format if schema.format in ("int32", "int64") else _GO[schema.type]
        return f"unrecognized type: {into}" if isinstance(value, dict | list) else f"cannot convert {kind} to {into}"
    return next(filter(None, (unrestorable(*each[:2]) for each in _children(value, schema, "", ""))), "")


_RESTORED = {Form.STRUCT: "struct", Form.LIST: "slice", Form.MAP: "map"}


def _mistyped(value: Any, schema: Schema, struct: str, path: str) -> str:
    if value is None or schema.form is Form.ANY:
        return ""
    if not _fits(value, schema):
        at = f"struct field {struct}.{path}" if path else "value"
        number = f" {value}" if isinstance(value, float) else ""  # of a fraction it names the number too
        return f"json: cannot unmarshal {gojson.kind(value)}{number} into Go {at} of type {_in_go(schema)}"
    if schema.form is Form.SCALAR:
        check = formats.CHECKS.get(schema.name) or formats.CHECKS.get(schema.format)
        return check(value) if check is not None else ""
    return next(filter(None, (_mistyped(*each) for each in _children(value, schema, struct, path))), "")


def _children(value: Any, schema: Schema, struct: str, path: str) -> Iterator[tuple[Any, Schema, str, str]]:
    """What is in a value, each with its type, the struct that it is a field of, and its path."""
    if schema.form is Form.STRUCT:
        fields, inner, inside = schema.fields, schema.name.rpartition(".")[2] or struct, f"{path}." if path else ""
        for key, each in value.items():
            if key in fields:
                yield each, fields[key], inner, inside + key
    elif schema.form is not Form.SCALAR:
        for each in value.values() if schema.form is Form.MAP else value:
            yield each, schema.items, struct, path


_SCALARS = {"string": str, "boolean": bool, "integer": int, "number": int | float}


def _fits(value: Any, schema: Schema) -> bool:
    if schema.form is Form.LIST:
        return isinstance(value, list)
    if schema.form is not Form.SCALAR:
        return isinstance(value, dict)
    if isinstance(value, bool):  # to Python it is an integer, too
        return schema.type == "boolean" and not schema.either
    return isinstance(value, int | float | str) if schema.either else isinstance(value, _SCALARS[schema.type])


def _in_go(schema: Schema) -> str:
    if schema.form is Form.LIST:
        return f"[]{_in_go(schema.items)}"
    if schema.form is Form.MAP:
        return f"map[string]{_in_go(schema.items)}"
    if schema.form is Form.STRUCT:
        return ".".join(schema.name.split(".")[-2:])
    return schema.format if schema.format in ("int32", "int64") else _GO[schema.type]
