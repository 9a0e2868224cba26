"""Budgets for disruptions: what is wrong with one, what its status says, and when it allows an eviction. Pure.

The rules are those of kube-controller-manager's disruption controller and of the pods' registry in kube-apiserver.
"""

import re
from collections.abc import Mapping
from typing import Any

from fakes.apiserver import errors
from fakes.apiserver.causes import Causes, invalid, negative, unsupported
from fakes.apiserver.errors import StatusError
from fakes.apiserver.metacauses import named
from fakes.apiserver.names import dns_subdomain
from fakes.apiserver.objects import Object, Objects, name_of

MOST_DISRUPTED = 2000
"""So many evictions of a budget may be under way."""
UNOBSERVED_RETRY_SECONDS = 10
EVICTION_POLICIES = ("AlwaysAllow", "IfHealthyBudget")

_SPEC = ("minAvailable", "selector", "maxUnavailable", "unhealthyPodEvictionPolicy")
_PERCENT = re.compile("[0-9]+%")


# --- what is wanted -------------------------------------------------------------------------------------------------


def validate(budget: Object) -> Causes:
    """What is wrong with a budget."""
    spec = budget.get("spec") or {}
    causes = named(budget, dns_subdomain)
    if "minAvailable" in spec and "maxUnavailable" in spec:
        as_upstream = {field[0].upper() + field[1:]: spec.get(field) for field in _SPEC}
        causes.append(invalid("spec", as_upstream, "minAvailable and maxUnavailable cannot be both set"))
    for field in ("minAvailable", "maxUnavailable"):
        if field in spec:
            causes += _share(f"spec.{field}", spec[field])
    policy = spec.get("unhealthyPodEvictionPolicy")
    if policy is not None and policy not in EVICTION_POLICIES:
        causes.append(unsupported("spec.unhealthyPodEvictionPolicy", policy, EVICTION_POLICIES))
    return causes


def _share(path: str, value: object) -> Causes:
    if isinstance(value, int):
        return [negative(path, value)] if value < 0 else []
    if not _PERCENT.fullmatch(str(value)):
        why = (
            "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex"
            " used for validation is '[0-9]+%')"
        )
        return [invalid(path, value, why)]
    return [invalid(path, value, "must not be greater than 100%")] if int(str(value)[:-1]) > 100 else []


def desired(spec: Mapping[str, Any], expected: int) -> int:
    """How many of the expected pods have to be healthy."""
    if "maxUnavailable" in spec:
        return max(expected - _scaled(spec["maxUnavailable"], expected), 0)
    return _scaled(spec.get("minAvailable", 0), expected)


def counts_controllers(spec: Mapping[str, Any]) -> bool:
    """Whether as many pods are expected as their controllers want; else as there are."""
    return "maxUnavailable" in spec or isinstance(spec.get("minAvailable"), str)


def counts_nothing(spec: Mapping[str, Any]) -> bool:
    """Whether the budget says no number: then no pods are expected."""
    return "maxUnavailable" not in spec and "minAvailable" not in spec


