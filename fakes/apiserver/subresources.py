"""The subresources of a pod that are commands: binding it to a node, and evicting it. Pure."""

from collections.abc import Mapping
from typing import Any

from fakes.apiserver.errors import MODIFIED_SINCE, StatusError, bad_request, conflict, internal
from fakes.apiserver.frozen import freeze
from fakes.apiserver.objects import Object
from fakes.apiserver.options import DeleteOptions

SUCCESS: Object = freeze({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201})
"""What a binding and an eviction answer."""


def bound(pod: Object, binding: Mapping[str, Any], timestamp: str) -> Object:
    """The pod on the binding's node, with its labels and annotations; the node need not exist."""
    target, sent, meta = binding.get("target") or {}, binding.get("metadata") or {}, pod["metadata"]
    if target.get("kind") not in (None, "", "Node"):
        raise internal(f'target.kind: Unsupported value: "{target["kind"]}": supported values: "Node", "<empty>"')
    if not target.get("name"):
        raise internal("target.name: Required value")
    if sent.get("name") != meta["name"]:
        raise bad_request("name in URL does not match name in Binding object")
    _check_identity(meta, sent)
    if meta.get("deletionTimestamp"):
        raise _refused(meta["name"], f"pod {meta['name']} is being deleted, cannot be assigned to a host")
    if pod["spec"].get("nodeName"):
        raise _refused(meta["name"], f'pod {meta["name"]} is already assigned to node "{pod["spec"]["nodeName"]}"')
    if pod["spec"].get("schedulingGates"):
        raise _refused(meta["name"], f"pod {meta['name']} has non-empty .spec.schedulingGates")
    merged = {
        field: {**(meta.get(field) or {}), **sent[field]} for field in ("labels", "annotations") if sent.get(field)
    }
    scheduled: Object = {
        "type": "PodScheduled",
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": timestamp,
    }
    return {
        **pod,
        "metadata": {**meta, **merged} if merged else meta,
        "spec": {**pod["spec"], "nodeName": target["name"]},
        "status": with_condition(pod["status"], scheduled),
    }


def evicted(pod: Object, timestamp: str) -> Object:
    """The pod with the condition that tells why it is being deleted."""
    disruption: Object = {
        "type": "DisruptionTarget",
        "status": "True",
        "reason": "EvictionByEvictionAPI",
        "message": "Eviction API: evicting",
        "lastProbeTime": None,
        "lastTransitionTime": timestamp,
    }
    return {**pod, "status": with_condition(pod["status"], disruption)}


def delete_options(eviction: Mapping[str, Any], pod_name: str) -> DeleteOptions:
    """How an eviction wants the pod deleted."""
    name = (eviction.get("metadata") or {}).get("name")
    if name != pod_name:
        raise bad_request("name in URL does not match name in Eviction object")
    return parse_delete_options(eviction.get("deleteOptions") or {})


def parse_delete_options(body: Mapping[str, Any]) -> DeleteOptions:
    """A ``DeleteOptions`` object in wire form."""
    preconditions = body.get("preconditions") or {}
    return DeleteOptions(
        grace_period_seconds=body.get("gracePeriodSeconds"),
        uid=preconditions.get("uid") or "",
        resource_version=preconditions.get("resourceVersion") or "",
        propagation_policy=body.get("propagationPolicy") or "",
        orphan_dependents=body.get("orphanDependents"),
        dry_run=body.get("dryRun") == ["All"],
    )


def with_condition(status: Object, condition: Object) -> Object:
    """The status with that condition instead of the one of its type."""
    others = [each for each in status.get("conditions") or () if each.get("type") != condition["type"]]
    return {**status, "conditions": [*others, condition]}


def _check_identity(meta: Object, sent: Mapping[str, Any]) -> None:
    if sent.get("uid") and sent["uid"] != meta["uid"]:
        why = f"Precondition failed: UID in precondition: {sent['uid']}, UID in object meta: {meta['uid']}"
        raise _refused(meta["name"], why)
    if sent.get("resourceVersion") and sent["resourceVersion"] != meta["resourceVersion"]:
        raise _refused(meta["name"], MODIFIED_SINCE)


def _refused(name: str, why: str) -> StatusError:
    return conflict("pods/binding", name, why)
