"""DaemonSets: a pod on each node that will have it (kube-controller-manager's daemon-set-controller).

The scheduler binds the pods, as in Kubernetes: each is made for its node by a node affinity.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from providers.types import KubeObject
from runner import kube
from vksim import affinity
from vksim.controllers import pods, revisions
from vksim.controllers.base import Controller, Setting
from vksim.controllers.pods import PodControl
from vksim.controllers.resources import DAEMON_SETS
from vksim.controllers.rollout import resolved

TOLERATED = (
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
)
"""Taints that never keep a DaemonSet's pods off, nor drive them away."""

BURST = 250


class DaemonSetController(Controller):
    """Keeps a pod on each node."""

    name = "daemonset-controller"
    resource = DAEMON_SETS

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._control = PodControl(setting, self.resource)
        self._nodes = setting.views.of(kube.NODES)
        self._revisions = setting.views.of(revisions.CONTROLLER_REVISIONS)
        self._known: dict[str, tuple[Any, ...]] = {}
        self._nodes.read_by(self._node_changed)
        self.follow(kube.PODS)

    def _node_changed(self, node: KubeObject) -> None:
        """A node that has come, gone, or changed in what decides about pods concerns all DaemonSets."""
        uid, spec = node["metadata"]["uid"], node.get("spec") or {}
        here = uid in self._nodes.objects
        facts = (here, node["metadata"].get("labels"), spec.get("taints"), spec.get("unschedulable"))
        if self._known.get(uid) == facts:
            return
        if here:
            self._known[uid] = facts
        else:
            self._known.pop(uid, None)
        for each in self.view.objects:
            self.queue.add(each)

    async def sync(self, obj: KubeObject) -> None:
        """Create and delete pods so that each node has what it is to have."""
        if "deletionTimestamp" in obj["metadata"]:
            return
        hashed = revisions.hash_of(obj["spec"]["template"])
        await self._keep_revision(obj, hashed)
        by_node: dict[str, list[KubeObject]] = {}
        for pod in self._control.claimed(obj):
            by_node.setdefault(_node_of(pod), []).append(pod)
        missing, wanted = [], 0
        for node in self._nodes.objects.values():
            name = node["metadata"]["name"]
            here = by_node.pop(name, [])
            should_run, may_stay = _decide(obj, node)
            wanted += should_run
            left = await self._tidy(obj, here, may_stay=may_stay)
            if should_run and not left:
                missing.append(name)
        for strays in by_node.values():
            for pod in strays:
                if "deletionTimestamp" not in pod["metadata"]:
                    await self._control.delete(obj, pod)
        missing = missing[:BURST]

        async def create(number: int) -> None:
            await self._control.create(obj, self._pod(obj, missing[number], hashed))

        await pods.slow_start(len(missing), create)
        if obj["spec"]["updateStrategy"]["type"] == "RollingUpdate":
            await self._replace_old(obj, hashed, wanted)
        await self._tell_status(obj, hashed)

    async def _tidy(self, obj: KubeObject, here: Sequence[KubeObject], *, may_stay: bool) -> int:
        """Delete what may not be on a node, has failed, or is there twice; how many are left, going ones too."""
        left = 0
        for pod in sorted(here, key=lambda each: each["metadata"]["creationTimestamp"]):
            if "deletionTimestamp" in pod["metadata"]:
                left += 1
            elif pods.phase(pod) in pods.TERMINAL:
                message = f"Found failed daemon pod {pod['metadata']['namespace']}/{pod['metadata']['name']}"
                self.tell(
                    obj, "FailedDaemonPod", f"{message} on node {_node_of(pod)}, will try to kill it", warning=True
                )
                await self._control.delete(obj, pod)
                left += 1
            elif not may_stay or left:
                await self._control.delete(obj, pod)
            else:
                left += 1
        return left

    def _pod(self, obj: KubeObject, node: str, hashed: str) -> dict[str, Any]:
        template = obj["spec"]["template"]
        spec = template["spec"]
        pod = pods.from_template(
            template,
            obj,
            self.resource,
            affinity=_pinned(spec.get("affinity") or {}, node),
            tolerations=_tolerations(spec),
        )
        pod["metadata"]["labels"] = {**pod["metadata"].get("labels", {}), revisions.HASH_LABEL: hashed}
        return pod

    async def _keep_revision(self, obj: KubeObject, hashed: str) -> None:
        name, namespace = f"{obj['metadata']['name']}-{hashed}", obj["metadata"]["namespace"]
        if self._revisions.get(namespace, name) is not None:
            return
        known = self._revisions.owned_by(obj["metadata"]["uid"])
        number = max((each.get("revision", 0) for each in known), default=0) + 1
        with suppress(kube.AlreadyExists):
            body = revisions.body(obj, self.resource, hashed, number)
            self._revisions.wrote(await self.api.create(revisions.CONTROLLER_REVISIONS, body, namespace))

    async def _replace_old(self, obj: KubeObject, hashed: str, wanted: int) -> None:
        """Delete pods of an old template, so many as may be unavailable; those that are not ready cost nothing."""
        rolling = obj["spec"]["updateStrategy"].get("rollingUpdate") or {}
        budget = max(1, resolved(rolling.get("maxUnavailable", 1), wanted, up=True))
        active = [each for each in self._control.claimed(obj) if "deletionTimestamp" not in each["metadata"]]
        old = [each for each in active if each["metadata"]["labels"].get(revisions.HASH_LABEL) != hashed]
        unavailable = wanted - sum(self._is_available(obj, each) for each in active)
        budget -= max(0, unavailable)
        for pod in sorted(old, key=lambda each: self._is_available(obj, each)):
            if self._is_available(obj, pod):
                if budget <= 0:
                    return
                budget -= 1
            await self._control.delete(obj, pod)

    def _is_available(self, obj: KubeObject, pod: KubeObject) -> bool:
        left = pods.available_in(pod, obj["spec"].get("minReadySeconds", 0), self.setting.now())
        if left:
            self.again(obj, left)
        return left == 0

    async def _tell_status(self, obj: KubeObject, hashed: str) -> None:
        live = self.view.objects.get(obj["metadata"]["uid"], obj)
        by_node: dict[str, KubeObject] = {}
        for pod in self._control.claimed(live):
            if pods.is_active(pod):
                by_node[_node_of(pod)] = pod
        wanted = [each for each in self._nodes.objects.values() if _decide(live, each)[0]]
        there = [by_node[name] for each in wanted if (name := each["metadata"]["name"]) in by_node]
        available = sum(self._is_available(live, each) for each in there)
        names = {each["metadata"]["name"] for each in wanted}
        updated = sum(each["metadata"]["labels"].get(revisions.HASH_LABEL) == hashed for each in there)
        await self.write_status(
            live,
            {
                "currentNumberScheduled": len(there),
                "desiredNumberScheduled": len(wanted),
                "numberMisscheduled": sum(node not in names for node in by_node),
                "numberReady": sum(map(pods.is_ready, there)),
                "numberAvailable": available or None,
                "numberUnavailable": (len(wanted) - available) or None,
                "updatedNumberScheduled": updated or None,
                "observedGeneration": live["metadata"].get("generation", 0),
            },
        )