def _scaled(value: int | str, total: int) -> int:
    """A number, or a percentage of the total, rounded up."""
    return value if isinstance(value, int) else -(-int(value[:-1]) * total // 100)


# --- how it is ------------------------------------------------------------------------------------------------------


def is_ready(pod: Object) -> bool:
    """Whether a pod counts as healthy."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)


def with_status(
    budget: Object, *, healthy: int, wanted: int, expected: int, disrupted: Mapping[str, str], timestamp: str
) -> Object:
    """The budget with its status; the very same if that is so already."""
    allowed = max(healthy - wanted, 0) if expected > 0 else 0
    status: Object = {
        "conditions": (budget.get("status") or {}).get("conditions") or [],
        "currentHealthy": healthy,
        "desiredHealthy": wanted,
        **({"disruptedPods": dict(disrupted)} if disrupted else {}),
        "disruptionsAllowed": allowed,
        "expectedPods": expected,
        "observedGeneration": budget["metadata"]["generation"],
    }
    reason = "SufficientPods" if allowed else "InsufficientPods"
    status = _with_condition(status, "True" if allowed else "False", reason, "", timestamp)
    return budget if status == budget.get("status") else {**budget, "status": status}


def failed(budget: Object, why: str, timestamp: str) -> Object:
    """The budget, which allows nothing as its status cannot be computed."""
    status = {**(budget.get("status") or {}), "disruptionsAllowed": 0}
    status = _with_condition(status, "False", "SyncFailed", why, timestamp)
    return budget if status == budget.get("status") else {**budget, "status": status}


def _with_condition(status: Object, value: str, reason: str, message: str, timestamp: str) -> Object:
    conditions = status.get("conditions") or []
    old: Object = next((each for each in conditions if each["type"] == "DisruptionAllowed"), {})
    new = {
        "type": "DisruptionAllowed",
        "status": value,
        **({"observedGeneration": status["observedGeneration"]} if status.get("observedGeneration") else {}),
        "lastTransitionTime": old["lastTransitionTime"] if old.get("status") == value else timestamp,
        "reason": reason,
        "message": message,
    }
    return {**status, "conditions": [*(each for each in conditions if each is not old), new]}


# --- evictions ------------------------------------------------------------------------------------------------------


def is_free(pod: Object) -> bool:
    """Whether a pod can go without asking any budget: it does not run, or is going already."""
    phase = (pod.get("status") or {}).get("phase")
    return phase in ("Pending", "Succeeded", "Failed") or "deletionTimestamp" in pod["metadata"]


def covers_unhealthy(budget: Object) -> bool:
    """Whether a pod that is not ready may go without being counted."""
    if (budget.get("spec") or {}).get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    status = budget.get("status") or {}
    wanted: int = status.get("desiredHealthy", 0)
    return wanted > 0 and status.get("currentHealthy", 0) >= wanted


def the_one_of(covering: Objects) -> Object | None:
    """The budget that decides about a pod, of those that cover it; raises 500 if there are several."""
    if len(covering) > 1:
        raise errors.internal(
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
        )
    return covering[0] if covering else None


def spend(budget: Object, pod_name: str, timestamp: str) -> Object:
    """The budget after an eviction of that pod; raises 429 if it allows none, 403 if it makes no sense."""
    status, name = budget.get("status") or {}, name_of(budget)
    if status.get("observedGeneration", 0) < budget["metadata"].get("generation", 0):
        why = f"The disruption budget {name} is still being processed by the server."
        raise _blocked(why, retry_after=UNOBSERVED_RETRY_SECONDS)
    allowed, disrupted = status.get("disruptionsAllowed", 0), status.get("disruptedPods") or {}
    if allowed < 0:
        raise errors.forbidden("poddisruptionbudget", name, "pdb disruptions allowed is negative", "policy")
    if len(disrupted) > MOST_DISRUPTED:
        why = "DisruptedPods map too big - too many evictions not confirmed by PDB controller"
        raise errors.forbidden("poddisruptionbudget", name, why, "policy")
    if not allowed:
        needed, healthy = status.get("desiredHealthy", 0), status.get("currentHealthy", 0)
        raise _blocked(f"The disruption budget {name} needs {needed} healthy pods and has {healthy} currently")
    status = {
        **status,
        "disruptionsAllowed": allowed - 1,
        "disruptedPods": {**disrupted, pod_name: timestamp},
    }
    if allowed == 1:
        status = _with_condition(status, "False", "InsufficientPods", "", timestamp)
    return {**budget, "status": status}


def _blocked(why: str, *, retry_after: int = 0) -> StatusError:
    message = "Cannot evict pod as it would violate the pod's disruption budget."
    causes = [{"reason": "DisruptionBudget", "message": why}]
    return StatusError(429, "TooManyRequests", message, {"causes": causes}, retry_after=retry_after)
