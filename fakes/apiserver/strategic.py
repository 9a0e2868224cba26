"""Strategic merge patch: a merge patch that knows which lists are maps in disguise. Pure.

A schema says, for the fields of an object, which lists merge by a key (or as a set) instead of being replaced; the
tables below are the ``patchMergeKey`` tags of the API types. Directives: ``$patch`` (replace, delete, merge),
``$retainKeys``, ``$setElementOrder/<list>``, ``$deleteFromPrimitiveList/<list>``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fakes.apiserver.errors import bad_request, internal
from fakes.apiserver.objects import Object, Objects


@dataclass(frozen=True, slots=True)
class Merged:
    """A list that merges.

    Attributes:
        key: the field that tells elements apart; "" for a set of plain values.
        fields: the schema of the elements.
    """

    key: str
    fields: Mapping[str, Any]


Schema = Mapping[str, Any]
"""Field -> ``Merged``, or the ``Schema`` of a nested object. A field that is not named merges as in a merge patch."""


def _by(key: str, **fields: Any) -> Merged:
    return Merged(key, fields)


_SET = Merged("", {})
_METADATA = {"finalizers": _SET, "ownerReferences": _by("uid")}
_CONDITIONS = {"conditions": _by("type")}

_CONTAINER = {
    "env": _by("name"),
    "ports": _by("containerPort"),
    "volumeMounts": _by("mountPath"),
    "volumeDevices": _by("devicePath"),
}
_CONTAINER_STATUS = {"volumeMounts": _by("mountPath"), "allocatedResourcesStatus": _by("name")}

POD_SPEC: Schema = {
    "containers": _by("name", **_CONTAINER),
    "initContainers": _by("name", **_CONTAINER),
    "ephemeralContainers": _by("name", **_CONTAINER),
    "imagePullSecrets": _by("name"),
    "schedulingGates": _by("name"),
    "resourceClaims": _by("name"),
    "volumes": _by("name"),
    "hostAliases": _by("ip"),
    "topologySpreadConstraints": _by("topologyKey"),
}

OBJECT: Schema = {"metadata": _METADATA}
WITH_CONDITIONS: Schema = {**OBJECT, "status": _CONDITIONS}
POD: Schema = {
    **OBJECT,
    "spec": POD_SPEC,
    "status": {
        **_CONDITIONS,
        "podIPs": _by("ip"),
        "hostIPs": _by("ip"),
        "resourceClaimStatuses": _by("name"),
    },
}
NODE: Schema = {
    **OBJECT,
    "spec": {"podCIDRs": _SET},
    "status": {**_CONDITIONS, "addresses": _by("type")},
}
SERVICE: Schema = {**WITH_CONDITIONS, "spec": {"ports": _by("port")}}
SERVICE_ACCOUNT: Schema = {**OBJECT, "secrets": _by("name")}


def apply(target: Object, patch: Mapping[str, Any], schema: Schema) -> Object:
    """The patched object, sharing what did not change; the very same if nothing did."""
    return _merge_map(target, patch, schema)


_ORDER, _DELETE = "$setElementOrder/", "$deleteFromPrimitiveList/"


def _merge_map(original: Object, patch: Mapping[str, Any], schema: Schema) -> Object:
    directive = patch.get("$patch")
    if directive in ("replace", "delete"):
        return {}  # upstream drops the keys beside the directive too
    if directive not in (None, "merge"):
        raise bad_request(f"unknown patch type found in map: {directive}")
    result = dict(original)
    kept = patch.get("$retainKeys")
    if kept is not None:
        result = {key: value for key, value in result.items() if key in kept}
    for key in dict.fromkeys(_field(key) for key in patch if key not in ("$patch", "$retainKeys")):
        if key in patch and patch[key] is None:
            result.pop(key, None)
            continue
        old = result.get(key)
        rule = schema.get(key)
        if isinstance(rule, Merged):
            result[key] = _merge_list(
                old or [], patch.get(key) or [], rule, patch.get(_ORDER + key), patch.get(_DELETE + key) or ()
            )
        elif key in patch:
            value = patch[key]
            if isinstance(value, Mapping):
                value = _merge_map(old if isinstance(old, dict) else {}, value, rule or {})
            result[key] = value
    return original if result == original else result


def _field(key: str) -> str:
    """The field that a key of a patch is about."""
    return key.removeprefix(_ORDER).removeprefix(_DELETE)


def _merge_list(
    original: list[Any], patch: list[Any], rule: Merged, order: list[Any] | None, deleted: Iterable[Any]
) -> list[Any]:
    if not isinstance(patch, list):
        raise bad_request(f"a list was expected in the patch, not {patch!r}")
    if rule.key:
        merged, sent = _merge_elements(original, patch, rule)
    else:
        merged = {value: value for value in [*original, *patch] if value not in deleted}
        sent = dict.fromkeys(patch)
    wanted = sent if order is None else dict.fromkeys([_identity(each, rule) for each in order] + list(sent))
    before = [_identity(each, rule) for each in original]
    names = _interleave(
        [name for name in before if name in merged and name not in wanted],
        [name for name in wanted if name in merged],
        {name: at for at, name in enumerate(before)},
    )
    result = [merged[name] for name in names]
    return original if result == original else result


def _merge_elements(original: Objects, patch: Objects, rule: Merged) -> tuple[dict[Any, Object], dict[Any, None]]:
    """The elements by their keys, and the keys that the patch brings."""
    if any(each.get("$patch") == "replace" for each in patch):
        original, patch = [], [each for each in patch if each.get("$patch") != "replace"]
    merged = {_identity(each, rule): each for each in original}
    sent: dict[Any, None] = {}
    for element in patch:
        name = _identity(element, rule)
        if element.get("$patch") == "delete":
            merged.pop(name, None)
            continue
        merged[name] = _merge_map(merged.get(name, {}), element, rule.fields)
        sent[name] = None
    return merged, sent


def _identity(element: Any, rule: Merged) -> Any:
    if not rule.key:
        return element
    if not isinstance(element, Mapping):
        raise bad_request(f"an object was expected in the patch, not {element!r}")
    if rule.key not in element:
        text = " ".join(f"{key}:{element[key]}" for key in sorted(element))
        raise internal(f"map: map[{text}] does not contain declared merge key: {rule.key}")
    return element[rule.key]


def _interleave(others: list[Any], wanted: list[Any], position: Mapping[Any, int]) -> list[Any]:
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
