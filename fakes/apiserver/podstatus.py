"""A pod in three words: READY, STATUS and RESTARTS of ``kubectl get pods``, by kube-apiserver's rules (printers.go)."""

from collections.abc import Callable
from typing import Any

from fakes.apiserver.objects import Object


def pod_ready(pod: Object) -> str:
    """Ready containers of all, sidecars counted."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or []
    sidecars = _sidecars(pod)
    initial = (pod.get("status") or {}).get("initContainerStatuses") or []
    ready = sum(bool(each.get("ready") and "running" in (each.get("state") or {})) for each in statuses)
    ready += sum(bool(each.get("ready")) for each in initial if each["name"] in sidecars)
    return f"{ready}/{len(pod['spec'].get('containers') or []) + len(sidecars)}"


def pod_status(pod: Object) -> str:
    """What the pod is about right now."""
    status = pod.get("status") or {}
    reason = status.get("reason") or status.get("phase") or "Unknown"
    for condition in status.get("conditions") or []:
        if condition["type"] == "PodScheduled" and condition.get("reason") == "SchedulingGated":
            reason = "SchedulingGated"
    reason = _initializing(pod) or _containers(status, reason)
    if "deletionTimestamp" in pod["metadata"]:
        if status.get("reason") == "NodeLost":
            return "Unknown"
        if status.get("phase") not in ("Succeeded", "Failed"):
            return "Terminating"
    return str(reason)


def pod_restarts(pod: Object, age: Callable[[str | None], str]) -> str:
    """The restarts, and how long ago the last one was."""
    status = pod.get("status") or {}
    sidecars = _sidecars(pod)
    counted = list(status.get("containerStatuses") or [])
    counted += [each for each in status.get("initContainerStatuses") or [] if each["name"] in sidecars]
    total = sum(each.get("restartCount", 0) for each in counted)
    ends = [
        stamp
        for each in counted
        if (stamp := ((each.get("lastState") or {}).get("terminated") or {}).get("finishedAt"))
    ]
    return f"{total} ({age(max(ends))} ago)" if total and ends else str(total)


def _sidecars(pod: Object) -> set[str]:
    return {each["name"] for each in pod["spec"].get("initContainers") or [] if each.get("restartPolicy") == "Always"}


def _initializing(pod: Object) -> str:
    """Why the init containers are not done; empty if they are."""
    sidecars = _sidecars(pod)
    statuses = (pod.get("status") or {}).get("initContainerStatuses") or []
    for number, each in enumerate(statuses):
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


def _containers(status: Object, reason: str) -> str:
    running = False
    for each in reversed(status.get("containerStatuses") or []):
        state = each.get("state") or {}
        if (state.get("waiting") or {}).get("reason"):
            reason = state["waiting"]["reason"]
        elif "terminated" in state:
            reason = _end(state["terminated"])
        elif each.get("ready") and "running" in state:
            running = True
    if reason == "Completed" and running:
        ready = any(each["type"] == "Ready" and each["status"] == "True" for each in status.get("conditions") or [])
        return "Running" if ready else "NotReady"
    return reason


def _end(terminated: dict[str, Any]) -> str:
    if terminated.get("reason"):
        return str(terminated["reason"])
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode', 0)}"
