"""Pods from templates: making them, counting them, choosing which of them go. The parts that all controllers share."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from providers.types import KubeObject
from runner import kube
from runner.kube import Resource
from runner.ports import parse_rfc3339
from vksim.controllers import selector
from vksim.controllers.base import Setting, condition_of
from vksim.controllers.views import controller_of

TERMINAL = ("Succeeded", "Failed")


def owner_reference(owner: KubeObject, resource: Resource) -> dict[str, Any]:
    """The reference that makes an object the controller of another one."""
    return {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def from_template(
    template: Mapping[str, Any], owner: KubeObject, resource: Resource, *, name: str = "", **spec: Any
) -> dict[str, Any]:
    """A pod of a template; without a name the server makes one. Its spec is the template's own, but for ``spec``."""
    meta = template.get("metadata") or {}
    metadata = {key: meta[key] for key in ("labels", "annotations", "finalizers") if meta.get(key)}
    own = {"name": name} if name else {"generateName": f"{owner['metadata']['name']}-"}
    metadata |= {**own, "ownerReferences": [owner_reference(owner, resource)]}
    return {"metadata": metadata, "spec": {**template["spec"], **spec} if spec else template["spec"]}


def is_active(pod: Mapping[str, Any]) -> bool:
    """Whether a pod counts: it has not ended, and is not being deleted."""
    return phase(pod) not in TERMINAL and "deletionTimestamp" not in pod["metadata"]


def phase(pod: Mapping[str, Any]) -> str:
    """The pod's phase; Pending if it has none."""
    return (pod.get("status") or {}).get("phase") or "Pending"


def is_ready(pod: Mapping[str, Any]) -> bool:
    """Whether the pod's condition says that it is ready."""
    ready = condition_of(pod, "Ready")
    return ready is not None and ready["status"] == "True"


def available_in(pod: Mapping[str, Any], min_ready_seconds: int, now: datetime) -> float | None:
    """Seconds until a pod has been ready for long enough: 0 if it has, None if it is not ready."""
    ready = condition_of(pod, "Ready")
    if ready is None or ready["status"] != "True":
        return None
    if not min_ready_seconds:
        return 0.0
    since = parse_rfc3339(ready["lastTransitionTime"])
    return max(0.0, (since + timedelta(seconds=min_ready_seconds) - now).total_seconds())


def deletion_rank(pod: Mapping[str, Any], crowd: int, now: datetime) -> tuple[Any, ...]:
    """Who goes first: the smaller ones. As kube-controller-manager ranks the pods of a ReplicaSet.

    Unassigned before assigned, pending before running, not ready before ready, cheap ones first
    (``controller.kubernetes.io/pod-deletion-cost``), from crowded nodes first, ready for a shorter time first (by
    powers of two), restarted more often first, younger first.
    """
    metadata, status = pod["metadata"], pod.get("status") or {}
    phases = {"Pending": 0, "Unknown": 1}
    cost = (metadata.get("annotations") or {}).get("controller.kubernetes.io/pod-deletion-cost", "0")
    restarts = max((each.get("restartCount", 0) for each in status.get("containerStatuses") or ()), default=0)
    ready = condition_of(pod, "Ready")
    since = parse_rfc3339(ready["lastTransitionTime"]) if ready is not None and is_ready(pod) else now
    return (
        bool(pod["spec"].get("nodeName")),
        phases.get(phase(pod), 2),
        is_ready(pod),
        int(cost) if cost.lstrip("-").isdigit() else 0,
        -crowd,
        int((now - since).total_seconds()).bit_length(),
        -restarts,
        int((now - parse_rfc3339(metadata["creationTimestamp"])).total_seconds()).bit_length(),
        metadata["uid"],
    )


class PodControl:
    """Creates and deletes the pods of a controller's objects, and tells.

    Args:
        setting: what it works with.
        resource: what owns the pods.
    """

    def __init__(self, setting: Setting, resource: Resource) -> None:
        self._setting = setting
        self._resource = resource
        self._view = setting.views.of(kube.PODS)

    def claimed(self, owner: KubeObject) -> list[KubeObject]:
        """The pods that are the owner's."""
        return self._view.owned_by(owner["metadata"]["uid"])

    async def create(self, owner: KubeObject, pod: Mapping[str, Any]) -> KubeObject:
        """Create a pod, and tell its owner's readers."""
        try:
            created = await self._setting.api.create(kube.PODS, pod, owner["metadata"]["namespace"])
        except kube.AlreadyExists:
            raise
        except kube.ApiError as error:
            if error.reason != "NamespaceTerminating":
                self._tell(owner, "FailedCreate", f"Error creating: {error}", warning=True)
            raise
        self._view.wrote(created)
        self._tell(owner, "SuccessfulCreate", f"Created pod: {created['metadata']['name']}")
        return created

    async def delete(self, owner: KubeObject, pod: KubeObject) -> None:
        """Delete a pod; one that is gone already is as good."""
        metadata = pod["metadata"]
        try:
            deleted = await self._setting.api.delete(
                kube.PODS, metadata["name"], metadata["namespace"], uid=metadata["uid"]
            )
        except kube.NotFound:
            self._view.lost(pod)
            return
        except kube.ApiError as error:
            self._tell(owner, "FailedDelete", f"Error deleting: {error}", warning=True)
            raise
        if "metadata" in deleted and deleted["metadata"].get("deletionTimestamp"):
            self._view.wrote(deleted)
        self._tell(owner, "SuccessfulDelete", f"Deleted pod: {metadata['name']}")

    async def adopt(self, owner: KubeObject, pods: Iterable[KubeObject]) -> None:
        """Take orphans over that the owner's selector means."""
        wanted = owner["spec"].get("selector")
        for pod in pods:
            metadata = pod["metadata"]
            if controller_of(pod) is not None or not is_active(pod):
                continue
            if not selector.matches(wanted, metadata.get("labels")):
                continue
            references = [*(metadata.get("ownerReferences") or ()), owner_reference(owner, self._resource)]
            patch = {"metadata": {"uid": metadata["uid"], "ownerReferences": references}}
            adopted = await self._setting.api.patch(kube.PODS, metadata["name"], patch, metadata["namespace"])
            self._view.wrote(adopted)

    def _tell(self, owner: KubeObject, reason: str, message: str, *, warning: bool = False) -> None:
        self._setting.events.tell(owner, "Warning" if warning else "Normal", reason, message)


async def slow_start(count: int, make: Callable[[int], Awaitable[object]], first: int = 1) -> int:
    """Make things in batches of 1, 2, 4 and so on, until one of a batch fails: so a quota that is full is not hammered.

    Returns:
        How many were made. Raises the first error.
    """
    made, batch = 0, min(first, count)
    while batch > 0:
        results = await asyncio.gather(*(make(made + number) for number in range(batch)), return_exceptions=True)
        errors = [each for each in results if isinstance(each, BaseException)]
        made += len(results) - len(errors)
        if errors:
            raise errors[0]
        batch = min(2 * batch, count - made)
    return made


def crowds(pods: Sequence[KubeObject]) -> dict[str, int]:
    """How many of these pods each node has."""
    count: dict[str, int] = {}
    for pod in pods:
        node = pod["spec"].get("nodeName") or ""
        count[node] = count.get(node, 0) + 1
    return count
