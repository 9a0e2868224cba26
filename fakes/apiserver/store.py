"""The store: objects by resource and key, one resourceVersion for all, and enough history to resume a watch.

It knows nothing of what the objects mean: the pipeline (``server``) decides, the store keeps. Lists are sorted when
somebody lists, not on each write.
"""

from bisect import bisect_right
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from typing import NamedTuple

from fakes.apiserver.objects import Field, Object, key_of
from fakes.apiserver.packed import PackedObjects
from fakes.apiserver.watch import Change, Hub

SNAPSHOTS = 16
"""How many paged lists of a resource can be under way at once before the oldest one's token expires."""

Key = tuple[str, str]


class Scope(NamedTuple):
    """Which part of a collection a list is about, as far as an index helps.

    Attributes:
        namespace: only there; None for everywhere.
        indexed: only objects with that value of the indexed field.
    """

    namespace: str | None = None
    indexed: str | None = None


class Expired(Exception):
    """History does not reach back to that version.

    Attributes:
        oldest: the oldest version that it reaches.
    """

    def __init__(self, oldest: int) -> None:
        super().__init__(f"history begins at {oldest}")
        self.oldest = oldest


class Collection:
    """The objects of one resource.

    Args:
        index: the field that lists and watches are indexed by, if there is one.
        history: how many changes to remember.
        packed: whether the objects are many and hardly ever looked at, so that memory matters more than reads.
    """

    def __init__(self, index: Field | None, history: int, *, packed: bool = False) -> None:
        self.hub = Hub()
        self.observers: list[Callable[[Change], None]] = []
        """Are told of each change, after the watchers."""
        self._index = index
        self._holder: Callable[[], MutableMapping[str, Object]] = PackedObjects if packed else dict
        self._namespaces: dict[str, MutableMapping[str, Object]] = {}
        self._unsorted: set[str] = set()
        self._by_index: dict[str, dict[Key, Object]] = {}
        self._index_versions: dict[str, int] = {}
        self._history: deque[Change] = deque(maxlen=history)
        self._forgotten = 0
        self._snapshots: OrderedDict[tuple[Scope, int], list[Object]] = OrderedDict()

    def get(self, namespace: str, name: str) -> Object | None:
        """The object of that key; the namespace of a cluster-scoped one is ""."""
        objects = self._namespaces.get(namespace)
        return None if objects is None else objects.get(name)

    def has_any(self, namespace: str) -> bool:
        """Whether there is an object in that namespace."""
        return bool(self._namespaces.get(namespace))

    def apply(self, change: Change) -> None:
        """Make a change: keep the objects, the index and the history up to date, and tell the watchers."""
        kind, obj = change.type, change.object
        metadata = obj["metadata"]
        namespace, name = metadata.get("namespace") or "", metadata["name"]
        if kind == "DELETED":
            objects = self._namespaces[namespace]
            del objects[name]
            if not objects:
                del self._namespaces[namespace]
        else:
            objects = self._in(namespace)
            if kind == "ADDED":
                self._unsorted.add(namespace)
            objects[name] = obj
        value = before = ""
        if self._index is not None:
            value = before = self._index(obj)
            if change.old is not None:
                before = self._index(change.old)
            self._reindex((namespace, name), change, value, before)
        history = self._history
        if len(history) == history.maxlen:
            self._forgotten = history[0].version
        history.append(change)
        self.hub.publish(change, value, before)
        for observe in self.observers:
            observe(change)

    def load(self, objects: Iterable[Object], version: int) -> None:
        """Take objects over from another process; its history is not known, so it begins at that version."""
        for obj in objects:
            namespace, name = key = key_of(obj)
            self._in(namespace)[name] = obj
            self._unsorted.add(namespace)
            if self._index is not None:
                self._by_index.setdefault(self._index(obj), {})[key] = obj
        self._forgotten = version

    def compact(self, version: int) -> None:
        """Forget all changes up to that version: who watches from an earlier one must list again."""
        self._history.clear()
        self._snapshots.clear()
        self._forgotten = version

    def _in(self, namespace: str) -> MutableMapping[str, Object]:
        objects = self._namespaces.get(namespace)
        if objects is None:
            objects = self._namespaces[namespace] = self._holder()
        return objects

    def _reindex(self, key: Key, change: Change, value: str, before: str) -> None:
        self._index_versions[value] = change.version
        if change.old is not None and (before != value or change.type == "DELETED"):
            self._index_versions[before] = change.version
            objects = self._by_index[before]
            del objects[key]
            if not objects:
                del self._by_index[before]
        if change.type != "DELETED":
            self._by_index.setdefault(value, {})[key] = change.object

    def scan(self, scope: Scope) -> Iterable[Object]:
        """The objects of that scope, sorted by namespace and name."""
        if scope.indexed is not None:
            found = self._by_index.get(scope.indexed) or {}
            return (found[key] for key in sorted(found) if scope.namespace in (None, key[0]))
        if scope.namespace is not None:
            return self._sorted(scope.namespace).values()
        return (obj for namespace in sorted(self._namespaces) for obj in self._sorted(namespace).values())

    def _sorted(self, namespace: str) -> Mapping[str, Object]:
        """The objects of a namespace, by name. What holds them is put in order: next time it is nearly sorted."""
        objects = self._namespaces.get(namespace)
        if objects is None:
            return {}
        if namespace in self._unsorted:
            self._unsorted.discard(namespace)
            if isinstance(objects, PackedObjects):
                objects.sort()
            else:
                objects = self._namespaces[namespace] = dict(sorted(objects.items()))
        return objects

    def changes_since(self, version: int, indexed: str | None) -> Iterator[Change]:
        """The changes after that version, oldest first; raises ``Expired``.

        With a value of the indexed field, nothing at all if nothing of that value has changed since.
        """
        if version < self._forgotten:
            raise Expired(self._forgotten)
        if indexed is not None and self._index_versions.get(indexed, 0) <= version:
            return iter(())
        newer = []
        for change in reversed(self._history):
            if change.version <= version:
                break
            newer.append(change)
        return reversed(newer)

    def snapshot(self, scope: Scope, version: int) -> list[Object]:
        """The objects of that scope as they were at that version, sorted, for paging; raises ``Expired``."""
        found = self._snapshots.get((scope, version))
        return self._objects_at(scope, version) if found is None else found

    def keep_snapshot(self, scope: Scope, version: int, objects: list[Object]) -> None:
        """Remember a snapshot of which a client will want more pages."""
        self._snapshots[scope, version] = objects
        self._snapshots.move_to_end((scope, version))
        if len(self._snapshots) > SNAPSHOTS:
            self._snapshots.popitem(last=False)

    def _objects_at(self, scope: Scope, version: int) -> list[Object]:
        changes = list(self.changes_since(version, scope.indexed))
        if not changes:
            return list(self.scan(scope))
        objects = {key_of(obj): obj for obj in self.scan(Scope(scope.namespace))}
        for change in reversed(changes):
            key = key_of(change.object)
            if scope.namespace not in (None, key[0]):
                continue
            if change.old is None:
                objects.pop(key, None)
            else:
                objects[key] = change.old
        return [objects[key] for key in sorted(objects) if self._in_index(objects[key], scope)]

    def _in_index(self, obj: Object, scope: Scope) -> bool:
        return scope.indexed is None or self._index is None or self._index(obj) == scope.indexed


def after(objects: list[Object], key: Key) -> int:
    """Where in a sorted list the objects after that key begin."""
    return bisect_right(objects, key, key=key_of)
