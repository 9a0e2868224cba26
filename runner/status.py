"""A pod's status, computed: what the provider says, brought together with what the API has. Pure functions.

The API keeps what others own: conditions that the provider does not report, the QoS class, anything unknown. Times of
conditions that did not change stay as they were, so that an unchanged report is an unchanged status.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from providers import pods
from providers.types import Condition, ContainerState, ContainerStatus, Pod, PodStatus
from runner.ports import rfc3339

PROVIDER_FAILED = "ProviderFailed"
NOT_FOUND = "NotFound"
DEADLINE_EXCEEDED = "DeadlineExceeded"
CONFIG_ERROR = "CreateContainerConfigError"
STATUS_UNKNOWN = "ContainerStatusUnknown"
KILLED = 137
"""128 + SIGKILL: the exit code of a container whose end nobody saw."""

OWNED = (
    "phase",
    "reason",
    "message",
    "hostIP",
    "hostIPs",
    "podIP",
    "podIPs",
    "startTime",
    "initContainerStatuses",
    "containerStatuses",
    "ephemeralContainerStatuses",
)
"""The fields that the provider speaks for; ``conditions`` are merged by type."""

_KEPT_IF_SILENT = frozenset({"hostIP", "hostIPs", "podIP", "podIPs", "startTime", "initContainerStatuses"})

_CONTAINER_STATUSES = frozenset({"initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"})
_FILLED_IN: ContainerStatus = {
    "name": "",
    "state": {},
    "lastState": {},
    "ready": False,
    "restartCount": 0,
    "image": "",
    "imageID": "",
}
"""What an API server writes in a container's status by itself."""


def merged(pod: Pod, reported: PodStatus, now: datetime) -> PodStatus:
    """The pod's status after the provider's report; the pod's own one if nothing was reported."""
    current = pods.status(pod)
    if not reported:
        return current
    new: dict[str, Any] = dict(current)
    for name in OWNED:
        if name in _CONTAINER_STATUSES and name in reported:
            new[name] = _containers(current.get(name), reported[name])  # type: ignore[literal-required]  # as below
        elif name in reported:
            new[name] = reported[name]  # type: ignore[literal-required]  # the names are PodStatus' own
        elif name not in _KEPT_IF_SILENT:
            new.pop(name, None)
    if "startTime" in current:
        new["startTime"] = current["startTime"]
    conditions = merged_conditions(current.get("conditions") or [], reported.get("conditions") or [], now)
    if conditions:
        new["conditions"] = conditions
    return new  # type: ignore[return-value]  # built from PodStatus' own keys


def _containers(current: Any, reported: Sequence[ContainerStatus]) -> Any:
    """The containers' statuses as reported; the current ones if an API server has only filled them in."""
    if current == reported or not current:
        return reported
    filled_in = [{**_FILLED_IN, **each} for each in reported]
    return current if filled_in == [{**_FILLED_IN, **each} for each in current] else reported


def merged_conditions(current: Sequence[Condition], reported: Sequence[Condition], now: datetime) -> list[Condition]:
    """The current conditions with the reported ones in their places, new ones behind them."""
    by_type = {each["type"]: each for each in reported}
    new = [_newer(each, by_type.pop(each["type"], each)) for each in current]
    if by_type:
        new += [_without_nulls({"lastTransitionTime": rfc3339(now), **each}) for each in by_type.values()]
    return new


def _newer(current: Condition, reported: Condition) -> Condition:
    if current is reported or (
        current.get("status") == reported.get("status")
        and current.get("reason") == reported.get("reason")
        and current.get("message") == reported.get("message")
    ):
        return current
    new = _without_nulls(reported)
    if current.get("status") == reported.get("status") and "lastTransitionTime" in current:
        new["lastTransitionTime"] = current["lastTransitionTime"]
    return new


def _without_nulls(condition: Condition) -> Condition:
    """In a patch a null (``lastProbeTime`` is one, mostly) would mean: remove."""
    return {key: value for key, value in condition.items() if value is not None}  # type: ignore[return-value]  # its own keys


def failed(pod: Pod, message: str, *, final: bool, config_error: bool = False) -> PodStatus:
    """The provider would not create the pod: Failed if that is final, else Pending with the reason for all to see."""
    current = pods.status(pod)
    if config_error:
        waiting: list[ContainerStatus] = [
            _container(each["name"], each.get("image", ""), {"waiting": {"reason": CONFIG_ERROR, "message": message}})
            for each in pods.containers(pod)
        ]
        return {**current, "phase": "Pending", "containerStatuses": waiting}
    return {**current, "phase": "Failed" if final else "Pending", "reason": PROVIDER_FAILED, "message": message}


def vanished(pod: Pod, now: datetime) -> PodStatus:
    """The provider has lost the pod: Failed, so that its controller replaces it; in Virtual Kubelet's words."""
    current = pods.status(pod)
    ended = _ended_containers(
        pod, current, now, reason=NOT_FOUND, message="Container was not found and was likely deleted"
    )
    return {
        **current,
        "phase": "Failed",
        "reason": NOT_FOUND,
        "message": "The pod status was not found and may have been deleted from the provider",
        "containerStatuses": ended,
        "conditions": _not_ready(current, now),
    }


