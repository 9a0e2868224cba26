"""Garbage collection by owner: what happens to the dependents of an object that is deleted.

The rules are those of kube-controller-manager's garbage collector. An object whose owners are all gone is deleted; one
that still has another owner loses its references to those that are gone. A finalizer says what a deleted owner waits
for: ``foregroundDeletion``, that the dependents which block its deletion are gone; ``orphan``, that none names it.

An owner is looked up where its kind lives: in no namespace, or in the dependent's own. So an owner in another
namespace counts as gone. A reference to a kind that is not kept here tells nothing, and its object is left alone.
"""

from collections.abc import Iterable
from enum import Enum
from typing import TYPE_CHECKING, Any

from fakes.apiserver.controllers import WorkQueue
from fakes.apiserver.deletion import FOREGROUND, ORPHAN
from fakes.apiserver.objects import Object, Objects, key_of
from fakes.apiserver.options import DeleteOptions
from fakes.apiserver.patches import MERGE
from fakes.apiserver.resources import EVENTS, ResourceType
from fakes.apiserver.watch import Change

if TYPE_CHECKING:
    from fakes.apiserver.server import ApiServer

Item = tuple[ResourceType, str, str]
"""An object: its resource, namespace and name."""
Reference = dict[str, Any]


class Owner(Enum):
    """How the object is that a reference names."""

    THERE = "there"
    GONE = "gone"
    WAITING = "waiting for its dependents to go"
    UNKNOWN = "of a kind that is not kept here"


