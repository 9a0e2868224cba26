"""Pods that nobody else will clear away: of nodes that are gone, deleted before they were bound, ended long ago."""

import asyncio
from collections import OrderedDict
from contextlib import suppress

from providers.types import KubeObject
from runner import kube
from runner.ports import rfc3339
from runner.workqueue import WorkQueue
from vksim.controllers import pods
from vksim.controllers.base import Setting

QUARANTINE_SECONDS = 40.0
"""How long a node has to be gone before its pods go too."""
TERMINATED = 12_500
"""So many pods that have ended are kept (``--terminated-pod-gc-threshold``)."""


class PodGcController:
    """Deletes such pods."""

    name = "pod-garbage-collector-controller"

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._nodes = setting.views.of(kube.NODES)
        self._pods = setting.views.of(kube.PODS)
        self._by_node: dict[str, dict[str, None]] = {}
        self._ended: OrderedDict[str, None] = OrderedDict()
        self._orphans: WorkQueue[str] = WorkQueue(self._clear_node, workers=1)
        self._victims: WorkQueue[str] = WorkQueue(self._clear, workers=8)
        self._nodes.read_by(self._node_changed)
        self._pods.read_by(self._pod_changed)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._orphans.run())
            tasks.create_task(self._victims.run())

    def _node_changed(self, node: KubeObject) -> None:
        name = node["metadata"]["name"]
        if self._nodes.get("", name) is not None:
            self._orphans.forget_delay(name)
        elif self._by_node.get(name):
            self._orphans.add_after(name, QUARANTINE_SECONDS)

    def _pod_changed(self, pod: KubeObject) -> None:
        uid, node = pod["metadata"]["uid"], pod["spec"].get("nodeName")
        if uid not in self._pods.objects:
            self._ended.pop(uid, None)
            if node and (here := self._by_node.get(node)) is not None:
                here.pop(uid, None)
                if not here:
                    del self._by_node[node]
            return
        if node and uid not in (here := self._by_node.setdefault(node, {})):
            here[uid] = None
            if self._nodes.get("", node) is None:
                self._orphans.add_after(node, QUARANTINE_SECONDS)
        if not node and "deletionTimestamp" in pod["metadata"]:
            self._victims.add(uid)
        if pods.phase(pod) in pods.TERMINAL and uid not in self._ended:
            self._ended[uid] = None
            if len(self._ended) > TERMINATED:
                self._victims.add(self._ended.popitem(last=False)[0])

    async def _clear_node(self, name: str) -> None:
        """The node's pods go, if it is truly gone."""
        try:
            await self._setting.api.get(kube.NODES, name)
        except kube.NotFound:
            for uid in list(self._by_node.get(name, ())):
                self._victims.add(uid)
        except kube.ApiError as error:
            self._orphans.add_after(name, error.retry_after or 1.0)

    async def _clear(self, uid: str) -> None:
        pod = self._pods.objects.get(uid)
        if pod is None:
            return
        metadata = pod["metadata"]
        try:
            if pods.phase(pod) not in pods.TERMINAL and pod["spec"].get("nodeName"):
                await self._fail(pod)
            with suppress(kube.NotFound, kube.Conflict):
                await self._setting.api.delete(
                    kube.PODS, metadata["name"], metadata["namespace"], grace_period_seconds=0, uid=uid
                )
        except kube.ApiError as error:
            self._victims.add_after(uid, error.retry_after or 1.0)

    async def _fail(self, pod: KubeObject) -> None:
        """A pod that goes with its node has failed, for whoever counts."""
        metadata = pod["metadata"]
        target = {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": "DeletionByPodGC",
            "message": "PodGC: node no longer exists",
            "lastTransitionTime": rfc3339(self._setting.now()),
        }
        with suppress(kube.NotFound, kube.Conflict):
            await self._setting.api.patch(
                kube.PODS,
                metadata["name"],
                {"metadata": {"uid": metadata["uid"]}, "status": {"phase": "Failed", "conditions": [target]}},
                metadata["namespace"],
                patch_type=kube.PatchType.STRATEGIC,
                subresource="status",
            )
