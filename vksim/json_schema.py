"""The scenario language as a JSON schema, for editors: completion, explanations, mistakes underlined as one types."""

from typing import Any

from msgspec import inspect

from providers.distributions import FORMS, RandomTime
from vksim import fields
from vksim.demand import Pods
from vksim.scenario import Scenario
from vksim.schema import Duration, Quantity, Struct

DIALECT = "https://json-schema.org/draft/2020-12/schema"
PARAMETER = {"type": "string", "pattern": r"\$\{[^{}]+\}"}
"""What may stand for anything: ``${name}``."""

_TIME = {"type": ["string", "number"], "examples": ["500ms", "90s", "1m30s", 90]}
_RANGE = {"type": "array", "items": _TIME, "minItems": 2, "maxItems": 2}

VALUES: dict[type, dict[str, Any]] = {
    Duration: {**_TIME, "description": "A duration, 90s or 1m30s, or a number of seconds."},
    RandomTime: {
        "anyOf": [_TIME, _RANGE],
        "description": f"A duration, a range [2s, 10s], or a distribution: {FORMS}.",
    },
    Quantity: {"type": ["string", "number"], "examples": ["500m", "16Gi", 4]},
}
"""The values that JSON schema has no name for."""


def document() -> dict[str, Any]:
    """The schema."""
    parts: dict[str, dict[str, Any]] = {}
    root = _schema(inspect.type_info(Scenario), parts)
    return {
        "$schema": DIALECT,
        "$id": "vksim/v1",
        "title": "A vksim scenario",
        **root,
        "$defs": dict(sorted(parts.items())),
    }


def _schema(told: inspect.Type, parts: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The schema of a type; those of the structures in it go to ``parts``."""
    match told:
        case inspect.Metadata():
            return _schema(told.type, parts)
        case inspect.StructType():
            if told.cls.__name__ not in parts:
                parts[told.cls.__name__] = {}  # it may be in itself
                parts[told.cls.__name__] = _structure(told, parts)
            return {"$ref": f"#/$defs/{told.cls.__name__}"}
        case inspect.UnionType():
            options = [_schema(each, parts) for each in told.types if not isinstance(each, inspect.NoneType)]
            return options[0] if len(options) == 1 else {"anyOf": options}
        case inspect.ListType():
            return _or_parameter({"type": "array", "items": _schema(told.item_type, parts)})
        case inspect.DictType():
            return {"type": "object", "additionalProperties": _schema(told.value_type, parts)}
        case inspect.CustomType():
            return VALUES[told.cls]
    return _single(told)


def _single(told: inspect.Type) -> dict[str, Any]:
    match told:
        case inspect.LiteralType(values=(value,)):
            return {"const": value}
        case inspect.LiteralType():
            return _or_parameter({"enum": list(told.values)})
        case inspect.IntType() | inspect.FloatType():
            limits = {"minimum": told.ge, "maximum": told.le, "exclusiveMinimum": told.gt}
            name = "integer" if isinstance(told, inspect.IntType) else "number"
            return _or_parameter({"type": name, **{key: each for key, each in limits.items() if each is not None}})
        case inspect.BoolType():
            return _or_parameter({"type": "boolean"})
        case inspect.StrType():
            return {"type": "string"}
        case inspect.DateTimeType():
            return {"type": "string", "format": "date-time"}
    return {}


def _structure(told: inspect.StructType, parts: dict[str, dict[str, Any]]) -> dict[str, Any]:
    structure = told.cls
    assert issubclass(structure, Struct)  # noqa: S101  (the language is made of nothing else)
    meanings = {each.name: each.meaning.replace("`", "") for each in fields.of(structure)}
    properties = {}
    if told.tag_field:
        properties[told.tag_field] = {"const": told.tag}
    for each in told.fields:
        schema = _schema(each.type, parts)
        properties[each.encode_name] = {**schema, "description": meanings[each.encode_name]}
    needed = [each.encode_name for each in told.fields if each.required]
    if told.tag_field and told.cls is not Pods:  # a workload without a kind is bare pods
        needed.insert(0, told.tag_field)
    return {
        "description": fields.summary(structure),
        "type": "object",
        "properties": properties,
        "required": needed,
        "additionalProperties": False,
    }


def _or_parameter(schema: dict[str, Any]) -> dict[str, Any]:
    """What is no text may still be a parameter."""
    return {"anyOf": [schema, PARAMETER]}
