"""What a null in an object stands for, as Go's decoder reads it. Pure."""

from typing import Any

from fakes.apiserver.objects import has_nulls
from fakes.apiserver.schema import ANY, Form, Schema


def settled(value: Any, schema: Schema | None) -> Any:
    """The same JSON value without nulls: one stands for an absent field, in a map of strings for an empty one.

    It is the very same value if there are none.
    """
    return _settled(value, schema or ANY) if has_nulls(value) else value


def _settled(value: Any, schema: Schema) -> Any:
    if isinstance(value, list):
        return [_settled(each, schema.items) for each in value]
    if not isinstance(value, dict):
        return value
    if schema.form is Form.MAP and schema.items.form is Form.SCALAR and schema.items.type == "string":
        return {key: "" if each is None else each for key, each in value.items()}
    return {key: _settled(each, schema.child(key)) for key, each in value.items() if each is not None}
