"""Pods that a taint of their node drives away (kube-controller-manager's taint-eviction-controller)."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from providers.types import KubeObject
from runner import kube
from runner.ports import rfc3339
from runner.workqueue import WorkQueue
from vksim.affinity import tolerates
from vksim.controllers.base import Setting


class TaintEvictionController:
    """Deletes pods that do not tolerate a NoExecute taint of their node, when their patience is over."""

    name = "taint-eviction-controller"

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._nodes = setting.views.of(kube.NODES)
        self._pods = setting.views.of(kube.PODS)
        self._by_node: dict[str, dict[str, None]] = {}
        self._tainted: dict[str, list[Mapping[str, Any]]] = {}
        self._since: dict[str, datetime] = {}
        self._queue: WorkQueue[str] = WorkQueue(self._evict, workers=8)
        self._nodes.read_by(self._node_changed)
        self._pods.read_by(self._pod_changed)

    async def run(self) -> None:
        """Work until cancelled."""
        await self._queue.run()

    def _node_changed(self, node: KubeObject) -> None:
        name = node["metadata"]["name"]
        here = node["metadata"]["uid"] in self._nodes.objects
        taints = [each for each in (node.get("spec") or {}).get("taints") or () if each["effect"] == "NoExecute"]
        before = self._tainted.get(name)
        if not here or not taints:
            self._tainted.pop(name, None)
            if before:
                for uid in self._by_node.get(name, ()):
                    self._queue.forget_delay(uid)
                    self._since.pop(uid, None)
            return
        self._tainted[name] = taints
        if taints != before:
            for uid in self._by_node.get(name, ()):
                self._queue.add(uid)

    def _pod_changed(self, pod: KubeObject) -> None:
        uid, node = pod["metadata"]["uid"], pod["spec"].get("nodeName")
        if not node:
            return
        if uid not in self._pods.objects:
            self._by_node.get(node, {}).pop(uid, None)
            self._queue.forget_delay(uid)
            self._since.pop(uid, None)
        elif uid not in self._by_node.setdefault(node, {}):
            self._by_node[node][uid] = None
            if node in self._tainted:
                self._queue.add(uid)

    async def _evict(self, uid: str) -> None:
        pod = self._pods.objects.get(uid)
        taints = self._tainted.get(pod["spec"].get("nodeName", "")) if pod is not None else None
        if pod is None or not taints or "deletionTimestamp" in pod["metadata"]:
            return
        now = self._setting.now()
        patience = _patience(pod, taints)
        if patience is None:
            return
        left = (self._since.setdefault(uid, now) + timedelta(seconds=patience) - now).total_seconds()
        if left > 0:
            self._queue.add_after(uid, left)
            return
        metadata = pod["metadata"]
        message = f"Marking for deletion Pod {metadata['namespace']}/{metadata['name']}"
        self._setting.events.tell(pod, "Normal", "TaintManagerEviction", message)
        now_text = rfc3339(now)
        target = {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": "DeletionByTaintManager",
            "message": "Taint manager: deleting due to NoExecute taint",
            "lastTransitionTime": now_text,
        }
        try:
            await self._setting.api.patch(
                kube.PODS,
                metadata["name"],
                {"metadata": {"uid": uid}, "status": {"conditions": [target]}},
                metadata["namespace"],
                patch_type=kube.PatchType.STRATEGIC,
                subresource="status",
            )
            await self._setting.api.delete(kube.PODS, metadata["name"], metadata["namespace"], uid=uid)
        except (kube.NotFound, kube.Conflict):
            return
        except kube.ApiError as error:
            self._queue.add_after(uid, error.retry_after or 1.0)


def _patience(pod: KubeObject, taints: Iterable[Mapping[str, Any]]) -> float | None:
    """Seconds that a pod may stay on a node with these taints; None for ever."""
    shortest: float | None = None
    for taint in taints:
        fitting = [each for each in pod["spec"].get("tolerations") or () if tolerates([each], taint)]
        if not fitting:
            return 0.0
        seconds = [each["tolerationSeconds"] for each in fitting if each.get("tolerationSeconds") is not None]
        if len(seconds) == len(fitting):
            shortest = min([*seconds, *([shortest] if shortest is not None else [])])
    return None if shortest is None else max(0.0, shortest)