def ended(pod: Pod, reported: PodStatus, now: datetime) -> PodStatus:
    """A deleted pod's last words: the provider's, with an end for each container that it gave none.

    Such a container's exit code is unknown, and told as a kubelet tells it: 137, ContainerStatusUnknown. A pod counts
    as Succeeded only if every container is known to have ended with 0.
    """
    last = merged(pod, reported, now)
    message = "The container could not be located when the pod was terminated"
    containers = _ended_containers(pod, last, now, reason=STATUS_UNKNOWN, message=message)
    codes = [(each.get("state") or {}).get("terminated", {}).get("exitCode") for each in containers]
    phase = last.get("phase")
    if phase not in pods.TERMINAL_PHASES:
        phase = "Succeeded" if codes and all(code == 0 for code in codes) else "Failed"
    return {**last, "phase": phase, "containerStatuses": containers, "conditions": _not_ready(last, now)}


def expired(pod: Pod, reported: PodStatus, now: datetime) -> PodStatus:
    """A pod that was active for longer than its ``activeDeadlineSeconds``, in a kubelet's words."""
    message = "Pod was active on the node longer than the specified deadline"
    return {**ended(pod, reported, now), "phase": "Failed", "reason": DEADLINE_EXCEEDED, "message": message}


def _ended_containers(
    pod: Pod, current: PodStatus, now: datetime, *, reason: str, message: str
) -> list[ContainerStatus]:
    known = {each["name"]: each for each in pods.container_statuses(current)}
    result: list[ContainerStatus] = []
    for container in pods.containers(pod):
        name, image = container["name"], container.get("image", "")
        before = known.get(name) or _container(name, image, {})
        state = before.get("state") or {}
        if "terminated" in state:
            result.append(before)
            continue
        end: dict[str, Any] = {"exitCode": KILLED, "reason": reason, "message": message, "finishedAt": rfc3339(now)}
        if started := state.get("running", {}).get("startedAt"):
            end["startedAt"] = started
        if identity := before.get("containerID"):
            end["containerID"] = identity
        result.append({**before, "ready": False, "started": False, "state": {"terminated": end}})
    return result


def _container(name: str, image: str, state: ContainerState) -> ContainerStatus:
    return {
        "name": name,
        "image": image,
        "imageID": "",
        "ready": False,
        "started": False,
        "restartCount": 0,
        "state": state,
    }


def _not_ready(current: PodStatus, now: datetime) -> list[Condition]:
    over: list[Condition] = [
        {"type": type_, "status": "False", "reason": "PodFailed", "lastTransitionTime": rfc3339(now)}
        for type_ in ("Ready", "ContainersReady")
        if _condition_status(current, type_) != "False"
    ]
    return merged_conditions(current.get("conditions") or [], over, now)


def _condition_status(current: PodStatus, type_: str) -> str | None:
    return next((each.get("status") for each in current.get("conditions") or [] if each["type"] == type_), None)


def patch(pod: Pod, new: PodStatus) -> dict[str, Any] | None:
    """The strategic merge patch that brings the API's status to ``new``; None if there is nothing to change.

    Touches only what differs. Conditions merge by type, so others' survive; ``podIPs`` and ``hostIPs``, which would
    merge by address, are replaced. The UID is a precondition: a namesake must not get this pod's status.
    """
    current: Mapping[str, Any] = pods.status(pod)
    wanted: Mapping[str, Any] = new
    change: dict[str, Any] = {}
    for name in OWNED:
        value, old = wanted.get(name), current.get(name)
        if value is not old and not alike(value, old):
            change[name] = value
    for name in ("podIPs", "hostIPs"):
        if change.get(name) and current.get(name):
            change[name] = [*change[name], {"$patch": "replace"}]
    conditions = _changed_conditions(current.get("conditions") or [], wanted.get("conditions") or [])
    if conditions:
        change["conditions"] = conditions
    return {"metadata": {"uid": pods.uid(pod)}, "status": change} if change else None


def _changed_conditions(current: Sequence[Condition], wanted: Sequence[Condition]) -> list[dict[str, Any]]:
    """The conditions that differ, with a null for each field that goes."""
    if current is wanted:
        return []
    before = {each["type"]: each for each in current}
    changed: list[dict[str, Any]] = []
    for each in wanted:
        old = before.get(each["type"])
        if old is each or old == each:
            continue
        known = _without_nulls(old) if old is not None else {}
        if known != _without_nulls(each):
            changed.append({**{key: None for key in known if key not in each}, **each})
    return changed


def alike(one: Any, other: Any) -> bool:
    """Whether two values say the same: an API server fills in Go's zero values (``lastState: {}``)."""
    if one == other:
        return True
    if isinstance(one, dict) and isinstance(other, dict):
        for key in {**one, **other}:
            this, that = one.get(key), other.get(key)
            if this is not that and not alike(this, that):
                return False
        return True
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(alike, one, other))
    return _says_nothing(one) and _says_nothing(other)


def _says_nothing(value: Any) -> bool:
    """Whether a value is Go's zero value, or an object of nothing else."""
    return not value or (isinstance(value, dict) and all(map(_says_nothing, value.values())))
