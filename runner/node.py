"""The virtual node as an object: what it says of itself, computed. Pure functions; the node controller writes it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from providers.types import Condition, Node, NodeAddress, NodeDaemonEndpoints, ResourceList, Taint
from runner.config import RunnerConfig
from runner.ports import rfc3339, rfc3339_micro

LEASE_NAMESPACE = "kube-node-lease"
PROVIDER_DOWN = "ProviderNotResponding"


def node_object(
    config: RunnerConfig,
    *,
    operating_system: str,
    capacity: ResourceList,
    conditions: Sequence[Condition],
    addresses: Sequence[NodeAddress],
    endpoints: NodeDaemonEndpoints,
) -> Node:
    """The node as the runner wants it: what is ours, nothing of what others own."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": config.node_name, "labels": node_labels(config, operating_system)},
        "spec": {"taints": list(config.taints)} if config.taints else {},
        "status": {
            "capacity": capacity,
            "allocatable": capacity,
            "conditions": list(conditions),
            "addresses": list(addresses),
            "daemonEndpoints": endpoints,
            "nodeInfo": {
                "architecture": "amd64",
                "operatingSystem": operating_system,
                "kubeletVersion": config.kubelet_version,
                "kubeProxyVersion": "",
                "containerRuntimeVersion": "",
                "kernelVersion": "",
                "osImage": "",
                "machineID": "",
                "systemUUID": "",
                "bootID": "",
            },
        },
    }


def node_labels(config: RunnerConfig, operating_system: str) -> dict[str, str]:
    """Virtual Kubelet's labels, those of every kubelet, and the operator's.

    The ``exclude`` label keeps cloud load balancers from sending traffic to a node without a machine.
    """
    return {
        "type": "virtual-kubelet",
        "kubernetes.io/role": "agent",
        "kubernetes.io/hostname": config.node_name,
        "kubernetes.io/os": operating_system,
        "kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/os": operating_system,
        "beta.kubernetes.io/arch": "amd64",
        "node.kubernetes.io/exclude-from-external-load-balancers": "true",
        **config.labels,
    }


def with_times(conditions: Sequence[Condition], live: Sequence[Condition], now: datetime) -> list[Condition]:
    """The conditions with a fresh heartbeat, and the live transition time where the status did not change."""
    moment = rfc3339(now)
    before = {each["type"]: each for each in live}
    result: list[Condition] = []
    for each in conditions:
        old = before.get(each["type"], {})
        unchanged = old.get("status") == each["status"]
        since = old.get("lastTransitionTime", moment) if unchanged else moment
        result.append({**each, "lastHeartbeatTime": moment, "lastTransitionTime": since})
    return result


def provider_down(conditions: Sequence[Condition], message: str) -> list[Condition]:
    """The conditions of a node whose provider does not answer: not Ready, and why."""
    down: Condition = {"type": "Ready", "status": "False", "reason": PROVIDER_DOWN, "message": message}
    return [down if each["type"] == "Ready" else each for each in conditions]


def metadata_patch(wanted: Node, live: Node) -> dict[str, Any] | None:
    """The merge patch that puts our labels and taints on an existing node, leaving others'; None if they are there."""
    patch: dict[str, Any] = {}
    have = live["metadata"].get("labels") or {}
    missing = {key: value for key, value in (wanted["metadata"].get("labels") or {}).items() if have.get(key) != value}
    if missing:
        patch["metadata"] = {"labels": missing}
    taints = merged_taints(wanted.get("spec", {}).get("taints") or [], live.get("spec", {}).get("taints") or [])
    if taints != (live.get("spec", {}).get("taints") or []):
        patch["spec"] = {"taints": taints}
    return patch or None


def merged_taints(ours: Sequence[Taint], live: Sequence[Taint]) -> list[Taint]:
    """The live taints with ours among them; a taint is known by its key and effect."""
    wanted = {(each["key"], each["effect"]): each for each in ours}
    result = [wanted.pop((each["key"], each["effect"]), each) for each in live]
    return result + list(wanted.values())


def status_patch(wanted: Node, live: Node, now: datetime) -> dict[str, Any]:
    """The strategic merge patch of the status: conditions and addresses merge by type, so others' survive."""
    status = wanted["status"]
    conditions = with_times(status["conditions"], live.get("status", {}).get("conditions") or [], now)
    return {"status": {**status, "conditions": conditions}}


def lease_object(config: RunnerConfig, node_uid: str, now: datetime) -> dict[str, Any]:
    """The node's lease: it is renewed to say that the runner lives, and goes with the node."""
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {
            "name": config.node_name,
            "namespace": LEASE_NAMESPACE,
            "ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": config.node_name, "uid": node_uid}],
        },
        "spec": {
            "holderIdentity": config.node_name,
            "leaseDurationSeconds": _seconds(config.lease_duration),
            "renewTime": rfc3339_micro(now),
        },
    }


def _seconds(duration: timedelta) -> int:
    return int(duration.total_seconds())
