"""Field validation: fields that a type does not have, and keys that come twice. Pure.

Like a real server, this drops from what is stored what it does not know, and tells the client as its
``fieldValidation`` wishes: not at all, in warnings, or by refusing the request.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from fakes.apiserver.errors import StatusError, bad_request, cause, invalid
from fakes.apiserver.schema import ANY, Form, Schema

MOST_PROBLEMS = 100
"""A real server names no more."""


class Doubled(dict[str, Any]):
    """An object of which some keys came more than once; like everywhere, the last value holds."""

    doubled: tuple[str, ...] = ()


def with_doubled_keys(content: bytes) -> Any:
    """A JSON text (known to be valid), its objects with doubled keys as ``Doubled``; None if there are none."""
    found: list[Doubled] = []

    def collect(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        plain = dict(pairs)
        if len(plain) == len(pairs):
            return plain
        counted = Counter(key for key, _ in pairs)
        doubled = Doubled(plain)
        doubled.doubled = tuple(key for key, times in counted.items() if times > 1)
        found.append(doubled)
        return doubled

    value = json.loads(content, object_pairs_hook=collect)
    return value if found else None


def known(value: Any, schema: Schema) -> tuple[Any, list[str]]:
    """The value less what its type does not have, and what was wrong; the very same value if nothing was.

    Directives of a strategic merge patch (``$patch`` and the like) pass.
    """
    problems: list[str] = []
    return _known(value, schema, "", problems), problems[:MOST_PROBLEMS]


def _known(value: Any, schema: Schema, path: str, problems: list[str]) -> Any:
    form = schema.form
    if isinstance(value, dict):
        if isinstance(value, Doubled):
            problems += [f'duplicate field "{_join(path, key)}"' for key in value.doubled]
        if form is Form.STRUCT:
            return _known_fields(value, schema, path, problems)
        if form is Form.MAP and (isinstance(value, Doubled) or schema.items.form not in (Form.SCALAR, Form.ANY)):
            return _same_or(
                value, {key: _known(each, schema.items, _join(path, key), problems) for key, each in value.items()}
            )
    elif form is Form.LIST and isinstance(value, list) and schema.items.form is not Form.SCALAR:
        new = [_known(each, schema.items, f"{path}[{at}]", problems) for at, each in enumerate(value)]
        return value if all(one is other for one, other in zip(new, value, strict=True)) else new
    return value


def _known_fields(value: dict[str, Any], schema: Schema, path: str, problems: list[str]) -> dict[str, Any]:
    fields, new = schema.fields, {}
    for key, each in value.items():
        field = fields.get(key)
        if field is not None:
            if isinstance(each, dict | list):
                each = _known(each, field, _join(path, key), problems)  # noqa: PLW2901  (less what is not known)
            new[key] = each
        elif key[:1] == "$":
            new[key] = each
        else:
            problems.append(f'unknown field "{_join(path, key)}"')
    return _same_or(value, new)


def _same_or(value: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    same = len(new) == len(value) and all(new[key] is each for key, each in value.items())
    return value if same else new


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def in_operations(operations: Sequence[Any], schema: Schema) -> list[str]:
    """What is wrong with what a JSON patch adds."""
    problems: list[str] = []
    for each in operations:
        if not isinstance(each, Mapping) or each.get("op") not in ("add", "replace"):
            continue
        at, path = schema, ""
        for part in str(each.get("path", "")).split("/")[1:]:
            if at.form is Form.LIST:
                at, path = at.items, f"{path}[{part}]"
                continue
            path = _join(path, part.replace("~1", "/").replace("~0", "~"))
            if at.form is Form.STRUCT and part not in at.fields:
                problems.append(f'unknown field "{path}"')
                at = ANY
            at = at.child(part)
        _known(each.get("value"), at, path, problems)
    return problems[:MOST_PROBLEMS]


def refused(kind: str, version: str, problems: Sequence[str]) -> StatusError:
    """400 for an object, in the words of a real server."""
    why = f"strict decoding error: {', '.join(problems)}"
    return bad_request(f'{kind} in version "{version}" cannot be handled as a {kind}: {why}')


def refused_patch(patch: Any, content: str, problems: Sequence[str]) -> StatusError:
    """422 for a patch, in the words of a real server: it shows a strategic one as Go prints maps, others as they came.

    Args:
        patch: the decoded patch if it is a strategic one, else None.
        content: the patch as it came.
        problems: what is wrong.
    """
    shown = json.dumps(content if patch is None else in_go(patch), ensure_ascii=False)
    why = f"Invalid value: {shown}: strict decoding error: {', '.join(problems)}"
    return invalid("", "", [cause("Invalid", why, "patch")])


def unreadable_patch(content: str, why: str) -> StatusError:
    """422 for a patch that brings a value of the wrong type."""
    shown = json.dumps(content, ensure_ascii=False)
    return invalid("", "", [cause("Invalid", f"Invalid value: {shown}: {why}", "patch")])


def undeclared(obj: Mapping[str, Any], group_version: str, problems: Sequence[str]) -> StatusError:
    """500 for what cannot be applied, in the words of a real server, which has no type for it."""
    given = obj.get("metadata")
    meta = given if isinstance(given, Mapping) else {}
    name = "/".join(each for each in (meta.get("namespace"), meta.get("name")) if each)
    group = group_version if "/" in group_version else f"/{group_version}"
    paths = [f".{problem.split(chr(34))[1]}: field not declared in schema" for problem in problems]
    why = paths[0] if len(paths) == 1 else "errors:\n" + "\n".join(f"  {path}" for path in paths)
    return StatusError(500, "", f"failed to create typed patch object ({name}; {group}, Kind={obj.get('kind')}): {why}")


def in_go(value: Any) -> str:
    """A JSON value as Go's ``%v`` prints it."""
    if isinstance(value, Mapping):
        return f"map[{' '.join(f'{key}:{in_go(value[key])}' for key in sorted(value))}]"
    if isinstance(value, list):
        return f"[{' '.join(map(in_go, value))}]"
    if value is None or isinstance(value, bool):
        return "<nil>" if value is None else str(value).lower()
    return str(value)
