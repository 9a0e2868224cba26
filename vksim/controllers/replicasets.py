"""ReplicaSets: as many pods of a template as are wanted (kube-controller-manager's replicaset-controller)."""

import asyncio
from typing import Any

from providers.types import KubeObject
from runner import kube
from vksim.controllers import pods, selector
from vksim.controllers.base import Controller, Setting, condition, condition_of
from vksim.controllers.pods import PodControl
from vksim.controllers.resources import REPLICA_SETS
from vksim.controllers.views import controller_of

BURST = 500
"""So many pods are created or deleted before the ReplicaSet is looked at again."""


class ReplicaSetController(Controller):
    """Keeps the number of each ReplicaSet's pods."""

    name = "replicaset-controller"
    resource = REPLICA_SETS

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._control = PodControl(setting, self.resource)
        self.follow(kube.PODS)
        setting.views.of(kube.PODS).read_by(self._orphan_seen)
        self._orphans: dict[str, dict[str, KubeObject]] = {}

    async def sync(self, obj: KubeObject) -> None:
        """Create or delete the difference, then tell how it is."""
        deleting = "deletionTimestamp" in obj["metadata"]
        if not deleting:
            await self._control.adopt(obj, list(self._orphans.get(obj["metadata"]["namespace"], {}).values()))
        active = [each for each in self._control.claimed(obj) if pods.is_active(each)]
        failure: kube.ApiError | None = None
        if not deleting:
            try:
                await self._even_out(obj, active)
            except kube.ApiError as error:
                failure = error
            active = [each for each in self._control.claimed(obj) if pods.is_active(each)]
        await self._tell_status(obj, active, failure)
        if failure is not None:
            raise failure

    async def _even_out(self, obj: KubeObject, active: list[KubeObject]) -> None:
        wanted = obj["spec"].get("replicas", 1)
        if len(active) < wanted:
            pod = pods.from_template(obj["spec"]["template"], obj, self.resource)

            async def create(_: int) -> None:
                await self._control.create(obj, pod)

            await pods.slow_start(min(wanted - len(active), BURST), create)
        elif len(active) > wanted:
            now, crowd = self.setting.now(), pods.crowds(active)
            ranked = sorted(
                active, key=lambda pod: pods.deletion_rank(pod, crowd[pod["spec"].get("nodeName") or ""], now)
            )
            chosen = ranked[: min(len(active) - wanted, BURST)]
            await asyncio.gather(*(self._control.delete(obj, pod) for pod in chosen))

    async def _tell_status(self, obj: KubeObject, active: list[KubeObject], failure: kube.ApiError | None) -> None:
        spec = obj["spec"]
        now, min_ready = self.setting.now(), spec.get("minReadySeconds", 0)
        waits = [pods.available_in(each, min_ready, now) for each in active]
        labels = {"matchLabels": (spec["template"].get("metadata") or {}).get("labels") or {}}
        labelled = sum(selector.matches(labels, each["metadata"].get("labels")) for each in active)
        ready, available = sum(each is not None for each in waits), sum(each == 0 for each in waits)
        conditions = [each for each in _conditions(obj) if each["type"] != "ReplicaFailure"]
        if failure is not None:
            reason = "FailedCreate" if len(active) < spec.get("replicas", 1) else "FailedDelete"
            before = condition_of(obj, "ReplicaFailure")
            conditions.append(condition("ReplicaFailure", "True", reason, str(failure), now, before))
        await self.write_status(
            obj,
            {
                "replicas": len(active),
                "fullyLabeledReplicas": labelled or None,
                "readyReplicas": ready or None,
                "availableReplicas": available or None,
                "observedGeneration": obj["metadata"].get("generation", 0),
                "conditions": conditions or None,
            },
        )
        soon = [each for each in waits if each]
        if soon:
            self.again(obj, min(soon))

    def _orphan_seen(self, pod: KubeObject) -> None:
        """Note pods that nobody controls, and look at whom they may belong to."""
        metadata = pod["metadata"]
        uid, namespace = metadata["uid"], metadata["namespace"]
        here = self._orphans.get(namespace)
        if controller_of(pod) is not None or not pods.is_active(pod) or not metadata.get("labels"):
            if here is not None:
                here.pop(uid, None)
            return
        known = self._orphans.setdefault(namespace, {}).get(uid)
        self._orphans[namespace][uid] = pod
        if known is not None and known["metadata"].get("labels") == metadata["labels"]:
            return
        for each in self.view.in_namespace(namespace):
            if selector.matches(each["spec"]["selector"], metadata["labels"]):
                self.queue.add(each["metadata"]["uid"])


def _conditions(obj: KubeObject) -> list[dict[str, Any]]:
    return (obj.get("status") or {}).get("conditions") or []
