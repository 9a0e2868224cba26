"""Limit ranges: what containers that say nothing get, and what is too little or too much. Pure.

The rules are those of kube-apiserver's admission plugin LimitRanger.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from fakes.apiserver import podresources
from fakes.apiserver.amounts import Amount, Amounts, amount, amounts, written
from fakes.apiserver.defaults import Admission
from fakes.apiserver.objects import Object, Objects
from fakes.apiserver.pod_defaults import qos_class

ANNOTATION = "kubernetes.io/limit-ranger"
_DEFAULTS = ("default", "defaultRequest")


def limit_range(obj: Object, _admission: Admission) -> Object:
    """A new limit range: a default follows from the maximum, a default request from the default or the minimum."""
    return limit_range_update(obj, obj)


def limit_range_update(new: Object, _old: Object) -> Object:
    """A replaced limit range: as a new one."""
    spec = new.get("spec") or {}
    return {**new, "spec": {**spec, "limits": [_item(each) for each in spec.get("limits") or ()]}}


def _item(item: Object) -> Object:
    item = {field: written(amounts(value)) if isinstance(value, Mapping) else value for field, value in item.items()}
    if item.get("type") != "Container":
        return item
    default = {**(item.get("max") or {}), **(item.get("default") or {})}
    request = {**(item.get("min") or {}), **default, **(item.get("defaultRequest") or {})}
    found = {"default": default, "defaultRequest": request}
    return {**item, **{field: value for field, value in found.items() if value}}


# --- what a pod gets ------------------------------------------------------------------------------------------------


def completed(pod: Object, ranges: Objects) -> Object:
    """A new pod whose containers have the limits and requests that the ranges give to those that say nothing."""
    for each in ranges:
        pod = _merged(pod, each)
    return pod


def _merged(pod: Object, ranged: Object) -> Object:
    limits, requests = _defaults(ranged, "default"), _defaults(ranged, "defaultRequest")
    if not limits and not requests:
        return pod
    spec, notes = dict(pod["spec"]), list[str]()
    for group, called in (("containers", "container"), ("initContainers", "init container")):
        if spec.get(group):
            spec[group] = [_with_defaults(each, limits, requests, called, notes) for each in spec[group]]
    if not notes:
        return pod
    meta = pod["metadata"]
    annotations = {**(meta.get("annotations") or {}), ANNOTATION: f"LimitRanger plugin set: {'; '.join(notes)}"}
    status = {**pod["status"], "qosClass": qos_class(spec)}
    return {**pod, "metadata": {**meta, "annotations": annotations}, "spec": spec, "status": status}


def _defaults(ranged: Object, field: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for each in _limits(ranged, "Container"):
        found |= each.get(field) or {}
    return found


def _with_defaults(
    container: Object, limits: Mapping[str, str], requests: Mapping[str, str], called: str, notes: list[str]
) -> Object:
    resources = container.get("resources") or {}
    for field, word, given in (("requests", "request", requests), ("limits", "limit", limits)):
        own = resources.get(field) or {}
        missing = sorted(given.keys() - own.keys())
        if missing:
            resources = {**resources, field: {**own, **{name: given[name] for name in missing}}}
            notes.append(f"{', '.join(missing)} {word} for {called} {container['name']}")
    return container if resources is container.get("resources") else {**container, "resources": resources}


# --- what is refused ------------------------------------------------------------------------------------------------


def problem(plural: str, obj: Object, ranges: Objects) -> str:
    """Why a pod or a claim does not fit into the ranges; "" if it does."""
    for each in ranges:
        found = list(_pod_problems(obj, each) if plural == "pods" else _claim_problems(obj, each))
        if found:
            return found[0] if len(found) == 1 else f"[{', '.join(dict.fromkeys(found))}]"
    return ""


def _pod_problems(pod: Object, ranged: Object) -> Iterator[str]:
    spec = pod["spec"]
    for item in _limits(ranged):
        if item["type"] == "Container":
            for container in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
                resources = container.get("resources") or {}
                requests, limits = amounts(resources.get("requests")), amounts(resources.get("limits"))
                yield from _constraints(item, requests, limits)
        elif item["type"] == "Pod":
            requests, limits = (podresources.without_overhead(pod, which) for which in ("requests", "limits"))
            yield from _constraints(item, requests, limits)


def _claim_problems(claim: Object, ranged: Object) -> Iterator[str]:
    requests = amounts(((claim.get("spec") or {}).get("resources") or {}).get("requests"))
    for item in _limits(ranged, "PersistentVolumeClaim"):
        for name, bound in amounts(item.get("min")).items():
            yield from _minimum(item["type"], name, bound, requests, {})
        for name, bound in amounts(item.get("max")).items():
            head = f"maximum {name} usage per {item['type']} is {bound}"
            if name not in requests:
                yield f"{head}.  No request is specified"
            elif requests[name].value > bound.value:
                yield f"{head}, but request is {requests[name]}"


def _limits(ranged: Object, kind: str = "") -> list[Mapping[str, Any]]:
    return [each for each in ranged["spec"].get("limits") or () if kind in ("", each["type"])]


def _constraints(item: Mapping[str, Any], requests: Amounts, limits: Amounts) -> Iterator[str]:
    kind = item["type"]
    for name, bound in amounts(item.get("min")).items():
        yield from _minimum(kind, name, bound, requests, limits)
    for name, bound in amounts(item.get("max")).items():
        yield from _maximum(kind, name, bound, requests, limits)
    for name, bound in amounts(item.get("maxLimitRequestRatio")).items():
        yield from _ratio(kind, name, bound, requests, limits)


def _minimum(kind: str, name: str, bound: Amount, requests: Amounts, limits: Amounts) -> Iterator[str]:
    head = f"minimum {name} usage per {kind} is {bound}"
    if name not in requests:
        yield f"{head}.  No request is specified"
    elif requests[name].value < bound.value:
        yield f"{head}, but request is {requests[name]}"
    elif name in limits and limits[name].value < bound.value:
        yield f"{head}, but limit is {limits[name]}"


def _maximum(kind: str, name: str, bound: Amount, requests: Amounts, limits: Amounts) -> Iterator[str]:
    head = f"maximum {name} usage per {kind} is {bound}"
    if name not in limits:
        yield f"{head}.  No limit is specified"
    elif limits[name].value > bound.value:
        yield f"{head}, but limit is {limits[name]}"
    elif name in requests and requests[name].value > bound.value:
        yield f"{head}, but request is {requests[name]}"


def _ratio(kind: str, name: str, bound: Amount, requests: Amounts, limits: Amounts) -> Iterator[str]:
    head = f"{name} max limit to request ratio per {kind} is {bound}"
    request, limit = requests.get(name, amount(0)).value, limits.get(name, amount(0)).value
    if not request:
        yield f"{head}, but no request is specified or request is 0"
    elif not limit:
        yield f"{head}, but no limit is specified or limit is 0"
    elif limit / request > bound.value:
        yield f"{head}, but provided ratio is {float(limit / request):f}"
