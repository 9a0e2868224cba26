"""A container group as a pod: what ACI tells, in a kubelet's words. Pure.

A group's ``provisioningState`` tells of ACI's last operation, ``instanceView`` of the workload; the containers'
states decide. Whatever is missing (a start time while waiting, an instance view in a list) is no reason to say nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from providers.aci import names, tags
from providers.types import Condition, Container, ContainerState, ContainerStatus, Pod, PodStatus

TRANSITIONS = frozenset({"Accepted", "Pending", "Creating", "Updating", "Repairing", "Deleting", "Unhealthy"})
"""Provisioning states that ACI leaves by itself."""

_EVICTIONS = frozenset({"Evicted", "Preempted", "SpotEvicted"})
"""Names of a group's events by which ACI may say so; which one it is, is not documented."""
_FAILED = frozenset({"Failed", "Canceled"})
_NOWHEN = "0001-01-01"
"""How Azure writes a time that is none."""

_UNKNOWN_CODE = 137
"""128 + SIGKILL: what a kubelet says of an end that nobody saw."""

Json = Mapping[str, Any]


def pod(group: Json, host_ip: str) -> Pod | None:
    """The pod that a group runs, with its status if the group shows an instance view; None if it is no pod's."""
    owner = tags.owner(group.get("tags"))
    if owner is None:
        return None
    metadata: dict[str, Any] = {"namespace": owner.ref.namespace, "name": owner.ref.name, "uid": owner.ref.uid}
    if created := tags.created(group["tags"]):
        metadata["creationTimestamp"] = created
    shown: Pod = {
        "metadata": metadata,  # type: ignore[typeddict-item]  # these are its keys
        "spec": {"nodeName": owner.node, "containers": _specs(group)},
        "status": status(group, host_ip) if has_view(group) else {},
    }
    if is_evicted(group):
        metadata["deletionTimestamp"] = _last_event(group) or created
    return shown


def has_view(group: Json) -> bool:
    """Whether the group tells of its workload: an answer to GET does, an item of a list does not."""
    return bool(_properties(group).get("instanceView"))


def provisioning(group: Json) -> str:
    """ACI's last operation: Succeeded, Failed, Creating and so on."""
    return str(_properties(group).get("provisioningState") or "")


def is_evicted(group: Json) -> bool:
    """Whether ACI has taken its capacity back, as it does with spare capacity: such a group does not run again."""
    view = _properties(group).get("instanceView") or {}
    events = view.get("events") or []
    return view.get("state") != "Running" and any(each.get("name") in _EVICTIONS for each in events)


def status(group: Json, host_ip: str) -> PodStatus:
    """The pod's status, from a group with its instance view."""
    properties = _properties(group)
    sidecars = (group.get("tags") or {}).get(tags.SIDECARS, "").split(",")
    together = [_container(group, each) for each in properties.get("containers") or []]
    containers = [each for each in together if each["name"] not in sidecars]
    init = [_container(group, each) for each in properties.get("initContainers") or []]
    init += [each for each in together if each["name"] in sidecars]
    phase = _phase(properties, containers)
    result: PodStatus = {
        "phase": phase,
        "conditions": _conditions(phase, init, containers),
        "containerStatuses": containers,
    }
    if host_ip:
        result |= {"hostIP": host_ip, "hostIPs": [{"ip": host_ip}]}
    if init:
        result["initContainerStatuses"] = init
    if address := (properties.get("ipAddress") or {}).get("ip"):
        result |= {"podIP": address, "podIPs": [{"ip": address}]}
    if begun := min(filter(None, map(_started, [*init, *containers])), default=None):
        result["startTime"] = begun
    return result | _reason(group, phase)  # type: ignore[return-value]  # a PodStatus' own keys


# --- the pod ----------------------------------------------------------------------------------------------------------


