"""The parts of a pod with URLs of their own: the containers to debug it with, and what its containers may use. Pure.

A write of one of them changes nothing else: the rest of what is sent is not looked at.
"""

from collections.abc import Mapping
from typing import Any

from fakes.apiserver.causes import Causes, forbidden, invalid
from fakes.apiserver.objects import Object, Objects, without
from fakes.apiserver.pod_defaults import qos_class
from fakes.apiserver.resources import ResourceType

_RESIZED = ("cpu", "memory")


def with_debuggers(resource: ResourceType, current: Object, wanted: Object) -> Object:
    """The pod with the wanted ephemeral containers."""
    containers = (wanted.get("spec") or {}).get("ephemeralContainers")
    spec = without(current["spec"], "ephemeralContainers")
    if containers:
        spec["ephemeralContainers"] = containers
    return resource.prepare_update({**current, "spec": spec}, current)


def debuggers_update(new: Object, old: Object) -> Causes:
    """Ephemeral containers come, and stay as they are."""
    after = {each.get("name"): each for each in new["spec"].get("ephemeralContainers") or ()}
    causes = []
    for before in old["spec"].get("ephemeralContainers") or ():
        name = before["name"]
        wanted = after.get(name)
        if wanted == before:
            continue
        why = f'existing ephemeral containers "{name}" may not be removed\n'
        if wanted is not None:
            changed = sorted(key for key in {**before, **wanted} if before.get(key) != wanted.get(key))
            why = f'existing ephemeral containers "{name}" may not be changed\nchanged: {", ".join(changed)}'
        causes.append(forbidden("spec.ephemeralContainers", why))
    return causes


def with_resources(resource: ResourceType, current: Object, wanted: Object) -> Object:
    """The pod with the wanted resources for its containers."""
    before, after = current["spec"], wanted.get("spec") or {}
    groups = {each: _resized(before[each], after.get(each) or []) for each in _GROUPS if before.get(each)}
    return resource.prepare_update({**current, "spec": {**before, **groups}}, current)


_GROUPS = ("containers", "initContainers")
_PARTS = ("resources", "resizePolicy")


def _resized(before: Objects, after: Objects) -> Objects:
    if [each["name"] for each in before] != [each.get("name") for each in after]:
        return after  # and is refused for it
    return [
        {**without(old, *_PARTS), **{part: new[part] for part in _PARTS if part in new}}
        for old, new in zip(before, after, strict=True)
    ]


def resources_update(new: Object, old: Object) -> Causes:
    """Only amounts of CPU and memory change, none of them goes, and the pod's quality of service stays.

    A container that runs without telling its resources in its status is on a node that cannot resize it.
    """
    after, before = new["spec"], old["spec"]
    causes: Causes = []
    if qos_class(after) != qos_class(before):
        why = "Pod QOS Class may not change as a result of resizing"
        causes.append(invalid("spec", qos_class(before), why))
    if not _can_resize(old):
        causes.append(forbidden("spec", "Pod running on node without support for resize"))
    mismatched = [each for group in _GROUPS for each in _mismatches(after, before, group)]
    if mismatched:
        return causes + mismatched
    for group in _GROUPS:
        for at, (new_one, old_one) in enumerate(_pairs(after, before, group)):
            path = f"spec.{group}[{at}].resources"
            for kind in ("requests", "limits"):
                if _amounts(old_one, kind).keys() - _amounts(new_one, kind).keys():
                    causes.append(forbidden(f"{path}.{kind}", f"resource {kind} cannot be removed"))
    starting = [each for each in _pairs(after, before, "initContainers") if each[1].get("restartPolicy") != "Always"]
    if any(new_one.get("resources") != old_one.get("resources") for new_one, old_one in starting):
        causes.append(forbidden("spec", "resources for non-sidecar init containers are immutable"))
    if any(_rest(after, group) != _rest(before, group) for group in _GROUPS):
        causes.append(forbidden("spec", "only cpu and memory resources are mutable"))
    return causes


def _can_resize(pod: Object) -> bool:
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    running = next((each for each in statuses if "running" in (each.get("state") or {})), None)
    return running is None or "resources" in running


def _mismatches(after: Object, before: Object, group: str) -> Causes:
    now, then = after.get(group) or [], before.get(group) or []
    if len(now) != len(then):
        return [forbidden(f"spec.{group}", "containers may not be added or removed on resize")]
    why = "containers may not be renamed or reordered on resize"
    return [
        forbidden(f"spec.{group}[{at}].name", why)
        for at, (new, old) in enumerate(zip(now, then, strict=True))
        if new.get("name") != old["name"]
    ]


def _pairs(after: Object, before: Object, group: str) -> list[tuple[Object, Object]]:
    return list(zip(after.get(group) or (), before.get(group) or (), strict=True))


def _amounts(container: Object, kind: str) -> Mapping[str, Any]:
    return (container.get("resources") or {}).get(kind) or {}


def _rest(spec: Object, group: str) -> Objects:
    """The containers less the amounts that may change."""
    return [
        {
            **container,
            "resources": {
                **(container.get("resources") or {}),
                **{kind: without(_amounts(container, kind), *_RESIZED) for kind in ("requests", "limits")},
            },
        }
        for container in spec.get(group) or ()
    ]
