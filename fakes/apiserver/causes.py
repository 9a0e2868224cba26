"""The causes of a 422, worded as apimachinery words them. Pure."""

from collections.abc import Iterable
from typing import Any

import orjson

from fakes.apiserver.errors import cause

Cause = dict[str, str]
Causes = list[Cause]


def json(value: Any) -> str:
    """A value as messages quote it."""
    return orjson.dumps(value).decode()


def required(path: str, why: str = "") -> Cause:
    """A field that must be there is not."""
    return cause("Required", f"Required value: {why}" if why else "Required value", path)


def invalid(path: str, value: Any, why: str) -> Cause:
    """A value that is wrong."""
    return cause("Invalid", f"Invalid value: {json(value)}: {why}", path)


def negative(path: str, value: Any) -> Cause:
    """A number below zero."""
    return invalid(path, value, "must be greater than or equal to 0")


def immutable(path: str, value: Any) -> Cause:
    """A change of what is set for good."""
    return invalid(path, value, "field is immutable")


def forbidden(path: str, why: str) -> Cause:
    """A field or a change that is not allowed."""
    return cause("Forbidden", f"Forbidden: {why}", path)


def duplicate(path: str, value: Any, why: str = "") -> Cause:
    """A value that is there twice."""
    return cause("Duplicate", f"Duplicate value: {json(value)}{f': {why}' if why else ''}", path)


def unsupported(path: str, value: Any, supported: Iterable[str]) -> Cause:
    """A value that is not one of a few."""
    listed = ", ".join(json(each) for each in supported)
    return cause("NotSupported", f"Unsupported value: {json(value)}: supported values: {listed}", path)


def absent(path: str, value: Any) -> Cause:
    """A reference to what is not there."""
    return cause("NotFound", f"Not found: {json(value)}", path)


def too_long(path: str, most: int) -> Cause:
    """Text or data over its limit."""
    return cause("TooLong", f"Too long: may not be more than {most} bytes", path)


def port_number(value: Any, path: str) -> Causes:
    """What is wrong with a port that must be given."""
    if value is None:
        return [required(path)]
    if not 1 <= value <= 65535:
        return [invalid(path, value, "must be between 1 and 65535, inclusive")]
    return []