def _phase(properties: Json, containers: Sequence[ContainerStatus]) -> str:
    policy = properties.get("restartPolicy") or "Always"
    state = (properties.get("instanceView") or {}).get("state")
    states = [each["state"] for each in containers]
    ended = [each["terminated"] for each in states if "terminated" in each]
    if ended and len(ended) == len(states) and policy != "Always":
        failed = any(each["exitCode"] for each in ended)
        if not failed or policy == "Never" or state in ("Failed", "Stopped"):
            return "Failed" if failed or state in ("Failed", "Stopped") else "Succeeded"
    if any("running" in each for each in states):
        return "Running"
    if properties.get("provisioningState") in _FAILED or (state == "Failed" and policy == "Never"):
        return "Failed"
    if ended or any(each.get("restartCount") for each in containers):
        return "Running"
    return "Pending"


def _reason(group: Json, phase: str) -> dict[str, str]:
    """Why a pod has failed, as far as the group and not a container tells."""
    if is_evicted(group):
        return {"reason": "Evicted", "message": "Azure has taken the spare capacity back"}
    properties = _properties(group)
    state = (properties.get("instanceView") or {}).get("state")
    if state == "Stopped":
        return {"reason": "Stopped", "message": "The container group was stopped in Azure"}
    if phase == "Failed" and provisioning(group) in _FAILED:
        events = [each for each in _events(properties) if each.get("type") == "Warning"]
        message = "; ".join(dict.fromkeys(str(each.get("message")) for each in events[-3:]))
        return {"reason": "ProviderFailed", "message": message or "Azure could not provision the container group"}
    return {}


def _conditions(phase: str, init: Sequence[ContainerStatus], containers: Sequence[ContainerStatus]) -> list[Condition]:
    unready = [each["name"] for each in containers if not each["ready"]]
    begun = bool(containers) and any("waiting" not in each["state"] or each["restartCount"] for each in containers)
    prepared = begun or all(map(_is_done, init))
    first = min(filter(None, map(_started, containers)), default=None)
    initialized = _condition("Initialized", prepared, first if init else None)
    if not prepared:
        waiting = [each["name"] for each in init if not _is_done(each)]
        initialized |= {
            "reason": "ContainersNotInitialized",
            "message": f"containers with incomplete status: [{' '.join(waiting)}]",
        }
    is_ready = phase == "Running" and bool(containers) and not unready
    changed = _latest(containers)
    ready = [_condition("Ready", is_ready, changed), _condition("ContainersReady", is_ready, changed)]
    if not is_ready:
        why = {"Succeeded": "PodCompleted", "Failed": "PodFailed"}.get(phase, "ContainersNotReady")
        for each in ready:
            each["reason"] = why
            if why == "ContainersNotReady":
                each["message"] = f"containers with unready status: [{' '.join(unready)}]"
    return [initialized, *ready, _condition("PodScheduled", True, None)]


def _is_done(init: ContainerStatus) -> bool:
    """Whether an init container has ended well, or as a sidecar runs."""
    return "running" in init["state"] or init["state"].get("terminated", {}).get("exitCode") == 0


def _condition(type_: str, holds: bool, since: str | None) -> Condition:
    result: Condition = {"type": type_, "status": "True" if holds else "False"}
    if since:
        result["lastTransitionTime"] = since
    return result


def _latest(containers: Sequence[ContainerStatus]) -> str | None:
    moments = [
        moment
        for each in containers
        for moment in (each["state"].get("terminated", {}).get("finishedAt"), _started(each))
        if moment
    ]
    return max(moments, default=None)


# --- a container ------------------------------------------------------------------------------------------------------