class GarbageCollector:
    """Knows the dependents of each owner by the owner's UID, and nothing of objects that have no owners.

    Args:
        server: its objects.
        queue: takes what is to be looked at after a write.
    """

    def __init__(self, server: "ApiServer", queue: WorkQueue) -> None:
        self._server = server
        self._queue = queue
        self._dependents: dict[str, dict[Item, None]] = {}
        self._blocking: dict[str, dict[Item, None]] = {}
        self._waiting: dict[str, Item] = {}

    def load(self, resource: ResourceType, objects: Objects) -> None:
        """Take over the objects of another process; what was under way there goes on."""
        for obj in objects:
            item, meta = (resource, *key_of(obj)), obj["metadata"]
            if "ownerReferences" in meta:
                self._link(item, meta["ownerReferences"])
                self._queue.add(self._attend, *item)
            if "deletionTimestamp" in meta:
                self._note_deletion(item, meta)

    def note(self, resource: ResourceType, change: Change) -> None:
        """An object is new, is gone, or has other metadata."""
        meta, gone = change.object["metadata"], change.type == "DELETED"
        before = () if change.old is None else change.old["metadata"].get("ownerReferences") or ()
        after = () if gone else meta.get("ownerReferences") or ()
        if before is not after and resource is not EVENTS:
            self._relink((resource, *key_of(change.object)), before, after)
        if gone:
            self._waiting.pop(meta["uid"], None)
            for dependent in self._dependents.get(meta["uid"], ()):
                self._queue.add(self._attend, *dependent)
        elif "deletionTimestamp" in meta:
            self._note_deletion((resource, *key_of(change.object)), meta)

    # --- who owns whom ---

    def _relink(self, item: Item, before: Iterable[Reference], after: Iterable[Reference]) -> None:
        for reference in before:
            _discard(self._dependents, reference["uid"], item)
            if _discard(self._blocking, reference["uid"], item) and reference["uid"] in self._waiting:
                self._queue.add(self._attend, *self._waiting[reference["uid"]])
        self._link(item, after)
        if any(self._owner(item, each) in (Owner.GONE, Owner.WAITING) for each in after):
            self._queue.add(self._attend, *item)

    def _link(self, item: Item, references: Iterable[Reference]) -> None:
        for reference in references:
            self._dependents.setdefault(reference["uid"], {})[item] = None
            if reference.get("blockOwnerDeletion"):
                self._blocking.setdefault(reference["uid"], {})[item] = None

    def _note_deletion(self, item: Item, meta: Object) -> None:
        """An object is being deleted: if it is the first time that it waits for its dependents, see to them."""
        finalizers = meta.get("finalizers") or ()
        if FOREGROUND in finalizers and meta["uid"] not in self._waiting:
            self._waiting[meta["uid"]] = item
            for each in (*self._dependents.get(meta["uid"], ()), item):
                self._queue.add(self._attend, *each)
        elif ORPHAN in finalizers:
            self._queue.add(self._attend, *item)

    def _owner(self, item: Item, reference: Reference) -> Owner:
        group, _, version = reference["apiVersion"].rpartition("/")
        resource = self._server.resources.by_kind(reference["kind"], group)
        if resource is None or resource.computed or resource.version != version:
            return Owner.UNKNOWN
        if resource.namespaced and not item[0].namespaced:
            return Owner.UNKNOWN
        owner = self._server.find(resource, item[1] if resource.namespaced else "", reference["name"])
        if owner is None or owner["metadata"]["uid"] != reference["uid"]:
            return Owner.GONE
        return Owner.WAITING if reference["uid"] in self._waiting else Owner.THERE

    # --- what follows ---

    def _attend(self, resource: ResourceType, namespace: str, name: str) -> None:
        """See whether the object has to go, or may go at last."""
        obj = self._server.find(resource, namespace, name)
        if obj is None:
            return
        meta, item = obj["metadata"], (resource, namespace, name)
        if "deletionTimestamp" not in meta:
            if meta.get("ownerReferences"):
                self._collect(item, meta)
        elif FOREGROUND in (meta.get("finalizers") or ()):
            if not self._blocking.get(meta["uid"]):
                self._release(item, meta, FOREGROUND)
        elif ORPHAN in (meta.get("finalizers") or ()):
            for dependent in tuple(self._dependents.get(meta["uid"], ())):
                self._disown(dependent, {meta["uid"]})
            self._release(item, meta, ORPHAN)

    def _collect(self, item: Item, meta: Object) -> None:
        """Delete an object that no owner holds; if one does, take away the references to the others."""
        owners = {each["uid"]: self._owner(item, each) for each in meta["ownerReferences"]}
        states = set(owners.values())
        if Owner.UNKNOWN in states:
            return
        if Owner.THERE in states:
            self._disown(item, {uid for uid, state in owners.items() if state is not Owner.THERE})
            return
        finalizers, dependents = meta.get("finalizers") or (), self._dependents.get(meta["uid"])
        policy = "Orphan" if ORPHAN in finalizers else "Foreground" if FOREGROUND in finalizers else "Background"
        if Owner.WAITING in states and dependents:
            policy = "Foreground"
            if any(self._is_waiting(each) for each in dependents):
                self._unblock(item, meta)  # a circle, in which each would wait for the next
        self._server.delete(
            item[0], item[1] or None, item[2], DeleteOptions(uid=meta["uid"], propagation_policy=policy)
        )

    def _is_waiting(self, item: Item) -> bool:
        obj = self._server.find(*item)
        return obj is not None and obj["metadata"]["uid"] in self._waiting

    def _disown(self, item: Item, uids: set[str]) -> None:
        obj = self._server.find(*item)
        references = [] if obj is None else obj["metadata"].get("ownerReferences") or []
        kept = [each for each in references if each["uid"] not in uids]
        if len(kept) < len(references):
            self._amend(item, ownerReferences=kept or None)

    def _unblock(self, item: Item, meta: Object) -> None:
        self._amend(item, ownerReferences=[{**each, "blockOwnerDeletion": False} for each in meta["ownerReferences"]])

    def _release(self, item: Item, meta: Object, finalizer: str) -> None:
        self._amend(item, finalizers=[each for each in meta["finalizers"] if each != finalizer] or None)

    def _amend(self, item: Item, **metadata: object) -> None:
        resource, namespace, name = item
        self._server.patch(resource, namespace or None, name, {"metadata": metadata}, MERGE)


def _discard(index: dict[str, dict[Item, None]], uid: str, item: Item) -> bool:
    """Forget an item; whether it was the last of that owner."""
    items = index.get(uid, {})
    if item not in items:
        return False
    del items[item]
    if items:
        return False
    del index[uid]
    return True
