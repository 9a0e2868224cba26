"""The scheduler at work: follows pods and nodes through the Kubernetes API, decides by ``vksim.scheduler``, binds.

Pods that do not fit wait, grouped by what they need, until a node changes that would take one of them: a full cluster
costs a look at one node for each kind of pod, not a look at all nodes for each pod.
"""

import asyncio
import logging
from collections import Counter
from operator import itemgetter

from providers.types import KubeObject
from runner import kube
from runner.events import NORMAL, WARNING, EventRecorder
from runner.informer import Informer
from runner.ports import Ports, rfc3339
from runner.workqueue import UNOBSERVED, Observer, WorkQueue
from vksim.scheduler import (
    NOT_SELECTED,
    Also,
    Kind,
    Need,
    NodeState,
    Unschedulable,
    best,
    choose,
    need_of,
    node_state,
    refusal,
    take,
    unschedulable,
    victims,
)
from vksim.topology import NONE, Neighbours

SCHEDULER = "default-scheduler"
BINDERS = 16
"""Bindings under way at once; deciding is not parallel."""

SECOND_LOOK_SECONDS = 1.0

PREEMPTION_CANDIDATES = 100
"""So many nodes are compared when less important pods have to go; kube-scheduler's least."""

log = logging.getLogger("vksim.scheduler")


