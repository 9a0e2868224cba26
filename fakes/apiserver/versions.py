"""The objects of a server in every version that they are served in.

What is asked of a kind in the version that it is stored in goes straight to the server. What is asked of another
version is converted on the way in and on the way out, as kube-apiserver does: a patch is made of the object as its
sender sees it.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from fakes.apiserver import patches, writes
from fakes.apiserver.conversion import Conversion
from fakes.apiserver.objects import Object
from fakes.apiserver.options import DELETE, LIST_ALL, WRITE, DeleteOptions, ListOptions, WriteOptions
from fakes.apiserver.resources import ResourceType
from fakes.apiserver.server import ApiServer
from fakes.apiserver.watch import Event, Watcher


class Versions:
    """The requests of ``ApiServer``, for resources of all versions."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self.resources = server.resources
        self.review = server.review

    # --- reads ---

    def find(self, resource: ResourceType, namespace: str, name: str) -> Object | None:
        """Whether there is such an object: it, as it is stored."""
        return self._server.find(_stored(resource), namespace, name)

    def get(self, resource: ResourceType, namespace: str | None, name: str, *, subresource: str = "") -> Object:
        """One object."""
        return shown(resource, self._server.get(_stored(resource), namespace, name, subresource=subresource))

    def list(self, resource: ResourceType, namespace: str | None, options: ListOptions = LIST_ALL) -> Object:
        """A list object."""
        found = self._server.list(_stored(resource), namespace, _selecting(resource, options))
        if resource.conversion is None:
            return found
        items = [resource.conversion.down(each) for each in found["items"]]
        return {**found, "apiVersion": resource.api_version, "items": items}

    def watch(self, resource: ResourceType, namespace: str | None, options: ListOptions = LIST_ALL) -> Watcher:
        """A watch, of the objects as they are stored: ``line`` shows them."""
        return self._server.watch(_stored(resource), namespace, _selecting(resource, options))

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
        """Create an object, or POST to a subresource."""
        there = resource.conversion
        if there is not None and not subresource:
            obj = there.up(writes.decode(resource, obj))
            _refuse(there, obj, None, "")
        created = self._server.create(
            _stored(resource), namespace, obj, name=name, subresource=subresource, options=options
        )
        return shown(resource, created)

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
        """Replace an object, or a part of it."""
        there = resource.conversion
        if there is not None:
            obj = there.up(writes.decode(resource, obj))
            _refuse(there, obj, self._server.find(there.stored, namespace or "", name), name)
        updated = self._server.update(_stored(resource), namespace, name, obj, subresource=subresource, options=options)
        return shown(resource, updated)

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
        """Change parts of an object."""
        if resource.conversion is None:
            return self._server.patch(
                resource, namespace, name, patch, patch_type, subresource=subresource, options=options
            )
        current = self.get(resource, namespace, name)
        wanted = patches.apply(current, patch, patch_type, resource.schema)
        return self.update(resource, namespace, name, wanted, subresource=subresource, options=options)

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
        """Server-side apply: the object, and whether it is new."""
        if resource.conversion is not None:
            config = resource.conversion.up(writes.decode(resource, config))
        applied, new = self._server.apply(
            _stored(resource), namespace, name, config, subresource=subresource, options=options
        )
        return shown(resource, applied), new

    def delete(
        self, resource: ResourceType, namespace: str | None, name: str, options: DeleteOptions = DELETE
    ) -> Object:
        """Delete an object: answers it, or a Status."""
        return shown(resource, self._server.delete(_stored(resource), namespace, name, options))

    def delete_collection(
        self,
        resource: ResourceType,
        namespace: str | None,
        options: DeleteOptions = DELETE,
        list_options: ListOptions = LIST_ALL,
    ) -> Object:
        """Delete every object that a list with these options has; answers that list."""
        found = self.list(resource, namespace, list_options)
        self._server.delete_collection(_stored(resource), namespace, options, _selecting(resource, list_options))
        return found


def shown(resource: ResourceType, obj: Object) -> Object:
    """A stored object in the version of the resource; a Status as it is."""
    if resource.conversion is None or obj.get("kind") == "Status":
        return obj
    return resource.conversion.down(obj)


def line(resource: ResourceType, write: Callable[[Event], bytes]) -> Callable[[Event], bytes]:
    """What writes the events of a watch, in the version of the resource."""
    if resource.conversion is None:
        return write
    return lambda event: write((event[0], shown(resource, event[1])))


def _stored(resource: ResourceType) -> ResourceType:
    return resource if resource.conversion is None else resource.conversion.stored


def _selecting(resource: ResourceType, options: ListOptions) -> ListOptions:
    if resource.conversion is None or not options.field_selector:
        return options
    return replace(options, field_selector=resource.conversion.selector(options.field_selector))


def _refuse(there: Conversion, new: Object, old: Object | None, name: str) -> None:
    own: str = (new.get("metadata") or {}).get("name") or name
    writes.refuse(there.stored, own, there.check(new, old))
