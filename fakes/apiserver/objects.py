"""Objects as the server holds them: wire-form dicts, immutable by convention, and the few accessors that all need."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

Object = dict[str, Any]
"""A Kubernetes object in wire form. Nobody changes one in place: a change makes a new dict that shares the rest."""

Objects = list[Object]

Field = Callable[[Mapping[str, Any]], str]
"""Reads the text that a field selector compares, e.g. of ``spec.nodeName``."""


def namespace_of(obj: Mapping[str, Any]) -> str:
    """The namespace; "" for an object that has none."""
    namespace: str = obj["metadata"].get("namespace") or ""
    return namespace


def name_of(obj: Mapping[str, Any]) -> str:
    """The name."""
    name: str = obj["metadata"]["name"]
    return name


def key_of(obj: Mapping[str, Any]) -> tuple[str, str]:
    """What orders a list and names an object in it: namespace and name."""
    metadata = obj["metadata"]
    return metadata.get("namespace") or "", metadata["name"]


def at_version(obj: Mapping[str, Any], version: int) -> Object:
    """The same object under another resourceVersion."""
    return {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(version)}}


def without(mapping: Mapping[str, Any], *keys: str) -> Object:
    """The same mapping less some keys."""
    return {key: value for key, value in mapping.items() if key not in keys}


def has_nulls(value: Any) -> bool:
    """Whether there may be a null in a JSON value."""
    return isinstance(value, dict | list) and b"null" in orjson.dumps(value)