def _decide(obj: Mapping[str, Any], node: Mapping[str, Any]) -> tuple[bool, bool]:
    """Whether the pod of a DaemonSet should run on a node, and whether one that runs there may stay."""
    spec = obj["spec"]["template"]["spec"]
    if not affinity.node_matches(spec, node):
        return False, False
    taints = (node.get("spec") or {}).get("taints") or ()
    tolerations = _tolerations(spec)
    untolerated = [each for each in taints if not affinity.tolerates(tolerations, each)]
    should_run = not any(each["effect"] in ("NoSchedule", "NoExecute") for each in untolerated)
    return should_run, not any(each["effect"] == "NoExecute" for each in untolerated)


def _tolerations(spec: Mapping[str, Any]) -> list[Any]:
    own = [{"key": key, "operator": "Exists", "effect": effect} for key, effect in TOLERATED]
    network = [{"key": "node.kubernetes.io/network-unavailable", "operator": "Exists", "effect": "NoSchedule"}]
    return [*(spec.get("tolerations") or ()), *own, *(network if spec.get("hostNetwork") else [])]


def _pinned(own: Mapping[str, Any], node: str) -> dict[str, Any]:
    """An affinity that only one node satisfies, besides what the template says."""
    field = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    required = ((own.get("nodeAffinity") or {}).get("requiredDuringSchedulingIgnoredDuringExecution")) or {}
    given: list[dict[str, Any]] = required.get("nodeSelectorTerms") or [{}]
    terms = [{**each, **field} for each in given]
    node_affinity = {
        **(own.get("nodeAffinity") or {}),
        "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms},
    }
    return {**own, "nodeAffinity": node_affinity}


def _node_of(pod: Mapping[str, Any]) -> str:
    """The node that a pod is on, or is made for."""
    if pod["spec"].get("nodeName"):
        return str(pod["spec"]["nodeName"])
    node_affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    required = node_affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    for term in required.get("nodeSelectorTerms") or ():
        for each in term.get("matchFields") or ():
            return str(each["values"][0])
    return ""
