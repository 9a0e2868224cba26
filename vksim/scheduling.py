"""The scheduler at work: follows pods and nodes through the Kubernetes API, decides by ``vksim.scheduler``, binds.

Pods that do not fit wait, grouped by what they need, until a node changes that would take one of them: a full cluster
costs a look at one node for each kind of pod, not a look at all nodes for each pod.
"""

import asyncio
import logging

from providers.types import KubeObject
from runner import kube
from runner.events import NORMAL, WARNING, EventRecorder
from runner.informer import Informer
from runner.ports import Ports, rfc3339
from runner.workqueue import WorkQueue
from vksim.scheduler import Kind, Need, NodeState, Unschedulable, best, choose, need_of, node_state, take

SCHEDULER = "default-scheduler"
BINDERS = 16
"""Bindings under way at once; deciding is not parallel."""

SECOND_LOOK_SECONDS = 1.0

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
        self._placed: dict[str, str] = {}
        self._needs: dict[str, dict[str, Need]] = {}
        self._waiting = Unschedulable()
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
            for need in self._needs.get(new.name, {}).values():
                take(new, need)
            self._look_again()
        else:
            same = (old.labels, old.taints, old.unschedulable, old.allocatable)
            if same == (new.labels, new.taints, new.unschedulable, new.allocatable):
                return
            old.labels, old.taints = new.labels, new.taints
            old.unschedulable, old.allocatable = new.unschedulable, new.allocatable
            old.refusals.clear()
        self._offer(self._nodes[new.name])

    def _node_deleted(self, node: KubeObject) -> None:
        state = self._nodes.pop(node["metadata"]["name"], None)
        if state is not None:
            self._order.remove(state)
            self._look_again()

    def _pod_changed(self, pod: KubeObject) -> None:
        metadata, spec = pod["metadata"], pod["spec"]
        uid = metadata["uid"]
        over = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
        if over:
            self._forget(uid)
            self._give_back(uid)
        elif spec.get("nodeName"):
            self._forget(uid)
            if uid not in self._placed:
                self._place(uid, spec["nodeName"], need_of(pod))
        elif _is_ours(pod):
            known = uid in self._pods
            self._pods[uid] = pod
            if not known:
                self._queue.add(uid)

    def _pod_deleted(self, pod: KubeObject) -> None:
        uid = pod["metadata"]["uid"]
        self._forget(uid)
        self._give_back(uid)

    def _forget(self, uid: str) -> None:
        """The pod needs no node any more; if it was waiting for one, the next of its kind may have it."""
        pod = self._pods.pop(uid, None)
        if pod is not None:
            self._stop_waiting(uid, need_of(pod))

    def _stop_waiting(self, uid: str, need: Need) -> None:
        following = self._waiting.remove(uid, need)
        if following is not None:
            self._queue.add(following)

    def _place(self, uid: str, node: str, need: Need) -> None:
        self._placed[uid] = node
        self._needs.setdefault(node, {})[uid] = need
        if node in self._nodes:
            take(self._nodes[node], need)

    def _give_back(self, uid: str) -> None:
        name = self._placed.pop(uid, None)
        if name is None:
            return
        need, node = self._needs[name].pop(uid), self._nodes.get(name)
        if node is not None:
            take(node, need, -1)
            self._offer(node)

    def _offer(self, node: NodeState) -> None:
        for uid in self._waiting.offer(node):
            self._queue.add(uid)

    def _look_again(self) -> None:
        """There are other nodes now: tell pods that wait what is in their way, but not at each of many changes."""
        for uid in self._waiting.other_nodes():
            self._queue.add_after(uid, SECOND_LOOK_SECONDS)

    # --- what is done -----------------------------------------------------------------------------------------------

    async def _schedule(self, uid: str) -> None:
        pod = self._pods.get(uid)
        if pod is None or uid in self._placed:
            return
        need = need_of(pod)
        node, why = self._choose(uid, need)
        try:
            if node is None:
                self._waiting.add(uid, need, why)
                await self._tell_unschedulable(pod, why)
            else:
                self._place(uid, node.name, need)
                self._stop_waiting(uid, need)
                await self._bind(pod, node)
        except kube.ApiError as error:
            log.warning("pod %s: not scheduled: %s", pod["metadata"]["name"], error)
            if node is not None:
                self._give_back(uid)
                if not isinstance(error, kube.NotFound):
                    self._queue.add_after(uid, error.retry_after or 1.0)

    def _choose(self, uid: str, need: Need) -> tuple[NodeState | None, str]:
        """The pod's node, or why there is none. Pods of a kind that waits take turns, at the nodes that changed."""
        kind = self._waiting.kind(need)
        if kind is None or (kind.stale and uid == kind.head):
            node, self._start, why = choose(need, self._order, self._start)
            if kind is not None:
                self._reconsider(kind, why)
            return node, why
        if uid != kind.head:
            return None, kind.why
        nodes = [self._nodes[name] for name in kind.room if name in self._nodes]
        node = best(need, nodes)
        if node is None:
            kind.room.clear()
        return node, kind.why

    def _reconsider(self, kind: Kind, why: str) -> None:
        """Note what is in the way of a kind now; if it is something else than before, all of them are told."""
        kind.stale = False
        if why and why != kind.why:
            kind.why = why
            for uid in kind.pods:
                self._queue.add(uid)

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


def _is_ours(pod: KubeObject) -> bool:
    """Whether the pod waits for this scheduler to find it a node."""
    spec = pod["spec"]
    return (
        spec.get("schedulerName", SCHEDULER) == SCHEDULER
        and not spec.get("schedulingGates")
        and "deletionTimestamp" not in pod["metadata"]
    )
