"""A task as the pod it stands for. Pure; the way there is in ``task_definition``.

ECS has no times for single containers and counts no restarts: times are the task's, restarts are the tasks that the
pod had before.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from providers.fargate.names import OWN, Identity
from providers.types import Condition, ContainerState, ContainerStatus, Pod, PodStatus

PENDING = frozenset({"PROVISIONING", "PENDING", "ACTIVATING"})
STOPPED = "STOPPED"
INTERRUPTED = frozenset({"SpotInterruption", "TerminationNotice", "InfrastructureHealth"})
"""The cloud took the task back."""
FAILED_TO_START = "TaskFailedToStart"
ALL_ENDED = "virtual-kubelet: all containers have ended"
"""With this reason a task is stopped whose helper alone is still running."""
KILLED, NEVER_RAN = 137, 128
WAITS = {
    "CannotPullContainerError": "ImagePullBackOff",
    "CannotStartContainerError": "RunContainerError",
    "CannotCreateVolumeError": "CreateContainerError",
    "ResourceInitializationError": "CreateContainerConfigError",
}
"""What stands before the colon in ``stoppedReason`` -> what a kubelet says."""
_ENDS = {"OutOfMemoryError": "OOMKilled"}

Task = Mapping[str, Any]


def pod_of(task: Task, whose: Identity, before: Task | None, *, again: bool) -> Pod:
    """The pod as the cloud has it.

    Args:
        task: its latest task.
        whose: the task's identity.
        before: the task before that, if the cloud still knows it.
        again: whether another task is going to follow.
    """
    ref = whose.ref
    pod: Pod = {
        "metadata": {"name": ref.name, "namespace": ref.namespace, "uid": ref.uid},
        "spec": {"containers": [{"name": c["name"], "image": c.get("image", "")} for c in regular(task, whose)]},
        "status": status_of(task, whose, before, again=again),
    }
    if task.get("stopCode") in INTERRUPTED and task.get("lastStatus") == STOPPED:  # until then its containers have time
        pod["metadata"]["deletionTimestamp"] = _time(task.get("stoppingAt") or task.get("createdAt"))
    return pod


def status_of(task: Task, whose: Identity, before: Task | None, *, again: bool) -> PodStatus:
    """The pod's status; see ``pod_of``."""
    waits = "CrashLoopBackOff" if before or again else ""
    failed = task if failed_to_start(task) else before if before and failed_to_start(before) else None
    message = ""
    if failed is not None:
        waits, message = _token(failed)
    ran = before if before is not None and not failed_to_start(before) else None
    statuses = [_container(task, each, whose.run, ran, (waits, message), again=again) for each in _the_pods(task)]
    of_regular = [each for each in statuses if each["name"] not in whose.initial]
    of_initial = [each for each in statuses if each["name"] in whose.initial]
    phase = _phase(task, of_regular, again=again, ran=ran is not None)
    status: PodStatus = {
        "phase": phase,
        "conditions": _conditions(task, phase, of_regular),
        "containerStatuses": of_regular,
    }
    if of_initial:
        status["initContainerStatuses"] = [_initial(each) for each in of_initial]
    if task.get("createdAt"):
        status["startTime"] = _time(task["createdAt"])
    if address := address_of(task):
        status["podIP"] = address
        status["podIPs"] = [{"ip": address}]
    if phase == "Failed":
        code = task.get("stopCode") or "Unknown"
        status["reason"] = "Preempted" if code in INTERRUPTED else str(code)
        status["message"] = task.get("stoppedReason") or ""
    return status


def regular(task: Task, whose: Identity) -> list[Mapping[str, Any]]:
    """The pod's regular containers."""
    return [each for each in _the_pods(task) if each["name"] not in whose.initial]


def failed_to_start(task: Task) -> bool:
    """Whether no container of the task ever ran."""
    return task.get("stopCode") == FAILED_TO_START


def runs_again(task: Task, whose: Identity) -> bool:
    """Whether the pod's restart policy wants another task after this one, which has stopped."""
    if task.get("lastStatus") != STOPPED:
        return False
    if failed_to_start(task):
        return True
    by_itself = task.get("stopCode") == "EssentialContainerExited" or ALL_ENDED in (task.get("stoppedReason") or "")
    if not by_itself or whose.policy == "Never":
        return False
    return whose.policy == "Always" or any(each.get("exitCode") != 0 for each in regular(task, whose))


def only_ours_run(task: Task, whose: Identity) -> bool:
    """Whether nothing of the pod runs any more in a task that runs."""
    own = any(each["name"] in OWN and each.get("lastStatus") == "RUNNING" for each in task.get("containers") or [])
    theirs = regular(task, whose)
    return own and bool(theirs) and all(each.get("lastStatus") == STOPPED for each in theirs)


def runs(task: Task, container: str) -> bool:
    """Whether a container runs."""
    return any(
        each["name"] == container and each.get("lastStatus") == "RUNNING" for each in task.get("containers") or []
    )


def address_of(task: Task) -> str:
    """The task's address, once it has one."""
    for attachment in task.get("attachments") or []:
        for detail in attachment.get("details") or []:
            if detail.get("name") == "privateIPv4Address":
                return str(detail["value"])
    return ""


