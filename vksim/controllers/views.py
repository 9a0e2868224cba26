"""What controllers see of a cluster: one list and watch for each resource, shared by all of them.

A view also has what its readers wrote themselves, before the watch shows it: a controller that creates a pod counts it
from then on, and needs no book of what it still expects to see.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from providers.types import KubeObject
from runner.informer import Informer
from runner.kube import KubeApi, Resource
from runner.ports import Ports

Changed = Callable[[KubeObject], None]
"""Called with an object that is new, has changed, or is gone."""

REMEMBERED = 10_000
"""So many deleted objects are remembered: an answer to a write may come after the news of their deletion."""

log = logging.getLogger("vksim.controllers")


class View:
    """The objects of one resource.

    Attributes:
        objects: by UID.
    """

    def __init__(self, api: KubeApi, resource: Resource, ports: Ports) -> None:
        self.objects: dict[str, KubeObject] = {}
        self._names: dict[str, dict[str, str]] = {}
        """Namespace -> name -> UID, in the order in which they were seen first."""
        self._owned: dict[str, dict[str, None]] = {}
        self._gone: OrderedDict[str, None] = OrderedDict()
        self._readers: list[Changed] = []
        self._informer = Informer(
            api, resource, changed=self._changed, deleted=self._deleted, random=ports.random, log=log
        )
        self.run = self._informer.run
        self.synced = self._informer.synced

    def read_by(self, changed: Changed) -> None:
        """Have somebody told of each change that comes from the cluster."""
        self._readers.append(changed)

    def get(self, namespace: str, name: str) -> KubeObject | None:
        """The object of that name."""
        uid = self._names.get(namespace, {}).get(name)
        return None if uid is None else self.objects[uid]

    def owned_by(self, uid: str) -> list[KubeObject]:
        """The objects whose controller has that UID, in the order in which they were seen first."""
        return [self.objects[each] for each in self._owned.get(uid, ())]

    def in_namespace(self, namespace: str) -> list[KubeObject]:
        """The objects of a namespace, in the order in which they were seen first."""
        return [self.objects[each] for each in self._names.get(namespace, {}).values()]

    def wrote(self, obj: Mapping[str, Any]) -> None:
        """Count what a write was answered with."""
        new: KubeObject = dict(obj)
        uid = new["metadata"]["uid"]
        if uid in self._gone or (uid in self.objects and _version(self.objects[uid]) >= _version(new)):
            return
        self._keep(new)

    def lost(self, obj: KubeObject) -> None:
        """Count an object that was deleted as gone."""
        self._drop(obj)

    def _changed(self, obj: KubeObject) -> None:
        known = self.objects.get(obj["metadata"]["uid"])
        if known is not None and _version(known) > _version(obj):
            return
        self._keep(obj)
        for tell in self._readers:
            tell(obj)

    def _deleted(self, obj: KubeObject) -> None:
        self._drop(obj)
        for tell in self._readers:
            tell(obj)

    def _keep(self, obj: KubeObject) -> None:
        metadata = obj["metadata"]
        uid = metadata["uid"]
        before = self.objects.get(uid)
        self.objects[uid] = obj
        self._names.setdefault(metadata.get("namespace") or "", {})[metadata["name"]] = uid
        owner = controller_uid(obj)
        if before is not None and (old := controller_uid(before)) != owner:
            self._disown(old, uid)
        if owner:
            self._owned.setdefault(owner, {})[uid] = None

    def _drop(self, obj: KubeObject) -> None:
        metadata = obj["metadata"]
        uid = metadata["uid"]
        self._gone[uid] = None
        if len(self._gone) > REMEMBERED:
            self._gone.popitem(last=False)
        known = self.objects.pop(uid, None)
        if known is None:
            return
        names = self._names[metadata.get("namespace") or ""]
        if names.get(metadata["name"]) == uid:
            del names[metadata["name"]]
        self._disown(controller_uid(known), uid)

    def _disown(self, owner: str, uid: str) -> None:
        owned = self._owned.get(owner)
        if owned is not None:
            owned.pop(uid, None)
            if not owned:
                del self._owned[owner]


class Views:
    """The views of one cluster, each made when somebody asks for it first."""

    def __init__(self, api: KubeApi, ports: Ports) -> None:
        self._api = api
        self._ports = ports
        self._views: dict[Resource, View] = {}

    def of(self, resource: Resource) -> View:
        """The view of a resource."""
        if resource not in self._views:
            self._views[resource] = View(self._api, resource, self._ports)
        return self._views[resource]

    def all(self) -> list[View]:
        """Those that somebody has asked for."""
        return list(self._views.values())


def controller_of(obj: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The owner reference of an object's controller."""
    for each in obj["metadata"].get("ownerReferences") or ():
        if each.get("controller"):
            found: Mapping[str, Any] = each
            return found
    return None


def controller_uid(obj: Mapping[str, Any]) -> str:
    """The UID of an object's controller; empty if it has none."""
    owner = controller_of(obj)
    return owner["uid"] if owner is not None else ""


def _version(obj: Mapping[str, Any]) -> int:
    version = obj["metadata"].get("resourceVersion", "")
    return int(version) if version.isdigit() else 0
