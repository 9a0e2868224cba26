"""The configuration file: the flags' names as fields, for all nodes or for each of several.

::

    provider: mock                  # for every node that does not say otherwise
    log-format: json                # of the process
    nodes:
      - nodename: virtual-a
        label: {zone: a}
      - nodename: virtual-b
        provider: aci
        provider-config: {region: westeurope}

Paths are relative to the file. An error names the file and the field.
"""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from runner.options import FILE, NODE_OPTIONS, PROCESS_OPTIONS
from runner.settings import WrongUsage

Values = Mapping[str, Any]
"""Values by the names that click gives its parameters, of the types that the settings are made from."""

_NODE_FIELDS = {option.opts[0][2:]: option for option in NODE_OPTIONS}
_FIELDS = {**_NODE_FIELDS, **{option.opts[0][2:]: option for option in PROCESS_OPTIONS}}
_NODES = "nodes"


def read(path: Path, ctx: click.Context) -> tuple[Values, list[Values]]:
    """What the file says of the process and of all nodes, and what of each node that it lists.

    Raises:
        WrongUsage: see there.
    """
    from runner.documents import BadDocument, read_mapping  # noqa: PLC0415  (yaml is not needed for --help)

    try:
        document = read_mapping(path)
    except BadDocument as error:
        raise WrongUsage(f"--config: {error}") from error
    listed = document.pop(_NODES, [])
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise WrongUsage(f"{path}: nodes: must be a list of nodes, each with fields such as nodename")
    general = _read(document, _FIELDS, path, "", ctx)
    nodes = [_read(each, _NODE_FIELDS, path, f"nodes[{number}].", ctx) for number, each in enumerate(listed)]
    return general, nodes


def _read(
    fields: Mapping[str, Any], known: Mapping[str, click.Option], path: Path, place: str, ctx: click.Context
) -> Values:
    values: dict[str, Any] = {}
    for field, value in fields.items():
        option = known.get(field)
        if option is None:
            raise WrongUsage(f"{path}: {place}{field}: {_unknown(str(field), known)}")
        try:
            values[str(option.name)] = _value(option, value, path.resolve().parent, ctx)
            if option.name == "provider_config" and isinstance(value, dict):
                values["provider_config_source"] = f"{path}: {place}{field}"
        except click.BadParameter as error:
            raise WrongUsage(f"{path}: {place}{field}: {error.message.rstrip('.')}") from error
    return values


def _value(option: click.Option, value: Any, folder: Path, ctx: click.Context) -> Any:
    """The field's value, read as the flag's is. Raises click.BadParameter."""
    if option.name == "provider_config" and isinstance(value, dict):
        return value
    if option.multiple:
        if isinstance(value, dict):
            value = [f"{key}={each}" for key, each in value.items()]
        if not isinstance(value, list) or not all(_is_plain(each) for each in value):
            raise click.BadParameter("must be a list, or fields with names (key: value)")
        return option.type_cast_value(ctx, [str(each) for each in value])
    if not _is_plain(value) or (isinstance(value, bool) and option.type is not click.BOOL):
        raise click.BadParameter(f"{value!r} is no {option.type.name}" if value is not None else "is empty")
    converted = option.type_cast_value(ctx, value if isinstance(value, bool) else str(value))
    return folder / converted if option.type is FILE else converted


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float)


def _unknown(field: str, known: Mapping[str, click.Option]) -> str:
    if field in _FIELDS:
        return "is said once for all nodes, beside 'nodes'"
    close = difflib.get_close_matches(field, known, n=1)
    return f"no such field{f'; did you mean {close[0]!r}?' if close else ''}"
