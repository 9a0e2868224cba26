"""The API server: every request that a client can make of an object, as a synchronous call on wire-form dicts.

One pipeline: decode, patch, admit and default, validate, store, tell the watchers. It reads no clock and draws no
random number but those that it is given, and knows no transport: the doors (``http``, and ``vksim.kube``) add that.

What happens beside the requests is done by controllers (``controllers``), as in a real control plane.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime
from random import Random
from typing import Any

from fakes.apiserver import (
    controllers,
    defaults,
    deletion,
    errors,
    evictions,
    listing,
    metacauses,
    metadata,
    patches,
    priorities,
    reviews,
    scales,
    subresources,
    tokens,
    writes,
)
from fakes.apiserver.admission import AdmissionPlugins
from fakes.apiserver.aggregation import Aggregation
from fakes.apiserver.authorizer import ADMINISTRATOR, AlwaysAllow, Authorizer, User
from fakes.apiserver.catalog import BUDGETS, BUILT_IN, PRIORITY_CLASSES, QUOTAS, STORED_HERE
from fakes.apiserver.controllers import WorkQueue
from fakes.apiserver.disruption import DisruptionController
from fakes.apiserver.eventages import EventAges
from fakes.apiserver.frozen import freeze
from fakes.apiserver.garbage import GarbageCollector
from fakes.apiserver.namespaces import Namespaces
from fakes.apiserver.objects import Object, Objects, at_version, name_of, namespace_of, without
from fakes.apiserver.options import DELETE, LIST_ALL, WRITE, DeleteOptions, ListOptions, WriteOptions
from fakes.apiserver.ownership import Ownership
from fakes.apiserver.resources import (
    EVENTS,
    NAMESPACES,
    PODS,
    SERVICE_ACCOUNTS,
    SERVICES,
    ResourceTable,
    ResourceType,
)
from fakes.apiserver.selectors import select
from fakes.apiserver.sharing import Sharing
from fakes.apiserver.storage import Storage
from fakes.apiserver.store import Collection
from fakes.apiserver.watch import Change, Watcher

SCALE = "scale"
EVENTS_HISTORY = 1_000
"""So many changes of events a watch can go back; a real server has no watch cache for them at all."""


class ApiServer:
    """A fake kube-apiserver.

    Objects handed out are the stored ones: nobody may change them in place. All methods raise ``StatusError``.

    Args:
        now: the wall clock.
        random: UIDs and generated names.
        checked: hand out objects that raise when they are changed in place.
        watch_cache: how many changes of each resource a watch or a paged list can go back.
        storage: where objects outlive the process; None for memory alone.
        running: the controllers that run in it (of ``controllers.ALL``) or beside it; others' work is left to others.
        sharing: keeps equal parts of objects once, where they come from clients; None to do without.
    """

    def __init__(
        self,
        *,
        now: Callable[[], datetime],
        random: Random,
        checked: bool = False,
        watch_cache: int = 10_000,
        storage: Storage | None = None,
        running: AbstractSet[str] = controllers.USUAL,
        sharing: Sharing | None = None,
    ) -> None:
        self.resources = ResourceTable(BUILT_IN)
        self.actor = ""
        """Who makes the write that is being made, where a door says so."""
        self._now = now
        self._checked = checked
        self._version = 0
        self._stamps = metadata.Stamps(now, random)
        self._ownership = Ownership(self._stamps.timestamp)
        self._admission = defaults.admission()
        self._collections = {
            each: Collection(each.fields.get(each.index), watch_cache)
            if each is not EVENTS
            else Collection(None, min(watch_cache, EVENTS_HISTORY), packed=True)
            for each in STORED_HERE
        }
        self._token_secret = random.randbytes(32)
        self._event_ages = EventAges(self._collections[EVENTS].get)
        self._due = WorkQueue()
        self._plugins = AdmissionPlugins(self, self._due, running)
        self._disruption: DisruptionController | None = None
        if controllers.DISRUPTION in running:
            self._disruption = DisruptionController(self, self._due, now)
        self._aggregation = Aggregation(self, self._due) if controllers.AGGREGATION in running else None
        self._namespaces = Namespaces(self, self._due, running)
        self._garbage = GarbageCollector(self, self._due)
        self._note = self._garbage.note if controllers.GARBAGE_COLLECTOR in running else _ignore
        self._storage = storage
        self._sharing = sharing
        if storage is not None and storage.version:
            self._resume(storage)
        for name in defaults.INITIAL_NAMESPACES:
            if self.find(NAMESPACES, "", name) is None:
                self.create(NAMESPACES, None, {"metadata": {"name": name}})
        for each in priorities.SYSTEM_CLASSES:
            if self.find(PRIORITY_CLASSES, "", name_of(each)) is None:
                self.create(PRIORITY_CLASSES, None, each)

    def _resume(self, storage: Storage) -> None:
        """Go on where the process before ended."""
        self._version = storage.version
        found: dict[str, Objects] = defaultdict(list)
        for plural, obj in storage.objects():
            found[plural].append(freeze(obj) if self._checked else obj)
        for resource, collection in self._collections.items():
            collection.load(found[resource.qualified], self._version)
        self._event_ages.note(found[EVENTS.qualified], self._now())
        used = {each["spec"].get("clusterIP") for each in found[SERVICES.qualified]}
        self._admission = defaults.admission(used)
        self._namespaces.resume(found[NAMESPACES.qualified])
        if self._note is not _ignore:
            for resource in self._collections:
                self._garbage.load(resource, found[resource.qualified])
        if self._disruption is not None:
            self._disruption.load(found[BUDGETS.qualified])
        if self._aggregation is not None:
            self._aggregation.load()
        self._plugins.load()
        self._plugins.quotas.load(found[QUOTAS.qualified])
        self._due.work()

    @property
    def version(self) -> int:
        """The resourceVersion of the newest write."""
        return self._version

    def compact(self) -> None:
        """Forget the history, as etcd does from time to time: watches from before now are answered with 410."""
        for collection in self._collections.values():
            collection.compact(self._version)

    # --- reads ---

    @property
    def stored(self) -> Iterable[ResourceType]:
        """The resources whose objects it keeps."""
        return self._collections

    def find(self, resource: ResourceType, namespace: str, name: str) -> Object | None:
        """The object of that name; None if there is none. The namespace of a cluster-scoped one is ""."""
        return self._collections[resource].get(namespace, name)

    def observe(self, resource: ResourceType, observer: Callable[[Change], None]) -> None:
        """Have somebody told of each change from now on: what it does about it, it puts into the work queue."""
        self._collections[resource].observers.append(observer)

    def has_any(self, resource: ResourceType, namespace: str) -> bool:
        """Whether there is an object in that namespace."""
        return self._collections[resource].has_any(namespace)

    def get(self, resource: ResourceType, namespace: str | None, name: str, *, subresource: str = "") -> Object:
        """One object."""
        if subresource == SCALE and resource.subresource(SCALE):
            return scales.scale_of(self._existing(resource, namespace, name))
        writes.check_readable(resource, subresource)
        return self._existing(resource, namespace, name)

    def list(self, resource: ResourceType, namespace: str | None, options: ListOptions = LIST_ALL) -> Object:
        """A list object. Its items are the stored objects, kind and apiVersion included: a door strips those."""
        if resource is EVENTS:
            self._expire_events()
        selection = select(resource, options.label_selector, options.field_selector)
        return listing.listed(resource, self._collections[resource], namespace, selection, options, self._version)

    def watch(self, resource: ResourceType, namespace: str | None, options: ListOptions = LIST_ALL) -> Watcher:
        """A watch. With a timeout or bookmarks it needs a running loop; whoever opens it closes it."""
        if resource is EVENTS:
            self._expire_events()
        selection = select(resource, options.label_selector, options.field_selector)
        collection = self._collections[resource]
        return listing.watched(resource, collection, namespace, selection, options, lambda: self._version)

    def whose(self, token: str) -> User | None:
        """Whose a service account's token is: while its account, and the object that it is bound to, are there."""
        claims = tokens.claims(token, now=self._now(), secret=self._token_secret)
        find = {"serviceaccount": self._collections[SERVICE_ACCOUNTS].get, "pod": self._collections[PODS].get}
        return None if claims is None else reviews.service_account(claims, find)

    def review(self, resource: ResourceType, asked: Mapping[str, Any], user: User, authorizer: Authorizer) -> Object:
        """A review with its answer, for that user."""
        return reviews.answer(resource, asked, user, self.whose, authorizer, self._stamps.timestamp())

    # --- writes ---

    def create(
        self,
        resource: ResourceType,
        namespace: str | None,
        obj: Mapping[str, Any],
        *,
        name: str = "",
        subresource: str = "",
        options: WriteOptions = WRITE,
    ) -> Object:
        """Create an object, or POST to a subresource of the object ``name`` (binding, eviction, token)."""
        resource, name, subresource = writes.meant(resource, name, subresource, obj)
        if subresource:
            return self._command(resource, namespace, name, obj, subresource, options)
        if resource.computed:
            return self.review(resource, obj, ADMINISTRATOR, AlwaysAllow())
        decoded = writes.decode(resource, obj)
        meta = decoded.get("metadata") or {}
        if meta.get("resourceVersion"):
            raise errors.internal("resourceVersion should not be set on objects to be created")
        space = writes.namespace_of_new(resource, namespace, meta)
        taken = self._collections[resource].get
        new_name = writes.name_of_new(meta, self._stamps, lambda chosen: taken(space, chosen) is not None)
        new_meta = metadata.created(meta, new_name, space, self._stamps, generation=resource.generation)
        if space:
            self._namespaces.check_open(resource, space, new_name)
        body = {"kind": resource.kind, "apiVersion": resource.api_version}
        new = resource.default({**decoded, **body, "metadata": new_meta}, self._admission)
        new = self._plugins.mutate(resource, new)
        writes.refuse(resource, new_name, resource.validate(new))
        if space:
            self._plugins.validate(resource, new)
        if self._collections[resource].get(space, new_name) is not None:
            generated = bool(meta.get("generateName"))
            raise errors.already_exists(resource.plural, new_name, resource.group, generated=generated)
        new = self._ownership.of_new(resource, new, decoded, options)
        if options.dry_run:
            return new
        self._plugins.quotas.charge(resource, new)
        created = self.commit(resource, "ADDED", new, None)
        if resource is NAMESPACES:
            self._namespaces.created(new_name)
        if self._due:
            self._due.work()
        return created

    def update(
        self,
        resource: ResourceType,
        namespace: str | None,
        name: str,
        obj: Mapping[str, Any],
        *,
        subresource: str = "",
        options: WriteOptions = WRITE,
    ) -> Object:
        """Replace an object, or with ``status`` its status, or with ``scale`` the number of its replicas."""
        if subresource == SCALE and resource.subresource(SCALE):
            return self._scale(resource, self._existing(resource, namespace, name), obj, options)
        writes.check_writable(resource, subresource, "update")
        wanted = writes.decode(resource, obj)
        meta = wanted.get("metadata") or {}
        writes.check_same_name(name, meta)
        writes.check_same_namespace(resource, namespace, meta)
        current = self._collections[resource].get(namespace or "", name)
        if current is None:
            if resource.create_on_update and not subresource:
                meta = {**without(meta, "resourceVersion", "uid"), "name": name}
                return self.create(resource, namespace, {**wanted, "metadata": meta}, options=options)
            raise errors.not_found(resource.plural, name, resource.group)
        if resource.versioned_update and not meta.get("resourceVersion"):
            writes.refuse_unversioned(resource, name)
        writes.check_identity(resource, current, meta)
        writes.check_overtaken(resource, current, meta)
        return self._write(resource, current, {**wanted, "metadata": meta}, subresource, options)

    def patch(
        self,
        resource: ResourceType,
        namespace: str | None,
        name: str,
        patch: Any,
        patch_type: str,
        *,
        subresource: str = "",
        options: WriteOptions = WRITE,
    ) -> Object:
        """Change parts of an object; ``patch_type`` is the content type."""
        if subresource == SCALE and resource.subresource(SCALE):
            current = self._existing(resource, namespace, name)
            scale = patches.apply(scales.scale_of(current), patch, patch_type, None)
            return self._scale(resource, current, scale, options)
        writes.check_writable(resource, subresource, "patch")
        current = self._existing(resource, namespace, name)
        wanted = patches.apply(current, patch, patch_type, resource.schema)
        if wanted is current:
            return current
        wanted = writes.decode_patched(resource, wanted, current)
        meta = wanted.get("metadata") or {}
        if meta is not current["metadata"]:
            writes.check_same_name(name, meta)
            writes.check_same_namespace(resource, namespace, meta)
            writes.check_overtaken(resource, current, meta)
        return self._write(resource, current, wanted, subresource, options)

    def apply(
        self,
        resource: ResourceType,
        namespace: str | None,
        name: str,
        config: Mapping[str, Any],
        *,
        subresource: str = "",
        options: WriteOptions,
    ) -> tuple[Object, bool]:
        """Server-side apply: the object, and whether it is new. The options name the manager."""
        writes.check_writable(resource, subresource, "patch")
        wanted = writes.decode_applied(resource, namespace, name, config)
        live = self._collections[resource].get(namespace or "", name)
        if live is not None:
            writes.check_identity(resource, live, wanted["metadata"])
            writes.check_overtaken(resource, live, wanted["metadata"])
        elif subresource:
            raise errors.not_found(resource.plural, name, resource.group)
        else:
            writes.check_new(resource, name, wanted["metadata"])
        new = self._ownership.of_applied(resource, live, wanted, subresource, options)
        tracked = replace(options, field_manager="")  # already
        if live is None:
            return self.create(resource, namespace, new, options=tracked), True
        if new is live:
            return live, False
        return self._write(resource, live, writes.decode_patched(resource, new, live), subresource, tracked), False

    def _write(
        self, resource: ResourceType, current: Object, wanted: Object, subresource: str, options: WriteOptions
    ) -> Object:
        """Store what a client wants instead of the current object, as far as it may; nothing if it is the same."""
        name = name_of(current)
        new = writes.with_part(resource, current, wanted, subresource)
        new = current if new == current else new
        new = self._ownership.of_written(resource, current, new, wanted, subresource, options)
        before, sent = current["metadata"], wanted.get("metadata") or {}
        causes = [] if sent is before else metacauses.updated(new["metadata"], sent, before)
        if new is current and not causes:
            return current
        causes += writes.causes(resource, new, current, subresource)
        writes.refuse(resource, name, causes)
        if not subresource:
            self._plugins.validate_update(resource, new, current)
        if resource.generation and writes.changes_generation(new, current):
            new = {**new, "metadata": {**new["metadata"], "generation": before.get("generation", 0) + 1}}
        if options.dry_run:
            return new
        if resource is not NAMESPACES and before.get("finalizers") and deletion.is_finished(new):
            self._remove(resource, current)
            stored = new
        else:
            stored = self.commit(resource, "MODIFIED", new, current)
            if resource is NAMESPACES:
                self._namespaces.changed(name)
        if self._due:
            self._due.work()
        return stored

    def _scale(
        self, resource: ResourceType, current: Object, scale: Mapping[str, Any], options: WriteOptions
    ) -> Object:
        writes.check_identity(resource, current, scale.get("metadata") or {})
        writes.check_overtaken(resource, current, scale.get("metadata") or {})
        return scales.scale_of(self._write(resource, current, scales.scaled(current, scale), "", options))

    def _command(
        self,
        resource: ResourceType,
        namespace: str | None,
        name: str,
        body: Mapping[str, Any],
        subresource: str,
        options: WriteOptions,
    ) -> Object:
        if resource.subresource(subresource) is None:
            raise errors.no_such_resource()
        obj = self._existing(resource, namespace, name)
        if resource is PODS and subresource == "binding":
            self._bind(obj, body, options)
        elif resource is PODS and subresource == "eviction":
            evictions.evict(self, obj, body, options, self._stamps.timestamp)
        elif resource is SERVICE_ACCOUNTS and subresource == "token":
            token_id = self._stamps.uid()
            return tokens.issue(obj, body, now=self._now(), token_id=token_id, secret=self._token_secret)
        else:
            raise errors.method_not_allowed()
        return subresources.SUCCESS

    def _bind(self, pod: Object, binding: Mapping[str, Any], options: WriteOptions) -> None:
        bound = subresources.bound(pod, binding, self._stamps.timestamp())
        if not options.dry_run:
            self.commit(PODS, "MODIFIED", bound, pod)

    # --- deletes ---

    def delete(
        self, resource: ResourceType, namespace: str | None, name: str, options: DeleteOptions = DELETE
    ) -> Object:
        """Delete an object: answers the object if its kind does so or it is held back, else a Status."""
        obj = self._existing(resource, namespace, name)
        deletion.check(resource, obj, options)
        if resource is NAMESPACES:
            obj = self._namespaces.delete(obj, options, self._stamps.timestamp())
            self._due.work()
            return obj
        decided = deletion.decide(resource, obj, options, self._stamps.timestamp())
        if options.dry_run:
            obj = decided.marked or obj
        else:
            if decided.marked is not None:
                obj = self.commit(resource, "MODIFIED", decided.marked, obj)
            if decided.remove:
                self._remove(resource, obj)
            if self._due:
                self._due.work()
        if resource.graceful or resource.returns_deleted or not decided.remove:
            return obj
        return deletion.success(resource, obj)

    def delete_collection(
        self,
        resource: ResourceType,
        namespace: str | None,
        options: DeleteOptions = DELETE,
        list_options: ListOptions = LIST_ALL,
    ) -> Object:
        """Delete every object that a list with these options has; answers that list."""
        found = self.list(resource, namespace, list_options)
        for obj in found["items"]:
            if self.find(resource, namespace_of(obj), name_of(obj)) is not None:  # or it went with one before it
                self.delete(resource, namespace_of(obj) or None, name_of(obj), options)
        return found

    def _remove(self, resource: ResourceType, obj: Object) -> None:
        self.commit(resource, "DELETED", obj, obj)
        self._namespaces.changed(namespace_of(obj))

    # --- what all requests share ---

    def _existing(self, resource: ResourceType, namespace: str | None, name: str) -> Object:
        if resource is EVENTS:
            self._expire_events()
        found = self._collections[resource].get(namespace or "", name)
        if found is None:
            raise errors.not_found(resource.plural, name, resource.group)
        return found

    def commit(self, resource: ResourceType, kind: str, obj: Object, old: Object | None) -> Object:
        """Store a change under the next version, and tell the watchers. Checks nothing: for the server's own parts."""
        self._version += 1
        stored = at_version(obj, self._version)
        if self._sharing is not None and resource is not EVENTS:  # which are packed soon
            stored = self._sharing.shared(stored, old)
        if self._checked:
            stored = freeze(stored)
        if self._storage is not None:
            keep = self._storage.remove if kind == "DELETED" else self._storage.put
            keep(self._version, resource.qualified, stored)
        change = Change(self._version, kind, stored, old)
        self._collections[resource].apply(change)
        if old is None:
            if "ownerReferences" in obj["metadata"]:
                self._note(resource, change)
        elif kind == "DELETED" or obj["metadata"] is not old["metadata"]:
            self._note(resource, change)
        if resource is EVENTS and kind != "DELETED":
            self._event_ages.note([stored], self._now())
            self._expire_events()
        return stored

    def _expire_events(self) -> None:
        """Drop the events that nobody has written for an hour."""
        for event in self._event_ages.expired(self._now()):
            self._remove(EVENTS, event)


def _ignore(_resource: ResourceType, _change: Change) -> None:
    """Garbage is somebody else's business."""
