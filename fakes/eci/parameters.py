"""The API's parameters: flat on the wire (``Container.1.Port.2.Protocol``), nested where they are used."""

from collections.abc import Mapping
from typing import Any

from fakes.eci import errors

Parameters = dict[str, Any]


def nested(flat: Mapping[str, str]) -> Parameters:
    """The parameters as objects and lists; values stay text.

    Raises:
        EciError: a name is both an object and a value, or a list has a hole.
    """
    tree: Parameters = {}
    for name, value in flat.items():
        at = tree
        *path, last = name.split(".")
        for part in path:
            at = at.setdefault(part, {})
            if not isinstance(at, dict):
                raise errors.invalid(name, "it is a value elsewhere")
        at[last] = value
    return {name: _listed(value) for name, value in tree.items()}


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if all(key.isdigit() for key in value):
        return [_listed(value[key]) for key in sorted(value, key=int)]
    return {key: _listed(each) for key, each in value.items()}


def text(parameters: Mapping[str, Any], name: str) -> str:
    """A parameter that must be there."""
    value = parameters.get(name)
    if not value:
        raise errors.missing(name)
    return str(value)


def number(parameters: Mapping[str, Any], name: str, default: int, *, most: int | None = None) -> int:
    """A whole number, 0 or more."""
    value = parameters.get(name)
    if value in (None, ""):
        return default
    if not str(value).isdigit():
        raise errors.invalid(name, f"{value!r} is no number")
    if most is not None and int(str(value)) > most:
        raise errors.invalid(name, f"{value} is more than {most}")
    return int(str(value))


def amount(parameters: Mapping[str, Any], name: str) -> float | None:
    """A number above 0; None where it is not given."""
    value = parameters.get(name)
    if value in (None, ""):
        return None
    try:
        parsed = float(str(value))
    except ValueError:
        raise errors.invalid(name, f"{value!r} is no number") from None
    if not 0 < parsed < 1e6:
        raise errors.invalid(name, f"{value} is out of range")
    return parsed


def switch(parameters: Mapping[str, Any], name: str, *, default: bool = False) -> bool:
    """True or False, in any spelling: Alibaba's Python SDK sends ``True``."""
    value = parameters.get(name)
    if value in (None, ""):
        return default
    if str(value).lower() not in ("true", "false"):
        raise errors.invalid(name, f"{value!r} is neither true nor false")
    return str(value).lower() == "true"


def objects(parameters: Mapping[str, Any], name: str, *, most: int) -> list[dict[str, Any]]:
    """A list of objects."""
    value = parameters.get(name) or []
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise errors.invalid(name, "it is no list of objects")
    if len(value) > most:
        raise errors.exceeded(name, most)
    return value


def texts(parameters: Mapping[str, Any], name: str) -> list[str]:
    """A list of values."""
    value = parameters.get(name) or []
    if not isinstance(value, list):
        raise errors.invalid(name, "it is no list")
    return [str(each) for each in value]
