"""The scheduler at work: follows pods and nodes through the Kubernetes API, decides by ``vksim.scheduler``, binds.

Pods that do not fit are put aside, grouped by what they need. When room appears one of each group is tried, and the
next one only if that fitted: a full cluster costs a look for each kind of pod, not one for each pod.
"""

import asyncio
import logging

from providers.types import KubeObject
from runner import kube
from runner.events import NORMAL, WARNING, EventRecorder
from runner.informer import Informer
from runner.ports import Ports, rfc3339
from runner.workqueue import WorkQueue
from vksim.scheduler import Need, NodeState, choose, need_of, node_state, take

SCHEDULER = "default-scheduler"
BINDERS = 16
"""Bindings under way at once; deciding is not parallel."""

log = logging.getLogger("vksim.scheduler")


class Scheduler:
    """Binds pods to nodes until it is cancelled.

    Args:
        api: the cluster.
        ports: time and chance.
    """

    def __init__(self, api: kube.KubeApi, ports: Ports) -> None:
        self._api = api
        self._ports = ports
        self._nodes: dict[str, NodeState] = {}
        self._order: list[NodeState] = []
        self._start = 0
        self._pods: dict[str, KubeObject] = {}
        self._placed: dict[str, tuple[str, Need]] = {}
        self._aside: dict[Need, dict[str, None]] = {}
        self._tried: dict[Need, str] = {}
        self._why: dict[Need, str] = {}
        self._queue: WorkQueue[str] = WorkQueue(self._schedule, workers=BINDERS)
        self._events = EventRecorder(api, SCHEDULER, clock=ports.clock, random=ports.random, log=log)
        random = ports.random
        self._node_informer = Informer(
            api, kube.NODES, changed=self._node_changed, deleted=self._node_deleted, random=random, log=log
        )
        self._pod_informer = Informer(
            api, kube.PODS, changed=self._pod_changed, deleted=self._pod_deleted, random=random, log=log
        )

    async def run(self) -> None:
        """Schedule until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._events.run())
            tasks.create_task(self._node_informer.run())
            await self._node_informer.synced.wait()
            tasks.create_task(self._pod_informer.run())
            await self._pod_informer.synced.wait()
            tasks.create_task(self._queue.run())

    # --- what happens -----------------------------------------------------------------------------------------------

    def _node_changed(self, node: KubeObject) -> None:
        new = node_state(node)
        old = self._nodes.get(new.name)
        if old is None:
            self._nodes[new.name] = new
            self._order.append(new)
            for name, need in self._placed.values():
                if name == new.name:
                    take(new, need)
        else:
            same = (old.labels, old.taints, old.unschedulable, old.allocatable)
            if same == (new.labels, new.taints, new.unschedulable, new.allocatable):
                return
            old.labels, old.taints = new.labels, new.taints
            old.unschedulable, old.allocatable = new.unschedulable, new.allocatable
        self._room_appeared()

    def _node_deleted(self, node: KubeObject) -> None:
        state = self._nodes.pop(node["metadata"]["name"], None)
        if state is not None:
            self._order.remove(state)

    def _pod_changed(self, pod: KubeObject) -> None:
        metadata, spec = pod["metadata"], pod["spec"]
        uid = metadata["uid"]
        over = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
        if over:
            self._give_back(uid)
        elif spec.get("nodeName"):
            self._pods.pop(uid, None)
            if uid not in self._placed:
                self._place(uid, spec["nodeName"], need_of(pod))
        elif spec.get("schedulerName", SCHEDULER) == SCHEDULER and "deletionTimestamp" not in metadata:
            known = uid in self._pods
            self._pods[uid] = pod
            if not known:
                self._queue.add(uid)

    def _pod_deleted(self, pod: KubeObject) -> None:
        uid = pod["metadata"]["uid"]
        waiting = self._pods.pop(uid, None)
        if waiting is not None:
            need = need_of(waiting)
            self._aside.get(need, {}).pop(uid, None)
            if self._tried.get(need) == uid:
                del self._tried[need]
        self._give_back(uid)

    def _place(self, uid: str, node: str, need: Need) -> None:
        self._placed[uid] = (node, need)
        if node in self._nodes:
            take(self._nodes[node], need)

    def _give_back(self, uid: str) -> None:
        node, need = self._placed.pop(uid, ("", None))
        if need is not None and node in self._nodes:
            take(self._nodes[node], need, -1)
            self._room_appeared()

    def _room_appeared(self) -> None:
        for need in list(self._aside):
            self._try_one(need)

    def _try_one(self, need: Need) -> None:
        """Take one pod of a kind from aside, unless one is on its way already."""
        waiting = self._aside.get(need)
        if waiting and need not in self._tried:
            uid = next(iter(waiting))
            del waiting[uid]
            self._tried[need] = uid
            self._queue.add(uid)
        elif waiting is not None and not waiting:
            del self._aside[need]

    def _put_aside(self, uid: str, need: Need) -> None:
        self._aside.setdefault(need, {})[uid] = None

    # --- what is done -----------------------------------------------------------------------------------------------

    async def _schedule(self, uid: str) -> None:
        pod = self._pods.get(uid)
        if pod is None or uid in self._placed:
            return
        need = need_of(pod)
        on_trial = self._tried.get(need) == uid
        if need in self._aside and not on_trial:
            self._put_aside(uid, need)
            node, why = None, self._why[need]
        else:
            node, self._start, why = choose(need, self._order, self._start)
            if on_trial:
                del self._tried[need]
            if node is None:
                self._put_aside(uid, need)
                self._why[need] = why
        try:
            if node is None:
                await self._tell_unschedulable(pod, why)
            else:
                self._place(uid, node.name, need)
                self._try_one(need)
                await self._bind(pod, node)
        except kube.ApiError as error:
            log.warning("pod %s: not scheduled: %s", pod["metadata"]["name"], error)
            if node is not None:
                self._give_back(uid)
                if not isinstance(error, kube.NotFound):
                    self._queue.add_after(uid, error.retry_after or 1.0)

    async def _bind(self, pod: KubeObject, node: NodeState) -> None:
        metadata = pod["metadata"]
        binding = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": metadata["name"], "namespace": metadata["namespace"], "uid": metadata["uid"]},
            "target": {"apiVersion": "v1", "kind": "Node", "name": node.name},
        }
        await self._api.create(kube.PODS, binding, metadata["namespace"], name=metadata["name"], subresource="binding")
        message = f"Successfully assigned {metadata['namespace']}/{metadata['name']} to {node.name}"
        self._events.tell(pod, NORMAL, "Scheduled", message)

    async def _tell_unschedulable(self, pod: KubeObject, why: str) -> None:
        """Say why the pod is pending, unless that is what its condition says already."""
        metadata = pod["metadata"]
        conditions = (pod.get("status") or {}).get("conditions") or []
        if any(each["type"] == "PodScheduled" and each.get("message") == why for each in conditions):
            return
        condition = {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": why,
            "lastTransitionTime": rfc3339(self._ports.clock.now()),
        }
        self._events.tell(pod, WARNING, "FailedScheduling", why)
        await self._api.patch(
            kube.PODS,
            metadata["name"],
            {"status": {"conditions": [condition]}},
            metadata["namespace"],
            patch_type=kube.PatchType.STRATEGIC,
            subresource="status",
        )
