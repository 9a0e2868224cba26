"""Strategic merge patch: a merge patch that knows which lists are maps in disguise. Pure.

The schema of the object's kind says which lists merge by a key (or as a set) instead of being replaced. Directives:
``$patch`` (replace, delete, merge), ``$retainKeys``, ``$setElementOrder/<list>``, ``$deleteFromPrimitiveList/<list>``.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from fakes.apiserver.errors import bad_request, internal
from fakes.apiserver.fieldcheck import in_go
from fakes.apiserver.objects import Object, Objects
from fakes.apiserver.schema import Schema


def apply(target: Object, patch: Mapping[str, Any], schema: Schema) -> Object:
    """The patched object, sharing what did not change; the very same if nothing did."""
    return _merge_map(target, patch, schema)


_RETAIN, _ORDER, _DELETE = "$retainKeys", "$setElementOrder/", "$deleteFromPrimitiveList/"
_FORMATS = {_RETAIN: "retainKeys", _ORDER: "setElementOrder list", _DELETE: "primitive list"}
"""The directives that are lists, as messages have them."""


def _merge_map(original: Object, patch: Mapping[str, Any], schema: Schema) -> Object:
    directive = patch.get("$patch")
    if directive in ("replace", "delete"):
        return {}  # upstream drops the keys beside the directive too
    if directive not in (None, "merge"):
        raise internal(f"unknown patch type: {directive} in map: {in_go(patch)}")
    result = _retained(original, patch) if _RETAIN in patch else original
    for key in _fields(patch):
        if key in patch and patch[key] is None:
            if key in result:
                result = {name: value for name, value in result.items() if name != key}
            continue
        old = result.get(key)
        value = _merged(old, key, patch, schema)
        if value is not old and (key not in result or value != old):
            result = dict(result) if result is original else result
            result[key] = value
    return result


def _retained(original: Object, patch: Mapping[str, Any]) -> Object:
    kept = _directive(patch, _RETAIN)
    if kept is None or all(key in kept for key in original):
        return original
    return {key: value for key, value in original.items() if key in kept}


def _merged(old: Any, key: str, patch: Mapping[str, Any], schema: Schema) -> Any:
    """What a field comes to be."""
    if key in schema.merged:
        order, deleted = _directive(patch, _ORDER + key), _directive(patch, _DELETE + key)
        return _merge_list(
            old if isinstance(old, list) else [], patch.get(key) or [], schema.child(key), order, deleted
        )
    if key not in patch:
        return old
    value = patch[key]
    if isinstance(value, dict) and not (rule := schema.child(key)).replaced:
        return _merge_map(old if isinstance(old, dict) else {}, value, rule)
    return value


def _fields(patch: Mapping[str, Any]) -> Iterable[str]:
    """The fields that a patch is about, those that it has only a directive for included."""
    for key in patch:
        if key[:1] == "$":
            bare = (key.removeprefix(_ORDER).removeprefix(_DELETE) for key in patch)
            return dict.fromkeys(key for key in bare if key not in ("$patch", _RETAIN))
    return patch


def _directive(patch: Mapping[str, Any], name: str) -> list[Any] | None:
    """The list of a directive; None if there is none; raises ``StatusError`` (400) if it is no list."""
    value = patch.get(name)
    if value is not None and not isinstance(value, list):
        format_ = next(words for prefix, words in _FORMATS.items() if name.startswith(prefix))
        raise bad_request(f"invalid patch format of {format_}")
    return value


def _merge_list(
    original: list[Any], patch: list[Any], rule: Schema, order: list[Any] | None, deleted: list[Any] | None
) -> list[Any]:
    if not isinstance(patch, list):
        raise bad_request(f"a list was expected in the patch, not {patch!r}")
    for each in (*patch, *(order or ())):
        _identity(each, rule)  # what has none is refused
    if rule.merge_key and order is None and not deleted:
        updated = _updated_in_place(original, patch, rule.merge_key, rule)
        if updated is not None:
            return updated
    if rule.merge_key:
        merged, sent = _merge_elements(original, patch, rule)
    else:
        merged = {value: value for value in [*original, *patch] if value not in (deleted or ())}
        sent = dict.fromkeys(patch)
    wanted = sent if order is None else dict.fromkeys([_identity(each, rule) for each in order] + list(sent))
    before = [_identity(each, rule) for each in original]
    names = interleave(
        [name for name in before if name in merged and name not in wanted],
        [name for name in wanted if name in merged],
        {name: at for at, name in enumerate(before)},
    )
    result = [merged[name] for name in names]
    return original if result == original else result


def _updated_in_place(original: Objects, patch: Objects, key: str, rule: Schema) -> Objects | None:
    """The list if the patch only changes elements that there are, in their order; None if it asks for more.

    That is what nearly all patches of a status do.
    """
    result: Objects | None = None
    at = 0
    for element in patch:
        if not hasattr(element, "get") or "$patch" in element:
            return None  # what is no object is refused elsewhere
        name = element.get(key)
        while at < len(original) and original[at].get(key) != name:
            at += 1
        if name is None or at == len(original):
            return None
        merged = _merge_map(original[at], element, rule.items)
        if merged is not original[at]:
            result = list(original) if result is None else result
            result[at] = merged
        at += 1
    return original if result is None else result


def _merge_elements(original: Objects, patch: Objects, rule: Schema) -> tuple[dict[Any, Object], dict[Any, None]]:
    """The elements by their keys, and the keys that the patch brings."""
    if any(each.get("$patch") == "replace" for each in patch):
        original, patch = [], [each for each in patch if each.get("$patch") != "replace"]
    merged = {_identity(each, rule): each for each in original}
    sent: dict[Any, None] = {}
    items = rule.items
    for element in patch:
        name = _identity(element, rule)
        if element.get("$patch") == "delete":
            merged.pop(name, None)
            continue
        merged[name] = _merge_map(merged.get(name, {}), element, items)
        sent[name] = None
    return merged, sent


def _identity(element: Any, rule: Schema) -> Any:
    """What tells an element from the others: the value of its key, or itself."""
    key, identity = rule.merge_key, element
    if key:
        if not isinstance(element, dict):
            raise bad_request(f"an object was expected in the patch, not {element!r}")
        if key not in element and element.get("$patch") != "replace":
            raise internal(f"map: {in_go(element)} does not contain declared merge key: {key}")
        identity = element.get(key)
    if isinstance(identity, dict | list):
        raise bad_request(f"a simple value was expected in the patch, not {identity!r}")
    return identity


def interleave(others: list[Any], wanted: list[Any], position: Mapping[Any, int]) -> list[Any]:
    """Both lists in one, each in its own order; one of the others precedes a wanted one only if it did before."""
    result = []
    rest = iter(others)
    other = next(rest, None)
    for name in wanted:
        while other is not None and name in position and position[other] < position[name]:
            result.append(other)
            other = next(rest, None)
        result.append(name)
    if other is not None:
        result += [other, *rest]
    return result
