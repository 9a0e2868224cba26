"""The mock provider's configuration, parsed into one frozen object.

Two forms are understood. Virtual Kubelet's: an object from node names to ``{cpu, memory, pods, others, providerID}``
(``*`` stands for any node). And this project's: ``capacity``, ``script`` (see ``providers.mock.script``) and ``state``,
a folder that lets the mock cloud outlive the process.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from providers.errors import InvalidConfig
from providers.mock import script
from providers.mock.script import Script
from providers.types import ResourceList

DEFAULT_CAPACITY: ResourceList = {"cpu": "20", "memory": "100Gi", "pods": "20"}
"""Virtual Kubelet's defaults, key by key."""

OUR_CAPACITY: ResourceList = {"cpu": "1000", "memory": "4Ti", "pods": "1000"}
"""Without a configuration: room to play."""

_QUANTITY = re.compile(r"[0-9]+(\.[0-9]+)?([KMGTPE]i|[numkMGTPE]|[eE][0-9]+)?")
_OUR_KEYS = ("capacity", "script", "state")
_UPSTREAM_KEYS = ("cpu", "memory", "pods", "others", "providerID")


@dataclass(frozen=True, slots=True)
class MockConfig:
    """What the operator decides about the mock.

    Attributes:
        capacity: what the node offers.
        script: what pods do unless their annotations say otherwise.
        state: where the cloud keeps its pods; None for memory.
        provider_id: the node's ``spec.providerID``; empty for none.
    """

    capacity: ResourceList
    script: Script
    state: Path | None = None
    provider_id: str = ""


def parse(config: Mapping[str, Any], *, node_name: str, source: str) -> MockConfig:
    """The configuration for a node.

    Raises:
        InvalidConfig: naming the source, the field and the remedy.
    """
    if not config:
        return MockConfig(OUR_CAPACITY, Script())
    if any(key in _OUR_KEYS for key in config):
        return _ours(config, source)
    return _upstream(config, node_name, source)


def _ours(config: Mapping[str, Any], source: str) -> MockConfig:
    for key in config:
        if key not in _OUR_KEYS:
            raise InvalidConfig(f"{source}: {key}: unknown field; there are: {', '.join(_OUR_KEYS)}")
    sections = {key: _mapping(config.get(key) or {}, f"{source}: {key}") for key in ("capacity", "script")}
    capacity = {name: _quantity(value, f"{source}: capacity.{name}") for name, value in sections["capacity"].items()}
    state = config.get("state")
    if state is not None and not isinstance(state, str):
        raise InvalidConfig(f"{source}: state: {state!r} is not a folder; write its path")
    return MockConfig(
        {**OUR_CAPACITY, **capacity}, script.from_config(sections["script"], source), Path(state) if state else None
    )


def _upstream(config: Mapping[str, Any], node_name: str, source: str) -> MockConfig:
    chosen = node_name if node_name in config else "*"
    if chosen not in config:
        known = ", ".join(sorted(config))
        raise InvalidConfig(
            f"{source}: no entry for node {node_name!r} (there are: {known}); add one, or one named '*'"
        )
    entry = _mapping(config[chosen], f"{source}: {chosen}")
    for key in entry:
        if key not in _UPSTREAM_KEYS:
            raise InvalidConfig(f"{source}: {chosen}.{key}: unknown field; there are: {', '.join(_UPSTREAM_KEYS)}")
    others = _mapping(entry.get("others") or {}, f"{source}: {chosen}.others")
    named = {name: entry.get(name) or default for name, default in DEFAULT_CAPACITY.items()}
    capacity = {name: _quantity(value, f"{source}: {chosen}.{name}") for name, value in {**named, **others}.items()}
    return MockConfig(capacity, Script(), provider_id=str(entry.get("providerID") or ""))


def _mapping(value: object, where: str) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    raise InvalidConfig(f"{where}: {value!r} is not a mapping of names to values")


def _quantity(value: object, where: str) -> str:
    text = str(value)
    if isinstance(value, str | int | float) and not isinstance(value, bool) and _QUANTITY.fullmatch(text):
        return text
    raise InvalidConfig(f"{where}: {value!r} is not a quantity; write e.g. 4, 500m or 16Gi")
