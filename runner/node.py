"""The virtual node as an object: what it says of itself, computed. Pure functions; the node controller writes it."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from providers.types import Condition, Node, NodeAddress, NodeDaemonEndpoints, NodeSpec, ResourceList, Taint
from runner.config import RunnerConfig
from runner.ports import rfc3339, rfc3339_micro

LEASE_NAMESPACE = "kube-node-lease"
PROVIDER_DOWN = "ProviderNotResponding"
CORDONED = "vksim.io/cordoned-at-shutdown"
"""Annotation: the runner cordoned the node when it ended, so the next one may lift that."""
APPLIED_META = "virtual-kubelet.io/last-applied-object-meta"
APPLIED_STATUS = "virtual-kubelet.io/last-applied-node-status"


def node_object(
    config: RunnerConfig,
    *,
    operating_system: str,
    capacity: ResourceList,
    conditions: Sequence[Condition],
    addresses: Sequence[NodeAddress],
    endpoints: NodeDaemonEndpoints,
    provider_id: str = "",
) -> Node:
    """The node as the runner wants it: what is ours, nothing of what others own."""
    spec: NodeSpec = {}
    if config.taints:
        spec["taints"] = list(config.taints)
    if provider_id:
        spec["providerID"] = provider_id
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": config.node_name, "labels": node_labels(config, operating_system)},
        "spec": spec,
        "status": {
            "capacity": capacity,
            "allocatable": capacity,
            "conditions": list(conditions),
            "addresses": list(addresses),
            "daemonEndpoints": endpoints,
            "nodeInfo": {
                "architecture": config.architecture,
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
        "kubernetes.io/arch": config.architecture,
        "beta.kubernetes.io/os": operating_system,
        "beta.kubernetes.io/arch": config.architecture,
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


def with_record(wanted: Node) -> Node:
    """The node with the record of what we want in its annotations (Virtual Kubelet's), without times.

    The next write, perhaps another process's, tells from it what was ours and no longer is. Taints are added to what
    Virtual Kubelet records; it does not mind.
    """
    metadata, status = wanted["metadata"], wanted["status"]
    conditions = [{key: each[key] for key in _LASTING if key in each} for each in status["conditions"]]  # type: ignore[literal-required]  # Condition's own keys
    meta: dict[str, Any] = {"name": metadata["name"], "labels": metadata.get("labels") or {}}
    meta["annotations"] = metadata.get("annotations") or {}
    meta["taints"] = wanted.get("spec", {}).get("taints") or []
    record = {APPLIED_META: _json(meta), APPLIED_STATUS: _json({**status, "conditions": conditions})}
    return {**wanted, "metadata": {**metadata, "annotations": {**meta["annotations"], **record}}}


_LASTING = ("type", "status", "reason", "message")


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _recorded(live: Node, annotation: str) -> dict[str, Any]:
    """What was ours when we last wrote; nothing on a node that somebody else made."""
    try:
        record = json.loads((live["metadata"].get("annotations") or {}).get(annotation, "{}"))
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def metadata_patch(wanted: Node, live: Node) -> dict[str, Any] | None:
    """The merge patch that brings our labels, annotations, taints and provider ID in line; None if they are.

    Three-way: what was ours (the record on the live node) and is no longer wanted goes, all else of others' stays. A
    provider ID that is there stays, because the API never lets it change. Taints are replaced as a whole, so the patch
    then holds only for this version of the node (Conflict).
    """
    was = _recorded(live, APPLIED_META)
    patch: dict[str, Any] = {}
    for field_name in ("labels", "annotations"):
        have: Mapping[str, str] = live["metadata"].get(field_name) or {}  # type: ignore[assignment]  # labels or annotations
        want: Mapping[str, str] = wanted["metadata"].get(field_name) or {}  # type: ignore[assignment]  # as above
        change: dict[str, str | None] = {key: value for key, value in want.items() if have.get(key) != value}
        change.update({key: None for key in was.get(field_name) or {} if key in have and key not in want})
        if change:
            patch.setdefault("metadata", {})[field_name] = change
    spec, live_spec = wanted.get("spec", {}), live.get("spec", {})
    change_spec: dict[str, Any] = {}
    taints = merged_taints(spec.get("taints") or [], was.get("taints") or [], live_spec.get("taints") or [])
    if taints != (live_spec.get("taints") or []):
        change_spec["taints"] = taints
        patch.setdefault("metadata", {})["resourceVersion"] = live["metadata"].get("resourceVersion")
    if "providerID" in spec and not live_spec.get("providerID"):
        change_spec["providerID"] = spec["providerID"]
    if change_spec:
        patch["spec"] = change_spec
    return patch or None


def merged_taints(ours: Sequence[Taint], were_ours: Sequence[Taint], live: Sequence[Taint]) -> list[Taint]:
    """The live taints with ours among them and without those that were; a taint is known by its key and effect."""
    wanted = {_identity(each): each for each in ours}
    past = {_identity(each) for each in were_ours} - wanted.keys()
    result = [wanted.pop(_identity(each), each) for each in live if _identity(each) not in past]
    return result + list(wanted.values())


def _identity(taint: Taint) -> tuple[str, str]:
    return taint["key"], taint["effect"]


def status_patch(wanted: Node, live: Node, now: datetime) -> dict[str, Any]:
    """The strategic merge patch of the status, three-way as ``metadata_patch``.

    Conditions and addresses merge by type and resources by name, so others' survive.
    """
    status, was = wanted["status"], _recorded(live, APPLIED_STATUS)
    conditions = with_times(status["conditions"], live.get("status", {}).get("conditions") or [], now)
    return {
        "status": {
            **status,
            "conditions": [*conditions, *_gone(was.get("conditions"), conditions)],
            "addresses": [*status["addresses"], *_gone(was.get("addresses"), status["addresses"])],
            "capacity": _without(was.get("capacity"), status["capacity"]),
            "allocatable": _without(was.get("allocatable"), status["allocatable"]),
        }
    }


def _gone(was: Sequence[Mapping[str, Any]] | None, now: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Directives that delete those entries which are no longer among ours."""
    types = {each["type"] for each in now}
    return [{"type": each["type"], "$patch": "delete"} for each in was or [] if each["type"] not in types]


def _without(was: ResourceList | None, now: ResourceList) -> dict[str, str | None]:
    return {**dict.fromkeys(name for name in was or {} if name not in now), **now}


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
