"""The arithmetic of a rollout: how many replicas each ReplicaSet is to have next, and how far it has come. Pure.

The rules are those of Kubernetes' deployment utilities; numbers are replicas.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from runner.ports import parse_rfc3339, rfc3339

Object = Mapping[str, Any]


def current(deployment: Object, owned: Sequence[Object]) -> Any:
    """The oldest ReplicaSet with the Deployment's template; None if there is none."""
    return next((each for each in owned if same_template(each, deployment)), None)


def same_template(owned: Object, deployment: Object) -> bool:
    """Whether a ReplicaSet has the Deployment's template, but for the hash in its labels."""
    one, other = owned["spec"]["template"], deployment["spec"]["template"]
    labels = {k: v for k, v in ((one.get("metadata") or {}).get("labels") or {}).items() if k != "pod-template-hash"}
    meta, wanted = {**(one.get("metadata") or {}), "labels": labels}, dict(other.get("metadata") or {})
    wanted["labels"] = wanted.get("labels") or {}
    ignored = ("creationTimestamp",)
    return one["spec"] == other["spec"] and _without(meta, ignored) == _without(wanted, ignored)


def _without(mapping: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {key: value for key, value in mapping.items() if key not in names}


def surge(deployment: Object) -> int:
    """How many pods there may be above the wanted number (``maxSurge``; percentages are rounded up)."""
    return _bounds(deployment)[0]


def at_least_available(deployment: Object) -> int:
    """How many pods have to be available for the Deployment to count as available."""
    return int(_wanted(deployment)) - _bounds(deployment)[1]


def _bounds(deployment: Object) -> tuple[int, int]:
    """MaxSurge and maxUnavailable, resolved; if both came to 0 nothing could move, so one may be unavailable."""
    wanted, strategy = _wanted(deployment), deployment["spec"]["strategy"]
    if strategy["type"] != "RollingUpdate" or not wanted:
        return 0, 0
    rolling = strategy.get("rollingUpdate") or {}
    more = resolved(rolling.get("maxSurge", "25%"), wanted, up=True)
    fewer = resolved(rolling.get("maxUnavailable", "25%"), wanted, up=False)
    if not more and not fewer:
        fewer = 1
    return more, min(fewer, wanted)


def resolved(value: int | str, total: int, *, up: bool) -> int:
    """A number, or a percentage of a total."""
    if isinstance(value, int):
        return value
    share = int(value.rstrip("%")) * total / 100
    return math.ceil(share) if up else math.floor(share)


def new_replicas(deployment: Object, owned: Sequence[Object], new: Object | None) -> int:
    """How many the new ReplicaSet is to have: as many more as the surge allows, fewer if it has too many."""
    wanted, own = _wanted(deployment), 0 if new is None else _replicas(new)
    if deployment["spec"]["strategy"]["type"] == "Recreate":
        return wanted
    if own >= wanted:
        return wanted
    total = sum(_replicas(each) for each in owned)
    room = wanted + surge(deployment) - total
    return own if room <= 0 else own + min(room, wanted - own)


def old_replicas(deployment: Object, old: Sequence[Object], new: Object) -> Iterator[tuple[Any, int]]:
    """What the old ReplicaSets are scaled down to: first what is not healthy, then what may be unavailable."""
    wanted, least = _wanted(deployment), at_least_available(deployment)
    total = _replicas(new) + sum(map(_replicas, old))
    not_yet = _replicas(new) - _available(new)
    spare = total - least - not_yet
    if spare <= 0 or not any(map(_replicas, old)):
        return
    sizes = {each["metadata"]["uid"]: _replicas(each) for each in old}
    for each in old:  # those that are not available cost nothing
        sick = min(spare, _replicas(each) - min(_available(each), _replicas(each)))
        sizes[each["metadata"]["uid"]] -= sick
        spare -= sick
    may_go = sum(_available(each) for each in (*old, new)) - (wanted - _bounds(deployment)[1])
    for each in old:
        goes = min(max(may_go, 0), sizes[each["metadata"]["uid"]])
        sizes[each["metadata"]["uid"]] -= goes
        may_go -= goes
    for each in old:
        if sizes[each["metadata"]["uid"]] != _replicas(each):
            yield each, sizes[each["metadata"]["uid"]]


def proportional(deployment: Object, owned: Sequence[Object], new: Any) -> Iterator[tuple[Any, int]]:
    """How a new number of replicas is spread over the ReplicaSets: by their sizes, and the rest to the biggest."""
    active = [each for each in owned if _replicas(each)]
    wanted = _wanted(deployment)
    if len(active) <= 1:
        only = active[0] if active else new
        if only is not None:
            yield only, wanted
        return
    total = sum(map(_replicas, active))
    allowed = wanted + surge(deployment) if wanted else 0
    to_spread = allowed - total
    ranked = sorted(active, key=lambda each: (-_replicas(each), each["metadata"]["creationTimestamp"]))
    left, sizes = to_spread, []
    for each in ranked:
        share = round(_replicas(each) * allowed / total) - _replicas(each) if to_spread else 0
        share = min(share, left) if to_spread > 0 else max(share, left)
        left -= share
        sizes.append(_replicas(each) + share)
    if ranked:
        sizes[0] = max(0, sizes[0] + left)
    yield from zip(ranked, sizes, strict=True)


def status(deployment: Object, owned: Sequence[Object], new: Object | None) -> dict[str, int]:
    """The numbers in a Deployment's status."""
    available = sum(map(_available, owned))
    total = sum(map(_replicas, owned))
    return {
        "replicas": sum(_told(each, "replicas") for each in owned),
        "updatedReplicas": _told(new, "replicas") if new is not None else 0,
        "readyReplicas": sum(_told(each, "readyReplicas") for each in owned),
        "availableReplicas": available,
        "unavailableReplicas": max(0, total - available),
        "observedGeneration": deployment["metadata"].get("generation", 0),
    }


def is_done(deployment: Object, numbers: Mapping[str, int]) -> bool:
    """Whether all replicas are new and available, and no old ones are left."""
    wanted = _wanted(deployment)
    return (
        numbers["updatedReplicas"] == wanted == numbers["replicas"]
        and numbers["availableReplicas"] == wanted
        and numbers["observedGeneration"] >= deployment["metadata"].get("generation", 0)
    )


def is_complete(deployment: Object, owned: Sequence[Object], new: Object) -> bool:
    """As ``is_done``, from the ReplicaSets."""
    return is_done(deployment, status(deployment, owned, new))


def progress(
    deployment: Object, numbers: Mapping[str, int], new: Object | None, now: datetime, before: Object | None
) -> dict[str, Any] | None:
    """The condition Progressing; it turns False when nothing has moved for ``progressDeadlineSeconds``."""
    name = deployment["metadata"]["name"] if new is None else new["metadata"]["name"]
    old = deployment.get("status") or {}
    if is_done(deployment, numbers):
        why = "NewReplicaSetAvailable", f'ReplicaSet "{name}" has successfully progressed.'
        if before is not None and before["reason"] == why[0]:
            return dict(before)
        return _progressing("True", *why, now, before)
    moved = any(numbers[each] > old.get(each, 0) for each in ("updatedReplicas", "readyReplicas", "availableReplicas"))
    moved = moved or numbers["replicas"] - numbers["updatedReplicas"] < old.get("replicas", 0) - old.get(
        "updatedReplicas", 0
    )
    if before is None:
        return (
            None
            if new is None
            else _progressing("True", "NewReplicaSetCreated", f'Created new replica set "{name}"', now, None)
        )
    if moved or before["reason"] == "NewReplicaSetAvailable":
        return _progressing("True", "ReplicaSetUpdated", f'ReplicaSet "{name}" is progressing.', now, before)
    deadline = deployment["spec"].get("progressDeadlineSeconds", 600)
    if before["status"] == "True" and (now - parse_rfc3339(before["lastUpdateTime"])).total_seconds() > deadline:
        message = f'ReplicaSet "{name}" has timed out progressing.'
        return _progressing("False", "ProgressDeadlineExceeded", message, now, before)
    return dict(before)


def _progressing(status_: str, reason: str, message: str, now: datetime, before: Object | None) -> dict[str, Any]:
    same = before is not None and before["status"] == status_
    return {
        "type": "Progressing",
        "status": status_,
        "reason": reason,
        "message": message,
        "lastUpdateTime": rfc3339(now),
        "lastTransitionTime": before["lastTransitionTime"] if before is not None and same else rfc3339(now),
    }


def _wanted(deployment: Object) -> int:
    return int(deployment["spec"].get("replicas", 1))


def _replicas(owned: Object) -> int:
    return int(owned["spec"].get("replicas", 1))


def _available(owned: Object) -> int:
    return _told(owned, "availableReplicas")


def _told(owned: Object | None, name: str) -> int:
    return 0 if owned is None else int((owned.get("status") or {}).get(name, 0))
