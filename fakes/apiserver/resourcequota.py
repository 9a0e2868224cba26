"""Quotas at work: admission asks them, and a controller keeps up what is used.

The controller counts on: a change of an object costs a look at the quotas of its namespace, not at their objects. What
a new object counts for is in the status before the object is answered, also without the controller; what a deleted one
leaves is the controller's business.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from fakes.apiserver import errors, quotas
from fakes.apiserver.amounts import NOTHING, Amount, Amounts, amounts, total, written
from fakes.apiserver.catalog import QUOTAS
from fakes.apiserver.controllers import WorkQueue
from fakes.apiserver.objects import Object, Objects, key_of, name_of, namespace_of
from fakes.apiserver.resources import ResourceType
from fakes.apiserver.watch import Change

if TYPE_CHECKING:
    from fakes.apiserver.server import ApiServer


@dataclass(slots=True)
class _Counted:
    """What the objects of a namespace count for, for one quota.

    Attributes:
        spec: of the quota, as it was when they were counted.
        since: the version at which they were counted.
        used: by the names that the quota limits.
    """

    spec: Object
    since: int
    used: Amounts = field(default_factory=dict)

    def add(self, resource: ResourceType, obj: Object, sign: int) -> None:
        """Count an object, or with -1 no longer."""
        if not quotas.matches(self.spec, resource, obj):
            return
        for name, each in quotas.usage(resource, obj).items():
            if name in self.used:
                self.used[name] = self.used[name].plus(Amount(sign * each.value, each.form))


class ResourceQuotas:
    """The quotas of a server.

    Args:
        server: its objects.
        queue: takes the quotas to be looked at after a write.
        counts: whether the status is kept up here; else that is left to a real controller.
    """

    def __init__(self, server: "ApiServer", queue: WorkQueue, *, counts: bool) -> None:
        self._server = server
        self._queue = queue
        self._counts = counts
        self._namespaces: dict[str, dict[str, _Counted]] = {}
        self._observes = False
        server.observe(QUOTAS, self._quota_changed)

    def load(self, found: Objects) -> None:
        """Take over the quotas of another process."""
        for each in found:
            self._count(each)

    # --- admission ---

    def check(self, resource: ResourceType, obj: Object, old: Object | None = None) -> None:
        """Raise 403 for an object that a quota refuses."""
        if not self._namespaces:
            return
        for quota, more in self._concerned(resource, obj, old):
            why = quotas.problem(quota, resource, obj, more)
            if why:
                raise errors.forbidden(resource.plural, name_of(obj), why, resource.group)

    def charge(self, resource: ResourceType, obj: Object, old: Object | None = None) -> None:
        """Add what an object counts for that is about to be stored; not needed where the controller does it."""
        if self._counts or not self._namespaces:
            return
        for quota, more in self._concerned(resource, obj, old):
            used = amounts((quota.get("status") or {}).get("used"))
            grown = total(used, {name: each for name, each in more.items() if name in used})
            if grown != used:
                self._write(quota, {**quota["status"], "used": written(grown)})

    def _concerned(self, resource: ResourceType, obj: Object, old: Object | None) -> Iterator[tuple[Object, Amounts]]:
        """The quotas that count an object, with what it counts for more than before."""
        namespace = namespace_of(obj)
        for name in tuple(self._namespaces.get(namespace, ())):
            quota = self._server.find(QUOTAS, namespace, name)
            if quota is None:
                continue
            spec, hard = quota.get("spec") or {}, (quota.get("status") or {}).get("hard") or {}
            if not quotas.counted(resource, hard) or not quotas.matches(spec, resource, obj):
                continue
            new = quotas.usage(resource, obj)
            if old is not None and quotas.matches(spec, resource, old):
                new = quotas.increase(new, quotas.usage(resource, old))
            if new:
                yield quota, new

    # --- the controller ---

    def _quota_changed(self, change: Change) -> None:
        namespace, name = key_of(change.object)
        if change.type == "DELETED":
            del self._namespaces[namespace][name]
            if not self._namespaces[namespace]:
                del self._namespaces[namespace]
        else:
            self._count(change.object)

    def _count(self, quota: Object) -> None:
        namespace, name = key_of(quota)
        spec = quota.get("spec") or {}
        known = self._namespaces.setdefault(namespace, {})
        if not self._counts:
            known.setdefault(name, _Counted(spec, self._server.version))
            return
        if name not in known or known[name].spec != spec:
            known[name] = self._counted(namespace, spec)
        self._queue.add(self._sync, namespace, name)
        if not self._observes:
            self._observes = True
            for resource in self._server.stored:
                if resource.namespaced:
                    self._server.observe(resource, partial(self._object_changed, resource))

    def _counted(self, namespace: str, spec: Object) -> _Counted:
        """All that is there now, counted."""
        counted = _Counted(spec, self._server.version)
        hard = spec.get("hard") or {}
        limited = {each: quotas.counted(each, hard) for each in self._server.stored if each.namespaced}
        counted.used = {name: NOTHING for names in limited.values() for name in names}
        for resource, names in limited.items():
            for obj in self._server.list(resource, namespace)["items"] if names else ():
                counted.add(resource, obj, 1)
        return counted

    def _object_changed(self, resource: ResourceType, change: Change) -> None:
        if not _changes_usage(change):
            return
        namespace = namespace_of(change.object)
        for name, counted in self._namespaces.get(namespace, {}).items():
            if change.version <= counted.since or not quotas.counted(resource, counted.used):
                continue
            if change.old is not None:
                counted.add(resource, change.old, -1)
            if change.type != "DELETED":
                counted.add(resource, change.object, 1)
            self._queue.add(self._sync, namespace, name)

    def _sync(self, namespace: str, name: str) -> None:
        quota = self._server.find(QUOTAS, namespace, name)
        if quota is None:
            return
        hard = written(amounts((quota.get("spec") or {}).get("hard")))
        status = {**(quota.get("status") or {}), "hard": hard, "used": written(self._namespaces[namespace][name].used)}
        if status != quota.get("status"):
            self._write(quota, status)

    def _write(self, quota: Object, status: Object) -> None:
        self._server.commit(QUOTAS, "MODIFIED", {**quota, "status": status}, quota)


def _changes_usage(change: Change) -> bool:
    """Whether an object can count for something else than before: by its spec, or as a pod that has ended."""
    if change.type != "MODIFIED" or change.old is None:
        return True
    new, old = change.object, change.old
    if new.get("spec") is not old.get("spec"):
        return True
    return (new.get("status") or {}).get("phase") != (old.get("status") or {}).get("phase")
