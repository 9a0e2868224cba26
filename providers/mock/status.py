"""The status of a pod on the mock cloud, in a kubelet's words. Pure, and made only when somebody asks.

Parts that many pods have in common (conditions of the same second, addresses of the node) are made once and shared.
"""

from datetime import datetime
from functools import lru_cache
from typing import Any

from providers import pods
from providers.mock.record import CloudPod, End
from providers.types import Condition, ContainerState, ContainerStatus, PodStatus

BACK_OFF = "CrashLoopBackOff"


def status_of(cloud_pod: CloudPod) -> PodStatus:
    """The pod's status."""
    status: PodStatus = {
        "phase": phase(cloud_pod),
        "hostIP": cloud_pod.host_ip,
        "hostIPs": _addresses(cloud_pod.host_ip),
        "startTime": stamp(cloud_pod.accepted),
        "conditions": _conditions(cloud_pod),
        "containerStatuses": [
            _container(cloud_pod, each["name"], each.get("image", "")) for each in pods.containers(cloud_pod.pod)
        ],
    }
    if cloud_pod.ip:
        status["podIP"] = cloud_pod.ip
        status["podIPs"] = [{"ip": cloud_pod.ip}]
    if cloud_pod.evicted:
        status["reason"] = "Evicted"
        status["message"] = "The cloud has reclaimed the pod"
    initial = cloud_pod.pod.get("spec", {}).get("initContainers")
    if initial:
        status["initContainerStatuses"] = [
            (_sidecar if each.get("restartPolicy") == "Always" else _init_container)(
                cloud_pod, each["name"], each.get("image", "")
            )
            for each in initial
        ]
    return status


def phase(cloud_pod: CloudPod) -> str:
    """Pending until the containers first run; over, Succeeded if they ended with 0."""
    run = cloud_pod.run
    if run.is_over:
        return "Succeeded" if run.ended is not None and run.ended.exit_code == 0 else "Failed"
    return "Running" if run.begun is not None else "Pending"


def _conditions(cloud_pod: CloudPod) -> list[Condition]:
    run = cloud_pod.run
    accepted = stamp(cloud_pod.accepted)
    if run.begun is None and cloud_pod.pod.get("spec", {}).get("initContainers"):
        initialized = ("False", accepted, "ContainersNotInitialized")
    else:
        initialized = ("True", stamp(run.begun) if run.begun else accepted, "")
    if run.running:
        ready = ("True", stamp(run.started or cloud_pod.accepted), "", "")
    else:
        changed = stamp(run.ended.finished) if run.ended is not None else accepted
        if run.is_over:
            ready = ("False", changed, "PodCompleted" if phase(cloud_pod) == "Succeeded" else "PodFailed", "")
        else:
            names = " ".join(each["name"] for each in pods.containers(cloud_pod.pod))
            ready = ("False", changed, "ContainersNotReady", f"containers with unready status: [{names}]")
    return _all_conditions(initialized, ready, accepted)


@lru_cache(maxsize=10_000)
def _all_conditions(
    initialized: tuple[str, str, str], ready: tuple[str, str, str, str], scheduled: str
) -> list[Condition]:
    return [
        _condition("Initialized", *initialized),
        _condition("Ready", *ready),
        _condition("ContainersReady", *ready),
        _condition("PodScheduled", "True", scheduled),
    ]


@lru_cache(maxsize=10_000)
def _condition(type_: str, status: str, changed: str, reason: str = "", message: str = "") -> Condition:
    condition: Condition = {"type": type_, "status": status, "lastProbeTime": None, "lastTransitionTime": changed}
    if reason:
        condition["reason"] = reason
    if message:
        condition["message"] = message
    return condition


def _container(cloud_pod: CloudPod, name: str, image: str) -> ContainerStatus:
    run = cloud_pod.run
    status: ContainerStatus = {
        "name": name,
        "image": image,
        "imageID": _image_id(image) if run.begun else "",
        "ready": run.running,
        "started": run.running,
        "restartCount": run.restarts,
        "state": _state(cloud_pod, name),
        "lastState": {},
    }
    if run.begun is not None:
        status["containerID"] = _identity(cloud_pod, name, run.restarts)
    last = run.ended if run.ended is not None and not run.is_over else run.last
    if last is not None:
        status["lastState"] = {"terminated": _terminated(cloud_pod, last, name)}
    return status


def _state(cloud_pod: CloudPod, name: str) -> ContainerState:
    run = cloud_pod.run
    if run.ended is not None:
        if run.is_over:
            return {"terminated": _terminated(cloud_pod, run.ended, name)}
        where = f"{name} pod={pods.ref(cloud_pod.pod)}"
        return {
            "waiting": {"reason": BACK_OFF, "message": f"back-off {run.backoff}s restarting failed container={where}"}
        }
    if run.started is not None:
        return _running(stamp(run.started))
    return _waiting(cloud_pod.script.never_start or "ContainerCreating")


def _init_container(cloud_pod: CloudPod, name: str, image: str) -> ContainerStatus:
    """Init containers here do their work in no time, just before the others start."""
    begun = cloud_pod.run.begun
    state = _waiting(cloud_pod.script.never_start or "PodInitializing")
    if begun is not None:
        state = {"terminated": _terminated(cloud_pod, End(0, begun, begun, 0, "Completed"), name)}
    return {
        "name": name,
        "image": image,
        "imageID": _image_id(image) if begun else "",
        "ready": begun is not None,
        "started": False,
        "restartCount": 0,
        "state": state,
        "lastState": {},
    }


def _sidecar(cloud_pod: CloudPod, name: str, image: str) -> ContainerStatus:
    """Sidecars begin with the containers and run until the pod is over, whatever those do meanwhile."""
    run = cloud_pod.run
    status = _init_container(cloud_pod, name, image)
    if run.begun is None:
        return status
    if run.is_over and run.ended is not None:
        end = End(0, run.begun, run.ended.finished, 0, "Completed")
        return {**status, "ready": False, "state": {"terminated": _terminated(cloud_pod, end, name)}}
    return {
        **status,
        "started": True,
        "state": _running(stamp(run.begun)),
        "containerID": _identity(cloud_pod, name, 0),
    }


def _terminated(cloud_pod: CloudPod, end: End, name: str) -> dict[str, Any]:
    terminated: dict[str, Any] = {
        "exitCode": end.exit_code,
        "reason": end.reason,
        "startedAt": stamp(end.started),
        "finishedAt": stamp(end.finished),
    }
    if cloud_pod.run.begun is not None:
        terminated["containerID"] = _identity(cloud_pod, name, end.number)
    return terminated


@lru_cache(maxsize=1_000)
def _running(started: str) -> ContainerState:
    return {"running": {"startedAt": started}}


@lru_cache(maxsize=100)
def _waiting(reason: str) -> ContainerState:
    return {"waiting": {"reason": reason}}


@lru_cache(maxsize=10_000)
def _addresses(ip: str) -> list[dict[str, str]]:
    return [{"ip": ip}]


@lru_cache(maxsize=1_000)
def _image_id(image: str) -> str:
    return f"mock://{image}"


def _identity(cloud_pod: CloudPod, name: str, number: int) -> str:
    return f"mock://{cloud_pod.pod['metadata']['uid']}/{name}/{number}"


@lru_cache(maxsize=1_000)
def stamp(moment: datetime) -> str:
    """A Kubernetes ``Time``: UTC, whole seconds."""
    return moment.isoformat()[:19] + "Z"  # in a fifth of the time that strftime takes
