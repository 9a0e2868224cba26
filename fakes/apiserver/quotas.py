"""Quotas: what an object counts for, which quota counts it, and what is too much. Pure.

The rules are those of kube-apiserver's admission plugin ResourceQuota and its evaluators. What is counted has names:
``count/PLURAL.GROUP`` for every kind; ``pods``, ``services``, ``configmaps`` and so on for some; and what pods and
claims request and may use.
"""

from collections.abc import Collection, Mapping
from fractions import Fraction
from math import ceil
from typing import Any

from fakes.apiserver import podresources
from fakes.apiserver.amounts import NOTHING, ONE, Amount, Amounts, amounts, total
from fakes.apiserver.objects import Object, name_of
from fakes.apiserver.pod_defaults import qos_class
from fakes.apiserver.resources import PODS, SERVICES, ResourceType

COMPUTE = ("cpu", "memory", "ephemeral-storage")
_HUGE = "hugepages-"
_COUNTED_BY_PLURAL = ("configmaps", "resourcequotas", "replicationcontrollers", "secrets")
_DEMANDED = ("cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory")
"""A quota for one of these wants every container to say it."""
_OF_PODS = frozenset(
    ("pods", "count/pods", *COMPUTE, *(f"{kind}.{name}" for kind in ("requests", "limits") for name in COMPUTE))
)
_OF_SERVICES = frozenset(("services", "count/services", "services.nodeports", "services.loadbalancers"))
_OF_CLAIMS = frozenset(("persistentvolumeclaims", "count/persistentvolumeclaims", "requests.storage"))
_BY_CLASS = ".storageclass.storage.k8s.io/"


# --- what an object counts for --------------------------------------------------------------------------------------


def usage(resource: ResourceType, obj: Object) -> Amounts:
    """What an object counts for."""
    if resource is PODS:
        return _of_pod(obj)
    if resource is SERVICES:
        return _of_service(obj["spec"])
    if not resource.group and resource.plural == "persistentvolumeclaims":
        return _of_claim(obj)
    count = {f"count/{resource.qualified}": ONE}
    if not resource.group and resource.plural in _COUNTED_BY_PLURAL:
        count[resource.plural] = ONE
    return count


def _of_pod(pod: Object) -> Amounts:
    found = {"count/pods": ONE}
    if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        return found
    return found | _of_compute(podresources.requests(pod), podresources.limits(pod))


def _of_compute(requests: Amounts, limits: Amounts) -> Amounts:
    found = {"pods": ONE}
    for name, each in requests.items():
        if name in COMPUTE or name.startswith(_HUGE):
            found[name] = each
        if name in COMPUTE or name.startswith(_HUGE) or "/" in name:
            found[f"requests.{name}"] = each
    return found | {f"limits.{name}": each for name, each in limits.items() if name in COMPUTE}