def _the_pods(task: Task) -> list[Mapping[str, Any]]:
    return [each for each in task.get("containers") or [] if each["name"] not in OWN]


def _token(task: Task) -> tuple[str, str]:
    """Why a task could not start: a kubelet's word for it, and AWS's."""
    text = str(task.get("stoppedReason") or "")
    token = text.partition(":")[0]
    return WAITS.get(token, token if token.isalpha() else "CreateContainerError"), text


def _phase(task: Task, of_regular: Sequence[ContainerStatus], *, again: bool, ran: bool) -> str:
    state = task.get("lastStatus", "")
    if again:
        return "Pending" if failed_to_start(task) and not ran else "Running"
    if state in PENDING and task.get("desiredStatus") != STOPPED:
        return "Running" if ran else "Pending"
    ended = [each["state"]["terminated"] for each in of_regular if "terminated" in each["state"]]
    if state != STOPPED:
        return "Running"
    well = task.get("stopCode") not in INTERRUPTED and not failed_to_start(task)
    return "Succeeded" if well and ended and all(each["exitCode"] == 0 for each in ended) else "Failed"


def _initial(each: ContainerStatus) -> ContainerStatus:
    """An init container that has ended well is ready."""
    return {**each, "ready": each["ready"] or each["state"].get("terminated", {}).get("exitCode") == 0}


def _container(
    task: Task, each: Mapping[str, Any], run: int, ran: Task | None, waits: tuple[str, str], *, again: bool
) -> ContainerStatus:
    state = _state(task, each, waits)
    previous = next((c for c in (ran or {}).get("containers") or [] if c["name"] == each["name"]), None)
    last: ContainerState | None = None
    if again and not failed_to_start(task):
        last, state = state, {"waiting": {"reason": "CrashLoopBackOff"}}
    elif again:
        state = {"waiting": {"reason": waits[0], "message": waits[1]}}
    if last is None and previous is not None and ran is not None:
        last = _state(ran, previous, ("", ""))
    running = "running" in state
    status: ContainerStatus = {
        "name": each["name"],
        "image": each.get("image", ""),
        "imageID": each.get("imageDigest") or "",
        "ready": running and each.get("healthStatus") != "UNHEALTHY",
        "started": running,
        "restartCount": run,
        "state": state,
    }
    if "waiting" not in state:
        status["containerID"] = f"fargate://{each.get('containerArn') or task.get('taskArn')}"
    if last is not None and "terminated" in last:
        status["lastState"] = last
    return status


def _state(task: Task, each: Mapping[str, Any], waits: tuple[str, str]) -> ContainerState:
    state = each.get("lastStatus")
    over = task.get("lastStatus") == STOPPED
    if state == "RUNNING" and not over:
        return {"running": {"startedAt": _time(task.get("startedAt") or task.get("pullStoppedAt"))}}
    if state != STOPPED and not over:
        reason, message = waits
        return {"waiting": {"reason": reason or "ContainerCreating", **({"message": message} if message else {})}}
    code = each.get("exitCode")
    reason, _, message = (each.get("reason") or "").partition(":")
    if code is None:
        code = NEVER_RAN if failed_to_start(task) else KILLED
        reason, message = reason or "ContainerStatusUnknown", message or task.get("stoppedReason") or ""
    terminated: dict[str, Any] = {
        "exitCode": code,
        "reason": _ENDS.get(reason, reason) or ("Error" if code else "Completed"),
    }
    if message.strip():
        terminated["message"] = message.strip()
    started, ended = task.get("startedAt"), task.get("executionStoppedAt") or task.get("stoppedAt")
    if started:
        terminated["startedAt"] = _time(started)
    if ended:
        terminated["finishedAt"] = _time(ended)
    return {"terminated": terminated}


def _conditions(task: Task, phase: str, of_regular: Sequence[ContainerStatus]) -> list[Condition]:
    made, changed = _time(task.get("createdAt")), _time(task.get("stoppedAt") or task.get("startedAt"))
    unready = [each["name"] for each in of_regular if not each["ready"] or "running" not in each["state"]]
    ready, reason, message = "True", "", ""
    if phase in ("Succeeded", "Failed"):
        ready, reason = "False", "PodCompleted" if phase == "Succeeded" else "PodFailed"
    elif unready or phase != "Running" or task.get("desiredStatus") == STOPPED:
        ready, reason = "False", "ContainersNotReady"
        message = f"containers with unready status: [{' '.join(unready)}]"
    begun = any("waiting" not in each["state"] for each in of_regular)
    conditions = [
        _condition("PodScheduled", "True", made),
        _condition("Initialized", "True" if begun or phase != "Pending" else "False", made),
        _condition("ContainersReady", ready, changed or made, reason, message),
        _condition("Ready", ready, changed or made, reason, message),
    ]
    if task.get("stopCode") in INTERRUPTED:
        conditions.append(
            _condition("DisruptionTarget", "True", made, "TerminationByKubelet", task.get("stoppedReason") or "")
        )
    return conditions


def _condition(type_: str, status: str, changed: str, reason: str = "", message: str = "") -> Condition:
    condition: Condition = {"type": type_, "status": status}
    if changed:
        condition["lastTransitionTime"] = changed
    if reason:
        condition["reason"] = reason
    if message:
        condition["message"] = message
    return condition


def _time(moment: datetime | None) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else ""
