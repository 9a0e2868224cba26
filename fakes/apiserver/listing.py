"""One page of a list, or a watch, of the objects of a collection."""

from collections.abc import Callable

from fakes.apiserver import errors, paging, reads
from fakes.apiserver.objects import Object, Objects, key_of
from fakes.apiserver.options import ListOptions
from fakes.apiserver.resources import ResourceType
from fakes.apiserver.selectors import Selection
from fakes.apiserver.store import Collection, Expired, Scope, after
from fakes.apiserver.watch import Watcher


def listed(
    resource: ResourceType,
    collection: Collection,
    namespace: str | None,
    selection: Selection,
    options: ListOptions,
    current: int,
) -> Object:
    """A page of a list as the options ask for it; ``current`` is the newest version. Raises ``StatusError``."""
    within = reads.scope(namespace, selection)
    version, exact = reads.list_version(options, current)
    try:
        objects = collection.snapshot(within, version) if exact else scan(resource, collection, within, selection)
    except Expired:
        raise reads.expired(options, current) from None
    start = after(objects, paging.Token.decode(options.continue_token).last) if options.continue_token else 0
    limit = options.limit if options.limit > 0 and options.resource_version != "0" else len(objects)
    page, end = paging.cut(objects, start, limit, selection.matches)
    metadata: Object = {"resourceVersion": str(version)}
    if end < len(objects):
        collection.keep_snapshot(within, version, objects)
        metadata["continue"] = paging.Token(version, key_of(page[-1])).encode()
        if selection.matches is None:
            metadata["remainingItemCount"] = len(objects) - end
    return {"kind": f"{resource.kind}List", "apiVersion": resource.api_version, "metadata": metadata, "items": page}


def watched(
    resource: ResourceType,
    collection: Collection,
    namespace: str | None,
    selection: Selection,
    options: ListOptions,
    current: Callable[[], int],
) -> Watcher:
    """A watch as the options ask for it; ``current`` tells the newest version. Raises ``StatusError``."""
    within = reads.scope(namespace, selection)
    since, initial = reads.watch_version(options, current())
    watcher = Watcher(within.namespace, selection, since)
    if initial:
        matches = selection.matches
        for obj in scan(resource, collection, within, selection):
            if matches is None or matches(obj):
                watcher.push(("ADDED", obj))
        if options.send_initial_events and options.allow_watch_bookmarks:
            watcher.push(reads.bookmark(resource, current(), reads.INITIAL_EVENTS_END))
    try:
        for change in collection.changes_since(since, within.indexed):
            watcher.offer(change)
    except Expired as error:
        watcher.fail(errors.expired(f"too old resource version: {since} ({error.oldest})").status)
        return watcher
    collection.hub.subscribe(watcher, within.namespace, selection)
    mark = (lambda: reads.bookmark(resource, current())) if options.allow_watch_bookmarks else None
    watcher.schedule(mark, options.timeout_seconds)
    return watcher


def scan(resource: ResourceType, collection: Collection, within: Scope, selection: Selection) -> Objects:
    """The objects as they are now, in order; more than are selected, if no index helps."""
    if selection.name is not None and (within.namespace is not None or not resource.namespaced):
        found = collection.get(within.namespace or "", selection.name)
        return [] if found is None else [found]
    return list(collection.scan(within))
