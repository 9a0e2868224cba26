"""The status of a pod on the mock cloud, in a kubelet's words. Pure, and made only when somebody asks."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from providers import pods
from providers.types import Condition, ContainerState, ContainerStatus, Pod, PodStatus


@dataclass(frozen=True, slots=True)
class End:
    """How a container's run ended."""

    started: datetime | None
    finished: datetime
    exit_code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Run:
    """What the containers are doing. They all do the same.

    Attributes:
        started: when the current run began; None between runs and before the first.
        begun: when the first run began.
        restarts: how often they were started again.
        last: how the latest finished run ended.
        is_over: whether there will be no further run.
    """

    started: datetime | None = None
    begun: datetime | None = None
    restarts: int = 0
    last: End | None = None
    is_over: bool = False

    @property
    def running(self) -> bool:
        """Whether the containers run right now."""
        return self.started is not None

    def started_again(self, now: datetime) -> "Run":
        """A new run begins."""
        again = self.begun is not None
        return Run(now, self.begun or now, self.restarts + again, self.last)

    def ended(self, now: datetime, *, exit_code: int, reason: str, over: bool = False) -> "Run":
        """The current run ends."""
        end = End(self.started, now, exit_code, reason)
        return Run(None, self.begun, self.restarts, end, over)


class Snapshot(NamedTuple):
    """All that a status is made of."""

    pod: Pod
    run: Run
    accepted: datetime
    ip: str
    host_ip: str
    waiting_reason: str
    evicted: bool = False


def status_of(snapshot: Snapshot) -> PodStatus:
    """The pod's status."""
    run = snapshot.run
    status: PodStatus = {
        "phase": _phase(run),
        "hostIP": snapshot.host_ip,
        "hostIPs": [{"ip": snapshot.host_ip}],
        "startTime": _stamp(snapshot.accepted),
        "conditions": _conditions(snapshot),
        "containerStatuses": [
            _container(snapshot, each["name"], each.get("image", "")) for each in pods.containers(snapshot.pod)
        ],
    }
    if snapshot.ip:
        status["podIP"] = snapshot.ip
        status["podIPs"] = [{"ip": snapshot.ip}]
    if snapshot.evicted:
        status["reason"] = "Evicted"
        status["message"] = "The cloud has reclaimed the pod"
    initial = snapshot.pod.get("spec", {}).get("initContainers")
    if initial:
        status["initContainerStatuses"] = [
            _init_container(snapshot, each["name"], each.get("image", "")) for each in initial
        ]
    return status


def _phase(run: Run) -> str:
    if run.is_over:
        return "Succeeded" if run.last is not None and run.last.exit_code == 0 else "Failed"
    return "Running" if run.begun is not None else "Pending"


def _conditions(snapshot: Snapshot) -> list[Condition]:
    run = snapshot.run
    changed = run.started or (run.last.finished if run.last else snapshot.accepted)
    ready: dict[str, Any] = {"status": "True" if run.running else "False", "lastTransitionTime": _stamp(changed)}
    if not run.running:
        ready["reason"] = "PodCompleted" if _phase(run) == "Succeeded" else "ContainersNotReady"
    initialized: Condition = {
        "type": "Initialized",
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": _stamp(snapshot.accepted),
    }
    return [
        initialized,
        {"type": "Ready", "lastProbeTime": None, **ready},  # type: ignore[typeddict-item]  # Condition's own keys
        {"type": "ContainersReady", "lastProbeTime": None, **ready},  # type: ignore[typeddict-item]  # as above
    ]


def _container(snapshot: Snapshot, name: str, image: str) -> ContainerStatus:
    run = snapshot.run
    status: ContainerStatus = {
        "name": name,
        "image": image,
        "imageID": f"mock://{image}" if run.begun else "",
        "ready": run.running,
        "started": run.running,
        "restartCount": run.restarts,
        "state": _state(snapshot, name),
    }
    if run.begun is not None:
        status["containerID"] = _identity(snapshot, name)
    if run.last is not None and not run.is_over:
        status["lastState"] = {"terminated": _terminated(snapshot, run.last, name)}
    return status


def _state(snapshot: Snapshot, name: str) -> ContainerState:
    run = snapshot.run
    if run.started is not None:
        return {"running": {"startedAt": _stamp(run.started)}}
    if run.is_over and run.last is not None:
        return {"terminated": _terminated(snapshot, run.last, name)}
    if run.last is not None:
        return {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off restarting failed container"}}
    return {"waiting": {"reason": snapshot.waiting_reason or "ContainerCreating"}}


def _init_container(snapshot: Snapshot, name: str, image: str) -> ContainerStatus:
    """Init containers here do their work in no time, just before the others start."""
    begun = snapshot.run.begun
    state: ContainerState = {"waiting": {"reason": snapshot.waiting_reason or "PodInitializing"}}
    if begun is not None:
        state = {"terminated": _terminated(snapshot, End(begun, begun, 0, "Completed"), name)}
    return {
        "name": name,
        "image": image,
        "imageID": f"mock://{image}" if begun else "",
        "ready": begun is not None,
        "started": False,
        "restartCount": 0,
        "state": state,
    }


def _terminated(snapshot: Snapshot, end: End, name: str) -> dict[str, Any]:
    started = end.started or end.finished
    return {
        "exitCode": end.exit_code,
        "reason": end.reason,
        "startedAt": _stamp(started),
        "finishedAt": _stamp(end.finished),
        "containerID": _identity(snapshot, name),
    }


def _identity(snapshot: Snapshot, name: str) -> str:
    return f"mock://{snapshot.pod['metadata']['uid']}/{name}/{snapshot.run.restarts}"


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
