"""The ``scale`` subresource: how many pods a workload wants and has, as one small object of autoscaling/v1. Pure."""

from collections.abc import Mapping
from typing import Any

from fakes.apiserver import selectors
from fakes.apiserver.causes import negative
from fakes.apiserver.errors import invalid
from fakes.apiserver.objects import Object


def scale_of(obj: Object) -> Object:
    """The scale of a workload."""
    meta, spec, status = obj["metadata"], obj.get("spec") or {}, obj.get("status") or {}
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    shown: Object = {"replicas": status.get("replicas", 0)}
    if selector := selectors.as_text(spec.get("selector") or {}):
        shown["selector"] = selector
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: meta[name] for name in kept if name in meta},
        "spec": {"replicas": spec["replicas"]} if spec.get("replicas") else {},
        "status": shown,
    }


def scaled(obj: Object, scale: Mapping[str, Any]) -> Object:
    """The workload with as many replicas as the scale says. Raises 422 for fewer than none."""
    replicas = (scale.get("spec") or {}).get("replicas") or 0
    if replicas < 0:
        raise invalid("Scale", obj["metadata"]["name"], [negative("spec.replicas", replicas)], group="autoscaling")
    return {**obj, "spec": {**obj["spec"], "replicas": replicas}}