class Scheduler:
    """Binds pods to nodes until it is cancelled.

    Args:
        api: the cluster.
        ports: time and chance.
        observer: is told what the queue of pods without a node does.
    """

    def __init__(self, api: kube.KubeApi, ports: Ports, observer: Observer = UNOBSERVED) -> None:
        self._api = api
        self._ports = ports
        self._nodes: dict[str, NodeState] = {}
        self._order: list[NodeState] = []
        self._start = 0
        self._pods: dict[str, KubeObject] = {}
        self._wanted: dict[str, Need] = {}
        self._placed: dict[str, str] = {}
        self._needs: dict[str, dict[str, Need]] = {}
        self._waiting = Unschedulable()
        self._neighbours: Neighbours | None = None
        self._nominated: dict[str, str] = {}
        self._freed: dict[str, str] = {}
        self._queue: WorkQueue[str] = WorkQueue(self._schedule, workers=BINDERS, observer=observer)
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
        if self._neighbours is not None:
            self._neighbours.node(new.name, new.labels)
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
            old.become(new)
        self._offer(self._nodes[new.name])

    def _node_deleted(self, node: KubeObject) -> None:
        state = self._nodes.pop(node["metadata"]["name"], None)
        if state is not None:
            self._order.remove(state)
            for uid in [each for each, name in self._nominated.items() if name == state.name]:
                del self._nominated[uid]
                self._queue.add(uid)
            if self._neighbours is not None:
                self._neighbours.node(state.name, None)
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
                self._place(pod, spec["nodeName"], need_of(pod))
        elif _is_ours(pod):
            known = uid in self._pods
            self._pods[uid] = pod
            if not known:
                self._wanted[uid] = need_of(pod)
                self._queue.add(uid)

    def _pod_deleted(self, pod: KubeObject) -> None:
        uid = pod["metadata"]["uid"]
        self._forget(uid)
        self._give_back(uid)

    def _forget(self, uid: str) -> None:
        """The pod needs no node any more; if it was waiting for one, the next of its kind may have it."""
        pod = self._pods.pop(uid, None)
        if pod is not None:
            need = self._wanted.pop(uid)
            self._stop_waiting(uid, need)
            self._release(uid, need)

    def _stop_waiting(self, uid: str, need: Need) -> None:
        following = self._waiting.remove(uid, need)
        if following is not None:
            self._queue.add(following)

    def _place(self, pod: KubeObject, node: str, need: Need) -> None:
        uid = pod["metadata"]["uid"]
        self._placed[uid] = node
        self._needs.setdefault(node, {})[uid] = need
        if node in self._nodes:
            take(self._nodes[node], need)
        if self._neighbours is not None:
            self._neighbours.place(uid, pod, node, need.wishes)
            self._neighbours_changed()

    def _give_back(self, uid: str) -> None:
        name = self._placed.pop(uid, None)
        if name is None:
            return
        need, node = self._needs[name].pop(uid), self._nodes.get(name)
        if self._neighbours is not None:
            self._neighbours.remove(uid)
            self._neighbours_changed()
        if node is not None:
            take(node, need, -1)
            self._offer(node)

    def _offer(self, node: NodeState) -> None:
        for uid, name in self._nominated.items():
            if name == node.name:
                self._queue.add(uid)
        for uid in self._waiting.offer(node):
            self._queue.add(uid)

    def _neighbours_changed(self) -> None:
        for uid in self._waiting.neighbours_changed():
            self._queue.add(uid)

    def _know_neighbours(self) -> Neighbours:
        """Count pods by place from now on, those that are there already too."""
        if self._neighbours is None:
            self._neighbours = Neighbours()
            for node in self._order:
                self._neighbours.node(node.name, node.labels)
            for uid, name in self._placed.items():
                pod = self._pod_informer.objects.get(uid)
                if pod is not None:
                    self._neighbours.place(uid, pod, name, self._needs[name][uid].wishes)
        return self._neighbours

    def _look_again(self) -> None:
        """There are other nodes now: tell pods that wait what is in their way, but not at each of many changes."""
        for uid in self._waiting.other_nodes():
            self._queue.add_after(uid, SECOND_LOOK_SECONDS)

    # --- what is done -----------------------------------------------------------------------------------------------

    async def _schedule(self, uid: str) -> None:
        pod = self._pods.get(uid)
        if pod is None or uid in self._placed:
            return
        need = self._wanted[uid]
        if uid in self._nominated and not self._take_up(uid, need):
            return
        node, why = self._choose(pod, need)
        try:
            if node is None:
                self._waiting.add(uid, need, why)
                await self._tell_unschedulable(pod, why)
                await self._preempt(pod, need)
            else:
                self._place(pod, node.name, need)
                self._stop_waiting(uid, need)
                await self._bind(pod, node)
        except kube.ApiError as error:
            log.warning("pod %s: not scheduled: %s", pod["metadata"]["name"], error)
            if node is not None:
                self._give_back(uid)
                if not isinstance(error, kube.NotFound):
                    self._queue.add_after(uid, error.retry_after or 1.0)

    def _choose(self, pod: KubeObject, need: Need) -> tuple[NodeState | None, str]:
        """The pod's node, or why there is none. Pods of a kind that waits take turns, at the nodes that changed."""
        uid, also = pod["metadata"]["uid"], self._also(pod, need)
        name = self._freed.pop(uid, None)
        if name is not None:
            freed = self._nodes.get(name)
            node = best(need, [freed] if freed is not None else [], also)
            if node is not None:
                return node, ""
        if need.only is not None:
            return self._choose_of(need, [self._nodes[name] for name in need.only if name in self._nodes], also)
        kind = self._waiting.kind(need)
        if kind is None or (kind.stale and uid == kind.head):
            node, self._start, why = choose(need, self._order, self._start, also)
            if kind is not None:
                self._reconsider(kind, why)
            return node, why
        if uid != kind.head:
            return None, kind.why
        nodes = [self._nodes[name] for name in kind.room if name in self._nodes]
        node = best(need, nodes, also)
        if node is None:
            kind.room.clear()
        return node, kind.why

    def _choose_of(self, need: Need, nodes: list[NodeState], also: Also | None) -> tuple[NodeState | None, str]:
        """As ``_choose``, where the pod names the only nodes that it may go to."""
        node, _, _ = choose(need, nodes, 0, also)
        if node is not None:
            return node, ""
        refusals = Counter(refusal(need, each) for each in nodes)
        refusals[NOT_SELECTED] += len(self._order) - len(nodes)
        return None, unschedulable(len(self._order), +refusals)

    def _also(self, pod: KubeObject, need: Need) -> Also | None:
        """What the pod's neighbours have to say about a node; None if nobody has anything to say."""
        if need.wishes is NONE and self._neighbours is None:
            return None
        neighbours = self._know_neighbours()

        def also(node: NodeState) -> tuple[str, float]:
            why = neighbours.refusal(node.labels, pod, need.wishes)
            return why, 0.0 if why else neighbours.score(node.labels, need.wishes)

        return also

    async def _preempt(self, pod: KubeObject, need: Need) -> None:
        """End less important pods, the fewest and least important that make room, and hold the room for this one."""
        uid = pod["metadata"]["uid"]
        if need.priority <= 0 or not need.preempts or uid in self._nominated:
            return
        candidates: list[tuple[tuple[int, int, int], NodeState, list[str]]] = []
        for looked in range(len(self._order)):
            node = self._order[(self._start + looked) % len(self._order)]
            placed = self._needs.get(node.name, {})
            going = victims(need, node, placed)
            if going:
                priorities = [placed[each].priority for each in going]
                candidates.append(((max(priorities), sum(priorities), len(going)), node, going))
            if len(candidates) == PREEMPTION_CANDIDATES:
                break
        if not candidates:
            return
        _, node, going = min(candidates, key=itemgetter(0))
        self._nominated[uid] = node.name
        for each in going:
            await self._evict(each, pod, node.name)
        take(node, need)
        metadata = pod["metadata"]
        patch = {"metadata": {"uid": uid}, "status": {"nominatedNodeName": node.name}}
        await self._api.patch(kube.PODS, metadata["name"], patch, metadata["namespace"], subresource="status")

    async def _evict(self, uid: str, by: KubeObject, node: str) -> None:
        """Delete a pod in favour of another one, and tell."""
        victim = self._pod_informer.objects.get(uid)
        if victim is None or "deletionTimestamp" in victim["metadata"]:
            return
        metadata = victim["metadata"]
        target = {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": "PreemptionByScheduler",
            "message": f"{SCHEDULER}: preempting to accommodate a higher priority pod",
            "lastTransitionTime": rfc3339(self._ports.clock.now()),
        }
        patch = {"metadata": {"uid": uid}, "status": {"conditions": [target]}}
        try:
            await self._api.patch(
                kube.PODS,
                metadata["name"],
                patch,
                metadata["namespace"],
                patch_type=kube.PatchType.STRATEGIC,
                subresource="status",
            )
            await self._api.delete(kube.PODS, metadata["name"], metadata["namespace"], uid=uid)
        except (kube.NotFound, kube.Conflict):
            return
        self._events.tell(victim, NORMAL, "Preempted", f"Preempted by pod {by['metadata']['uid']} on node {node}")

    def _take_up(self, uid: str, need: Need) -> bool:
        """Whether the room that was held for a pod is there now, or will never be; then it is not held any more."""
        name = self._nominated[uid]
        node = self._nodes.get(name)
        if node is not None:
            take(node, need, -1)
            fits = not refusal(need, node)
            take(node, need)
            if not fits:
                return False
        self._release(uid, need)
        self._freed[uid] = name
        return True

    def _release(self, uid: str, need: Need) -> None:
        """Give back the room that was held for a pod."""
        name = self._nominated.get(uid)
        node = self._nodes.get(name) if name is not None else None
        if name is None:
            return
        del self._nominated[uid]
        if node is not None:
            take(node, need, -1)

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
