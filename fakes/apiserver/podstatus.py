"""A pod in three words: READY, STATUS and RESTARTS of ``kubectl get pods``, by kube-apiserver's rules (printers.go)."""

from collections.abc import Callable
from typing import Any

from fakes.apiserver.objects import Object

Statuses = list[dict[str, Any]]


def pod_ready(pod: Object) -> str:
    """Ready containers of all, sidecars counted; while init containers run, the others are not ready."""
    started = _sidecar_statuses(pod)
    if not _initializing(pod):
        started = [*started, *(each for each in _statuses(pod, "container") if "running" in (each.get("state") or {}))]
    ready = sum(bool(each.get("ready")) for each in started)
    return f"{ready}/{len(pod['spec'].get('containers') or []) + len(_sidecars(pod))}"


def pod_status(pod: Object) -> str:
    """What the pod is about right now."""
    status = pod.get("status") or {}
    reason = status.get("reason") or status.get("phase") or "Unknown"
    for condition in status.get("conditions") or []:
        if condition["type"] == "PodScheduled" and condition.get("reason") == "SchedulingGated":
            reason = "SchedulingGated"
    reason = _init_reason(pod) or reason
    if not _initializing(pod):
        reason = _containers(pod, reason)
    if "deletionTimestamp" in pod["metadata"]:
        if status.get("reason") == "NodeLost":
            return "Unknown"
        if status.get("phase") not in ("Succeeded", "Failed"):
            return "Terminating"
    return str(reason)


def pod_restarts(pod: Object, age: Callable[[str | None], str]) -> str:
    """The restarts, and how long ago the last one was: of init containers until they are done, then of the others."""
    if _initializing(pod):
        counted = _statuses(pod, "initContainer")
    else:
        counted = _statuses(pod, "container") + _sidecar_statuses(pod)
    total = sum(each.get("restartCount", 0) for each in counted)
    ends = [
        stamp
        for each in counted
        if (stamp := ((each.get("lastState") or {}).get("terminated") or {}).get("finishedAt"))
    ]
    return f"{total} ({age(max(ends))} ago)" if total and ends else str(total)


def _statuses(pod: Object, kind: str) -> Statuses:
    return (pod.get("status") or {}).get(f"{kind}Statuses") or []


def _has_condition(pod: Object, kind: str) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(each["type"] == kind and each["status"] == "True" for each in conditions)


def _sidecars(pod: Object) -> set[str]:
    return {each["name"] for each in pod["spec"].get("initContainers") or [] if each.get("restartPolicy") == "Always"}


def _sidecar_statuses(pod: Object) -> Statuses:
    sidecars = _sidecars(pod)
    return [each for each in _statuses(pod, "initContainer") if each["name"] in sidecars]


def _initializing(pod: Object) -> bool:
    """Whether init containers still have to do their work: a sidecar may fail after that."""
    return bool(_init_reason(pod)) and not _has_condition(pod, "Initialized")


def _init_reason(pod: Object) -> str:
    """What the first init container is about that is not done; empty if all are."""
    sidecars = _sidecars(pod)
    for number, each in enumerate(_statuses(pod, "initContainer")):
        state = each.get("state") or {}
        terminated = state.get("terminated")
        if terminated is not None and terminated.get("exitCode") == 0:
            continue
        if each["name"] in sidecars and each.get("started"):
            continue
        if terminated is not None:
            return f"Init:{_end(terminated)}"
        waiting = (state.get("waiting") or {}).get("reason")
        if waiting and waiting != "PodInitializing":
            return f"Init:{waiting}"
        return f"Init:{number}/{len(pod['spec'].get('initContainers') or [])}"
    return ""


def _containers(pod: Object, reason: str) -> str:
    running = False
    for each in reversed(_statuses(pod, "container")):
        state = each.get("state") or {}
        if (state.get("waiting") or {}).get("reason"):
            reason = state["waiting"]["reason"]
        elif "terminated" in state:
            reason = _end(state["terminated"])
        elif each.get("ready") and "running" in state:
            running = True
    if reason == "Completed" and running:
        return "Running" if _has_condition(pod, "Ready") else "NotReady"
    return reason


def _end(terminated: dict[str, Any]) -> str:
    if terminated.get("reason"):
        return str(terminated["reason"])
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode', 0)}"
