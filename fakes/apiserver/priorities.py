"""Priority classes: which ones there may be, and the priority that a pod has by its class. Pure."""

from collections.abc import Callable

from fakes.apiserver import errors
from fakes.apiserver.causes import Causes, forbidden, immutable
from fakes.apiserver.defaults import Admission
from fakes.apiserver.metacauses import named
from fakes.apiserver.names import dns_subdomain
from fakes.apiserver.objects import Object, name_of

SYSTEM_PREFIX = "system-"
HIGHEST_OF_USERS = 1_000_000_000
SYSTEM_CLASSES = (
    {
        "metadata": {"name": "system-node-critical"},
        "value": 2_000_001_000,
        "description": "Used for system critical pods that must not be moved from their current node.",
    },
    {
        "metadata": {"name": "system-cluster-critical"},
        "value": 2_000_000_000,
        "description": (
            "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary."
        ),
    },
)
"""Those that every cluster has."""


def priority_class(obj: Object, _admission: Admission) -> Object:
    """A new class: it preempts; its generation never changes."""
    return {"preemptionPolicy": "PreemptLowerPriority", **obj, "metadata": {**obj["metadata"], "generation": 1}}


def validate(obj: Object) -> Causes:
    """What is wrong with a class."""
    name, value = name_of(obj), obj.get("value", 0)
    causes = named(obj, dns_subdomain)
    if name.startswith(SYSTEM_PREFIX):
        problem = _not_of_the_system(name, value, is_default=bool(obj.get("globalDefault")))
        why = f"priority class names with '{SYSTEM_PREFIX}' prefix are reserved for system use only. error: {problem}"
        return [*causes, forbidden("metadata.name", why)] if problem else causes
    if value > HIGHEST_OF_USERS:
        causes.append(forbidden("value", f"maximum allowed value of a user defined priority is {HIGHEST_OF_USERS}"))
    return causes


def _not_of_the_system(name: str, value: int, *, is_default: bool) -> str:
    known = next((each["value"] for each in SYSTEM_CLASSES if name_of(each) == name), None)
    if known is None:
        return f"{name} is not a known system priority class"
    if value != known:
        return f"value of {name} PriorityClass must be {known}"
    return f"globalDefault of {name} PriorityClass must be false" if is_default else ""


def validate_update(new: Object, old: Object) -> Causes:
    """What may not change of a class."""
    causes: Causes = []
    if new.get("value", 0) != old.get("value", 0):
        causes.append(forbidden("value", "may not be changed in an update."))
    if new.get("preemptionPolicy") != old.get("preemptionPolicy"):
        causes.append(immutable("preemptionPolicy", new.get("preemptionPolicy")))
    return causes


def check_default(new: Object, default: Object | None) -> None:
    """Raise 403 for a second class that is the default one."""
    if new.get("globalDefault") and default is not None and name_of(default) != name_of(new):
        why = f"PriorityClass {name_of(default)} is already marked as default. Only one default can exist"
        raise errors.forbidden("priorityclasses", name_of(new), why, "scheduling.k8s.io")


def give(pod: Object, default: Object | None, find: Callable[[str, str], Object | None]) -> None:
    """Write its priority into the fresh spec of a new pod; raises 403 if its class is not there or says otherwise.

    Args:
        pod: as it was sent, with its defaults.
        default: the class of pods that name none, if there is one.
        find: finds a class by namespace (none) and name.
    """
    spec = pod["spec"]
    value, policy, wanted = 0, "PreemptLowerPriority", spec.get("priorityClassName")
    if wanted or default is not None:
        found = find("", wanted) if wanted else default
        if found is None:
            raise errors.forbidden("pods", sent_name(pod), f"no PriorityClass with name {wanted} was found")
        value, policy = found.get("value", 0), found.get("preemptionPolicy", policy)
        spec["priorityClassName"] = name_of(found)
    if "priority" in spec:
        _check_own(pod, "integer value of priority", spec["priority"], value)
    if "preemptionPolicy" in spec:
        _check_own(pod, "string value of PreemptionPolicy", spec["preemptionPolicy"], policy)
    spec["priority"], spec["preemptionPolicy"] = value, policy


def sent_name(pod: Object) -> str:
    """The name as it was sent: one that the server has made up is not told, as admission comes before it."""
    name, base = name_of(pod), pod["metadata"].get("generateName") or ""
    return base if base and name.startswith(base) else name


def _check_own(pod: Object, what: str, own: object, computed: object) -> None:
    if own != computed:
        why = (
            f"the {what} ({own}) must not be provided in pod spec; priority admission controller computed {computed}"
            " from the given PriorityClass name"
        )
        raise errors.forbidden("pods", sent_name(pod), why)
