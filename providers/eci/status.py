"""A container group as the pod it stands for: names, images, status. Pure; the way there is in ``group``."""

from collections.abc import Mapping, Sequence
from typing import Any

from providers.eci import names
from providers.eci.containers import SIDECAR
from providers.errors import NotFound
from providers.pods import PodRef
from providers.types import Condition, ContainerState, ContainerStatus, Pod, PodStatus

PHASES = {
    "Scheduling": "Pending",
    "Pending": "Pending",
    "Running": "Running",
    "Updating": "Running",
    "Restarting": "Running",
    "Terminating": "Running",
    "WatingForDel": "Running",
    "Succeeded": "Succeeded",
    "Failed": "Failed",
    "ScheduleFailed": "Failed",
    "StartingFailed": "Failed",
    "Expired": "Failed",
}
"""A group's status -> a pod's phase (the misspelling is the life-cycle page's)."""

FINAL = frozenset(status for status, phase in PHASES.items() if phase in ("Succeeded", "Failed"))
AT_REST = FINAL | {"Running"}
"""In these a group stays until something happens to it."""
RECLAIMED = "Expired"
PREEMPTED = "Preempted"

_REASONS = {"ScheduleFailed": "ScheduleFailed", "StartingFailed": "StartingFailed", RECLAIMED: PREEMPTED}
_ENDED = {"Succeeded": 0, "Failed": 1}
"""What the API of 2018 said for a container's state, and the exit code if it gave none."""

Group = Mapping[str, Any]


def pod_of(group: Group, ref: PodRef) -> Pod:
    """The pod as the cloud has it. One that was reclaimed is being deleted, on the cloud's account."""
    sidecars = _sidecars(group)
    pod: Pod = {
        "metadata": {"name": ref.name, "namespace": ref.namespace, "uid": ref.uid},
        "spec": {
            "containers": [
                {"name": each.get("Name", ""), "image": each.get("Image", "")}
                for each in group.get("Containers") or []
                if each.get("Name") not in sidecars
            ]
        },
        "status": status_of(group),
    }
    if group.get("Status") == RECLAIMED:
        pod["metadata"]["deletionTimestamp"] = group.get("ExpiredTime") or group.get("CreationTime") or ""
    return pod


def status_of(group: Group) -> PodStatus:
    """The pod's status."""
    group_status = group.get("Status", "")
    phase = PHASES.get(group_status, "Unknown")
    sidecars = _sidecars(group)
    regular = [_container(group, each) for each in group.get("Containers") or [] if each.get("Name") not in sidecars]
    initial = [_init_container(group, each) for each in group.get("InitContainers") or []]
    initial += [_container(group, each) for each in group.get("Containers") or [] if each.get("Name") in sidecars]
    if phase in _ENDED:
        regular, initial = [_over(group, each) for each in regular], [_over(group, each) for each in initial]
    status: PodStatus = {"phase": phase, "conditions": _conditions(group, phase, regular), "containerStatuses": regular}
    if initial:
        status["initContainerStatuses"] = initial
    if group.get("CreationTime"):
        status["startTime"] = group["CreationTime"]
    addresses = [each for each in (group.get("IntranetIp"), group.get("Ipv6Address")) if each]
    if addresses and phase != "Pending":
        status["podIP"] = addresses[0]
        status["podIPs"] = [{"ip": each} for each in addresses]
    reason, message = _reason(group)
    if reason and phase == "Failed":
        status["reason"] = reason
        status["message"] = message
    return status


def images(group: Group) -> dict[str, str]:
    """Container -> image, of all containers."""
    every = [*(group.get("Containers") or []), *(group.get("InitContainers") or [])]
    return {each.get("Name", ""): each.get("Image", "") for each in every}


def runs(group: Group, container: str) -> bool:
    """Whether a container runs.

    Raises:
        NotFound: there is no such container.
    """
    for each in [*(group.get("Containers") or []), *(group.get("InitContainers") or [])]:
        if each.get("Name") == container:
            return (each.get("CurrentState") or {}).get("State") == "Running"
    raise NotFound(f"container {container!r} is not in the container group")


def _sidecars(group: Group) -> frozenset[str]:
    """The containers that are init containers in the pod."""
    return frozenset(
        each.get("Name", "")
        for each in group.get("Containers") or []
        if any(v.get("Key") == SIDECAR and v.get("Value") == "sidecar" for v in each.get("EnvironmentVars") or [])
    )


def _reason(group: Group) -> tuple[str, str]:
    """Why a group failed: its newest warning says it best."""
    general = _REASONS.get(group.get("Status", ""), "")
    warnings = [each for each in group.get("Events") or [] if each.get("Type") == "Warning"]
    newest = max(warnings, key=lambda each: each.get("LastTimestamp") or "", default=None)
    if general == PREEMPTED or newest is None:
        return general, (newest or {}).get("Message") or (
            "the cloud took its spare capacity back" if general == PREEMPTED else ""
        )
    return newest.get("Reason") or general, newest.get("Message") or ""


