"""Server-side apply: what a client applies is merged into the object, and what it has given up is taken out. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fakes.apiserver import fieldsets
from fakes.apiserver.errors import StatusError
from fakes.apiserver.fieldsets import Fields, element_key, is_granular
from fakes.apiserver.schema import Form, Schema


def merged(live: Any, config: Any, schema: Schema) -> Any:
    """The live value with the applied one in it; what the applied one does not name stays."""
    if not is_granular(config, schema) or not is_granular(live, schema):
        return config
    if isinstance(config, dict):
        result = dict(live)
        for key, value in config.items():
            child = schema.child(key)
            result[key] = merged(live[key], value, child) if key in live else value
        return live if result == live else result
    elements = {element_key(each, schema): each for each in live}
    before = list(elements)
    wanted: dict[str, None] = {}
    for each in config:
        key = element_key(each, schema)
        wanted[key] = None
        elements[key] = merged(elements[key], each, schema.items) if key in elements else each
    result_list = [elements[key] for key in _in_order(before, wanted)]
    return live if result_list == live else result_list


def _in_order(before: Sequence[str], wanted: Iterable[str]) -> list[str]:
    """Both lists in one: the wanted ones in their order, what was there alone where it was, new ones last."""
    result: list[str] = []
    due = list(wanted)
    position = {key: at for at, key in enumerate(due)}
    done = 0
    for key in before:
        if key not in position:
            result.append(key)
        elif position[key] >= done:
            result += due[done : position[key] + 1]
            done = position[key] + 1
    return result + due[done:]


def pruned(value: Any, given_up: Fields, owned: Fields, schema: Schema) -> Any:
    """The value less the fields that one manager has given up and nobody owns.

    Args:
        value: the merged object.
        given_up: the fields that the manager owned until now.
        owned: the fields that anybody owns now.
        schema: the type of the value.
    """
    if isinstance(value, dict):
        result = {}
        for name, each in value.items():
            key = f"f:{name}"
            if key not in given_up:
                result[name] = each
            elif key in owned:
                result[name] = pruned(each, given_up[key], owned[key], schema.child(name))
        return result if len(result) != len(value) or any(result[name] is not value[name] for name in value) else value
    if isinstance(value, list) and schema.form is Form.LIST and schema.list_type != "atomic":
        kept = []
        for each in value:
            key = element_key(each, schema)
            if key not in given_up:
                kept.append(each)
            elif key in owned:
                kept.append(pruned(each, given_up[key], owned[key], schema.items))
        return kept
    return value


def conflict(conflicts: Sequence[tuple[str, str]]) -> StatusError:
    """409 for fields that others own, in the words of a real server.

    Args:
        conflicts: who owns, and which field.
    """
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {owner}", "field": path}
        for owner, path in conflicts
    ]
    if len(conflicts) == 1:
        message = f"Apply failed with 1 conflict: conflict with {conflicts[0][0]}: {conflicts[0][1]}"
    else:
        lines = []
        for owner in sorted({owner for owner, _ in conflicts}):
            lines.append(f"conflicts with {owner}:")
            lines += [f"- {path}" for who, path in conflicts if who == owner]
        message = f"Apply failed with {len(conflicts)} conflicts: " + "\n".join(lines)
    return StatusError(409, "Conflict", message, {"causes": causes})


def conflicts_of(changed: Fields, owners: Mapping[str, Fields]) -> list[tuple[str, str]]:
    """The changed fields that others own: by whom (as messages call them), and which."""
    return [
        (owner, path) for owner, owned in owners.items() for path in fieldsets.members(fieldsets.common(owned, changed))
    ]
