"""Horizontal pod autoscalers: their defaults and rules in autoscaling/v2, and how autoscaling/v1 shows them. Pure.

What the older version has no field for, it keeps in annotations, as JSON.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from fakes.apiserver.causes import Causes, invalid, required
from fakes.apiserver.metacauses import named
from fakes.apiserver.names import dns_subdomain
from fakes.apiserver.objects import Object, Objects, without
from fakes.apiserver.schema import of_kind
from fakes.apiserver.typecheck import mistyped

CPU_PERCENT = 80
"""What is aimed at where nothing is said."""
_SCALE_UP: Object = {
    "stabilizationWindowSeconds": 0,
    "selectPolicy": "Max",
    "policies": [
        {"type": "Pods", "value": 4, "periodSeconds": 15},
        {"type": "Percent", "value": 100, "periodSeconds": 15},
    ],
}
_SCALE_DOWN: Object = {"selectPolicy": "Max", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]}


def autoscaler(obj: Object, _admission: object) -> Object:
    """A new one."""
    return {**_defaulted(obj), "status": {"desiredReplicas": 0, "currentMetrics": None}}


def autoscaler_update(new: Object, _old: Object) -> Object:
    """A replaced one."""
    return _defaulted(new)


def _defaulted(obj: Object) -> Object:
    spec = {"minReplicas": 1, **(obj.get("spec") or {})}
    if not spec.get("metrics"):
        spec["metrics"] = [_cpu(CPU_PERCENT)]
    behavior = spec.get("behavior")
    if behavior is not None:
        up, down = behavior.get("scaleUp") or {}, behavior.get("scaleDown") or {}
        spec["behavior"] = {"scaleUp": {**_SCALE_UP, **up}, "scaleDown": {**_SCALE_DOWN, **down}}
    return {**obj, "spec": spec}


def _cpu(percent: int) -> Object:
    of = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": percent}}
    return {"type": "Resource", "resource": of}


def validate(obj: Object) -> Causes:
    """What is wrong with one."""
    causes = named(obj, dns_subdomain)
    spec = obj["spec"]
    least, most, target = spec["minReplicas"], spec.get("maxReplicas") or 0, spec.get("scaleTargetRef") or {}
    if least < 1:
        causes.append(invalid("spec.minReplicas", least, "must be greater than or equal to 1"))
    if most < 1:
        causes.append(invalid("spec.maxReplicas", most, "must be greater than 0"))
    if most < least:
        causes.append(invalid("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`"))
    causes += [required(f"spec.scaleTargetRef.{each}") for each in ("kind", "name") if not target.get(each)]
    version = target.get("apiVersion") or ""
    if "/" not in version and not (version == "v1" and target.get("kind") == "ReplicationController"):
        causes.append(invalid("spec.scaleTargetRef.apiVersion", version, "apiVersion must specify API group"))
    for at, metric in enumerate(spec["metrics"]):
        for source in ("resource", "containerResource"):
            percent = ((metric.get(source) or {}).get("target") or {}).get("averageUtilization")
            if percent is not None and percent < 1:
                path = f"spec.metrics[{at}].{source}.target.averageUtilization"
                causes.append(invalid(path, percent, "must be greater than 0"))
    return causes


# --- autoscaling/v1 -------------------------------------------------------------------------------------------------

_PREFIX = "autoscaling.alpha.kubernetes.io/"
METRICS, CURRENT = f"{_PREFIX}metrics", f"{_PREFIX}current-metrics"
CONDITIONS, BEHAVIOR = f"{_PREFIX}conditions", f"{_PREFIX}behavior"
_CPU_FIELD, _CURRENT_CPU_FIELD = "targetCPUUtilizationPercentage", "currentCPUUtilizationPercentage"


def as_v1(obj: Object) -> Object:
    """An autoscaler of autoscaling/v2 as autoscaling/v1 shows it."""
    obj = {**obj, "apiVersion": "autoscaling/v1"}
    spec, status = obj.get("spec"), obj.get("status")
    if spec is None:
        return obj
    status = status or {}
    metrics, current = spec.get("metrics") or [], status.get("currentMetrics") or []
    aimed = next((each for each in metrics if _cpu_percent(each, "target") is not None), None)
    kept = {
        METRICS: [_flat(each, "target") for each in metrics if each is not aimed],
        CURRENT: [_flat(each, "current") for each in current],
        CONDITIONS: [{key: each[key] for key in _CONDITION if key in each} for each in status.get("conditions") or ()],
        BEHAVIOR: _capitalised(spec.get("behavior")),
    }
    texts = {key: orjson.dumps(value).decode() for key, value in sorted(kept.items()) if value}
    meta = obj["metadata"]
    if texts:
        meta = {**meta, "annotations": {**(meta.get("annotations") or {}), **texts}}
    seen = next((each for each in current if _cpu_percent(each, "current") is not None), None)
    return {
        **obj,
        "metadata": meta,
        "spec": {**without(spec, "metrics", "behavior"), **_if_any(_CPU_FIELD, aimed, "target")},
        "status": {
            "currentReplicas": 0,
            "desiredReplicas": 0,
            **without(status, "currentMetrics", "conditions"),
            **_if_any(_CURRENT_CPU_FIELD, seen, "current"),
        },
    }


def as_v2(obj: Object) -> Object:
    """An autoscaler of autoscaling/v1, or what is applied of one, in autoscaling/v2."""
    obj = {**obj, "apiVersion": "autoscaling/v2"}
    meta = obj.get("metadata") or {}
    texts = meta.get("annotations") or {}
    own = without(texts, METRICS, CURRENT, CONDITIONS, BEHAVIOR)
    if len(own) != len(texts):
        obj["metadata"] = {**meta, "annotations": own} if own else without(meta, "annotations")
    if obj.get("spec") is not None:
        spec = without(obj["spec"], _CPU_FIELD)
        percent = obj["spec"].get(_CPU_FIELD)
        metrics = [_deep(each, "target") for each in _objects(texts, METRICS)]
        behavior = _small(_read(texts, BEHAVIOR))
        metrics = metrics if _is_typed({"spec": {"metrics": metrics}}) else []
        behavior = behavior if _is_typed({"spec": {"behavior": behavior}}) else None
        metrics += [] if percent is None else [_cpu(percent)]
        obj["spec"] = spec | ({"metrics": metrics} if metrics else {}) | ({"behavior": behavior} if behavior else {})
    if obj.get("status") is not None:
        obj["status"] = _status_as_v2(obj["status"], texts)
    return obj


def _status_as_v2(status: Object, texts: Mapping[str, str]) -> Object:
    percent = status.get(_CURRENT_CPU_FIELD)
    current = [_deep(each, "current") for each in _objects(texts, CURRENT)]
    if not _is_typed({"status": {"currentMetrics": current}}):
        current = []
    if not current and percent is not None:
        current = [{"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": percent}}}]
    new = {**without(status, _CURRENT_CPU_FIELD), "currentMetrics": current or None}
    conditions = _objects(texts, CONDITIONS)
    if not _is_typed({"status": {"conditions": conditions}}):
        conditions = []
    if not new.get("currentReplicas"):
        new = without(new, "currentReplicas")
    return {**new, "conditions": conditions} if conditions else new


_CONDITION = ("type", "status", "lastTransitionTime", "reason", "message")


def _if_any(field: str, metric: Object | None, side: str) -> Object:
    return {} if metric is None else {field: _cpu_percent(metric, side)}


def _cpu_percent(metric: Object, side: str) -> int | None:
    of: Object = metric.get("resource") or {}
    if metric.get("type") != "Resource" or of.get("name") != "cpu":
        return None
    percent: int | None = (of.get(side) or {}).get("averageUtilization")
    return percent


_SOURCES: Mapping[str, Mapping[str, str]] = {
    "object": {
        "target": "describedObject",
        "metricName": "metric name",
        "@Value": "@ value",
        "selector": "metric selector",
        "averageValue": "@ averageValue",
    },
    "pods": {"metricName": "metric name", "@AverageValue": "@ averageValue", "selector": "metric selector"},
    "resource": {"name": "name", "@AverageUtilization": "@ averageUtilization", "@AverageValue": "@ averageValue"},
    "containerResource": {
        "name": "name",
        "@AverageUtilization": "@ averageUtilization",
        "@AverageValue": "@ averageValue",
        "container": "container",
    },
    "external": {
        "metricName": "metric name",
        "metricSelector": "metric selector",
        "@Value": "@ value",
        "@AverageValue": "@ averageValue",
    },
}
"""The fields of a metric in version 1, in Go's order, and where version 2 has them; ``@`` is target or current."""
_TYPES = {"averageUtilization": "Utilization", "averageValue": "AverageValue", "value": "Value"}


