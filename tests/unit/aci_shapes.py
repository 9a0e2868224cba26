"""Azure's published shapes, as the models of its own library have them: the members of an answer and their types."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from azure.mgmt.containerinstance import models

NOT_PUBLISHED = {
    "properties.provisioningTimeoutInSeconds": "int",
    "properties.isCustomProvisioningTimeout": "bool",
}
"""Members of a container group that the real service sends (recordings of it show them) and its specification lacks."""
WRITE_ONLY = ("workspaceKey",)
"""Members that are required in requests, and never answered."""

_PLAIN: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "object": (object,),
}


def strictly(kind: str, value: Any, path: str = "$") -> None:
    """Fail if a value is not what the library calls ``kind``: a wrong type, an unknown member, one that lacks."""
    if kind.startswith("["):
        assert isinstance(value, list), f"{path}: {value!r} is no array"
        for number, each in enumerate(value):
            strictly(kind[1:-1], each, f"{path}[{number}]")
    elif kind.startswith("{"):
        assert isinstance(value, dict), f"{path}: {value!r} is no object"
        for name, each in value.items():
            strictly(kind[1:-1], each, f"{path}.{name}")
    elif kind == "iso-8601":
        assert isinstance(value, str), f"{path}: {value!r} is no time"
        assert datetime.fromisoformat(value).tzinfo is not None, f"{path}: {value!r} has no time zone"
    elif kind in _PLAIN:
        fits = isinstance(value, _PLAIN[kind]) and (kind in ("bool", "object") or not isinstance(value, bool))
        assert fits, f"{path}: {value!r} is no {kind}"
    else:
        _model(kind, value, path)


def _model(kind: str, value: Any, path: str) -> None:
    assert isinstance(value, dict), f"{path}: {value!r} is no {kind}"
    model: Any = getattr(models, kind)
    members = {each["key"]: each["type"] for each in model._attribute_map.values()}
    if kind == "ContainerGroup":
        members |= NOT_PUBLISHED
    given = _flat(value, members)
    for name, each in given.items():
        assert name in members, f"{path}.{name}: {kind} has no such member"
        strictly(members[name], each, f"{path}.{name}")
    for attribute, rule in model._validation.items():
        name = model._attribute_map[attribute]["key"]
        needed = rule.get("required") and name not in WRITE_ONLY
        assert not needed or name in given, f"{path}.{name}: {kind} must have it"


def _flat(value: Mapping[str, Any], members: Mapping[str, str]) -> dict[str, Any]:
    """Members with dotted names, where the library has such: ``properties.image``."""
    nested = {each.split(".")[0] for each in members if "." in each}
    flat: dict[str, Any] = {}
    for name, each in value.items():
        if name in nested:
            flat |= {f"{name}.{inner}": deep for inner, deep in each.items()}
        else:
            flat[name] = each
    return flat