def _container(group: Group, each: Mapping[str, Any]) -> ContainerStatus:
    current, previous = each.get("CurrentState") or {}, each.get("PreviousState") or {}
    identity = names.container_id(group.get("ContainerGroupId", ""), each.get("Name", ""))
    state = _state(current, identity)
    running = "running" in state
    status: ContainerStatus = {
        "name": each.get("Name", ""),
        "image": each.get("Image", ""),
        "imageID": "",
        "ready": running and bool(each.get("Ready")),
        "started": running,
        "restartCount": int(each.get("RestartCount") or 0),
        "state": state,
    }
    if "waiting" not in state:
        status["containerID"] = identity
    last = _state(previous, identity) if previous else {}
    if "terminated" in last:
        status["lastState"] = last
    return status


def _init_container(group: Group, each: Mapping[str, Any]) -> ContainerStatus:
    """One that has ended well is ready."""
    status = _container(group, each)
    return {**status, "ready": status["state"].get("terminated", {}).get("exitCode") == 0}


def _state(state: Mapping[str, Any], identity: str) -> ContainerState:
    """Waiting, Running, Terminated; the API of 2018 said Succeeded, Failed and Canceled too."""
    name = state.get("State") or "Waiting"
    if name == "Running":
        return {"running": {"startedAt": state.get("StartTime") or None}}
    if name == "Waiting":
        reason = state.get("Reason") or "ContainerCreating"
        message = {"message": state["Message"]} if state.get("Message") else {}
        return {"waiting": {"reason": reason, **message}}
    code = int(state.get("ExitCode") or (_ENDED.get(name, 1) if name != "Terminated" else 0))
    terminated: dict[str, Any] = {
        "exitCode": code,
        "reason": state.get("Reason") or ("Error" if code else "Completed"),
        "containerID": identity,
    }
    for key, wire in (
        ("startedAt", "StartTime"),
        ("finishedAt", "FinishTime"),
        ("message", "Message"),
        ("signal", "Signal"),
    ):
        if state.get(wire):
            terminated[key] = state[wire]
    return {"terminated": terminated}


def _over(group: Group, each: ContainerStatus) -> ContainerStatus:
    """A container of a group that is over: one that never ran, or whose end nobody saw, has ended all the same."""
    if "terminated" in each["state"]:
        return each
    finished = next((group[key] for key in ("SucceededTime", "FailedTime", "ExpiredTime") if group.get(key)), "")
    terminated: dict[str, Any] = {
        "exitCode": 0 if group.get("Status") == "Succeeded" else 137,
        "reason": "Completed" if group.get("Status") == "Succeeded" else "ContainerStatusUnknown",
    }
    if started := each["state"].get("running", {}).get("startedAt"):
        terminated["startedAt"] = started
    if finished:
        terminated["finishedAt"] = finished
    return {**each, "ready": False, "started": False, "state": {"terminated": terminated}}


def _conditions(group: Group, phase: str, regular: Sequence[ContainerStatus]) -> list[Condition]:
    made = group.get("CreationTime") or ""
    scheduled = group.get("Status") not in ("Scheduling", "ScheduleFailed")
    begun = any("waiting" not in each["state"] for each in regular) or phase != "Pending"
    initial = bool(group.get("InitContainers"))
    unready = [each["name"] for each in regular if not each["ready"]]
    ready, reason, message = "True", "", ""
    if phase in _ENDED:
        ready, reason = "False", "PodCompleted" if phase == "Succeeded" else "PodFailed"
    elif unready or not regular or phase != "Running":
        ready, reason, message = "False", "ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]"
    changed = _last_change(regular) or made
    return [
        _condition(
            "PodScheduled", "True" if scheduled else "False", made, *(("", "") if scheduled else _reason(group))
        ),
        _condition("Initialized", "True" if begun or not initial else "False", made),
        _condition("ContainersReady", ready, changed, reason, message),
        _condition("Ready", ready, changed, reason, message),
    ]


def _last_change(regular: Sequence[ContainerStatus]) -> str:
    """When a container last started or ended."""
    moments = [
        state.get("finishedAt") or state.get("startedAt") or ""
        for each in regular
        for state in each["state"].values()
        if isinstance(state, dict)
    ]
    return max(moments, default="")


def _condition(type_: str, status: str, changed: str, reason: str = "", message: str = "") -> Condition:
    condition: Condition = {"type": type_, "status": status}
    if changed:
        condition["lastTransitionTime"] = changed
    if reason:
        condition["reason"] = reason
    if message:
        condition["message"] = message
    return condition