def _of_service(spec: Object) -> Amounts:
    kind, ports = spec.get("type"), spec.get("ports") or ()
    node_ports = 0
    if kind == "NodePort" or (kind == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts") is not False):
        node_ports = len(ports)
    elif kind == "LoadBalancer":
        node_ports = sum(bool(each.get("nodePort")) for each in ports)
    balancers = ONE if kind == "LoadBalancer" else NOTHING
    counted = {"services.nodeports": Amount(Fraction(node_ports)), "services.loadbalancers": balancers}
    return {"count/services": ONE, "services": ONE, **counted}


def _of_claim(claim: Object) -> Amounts:
    spec = claim.get("spec") or {}
    found = {"persistentvolumeclaims": ONE}
    asked = amounts((spec.get("resources") or {}).get("requests")).get("storage")
    if asked is not None:
        found["requests.storage"] = Amount(Fraction(ceil(asked.value)), asked.form)
    named = spec.get("storageClassName") or ""
    by_class = {f"{named}{_BY_CLASS}{name}": each for name, each in found.items()} if named else {}
    return {"count/persistentvolumeclaims": ONE, **found, **by_class}


# --- which quota counts it ------------------------------------------------------------------------------------------


def counted(resource: ResourceType, names: Collection[str]) -> list[str]:
    """Those of the names that objects of the resource can count for."""
    if resource is PODS:
        return [each for each in names if each in _OF_PODS or _is_extended(each)]
    if resource is SERVICES:
        return [each for each in names if each in _OF_SERVICES]
    if not resource.group and resource.plural == "persistentvolumeclaims":
        return [each for each in names if each in _OF_CLAIMS or _BY_CLASS in each]
    own = (f"count/{resource.qualified}", resource.plural if resource.plural in _COUNTED_BY_PLURAL else "")
    return [each for each in names if each in own] if not resource.group else [each for each in names if each == own[0]]


def _is_extended(name: str) -> bool:
    asked = name.removeprefix("requests.")
    return asked.startswith(_HUGE) or (asked != name and "/" in asked and "kubernetes.io/" not in asked)


def matches(spec: Mapping[str, Any], resource: ResourceType, obj: Object) -> bool:
    """Whether all scopes of a quota hold for an object; only pods have scopes."""
    scopes = [{"scopeName": each, "operator": "Exists"} for each in spec.get("scopes") or ()]
    scopes += (spec.get("scopeSelector") or {}).get("matchExpressions") or ()
    return all(resource is PODS and _in_scope(each, obj) for each in scopes)


def _in_scope(scope: Mapping[str, Any], pod: Object) -> bool:
    spec = pod["spec"]
    match scope["scopeName"]:
        case "Terminating":
            return spec.get("activeDeadlineSeconds") is not None
        case "NotTerminating":
            return spec.get("activeDeadlineSeconds") is None
        case "BestEffort":
            return qos_class(spec) == "BestEffort"
        case "NotBestEffort":
            return qos_class(spec) != "BestEffort"
        case "PriorityClass":
            return _in_class(scope, spec.get("priorityClassName") or "")
        case "CrossNamespacePodAffinity":
            return _looks_into_other_namespaces(spec.get("affinity") or {})
    return False


def _in_class(scope: Mapping[str, Any], named: str) -> bool:
    values = scope.get("values") or ()
    return {
        "Exists": bool(named),
        "DoesNotExist": not named,
        "In": named in values,
        "NotIn": named not in values,
    }.get(scope.get("operator") or "Exists", False)


def _looks_into_other_namespaces(affinity: Mapping[str, Any]) -> bool:
    for kind in ("podAffinity", "podAntiAffinity"):
        found = affinity.get(kind) or {}
        weighted = found.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
        terms = [*(found.get("requiredDuringSchedulingIgnoredDuringExecution") or ())]
        terms += [each.get("podAffinityTerm") or {} for each in weighted]
        if any(each.get("namespaces") or each.get("namespaceSelector") is not None for each in terms):
            return True
    return False


# --- what is too much -----------------------------------------------------------------------------------------------


def problem(quota: Object, resource: ResourceType, obj: Object, more: Amounts) -> str:
    """Why a quota that counts an object refuses it; "" if it does not.

    Args:
        quota: whose status says what is used.
        resource: the kind of the object.
        obj: what is to be stored.
        more: what it counts for more than before.
    """
    status, name = quota.get("status") or {}, name_of(quota)
    hard, used = amounts(status.get("hard")), amounts(status.get("used"))
    names = counted(resource, hard)
    if resource is PODS and (missing := _missing(obj, names)):
        return f"failed quota: {name}: must specify {missing}"
    unknown = sorted(each for each in names if each not in used)
    if unknown:
        return f"status unknown for quota: {name}, resources: {','.join(sorted(names))}"
    asked = {each: more[each] for each in names if each in more and more[each].value}
    exceeded = [each for each in sorted(asked) if total(used, asked)[each].value > hard[each].value]
    if not exceeded:
        return ""
    requested, before, limited = (
        ",".join(f"{each}={found[each]}" for each in exceeded) for found in (asked, used, hard)
    )
    return f"exceeded quota: {name}, requested: {requested}, used: {before}, limited: {limited}"


def _missing(pod: Object, names: Collection[str]) -> str:
    """What containers must say, as quotas count it, and which ones do not."""
    spec, demanded = pod["spec"], sorted(each for each in names if each in _DEMANDED)
    if not demanded or (spec.get("resources") or {}).keys() & {"requests", "limits"}:
        return ""
    silent: dict[str, list[str]] = {}
    for container in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
        resources = container.get("resources") or {}
        said = _of_compute(amounts(resources.get("requests")), amounts(resources.get("limits")))
        for each in demanded:
            if each not in said:
                silent.setdefault(each, []).append(container["name"])
    return "; ".join(f"{name} for: {','.join(sorted(found))}" for name, found in sorted(silent.items()))


def increase(new: Amounts, old: Amounts) -> Amounts:
    """What is more than before."""
    grown = {name: each.minus(old.get(name, NOTHING)) for name, each in new.items()}
    return {name: each for name, each in grown.items() if each.value > 0}
