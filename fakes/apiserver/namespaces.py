"""The life of namespaces: what is put into a new one, and how one goes with all that is in it."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from fakes.apiserver import controllers, defaults, errors
from fakes.apiserver.controllers import WorkQueue
from fakes.apiserver.objects import Object, Objects, name_of, without
from fakes.apiserver.options import DeleteOptions
from fakes.apiserver.resources import CONFIG_MAPS, NAMESPACES, SERVICE_ACCOUNTS, ResourceType

if TYPE_CHECKING:
    from fakes.apiserver.server import ApiServer

_CONTENT = DeleteOptions(propagation_policy="Background")


class Namespaces:
    """The namespaces of a server.

    Args:
        server: its objects.
        queue: takes what is to be done after a write.
        running: the names of the controllers that do their work here.
    """

    def __init__(self, server: "ApiServer", queue: WorkQueue, running: Collection[str]) -> None:
        self._server = server
        self._queue = queue
        self._running = running
        self._terminating: set[str] = set()

    def resume(self, found: Objects) -> None:
        """Go on with those that were being deleted."""
        self._terminating = {name_of(each) for each in found if each["metadata"].get("deletionTimestamp")}
        for name in sorted(self._terminating):
            self._queue.add(self._finish, name)

    def check_open(self, resource: ResourceType, namespace: str, name: str) -> None:
        """Raise 404 or 403 if nothing can be created in that namespace."""
        if namespace in self._terminating:
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            terminating = {
                "reason": "NamespaceTerminating",
                "message": f"namespace {namespace} is being terminated",
                "field": "metadata.namespace",
            }
            raise errors.forbidden(resource.plural, name, why, resource.group, [terminating])
        if self._server.find(NAMESPACES, "", namespace) is None:
            raise errors.not_found("namespaces", namespace)

    def created(self, name: str) -> None:
        """Put into a new one what the controllers of a cluster put there."""
        if controllers.SERVICE_ACCOUNT in self._running:
            self._server.create(SERVICE_ACCOUNTS, name, {"metadata": {"name": "default"}})
        if controllers.ROOT_CA in self._running:
            self._server.create(CONFIG_MAPS, name, defaults.ROOT_CA)

    def changed(self, namespace: str) -> None:
        """Something of this namespace has gone, or it has itself been written: it may be able to go."""
        if namespace in self._terminating:
            self._queue.add(self._finish, namespace)

    def delete(self, obj: Object, options: DeleteOptions, timestamp: str) -> Object:
        """Announce the deletion; the content goes next, and when the last of it has gone, the namespace."""
        name = name_of(obj)
        if name in defaults.PROTECTED_NAMESPACES:
            raise errors.forbidden("namespaces", name, "this namespace may not be deleted")
        if obj["metadata"].get("deletionTimestamp"):
            return obj
        meta = {**obj["metadata"], "deletionTimestamp": timestamp}
        terminating = {**obj, "metadata": meta, "status": {**obj["status"], "phase": "Terminating"}}
        if options.dry_run:
            return terminating
        self._terminating.add(name)
        if controllers.NAMESPACE in self._running:
            self._queue.add(self._empty, name)
        return self._server.commit(NAMESPACES, "MODIFIED", terminating, obj)

    def _empty(self, name: str) -> None:
        for resource in self._server.stored:
            if resource.namespaced and self._server.has_any(resource, name):
                self._server.delete_collection(resource, name, _CONTENT)
        self._queue.add(self._finish, name)

    def _finish(self, name: str) -> None:
        """The last step: the controller's finalizer goes with the content, the namespace with its finalizers."""
        obj = self._server.find(NAMESPACES, "", name)
        if obj is None:
            return
        new = obj
        if new["spec"].get("finalizers"):
            if controllers.NAMESPACE not in self._running or self._has_content(name):
                return
            new = {**new, "spec": without(new["spec"], "finalizers")}
        if not new["metadata"].get("finalizers"):
            self._terminating.discard(name)
            self._server.commit(NAMESPACES, "DELETED", new, obj)
        elif new is not obj:
            self._server.commit(NAMESPACES, "MODIFIED", new, obj)

    def _has_content(self, name: str) -> bool:
        return any(self._server.has_any(resource, name) for resource in self._server.stored)
