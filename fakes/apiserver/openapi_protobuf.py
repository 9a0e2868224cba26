"""The OpenAPI document of version 2 in protobuf, as kubectl wants it to validate lists and what is applied. Pure.

The messages are those of gnostic's ``openapi.v2``; of each only the fields that the document has are in the tables.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import orjson

from fakes.apiserver.varints import field, varint

ACCEPTED = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
"""What kubectl asks for."""
CONTENT_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
"""What it is called in the answer."""

Encode = Callable[[Any], bytes]
"""Makes of a JSON value the content of a field."""


def encode(document: Mapping[str, Any]) -> bytes:
    """The document as a message ``Document``."""
    return _message(_DOCUMENT, document)


def _message(fields: Mapping[str, tuple[int, Encode]], value: Mapping[str, Any]) -> bytes:
    """A message from the table of its fields; extensions (``x-...``) have a field of their own, the key ``x-``."""
    parts = []
    for key, each in value.items():
        number, encoded = fields.get("x-" if key.startswith("x-") else key, (0, _text))
        if not number:
            continue
        if key.startswith("x-"):
            parts.append(field(number, _named(key, _yaml(each))))
        elif encoded is _flag:
            parts.append(varint(number << 3) + encoded(each))
        elif isinstance(each, list) and encoded not in (_type, _whole):
            parts += [field(number, encoded(element)) for element in each]
        else:
            parts.append(field(number, encoded(each)))
    return b"".join(parts)


def _flag(value: bool) -> bytes:
    return varint(value)


def _whole(value: Any) -> bytes:
    """A value that may be a list without being several."""
    return _yaml(value)


def _text(value: str) -> bytes:
    return value.encode()


def _yaml(value: Any) -> bytes:
    """An ``Any``: YAML, which JSON is."""
    return field(2, orjson.dumps(value))


def _named(name: str, value: bytes) -> bytes:
    return field(1, name.encode()) + field(2, value)


def _map(number: int, encoded: Encode, value: Mapping[str, Any]) -> bytes:
    """A message with a name and a value for each entry."""
    return b"".join(field(number, _named(name, encoded(each))) for name, each in value.items())


def _schema(value: Mapping[str, Any]) -> bytes:
    return _message(_SCHEMA, value)


def _type(value: str | list[str]) -> bytes:
    return b"".join(field(1, _text(each)) for each in ([value] if isinstance(value, str) else value))


def _of_schema(value: Mapping[str, Any] | bool) -> bytes:
    """One of a schema and a yes or no."""
    return varint(2 << 3) + varint(value) if isinstance(value, bool) else field(1, _schema(value))


def _operation(value: Mapping[str, Any]) -> bytes:
    return _message(_OPERATION, value)


def _parameter(value: Mapping[str, Any]) -> bytes:
    """A parameter in the body, or of a URL: each a choice within a choice."""
    if value["in"] == "body":
        return field(1, field(1, _message(_BODY, value)))
    number, fields = (3, _IN_QUERY) if value["in"] == "query" else (4, _IN_PATH)
    return field(1, field(2, field(number, _message(fields, value))))


def _response(value: Mapping[str, Any]) -> bytes:
    return field(1, _message({"description": (1, _text), "schema": (2, _of_schema)}, value))


_SCHEMA: dict[str, tuple[int, Encode]] = {
    "$ref": (1, _text),
    "format": (2, _text),
    "description": (4, _text),
    "default": (5, _whole),
    "required": (19, _text),
    "enum": (20, _yaml),
    "additionalProperties": (21, _of_schema),
    "type": (22, _type),
    "items": (23, _of_schema),
    "properties": (25, partial(_map, 1, _schema)),
    "x-": (31, _yaml),
}
_BODY: dict[str, tuple[int, Encode]] = {
    "name": (2, _text),
    "in": (3, _text),
    "required": (4, _flag),
    "schema": (5, _schema),
}
_IN_QUERY: dict[str, tuple[int, Encode]] = {
    "required": (1, _flag),
    "in": (2, _text),
    "description": (3, _text),
    "name": (4, _text),
    "type": (6, _text),
}
_IN_PATH: dict[str, tuple[int, Encode]] = {**_IN_QUERY, "type": (5, _text)}
_OPERATION: dict[str, tuple[int, Encode]] = {
    "description": (3, _text),
    "operationId": (5, _text),
    "produces": (6, _text),
    "consumes": (7, _text),
    "parameters": (8, _parameter),
    "responses": (9, partial(_map, 1, _response)),
    "x-": (13, _yaml),
}
_METHODS = {"get": 2, "put": 3, "post": 4, "delete": 5, "patch": 7}
_PATH: dict[str, tuple[int, Encode]] = {method: (number, _operation) for method, number in _METHODS.items()}
_DOCUMENT: dict[str, tuple[int, Encode]] = {
    "swagger": (1, _text),
    "info": (2, partial(_message, {"title": (1, _text), "version": (2, _text)})),
    "paths": (8, partial(_map, 2, partial(_message, _PATH))),
    "definitions": (9, partial(_map, 1, _schema)),
}
