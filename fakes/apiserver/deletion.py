"""What a delete does to an object: the rules of graceful deletion and of finalizers. Pure.

The rules are those of apiserver's registry (rest.BeforeDelete and the store's graceful update): the first graceful
delete sets a deletionTimestamp in the future, a later one can only shorten it, and an object goes when its grace is
zero and no finalizer is left.
"""

from dataclasses import dataclass

from fakes.apiserver import metadata
from fakes.apiserver.errors import cause, conflict, invalid
from fakes.apiserver.objects import Object
from fakes.apiserver.options import DeleteOptions
from fakes.apiserver.resources import ResourceType

DEFAULT_GRACE_SECONDS = 30
POLICIES = ("", "Background", "Foreground", "Orphan")


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
        return _decide_graceful(obj, options, timestamp)
    if not obj["metadata"].get("finalizers"):
        return Deletion(None, remove=True)
    if obj["metadata"].get("deletionTimestamp"):
        return Deletion(None, remove=False)
    return Deletion(marked(obj, timestamp, 0), remove=False)


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


def is_finished(obj: Object) -> bool:
    """Whether a write has taken away the last thing that kept a deleted object: its finalizers."""
    meta = obj["metadata"]
    return bool(
        meta.get("deletionTimestamp") and not meta.get("deletionGracePeriodSeconds") and not meta.get("finalizers")
    )


def check(resource: ResourceType, obj: Object, options: DeleteOptions) -> None:
    """Raise ``StatusError`` if a precondition does not hold (409) or the options make no sense (422)."""
    meta = obj["metadata"]
    if options.propagation_policy not in POLICIES:
        listed = ", ".join(f'"{each}"' for each in POLICIES[1:])
        message = f'Unsupported value: "{options.propagation_policy}": supported values: {listed}'
        raise invalid("DeleteOptions", "", [cause("NotSupported", message, "propagationPolicy")], group="meta.k8s.io")
    for what, field, wanted in (
        ("UID", "uid", options.uid),
        ("ResourceVersion", "resourceVersion", options.resource_version),
    ):
        if wanted and wanted != meta[field]:
            why = (
                f"the {what} in the precondition ({wanted}) does not match the {what} in record ({meta[field]})."
                " The object might have been deleted and then recreated"
            )
            raise conflict(resource.kind, meta["name"], why, resource.group)  # upstream names the kind, not the plural


def _decide_graceful(pod: Object, options: DeleteOptions, timestamp: str) -> Deletion:
    meta, held = pod["metadata"], bool(pod["metadata"].get("finalizers"))
    grace = _grace(pod, options)
    if not meta.get("deletionTimestamp"):
        return Deletion(marked(pod, timestamp, grace), remove=grace == 0 and not held)
    before = meta.get("deletionGracePeriodSeconds") or 0
    if grace >= before:
        return Deletion(None, remove=before == 0 and not held)
    began = metadata.shifted(meta["deletionTimestamp"], -before)
    return Deletion(marked(pod, began, grace), remove=grace == 0 and not held)


def _grace(pod: Object, options: DeleteOptions) -> int:
    """The seconds that this delete gives: none to a pod that no kubelet runs; a negative period counts as 1."""
    if not pod["spec"].get("nodeName") or (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        return 0
    grace = options.grace_period_seconds
    if grace is None:
        own = pod["spec"].get("terminationGracePeriodSeconds")
        grace = DEFAULT_GRACE_SECONDS if own is None else own
    return grace if grace >= 0 else 1