def _container(group: Json, given: Json) -> ContainerStatus:
    properties = given.get("properties") or {}
    view = properties.get("instanceView") or {}
    identity = names.container_id(str(group.get("id", "")), given["name"])
    state = _state(group, view.get("currentState") or {}, view, identity)
    result: ContainerStatus = {
        "name": given["name"],
        "image": properties.get("image") or "",
        "imageID": "",
        "ready": "running" in state,
        "started": "running" in state,
        "restartCount": view.get("restartCount") or 0,
        "state": state,
    }
    if "waiting" not in state:
        result["containerID"] = identity
    previous = view.get("previousState") or {}
    if previous.get("state") == "Terminated":
        result["lastState"] = {"terminated": _terminated(previous, identity)}
    return result


def _state(group: Json, current: Json, view: Json, identity: str) -> ContainerState:
    match current.get("state"):
        case "Running":
            return {"running": _present({"startedAt": _moment(current.get("startTime"))})}
        case "Terminated" | "Succeeded" | "Failed" | "Canceled":
            return {"terminated": _terminated(current, identity)}
        case _:
            return {"waiting": _waiting(group, current, view)}


def _terminated(given: Json, identity: str) -> dict[str, Any]:
    """An end. ACI's own word for it stays as the message, unless it only repeats the reason."""
    code, detail = given.get("exitCode"), given.get("detailStatus") or ""
    if code is None:
        code = 0 if detail == "Completed" else _UNKNOWN_CODE
    reason = "OOMKilled" if "oom" in detail.lower() else "Error" if code else "Completed"
    return {
        "exitCode": code,
        "reason": reason,
        **_present(
            {
                "message": "" if detail == reason else detail,
                "startedAt": _moment(given.get("startTime")),
                "finishedAt": _moment(given.get("finishTime")),
                "containerID": identity,
            }
        ),
    }


def _waiting(group: Json, current: Json, view: Json) -> dict[str, Any]:
    reason, _, message = (current.get("detailStatus") or "").partition(":")
    if reason and " " not in reason.strip():
        return _present({"reason": reason.strip(), "message": message.strip()})
    events = sorted(view.get("events") or [], key=lambda each: str(each.get("lastTimestamp") or ""))
    for event in reversed(events):
        text = str(event.get("message") or "")
        match event.get("name"):
            case "BackOff":
                why = "ImagePullBackOff" if "pull" in text.lower() else "CrashLoopBackOff"
                return {"reason": why, "message": text}
            case "Failed":
                why = "ErrImagePull" if "pull" in text.lower() else "CreateContainerError"
                return {"reason": why, "message": text}
            case "FailedMount":
                return {"reason": "ContainerCreating", "message": text}
    init = _properties(group).get("initContainers") or []
    return {"reason": "PodInitializing" if init else "ContainerCreating"}


def _started(container: ContainerStatus) -> str | None:
    state = container["state"]
    return (state.get("running") or state.get("terminated") or {}).get("startedAt")


# --- the group's parts ------------------------------------------------------------------------------------------------


def _properties(group: Json) -> Json:
    return group.get("properties") or {}


def _specs(group: Json) -> list[Container]:
    return [
        {"name": each["name"], "image": (each.get("properties") or {}).get("image") or ""}
        for each in _properties(group).get("containers") or []
    ]


def _events(properties: Json) -> list[Json]:
    """All events of a group and its containers, the oldest first."""
    found = list((properties.get("instanceView") or {}).get("events") or [])
    for each in [*(properties.get("initContainers") or []), *(properties.get("containers") or [])]:
        found += ((each.get("properties") or {}).get("instanceView") or {}).get("events") or []
    return sorted(found, key=lambda each: str(each.get("lastTimestamp") or ""))


def _last_event(group: Json) -> str | None:
    return max(
        (moment for each in _events(_properties(group)) if (moment := _moment(each.get("lastTimestamp")))), default=None
    )


def _moment(text: str | None) -> str | None:
    """A time of Azure's (any number of digits) as one of Kubernetes'; None for none."""
    if not text or text.startswith(_NOWHEN):
        return None
    return parse_moment(text).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_moment(text: str) -> datetime:
    """A time of Azure's: RFC 3339 with up to nine digits, of which a datetime keeps six."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _present(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value}