def _flat(metric: Object, side: str) -> Object:
    """A metric of version 2 as version 1 has it."""
    flat: Object = {"type": metric.get("type")}
    for source, fields in _SOURCES.items():
        if metric.get(source) is None:
            continue
        flat[source] = {}
        for name, path in fields.items():
            value: Any = metric[source]
            for part in path.replace("@", side).split():
                value = value.get(part) if isinstance(value, dict) else None
            if value is not None:
                flat[source][name.replace("@", side)] = value
    return flat


def _deep(metric: Object, side: str) -> Object:
    """A metric of version 1 as version 2 has it."""
    deep: Object = {"type": metric.get("type")}
    for source, fields in _SOURCES.items():
        flat = metric.get(source)
        if not isinstance(flat, dict):
            continue
        made: Object = {}
        for name, path in fields.items():
            value = flat.get(name.replace("@", side))
            if value is not None:
                *above, last = path.replace("@", side).split()
                part = made
                for each in above:
                    part = part.setdefault(each, {})
                part[last] = value
        if side in made and side == "target":
            made[side]["type"] = next((name for key, name in _TYPES.items() if key in made[side]), "Value")
        deep[source] = made
    return deep


_RULES = ("stabilizationWindowSeconds", "selectPolicy", "policies", "tolerance")
_POLICY = ("type", "value", "periodSeconds")


