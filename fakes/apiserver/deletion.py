"""What a delete does to an object: the rules of graceful deletion and of finalizers. Pure.

The rules are those of apiserver's registry (rest.BeforeDelete and the store's graceful update): the first graceful
delete sets a deletionTimestamp in the future, a later one can only shorten it, and an object goes when its grace is
zero and no finalizer is left.
"""

from dataclasses import dataclass

from fakes.apiserver import errors, metadata
from fakes.apiserver.causes import invalid, unsupported
from fakes.apiserver.objects import Object
from fakes.apiserver.options import DeleteOptions
from fakes.apiserver.resources import PODS, ResourceType

DEFAULT_GRACE_SECONDS = 30
POLICIES = ("", "Foreground", "Background", "Orphan")


@dataclass(frozen=True, slots=True)
class Deletion:
    """What to do.

    Attributes:
        marked: the object to store first, if its deletion shows in it; None to leave it as it is.
        remove: whether it goes now.
    """

    marked: Object | None
    remove: bool


def decide(resource: ResourceType, obj: Object, options: DeleteOptions, timestamp: str) -> Deletion:
    """What a delete at that time does to the object."""
    if resource.graceful:
        graceful = _decide_graceful(obj, options, timestamp)
        if graceful is not None:
            return graceful
    meta = obj["metadata"]
    before = meta.get("finalizers") or []
    after = finalizers(resource, before, options)
    if not after:
        return Deletion(None, remove=True)
    if after is before and meta.get("deletionTimestamp"):
        return Deletion(None, remove=False)
    return Deletion(_held(marked(obj, meta.get("deletionTimestamp") or timestamp, 0), after), remove=False)


FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"
"""The finalizers that the garbage collector takes away: when the dependents are gone, or are on their own."""


def finalizers(resource: ResourceType, before: list[str], options: DeleteOptions) -> list[str]:
    """What holds the object once it is being deleted in this way; the very same list if that changes nothing."""
    if not resource.collected:
        return before
    policy = options.propagation_policy
    if options.orphan_dependents is not None:
        policy = "Orphan" if options.orphan_dependents else "Background"
    if not policy:
        policy = next((_POLICY[each] for each in before if each in _POLICY), resource.deletion_policy)
    own = [name for name, meant in _POLICY.items() if meant == policy]
    if [each for each in before if each in _POLICY] == own:
        return before
    return [each for each in before if each not in _POLICY] + own


_POLICY = {ORPHAN: "Orphan", FOREGROUND: "Foreground"}


def _held(obj: Object, by: list[str]) -> Object:
    meta = obj["metadata"]
    if by == (meta.get("finalizers") or []):
        return obj
    rest = {key: value for key, value in meta.items() if key != "finalizers"}
    return {**obj, "metadata": {**rest, "finalizers": by} if by else rest}


def marked(obj: Object, timestamp: str, grace: int) -> Object:
    """The object with its deletion announced for that long after the timestamp."""
    meta = {**obj["metadata"], "deletionTimestamp": metadata.shifted(timestamp, grace) if grace else timestamp}
    meta["deletionGracePeriodSeconds"] = grace
    if "generation" in meta and "deletionTimestamp" not in obj["metadata"]:
        meta["generation"] += 1
    return {**obj, "metadata": meta}


def success(resource: ResourceType, obj: Object) -> Object:
    """What the delete of an object that goes at once is answered with."""
    meta, group = obj["metadata"], {"group": resource.group} if resource.group else {}
    details = {"name": meta["name"], **group, "kind": resource.plural, "uid": meta["uid"]}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


JOBS_ARE_ORPHANED = (
    "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set"
    " propagationPolicy=Orphan to suppress this warning"
)


def warnings(resource: ResourceType, options: DeleteOptions) -> tuple[str, ...]:
    """What a client is warned of that does not say what becomes of the dependents."""
    says = options.propagation_policy or options.orphan_dependents is not None
    return () if says or (resource.group, resource.plural) != ("batch", "jobs") else (JOBS_ARE_ORPHANED,)


def is_finished(obj: Object) -> bool:
    """Whether a write has taken away the last thing that kept a deleted object: its finalizers."""
    meta = obj["metadata"]
    return bool(
        meta.get("deletionTimestamp") and not meta.get("deletionGracePeriodSeconds") and not meta.get("finalizers")
    )


def check(resource: ResourceType, obj: Object, options: DeleteOptions) -> None:
    """Raise ``StatusError`` if a precondition does not hold (409) or the options make no sense (422)."""
    meta = obj["metadata"]
    policy = options.propagation_policy
    path = "propagationPolicy"
    causes = []
    if policy and options.orphan_dependents is not None:
        causes.append(invalid(path, policy, "orphanDependents and deletionPropagation cannot be both set"))
    if policy not in POLICIES:
        causes.append(unsupported(path, policy, (*POLICIES[1:], "nil")))
    if causes:
        raise errors.invalid("DeleteOptions", "", causes, group="meta.k8s.io")
    for what, field, wanted, happened in (
        ("UID", "uid", options.uid, "deleted and then recreated"),
        ("ResourceVersion", "resourceVersion", options.resource_version, "modified"),
    ):
        if wanted and wanted != meta[field]:
            why = (
                f"the {what} in the precondition ({wanted}) does not match the {what} in record ({meta[field]})."
                f" The object might have been {happened}"
            )
            raise errors.conflict(
                resource.kind, meta["name"], why, resource.group
            )  # upstream names the kind, not the plural


def _decide_graceful(pod: Object, options: DeleteOptions, timestamp: str) -> Deletion | None:
    """What becomes of a pod; None if its grace is over, so that it goes as other kinds do."""
    meta, grace, began = pod["metadata"], _grace(pod, options), timestamp
    if meta.get("deletionTimestamp"):
        before = meta.get("deletionGracePeriodSeconds") or 0
        if not before:
            return None
        if grace >= before:
            return Deletion(None, remove=False)
        began = metadata.shifted(meta["deletionTimestamp"], -before)
    by = finalizers(PODS, meta.get("finalizers") or [], options)
    return Deletion(_held(marked(pod, began, grace), by), remove=grace == 0 and not by)


def _grace(pod: Object, options: DeleteOptions) -> int:
    """The seconds that this delete gives: none to a pod that no kubelet runs; a negative period counts as 1."""
    if not pod["spec"].get("nodeName") or (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        return 0
    grace = options.grace_period_seconds
    if grace is None:
        own = pod["spec"].get("terminationGracePeriodSeconds")
        grace = DEFAULT_GRACE_SECONDS if own is None else own
    return grace if grace >= 0 else 1
