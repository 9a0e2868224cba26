"""Nodes that are heard of no more: their conditions and taints (kube-controller-manager's node-lifecycle-controller).

50 s of grace, taints for nodes that are not ready or cannot be reached, and evictions at a rate for each zone that
drops when much of it is down.
"""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from providers.types import KubeObject
from runner import kube
from runner.node import LEASE_NAMESPACE
from runner.ports import parse_rfc3339, rfc3339
from vksim.controllers import pods
from vksim.controllers.base import Setting, condition_of, log

MONITOR_SECONDS = 5.0
GRACE = timedelta(seconds=50)
"""``--node-monitor-grace-period``, since Kubernetes 1.32."""

NOT_READY, UNREACHABLE = "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"
UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
ZONE, REGION = "topology.kubernetes.io/zone", "topology.kubernetes.io/region"

EVICTION_RATE, SECONDARY_RATE = 0.1, 0.01
"""Nodes a second whose pods are driven away: in a zone that is well, and in one of which much is down."""
UNHEALTHY_ZONE, LARGE_ZONE = 0.55, 50
"""A zone is unwell from this share of nodes that are down; if it has fewer nodes, nothing is evicted there then."""

_WATCHED = {
    "Ready": "Kubelet",
    "MemoryPressure": "Kubelet",
    "DiskPressure": "Kubelet",
    "PIDPressure": "Kubelet",
}


@dataclass(slots=True)
class _Zone:
    """When the next node of a zone may be tainted so that its pods go."""

    next_at: datetime


class NodeLifecycleController:
    """Judges nodes by their leases."""

    name = "node-lifecycle-controller"

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._api = setting.api
        self._nodes = setting.views.of(kube.NODES)
        self._pods = setting.views.of(kube.PODS)
        self._zones: dict[str, _Zone] = {}
        self._seen: dict[str, datetime] = {}
        self._changed = asyncio.Event()
        self._nodes.read_by(self._node_changed)

    async def run(self) -> None:
        """Look at all nodes every five seconds until cancelled."""
        while True:
            settled = False
            try:
                settled = await self._look()
            except kube.ApiError as error:
                log.info("%s: %s", self.name, error)
            await self._setting.ports.rest("node monitor", MONITOR_SECONDS, settled=settled, wake=self._changed)
            self._changed.clear()

    def _node_changed(self, node: KubeObject) -> None:
        """A node whose taints do not fit what it says is looked at, at the next turn."""
        if _wanted_taints(node, evict=False) - _taints(node) or _taints(node) - _wanted_taints(node, evict=True):
            self._changed.set()

    async def _look(self) -> bool:
        """Bring conditions and taints up to date; whether all nodes are well."""
        now = self._setting.now()
        renewed = await self._leases()
        nodes = list(self._nodes.objects.values())
        unwell = []
        for node in nodes:
            node = await self._judge(node, renewed.get(node["metadata"]["name"]), now)  # noqa: PLW2901  (its newer state)
            if _ready(node) != "True":
                unwell.append(node)
        down = {each["metadata"]["name"] for each in unwell}
        allowed = self._may_evict(nodes, down, now)
        for node in [self._nodes.objects.get(each["metadata"]["uid"], each) for each in nodes]:
            await self._taint(node, evict=node["metadata"]["name"] in allowed)
        return not unwell

    async def _leases(self) -> dict[str, datetime]:
        """When each node was heard of last."""
        renewed: dict[str, datetime] = {}
        token = ""
        while True:
            page = await self._api.list(kube.LEASES, LEASE_NAMESPACE, limit=500, continue_token=token)
            for each in page["items"]:
                if moment := each["spec"].get("renewTime"):
                    renewed[each["metadata"]["name"]] = parse_rfc3339(moment)
            token = page["metadata"].get("continue") or ""
            if not token:
                return renewed

    async def _judge(self, node: KubeObject, renewed: datetime | None, now: datetime) -> KubeObject:
        """Set a node's conditions to Unknown if nobody speaks for it any more; mark its pods if it is not ready."""
        uid = node["metadata"]["uid"]
        heard = max(renewed or _created(node), self._seen.get(uid, _created(node)))
        ready = condition_of(node, "Ready")
        if ready is not None and ready["status"] != "Unknown" and ready.get("lastHeartbeatTime"):
            heard = max(heard, parse_rfc3339(ready["lastHeartbeatTime"]))
        self._seen[uid] = heard
        if now - heard <= GRACE or (ready is not None and ready["status"] == "Unknown"):
            return node
        fresh = [_unknown(node, type_, now) for type_ in _WATCHED]
        name = node["metadata"]["name"]
        with suppress(kube.NotFound):
            patch = {"status": {"conditions": fresh}}
            node = await self._api.patch(
                kube.NODES, name, patch, patch_type=kube.PatchType.STRATEGIC, subresource="status"
            )
            self._nodes.wrote(node)
        message = f"Node {name} status is now: NodeNotReady"
        self._setting.events.tell(node, "Normal", "NodeNotReady", message)
        await self._mark_pods(name)
        return node

    async def _mark_pods(self, node: str) -> None:
        """The pods of a node that is not heard of are not ready."""
        now = rfc3339(self._setting.now())
        for pod in (each for each in list(self._pods.objects.values()) if each["spec"].get("nodeName") == node):
            if not pods.is_ready(pod):
                continue
            fresh = {"type": "Ready", "status": "False", "reason": "NodeNotReady", "lastTransitionTime": now}
            metadata = pod["metadata"]
            with suppress(kube.NotFound, kube.Conflict):
                written = await self._api.patch(
                    kube.PODS,
                    metadata["name"],
                    {"metadata": {"uid": metadata["uid"]}, "status": {"conditions": [fresh]}},
                    metadata["namespace"],
                    patch_type=kube.PatchType.STRATEGIC,
                    subresource="status",
                )
                self._pods.wrote(written)

    def _may_evict(self, nodes: Iterable[KubeObject], down: set[str], now: datetime) -> set[str]:
        """The nodes whose pods may be driven away: those that were before, and new ones at their zone's rate."""
        by_zone: dict[str, list[KubeObject]] = {}
        for node in nodes:
            by_zone.setdefault(_zone(node), []).append(node)
        allowed: set[str] = set()
        all_down = bool(down) and len(down) == sum(map(len, by_zone.values()))
        for zone, members in by_zone.items():
            waiting = []
            for each in members:
                name = each["metadata"]["name"]
                if name not in down:
                    continue
                if any(effect == "NoExecute" and key in (NOT_READY, UNREACHABLE) for key, effect in _taints(each)):
                    allowed.add(name)
                else:
                    waiting.append(name)
            sick = sum(each["metadata"]["name"] in down for each in members)
            rate = 0.0 if all_down and len(by_zone) > 1 else _rate(len(members), sick)
            clock = self._zones.setdefault(zone, _Zone(now))
            for name in waiting:
                if rate <= 0 or now < clock.next_at:
                    break
                allowed.add(name)
                clock.next_at = max(now, clock.next_at) + timedelta(seconds=1 / rate)
        return allowed

    async def _taint(self, node: KubeObject, *, evict: bool) -> None:
        """Write the taints that a node's state asks for."""
        have, wanted = _taints(node), _wanted_taints(node, evict=evict)
        if have == wanted:
            return
        taints = [
            each
            for each in (node.get("spec") or {}).get("taints") or ()
            if each["key"] not in _OURS or (each["key"], each["effect"]) in wanted
        ]
        now = rfc3339(self._setting.now())
        for key, effect in sorted(wanted - have):
            timed = {"timeAdded": now} if effect == "NoExecute" else {}
            taints.append({"key": key, "effect": effect, **timed})
        metadata = node["metadata"]
        patch = {"metadata": {"resourceVersion": metadata["resourceVersion"]}, "spec": {"taints": taints or None}}
        with suppress(kube.NotFound, kube.Conflict):
            self._nodes.wrote(await self._api.patch(kube.NODES, metadata["name"], patch))


