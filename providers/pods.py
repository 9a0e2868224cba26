"""What one asks of a pod, spelt once. Pure functions over wire-form dicts; nothing here changes its argument."""

from typing import NamedTuple

from providers.types import Container, ContainerStatus, Pod, PodStatus

TERMINAL_PHASES = frozenset({"Succeeded", "Failed"})


class PodRef(NamedTuple):
    """Which pod: its place in the API and its identity. Two pods with the same name have different UIDs."""

    namespace: str
    name: str
    uid: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def ref(pod: Pod) -> PodRef:
    """The reference to a pod that the API server has admitted (it has a name and a UID)."""
    metadata = pod["metadata"]
    return PodRef(metadata.get("namespace", "default"), metadata["name"], metadata["uid"])


def uid(pod: Pod) -> str:
    """The pod's identity."""
    return pod["metadata"]["uid"]


def status(pod: Pod) -> PodStatus:
    """The pod's status, empty if it has none."""
    return pod.get("status") or {}


def phase(pod: Pod) -> str:
    """Pending, Running, Succeeded, Failed or Unknown; a pod without a phase is Pending."""
    return status(pod).get("phase") or "Pending"


def is_terminal(pod: Pod) -> bool:
    """Whether the pod has run its course. Terminal is for ever."""
    return phase(pod) in TERMINAL_PHASES


def is_deleting(pod: Pod) -> bool:
    """Whether somebody has asked for the pod's deletion."""
    return "deletionTimestamp" in pod["metadata"]


def grace_seconds(pod: Pod) -> int:
    """How long the pod's containers may take to end: what the deletion granted, else what its spec says (30 s)."""
    granted = pod["metadata"].get("deletionGracePeriodSeconds")
    if granted is not None:
        return granted
    return pod.get("spec", {}).get("terminationGracePeriodSeconds", 30)


def containers(pod: Pod) -> list[Container]:
    """The pod's regular containers."""
    return pod.get("spec", {}).get("containers") or []


def restart_policy(pod: Pod) -> str:
    """Always (the default), OnFailure or Never."""
    return pod.get("spec", {}).get("restartPolicy") or "Always"


def container_statuses(pod_status: PodStatus) -> list[ContainerStatus]:
    """The states of the regular containers, empty if none was reported."""
    return pod_status.get("containerStatuses") or []


def is_running(container: ContainerStatus) -> bool:
    """Whether the container is neither waiting nor terminated."""
    return "running" in (container.get("state") or {})


def all_ended(pod_status: PodStatus) -> bool:
    """Whether nothing of the pod runs any more: a terminal phase, or containers that have all terminated."""
    if pod_status.get("phase") in TERMINAL_PHASES:
        return True
    statuses = container_statuses(pod_status)
    return bool(statuses) and all("terminated" in (each.get("state") or {}) for each in statuses)


def with_status(pod: Pod, new: PodStatus) -> Pod:
    """The same pod with another status; everything else is shared."""
    return {**pod, "status": new}


def annotation(pod: Pod, name: str) -> str | None:
    """The value of an annotation, None where it is absent."""
    return (pod["metadata"].get("annotations") or {}).get(name)
