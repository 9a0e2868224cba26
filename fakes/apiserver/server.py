"""The API server: every request that a client can make of an object, as a synchronous call on wire-form dicts.

One pipeline: decode, patch, admit and default, validate, store, tell the watchers. It reads no clock and draws no
random number but those that it is given, and knows no transport: the doors (``http``, and ``vksim.kube``) add that.

Not here yet: garbage collection by owner (a ``Foreground`` or ``Orphan`` delete is a ``Background``
one), quotas, pod disruption budgets.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import IPv4Address
from itertools import count, cycle
from random import Random
from typing import Any

from fakes.apiserver import (
    deletion,
    errors,
    metadata,
    names,
    paging,
    patches,
    reads,
    reviews,
    subresources,
    tokens,
    writes,
)
from fakes.apiserver.causes import immutable, invalid
from fakes.apiserver.defaults import PRIORITY_CLASSES, Admission
from fakes.apiserver.errors import bad_request
from fakes.apiserver.frozen import freeze
from fakes.apiserver.objects import Object, Objects, at_version, key_of, name_of, namespace_of, without
from fakes.apiserver.options import DELETE, LIST_ALL, WRITE, DeleteOptions, ListOptions, WriteOptions
from fakes.apiserver.ownership import Ownership
from fakes.apiserver.resources import (
    BUILT_IN,
    CONFIG_MAPS,
    EVENTS,
    NAMESPACES,
    PODS,
    SERVICE_ACCOUNTS,
    STORED,
    ResourceTable,
    ResourceType,
)
from fakes.apiserver.selectors import Selection, select
from fakes.apiserver.store import Collection, Expired, Scope, after
from fakes.apiserver.watch import Change, Event, Watcher

INITIAL_NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
PROTECTED_NAMESPACES = ("default", "kube-system", "kube-public")
EVENT_TTL = timedelta(hours=1)
NAME_ATTEMPTS = 8
"""How many names the server tries for a ``generateName`` before it says AlreadyExists."""

FIRST_CLUSTER_IP = IPv4Address("10.96.0.10")
NODE_PORTS = range(30000, 32768)
INITIAL_EVENTS_END = {"k8s.io/initial-events-end": "true"}


class ApiServer:
    """A fake kube-apiserver.

    Objects handed out are the stored ones: nobody may change them in place. All methods raise ``StatusError``.

    Args:
        now: the wall clock.
        random: UIDs and generated names.
        checked: hand out objects that raise when they are changed in place.
        watch_cache: how many changes of each resource a watch or a paged list can go back.
    """

    def __init__(
        self, *, now: Callable[[], datetime], random: Random, checked: bool = False, watch_cache: int = 10_000
    ) -> None:
        self.resources = ResourceTable(BUILT_IN)
        self._now = now
        self._checked = checked
        self._version = 0
        self._stamps = metadata.Stamps(now, random)
        self._ownership = Ownership(self._stamps.timestamp)
        self._admission = Admission(random, _cluster_ips(), cycle(NODE_PORTS))
        self._collections = {each: Collection(each.fields.get(each.index), watch_cache) for each in STORED}
        self._namespaces = self._collections[NAMESPACES]
        self._token_secret = random.randbytes(32)
        self._terminating: set[str] = set()
        self._events_by_age: deque[tuple[datetime, Object]] = deque()
        for name in INITIAL_NAMESPACES:
            self.create(NAMESPACES, None, {"metadata": {"name": name}})

    @property
    def version(self) -> int:
        """The resourceVersion of the newest write."""
        return self._version

    # --- reads ---

    def get(self, resource: ResourceType, namespace: str | None, name: str, *, subresource: str = "") -> Object:
        """One object."""
        if subresource not in ("", "status") or (subresource and not resource.has_status):
            raise errors.no_such_resource()
        if resource is EVENTS:
            self._expire_events()
        return self._existing(resource, namespace, name)

    def list(self, resource: ResourceType, namespace: str | None, options: ListOptions = LIST_ALL) -> Object:
        """A list object. Its items are the stored objects, kind and apiVersion included: a door strips those."""
        if resource is EVENTS:
            self._expire_events()
        selection = select(resource, options.label_selector, options.field_selector)
        scope = reads.scope(namespace, selection)
        version, exact = reads.list_version(options, self._version)
        collection = self._collections[resource]
        try:
            objects = collection.snapshot(scope, version) if exact else self._scan(resource, scope, selection)
        except Expired:
            raise reads.expired(options, self._version) from None
        start = after(objects, paging.Token.decode(options.continue_token).last) if options.continue_token else 0
        limit = options.limit if options.limit > 0 and options.resource_version != "0" else len(objects)
        page, end = paging.cut(objects, start, limit, selection.matches)
        list_metadata: Object = {"resourceVersion": str(version)}
        if end < len(objects):
            collection.keep_snapshot(scope, version, objects)
            list_metadata["continue"] = paging.Token(version, key_of(page[-1])).encode()
            if selection.matches is None:
                list_metadata["remainingItemCount"] = len(objects) - end
        return {
            "kind": f"{resource.kind}List",
            "apiVersion": resource.api_version,
            "metadata": list_metadata,
            "items": page,
        }

    def _scan(self, resource: ResourceType, scope: Scope, selection: Selection) -> Objects:
        collection = self._collections[resource]
        if selection.name is not None and (scope.namespace is not None or not resource.namespaced):
            found = collection.get(scope.namespace or "", selection.name)
            return [] if found is None else [found]
        return list(collection.scan(scope))

    def watch(self, resource: ResourceType, namespace: str | None, options: ListOptions = LIST_ALL) -> Watcher:
        """A watch. With a timeout or bookmarks it needs a running loop; whoever opens it closes it."""
        if resource is EVENTS:
            self._expire_events()
        selection = select(resource, options.label_selector, options.field_selector)
        scope = reads.scope(namespace, selection)
        since, initial = reads.watch_version(options, self._version)
        watcher = Watcher(scope.namespace, selection, since)
        collection = self._collections[resource]
        if initial:
            matches = selection.matches
            for obj in self._scan(resource, scope, selection):
                if matches is None or matches(obj):
                    watcher.push(("ADDED", obj))
            if options.send_initial_events and options.allow_watch_bookmarks:
                watcher.push(bookmark(resource, self._version, INITIAL_EVENTS_END))
        try:
            for change in collection.changes_since(since, scope.indexed):
                watcher.offer(change)
        except Expired as error:
            watcher.fail(errors.expired(f"too old resource version: {since} ({error.oldest})").status)
            return watcher
        collection.hub.subscribe(watcher, scope.namespace, selection)
        mark = (lambda: bookmark(resource, self._version)) if options.allow_watch_bookmarks else None
        watcher.schedule(mark, options.timeout_seconds)
        return watcher

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
        if subresource:
            return self._command(resource, namespace, name, obj, subresource, options)
        if resource.computed:
            return reviews.answer(resource.kind, obj, reviews.ADMINISTRATOR, self.whose)
        decoded = writes.decode(resource, obj)
        meta = decoded.get("metadata") or {}
        if meta.get("resourceVersion"):
            raise errors.internal("resourceVersion should not be set on objects to be created")
        space = writes.namespace_of_new(resource, namespace, meta)
        new_name = self._name_of_new(resource, space, meta)
        new_meta = metadata.created(meta, new_name, space, self._stamps, generation=resource.generation)
        if space:
            self._check_namespace(resource, space, new_name)
        body = {"kind": resource.kind, "apiVersion": resource.api_version}
        new = resource.default({**decoded, **body, "metadata": new_meta}, self._admission)
        if resource is PODS:
            self._check_admitted(new)
        writes.refuse(resource, new_name, names.metadata(new["metadata"]) + resource.validate(new))
        if self._collections[resource].get(space, new_name) is not None:
            raise errors.already_exists(resource.plural, new_name, resource.group)
        new = self._ownership.of_new(resource, new, decoded, options)
        if options.dry_run:
            return new
        created = self._commit(resource, "ADDED", new, None)
        if resource is NAMESPACES:
            self._furnish(new_name)
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
        """Replace an object, or with ``status`` its status."""
        writes.check_writable(resource, subresource)
        wanted = writes.decode(resource, obj)
        meta = wanted.get("metadata") or {}
        if meta.get("name") and meta["name"] != name:
            why = f"the name of the object ({meta['name']}) does not match the name on the URL ({name})"
            raise bad_request(why)
        writes.check_same_namespace(resource, namespace, meta)
        current = self._collections[resource].get(namespace or "", name)
        if current is None:
            if resource.create_on_update and not subresource:
                meta = {**without(meta, "resourceVersion", "uid"), "name": name}
                return self.create(resource, namespace, {**wanted, "metadata": meta}, options=options)
            raise errors.not_found(resource.plural, name, resource.group)
        if resource.versioned_update and not meta.get("resourceVersion"):
            unversioned = invalid("metadata.resourceVersion", 0, "must be specified for an update")
            writes.refuse(resource, name, [unversioned])
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
        writes.check_writable(resource, subresource)
        current = self._existing(resource, namespace, name)
        wanted = patches.apply(current, patch, patch_type, resource.schema)
        if wanted is current:
            return current
        wanted = writes.decode_patched(resource, wanted, current)
        meta, before = wanted.get("metadata") or {}, current["metadata"]
        if meta is not before:
            if meta.get("name") != name:
                why = f"the name of the object ({meta.get('name')}) does not match the name on the URL ({name})"
                raise bad_request(why)
            writes.check_same_namespace(resource, namespace, meta)
            if meta.get("uid") not in (None, "", before["uid"]):
                writes.refuse(resource, name, [immutable("metadata.uid", meta.get("uid"))])
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
        writes.check_writable(resource, subresource)
        wanted = writes.decode_applied(resource, namespace, name, config)
        live = self._collections[resource].get(namespace or "", name)
        if live is not None:
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
        name = current["metadata"]["name"]
        if subresource == "status":
            new = writes.with_status(resource, current, wanted)
        else:
            new = writes.with_rest(resource, current, wanted)
        new = current if new == current else new
        new = self._ownership.of_written(resource, current, new, wanted, subresource, options)
        if new is current:
            return current
        before, changed = current["metadata"], new["metadata"]
        if changed is not before:
            causes = names.metadata(changed)
            if before.get("deletionTimestamp"):
                causes += writes.new_finalizers(changed, before)
            writes.refuse(resource, name, causes)
        if not subresource:
            writes.refuse(resource, name, resource.validate_update(new, current) or resource.validate(new))
            if resource.generation and new["spec"] is not current["spec"] and new["spec"] != current["spec"]:
                new = {**new, "metadata": {**new["metadata"], "generation": before.get("generation", 0) + 1}}
        if options.dry_run:
            return new
        if resource is not NAMESPACES and before.get("finalizers") and deletion.is_finished(new):
            self._remove(resource, current)
            return new
        stored = self._commit(resource, "MODIFIED", new, current)
        if resource is NAMESPACES and name in self._terminating:
            self._finish_namespace(name)
        return stored

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
            self._evict(obj, body, options)
        elif resource is SERVICE_ACCOUNTS and subresource == "token":
            token_id = self._stamps.uid()
            return tokens.issue(obj, body, now=self._now(), token_id=token_id, secret=self._token_secret)
        else:
            raise errors.method_not_allowed()
        return subresources.SUCCESS

    def _bind(self, pod: Object, binding: Mapping[str, Any], options: WriteOptions) -> None:
        bound = subresources.bound(pod, binding, self._stamps.timestamp())
        if not options.dry_run:
            self._commit(PODS, "MODIFIED", bound, pod)

    def _evict(self, pod: Object, eviction: Mapping[str, Any], options: WriteOptions) -> None:
        delete = subresources.delete_options(eviction, name_of(pod))
        if options.dry_run:
            delete = replace(delete, dry_run=True)
        deletion.check(PODS, pod, delete)
        if not delete.dry_run and not pod["metadata"].get("deletionTimestamp"):
            self._commit(PODS, "MODIFIED", subresources.evicted(pod, self._stamps.timestamp()), pod)
        self.delete(PODS, namespace_of(pod), name_of(pod), replace(delete, resource_version=""))

    # --- deletes ---

    def delete(
        self, resource: ResourceType, namespace: str | None, name: str, options: DeleteOptions = DELETE
    ) -> Object:
        """Delete an object: answers the object if it is a pod, a namespace or held back, else a Status."""
        obj = self._existing(resource, namespace, name)
        deletion.check(resource, obj, options)
        if resource is NAMESPACES:
            return self._delete_namespace(obj, options)
        decided = deletion.decide(resource, obj, options, self._stamps.timestamp())
        if options.dry_run:
            obj = decided.marked or obj
        else:
            if decided.marked is not None:
                obj = self._commit(resource, "MODIFIED", decided.marked, obj)
            if decided.remove:
                self._remove(resource, obj)
        if resource.graceful or not decided.remove:
            return obj
        group = {"group": resource.group} if resource.group else {}
        details = {"name": name, **group, "kind": resource.plural, "uid": obj["metadata"]["uid"]}
        return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}

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
            self.delete(resource, namespace_of(obj) or None, name_of(obj), options)
        return found

    def _remove(self, resource: ResourceType, obj: Object) -> None:
        self._commit(resource, "DELETED", obj, obj)
        namespace = namespace_of(obj)
        if namespace in self._terminating:
            self._finish_namespace(namespace)

    # --- namespaces ---

    def _furnish(self, namespace: str) -> None:
        """What the controllers of a cluster put into each new namespace."""
        self.create(SERVICE_ACCOUNTS, namespace, {"metadata": {"name": "default"}})
        description = "Contains a CA bundle that can be used to verify the kube-apiserver."
        annotations = {"kubernetes.io/description": description}
        meta = {"name": "kube-root-ca.crt", "annotations": annotations}
        self.create(CONFIG_MAPS, namespace, {"metadata": meta, "data": {"ca.crt": ""}})

    def _delete_namespace(self, obj: Object, options: DeleteOptions) -> Object:
        """Announce the deletion, delete the content, and go when the last of it has gone."""
        name = name_of(obj)
        if name in PROTECTED_NAMESPACES:
            raise errors.forbidden("namespaces", name, "this namespace may not be deleted")
        if name in self._terminating:
            return obj
        meta = {**obj["metadata"], "deletionTimestamp": self._stamps.timestamp()}
        terminating = {**obj, "metadata": meta, "status": {**obj["status"], "phase": "Terminating"}}
        if options.dry_run:
            return terminating
        terminating = self._commit(NAMESPACES, "MODIFIED", terminating, obj)
        self._terminating.add(name)
        for resource in self._collections:
            if resource.namespaced:
                self.delete_collection(resource, name)
        self._finish_namespace(name)
        return terminating

    def _finish_namespace(self, name: str) -> None:
        obj = self._namespaces.get("", name)
        if obj is None or obj["metadata"].get("finalizers"):
            return
        if not any(collection.has_any(name) for collection in self._collections.values()):
            self._terminating.discard(name)
            self._commit(NAMESPACES, "DELETED", obj, obj)

    def _check_namespace(self, resource: ResourceType, namespace: str, name: str) -> None:
        if namespace in self._terminating:
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            terminating = {
                "reason": "NamespaceTerminating",
                "message": f"namespace {namespace} is being terminated",
                "field": "metadata.namespace",
            }
            raise errors.forbidden(resource.plural, name, why, resource.group, [terminating])
        if self._namespaces.get("", namespace) is None:
            raise errors.not_found("namespaces", namespace)

    # --- what all requests share ---

    def _existing(self, resource: ResourceType, namespace: str | None, name: str) -> Object:
        found = self._collections[resource].get(namespace or "", name)
        if found is None:
            raise errors.not_found(resource.plural, name, resource.group)
        return found

    def _commit(self, resource: ResourceType, kind: str, obj: Object, old: Object | None) -> Object:
        """Store a change under the next version, and tell the watchers."""
        self._version += 1
        stored = at_version(obj, self._version)
        if self._checked:
            stored = freeze(stored)
        self._collections[resource].apply(Change(self._version, kind, stored, old))
        if resource is EVENTS and kind != "DELETED":
            self._events_by_age.append((self._now() + EVENT_TTL, stored))
            self._expire_events()
        return stored

    def _expire_events(self) -> None:
        """Drop the events that nobody has written for an hour. They lie in the order in which they expire."""
        waiting, now = self._events_by_age, self._now()
        while waiting and waiting[0][0] <= now:
            _, event = waiting.popleft()
            if self._collections[EVENTS].get(namespace_of(event), name_of(event)) is event:
                self._remove(EVENTS, event)


def _cluster_ips() -> Iterator[str]:
    return (str(FIRST_CLUSTER_IP + offset) for offset in count())