def _big(name: str) -> str:
    return name[0].upper() + name[1:]


def _capitalised(behavior: Object | None) -> Object:
    """The behavior as Go writes a type that has no names for JSON."""
    if not behavior:
        return {}
    shown: Object = {}
    for direction in ("scaleUp", "scaleDown"):
        rules = behavior.get(direction)
        shown[_big(direction)] = None if rules is None else {_big(key): rules.get(key) for key in _RULES}
        if rules and rules.get("policies"):
            policies = [{_big(key): each.get(key) for key in _POLICY} for each in rules["policies"]]
            shown[_big(direction)]["Policies"] = policies
    return shown


def _small(value: Any) -> Any:
    """The other way round."""
    if isinstance(value, dict):
        return {key[0].lower() + key[1:]: _small(each) for key, each in value.items() if key and each is not None}
    return [_small(each) for each in value] if isinstance(value, list) else value


def _read(texts: Mapping[str, str], name: str) -> Any:
    """The value in an annotation; None if there is none, or nothing that can be read."""
    try:
        return orjson.loads(texts.get(name) or "null")
    except ValueError:
        return None


def _is_typed(part: Object) -> bool:
    """Whether a part that was read from an annotation is one of an autoscaler: anybody can write anything there."""
    schema = of_kind("autoscaling/v2", "HorizontalPodAutoscaler")
    return schema is None or not mistyped(part, schema, "HorizontalPodAutoscaler")


def _objects(texts: Mapping[str, str], name: str) -> Objects:
    found = _read(texts, name)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