_OURS = (NOT_READY, UNREACHABLE, UNSCHEDULABLE)


def _taints(node: Mapping[str, Any]) -> set[tuple[str, str]]:
    taints = (node.get("spec") or {}).get("taints") or ()
    return {(each["key"], each["effect"]) for each in taints if each["key"] in _OURS}


def _wanted_taints(node: Mapping[str, Any], *, evict: bool) -> set[tuple[str, str]]:
    wanted: set[tuple[str, str]] = set()
    if (node.get("spec") or {}).get("unschedulable"):
        wanted.add((UNSCHEDULABLE, "NoSchedule"))
    ready = _ready(node)
    if ready == "True":
        return wanted
    key = NOT_READY if ready == "False" else UNREACHABLE
    return wanted | {(key, "NoSchedule")} | ({(key, "NoExecute")} if evict else set())


def _ready(node: Mapping[str, Any]) -> str:
    found = condition_of(node, "Ready")
    return found["status"] if found is not None else "Unknown"


def _unknown(node: Mapping[str, Any], type_: str, now: datetime) -> dict[str, Any]:
    known = condition_of(node, type_)
    never = known is None
    return {
        "type": type_,
        "status": "Unknown",
        "reason": "NodeStatusNeverUpdated" if never else "NodeStatusUnknown",
        "message": "Kubelet never posted node status." if never else "Kubelet stopped posting node status.",
        "lastTransitionTime": rfc3339(now),
    }


def _created(node: Mapping[str, Any]) -> datetime:
    return parse_rfc3339(node["metadata"]["creationTimestamp"])


def _zone(node: Mapping[str, Any]) -> str:
    labels = node["metadata"].get("labels") or {}
    return f"{labels.get(REGION, '')}/{labels.get(ZONE, '')}"


def _rate(nodes: int, down: int) -> float:
    if nodes and down / nodes >= UNHEALTHY_ZONE and down > 2:
        return SECONDARY_RATE if nodes > LARGE_ZONE else 0.0
    return EVICTION_RATE
