"""The Kubernetes API of a simulated cluster: ``runner.kube.KubeApi`` as direct calls into the fake API server."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from fakes.apiserver.errors import StatusError, no_such_resource
from fakes.apiserver.options import DeleteOptions, ListOptions
from fakes.apiserver.resources import ResourceType
from fakes.apiserver.server import ApiServer
from fakes.apiserver.watch import Watcher
from providers.types import KubeObject
from runner.kube import LEASES, Patch, PatchType, Resource, WatchEvent, error_from_status
from vksim.loop import pause

Latency = Callable[[], float]
Before = Callable[[str, Resource], None]


class InProcessKube:
    """One client's way to a fake API server in the same process.

    Args:
        server: the API server.
        latency: draws the seconds that a request takes; None, or a draw of 0, for no wait at all.
        before: called with the verb (``get``, ``list``, ``watch``, ``create``, ``update``, ``patch``, ``delete``) and
            the resource before each request; what it raises (an ``ApiError``) the client gets instead of an answer.
        read_lease: makes out of a stored lease what the client reads, where heartbeats are left out.
        endless: watches have neither bookmarks nor an end of their own. On a connection that cannot break they are good
            for nothing, and with thousands of nodes they cost more than the pods do.
        client: who asks, for whoever observes writes.
    """

    def __init__(
        self,
        server: ApiServer,
        *,
        latency: Latency | None = None,
        before: Before | None = None,
        read_lease: Callable[[KubeObject], KubeObject] | None = None,
        endless: bool = False,
        client: str = "",
    ) -> None:
        self._server = server
        self._client = client
        self._latency = latency
        self._before = before
        self._read_lease = read_lease
        self._endless = endless

    async def get(
        self, resource: Resource, name: str, namespace: str | None = None, *, subresource: str | None = None
    ) -> KubeObject:
        """One object."""
        if (way := self._way("get", resource)) is not None:
            await way
        try:
            found = self._server.get(self._type(resource), namespace, name, subresource=subresource or "")
        except StatusError as error:
            raise error_from_status(error.status, code=error.code) from None
        return self._read_lease(found) if self._read_lease is not None and resource is LEASES else found

    async def list(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        limit: int = 0,
        continue_token: str = "",
        resource_version: str = "",
        resource_version_match: str = "",
    ) -> KubeObject:
        """One page of a list."""
        if (way := self._way("list", resource)) is not None:
            await way
        options = ListOptions(
            label_selector=label_selector,
            field_selector=field_selector,
            limit=limit,
            continue_token=continue_token,
            resource_version=resource_version,
            resource_version_match=resource_version_match,
        )
        try:
            found = self._server.list(self._type(resource), namespace, options)
        except StatusError as error:
            raise error_from_status(error.status, code=error.code) from None
        if self._read_lease is not None and resource is LEASES:
            return {**found, "items": [self._read_lease(each) for each in found["items"]]}
        return found

    @asynccontextmanager
    async def watch(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        resource_version: str = "",
        timeout_seconds: int | None = None,
    ) -> AsyncIterator[AsyncIterator[WatchEvent]]:
        """The changes after ``resource_version``, bookmarks too."""
        if (way := self._way("watch", resource)) is not None:
            await way
        options = ListOptions(
            label_selector=label_selector,
            field_selector=field_selector,
            resource_version=resource_version,
            timeout_seconds=None if self._endless else timeout_seconds,
            allow_watch_bookmarks=not self._endless,
        )
        try:
            watcher = self._server.watch(self._type(resource), namespace, options)
        except StatusError as error:
            raise error_from_status(error.status, code=error.code) from None
        try:
            yield _Events(watcher)
        finally:
            watcher.close()

    async def create(
        self,
        resource: Resource,
        obj: Mapping[str, Any],
        namespace: str | None = None,
        *,
        name: str | None = None,
        subresource: str | None = None,
    ) -> KubeObject:
        """Create an object, or POST to a subresource of the object ``name``."""
        if (way := self._way("create", resource)) is not None:
            await way
        self._server.actor = self._client
        try:
            return self._server.create(
                self._type(resource), namespace, obj, name=name or "", subresource=subresource or ""
            )
        except StatusError as error:
            raise error_from_status(error.status, code=error.code) from None
        finally:
            self._server.actor = ""

    async def update(self, resource: Resource, obj: Mapping[str, Any], *, subresource: str | None = None) -> KubeObject:
        """Replace an object, or its status."""
        if (way := self._way("update", resource)) is not None:
            await way
        meta = obj["metadata"]
        self._server.actor = self._client
        try:
            return self._server.update(
                self._type(resource), meta.get("namespace"), meta["name"], obj, subresource=subresource or ""
            )
        except StatusError as error:
            raise error_from_status(error.status, code=error.code) from None
        finally:
            self._server.actor = ""

    async def patch(
        self,
        resource: Resource,
        name: str,
        patch: Patch,
        namespace: str | None = None,
        *,
        patch_type: PatchType = PatchType.MERGE,
        subresource: str | None = None,
    ) -> KubeObject:
        """Change parts of an object."""
        if (way := self._way("patch", resource)) is not None:
            await way
        self._server.actor = self._client
        try:
            return self._server.patch(
                self._type(resource), namespace, name, patch, patch_type, subresource=subresource or ""
            )
        except StatusError as error:
            raise error_from_status(error.status, code=error.code) from None
        finally:
            self._server.actor = ""

    async def delete(
        self,
        resource: Resource,
        name: str,
        namespace: str | None = None,
        *,
        grace_period_seconds: int | None = None,
        uid: str | None = None,
        propagation_policy: str | None = None,
    ) -> KubeObject:
        """Delete an object."""
        if (way := self._way("delete", resource)) is not None:
            await way
        options = DeleteOptions(
            grace_period_seconds=grace_period_seconds, uid=uid or "", propagation_policy=propagation_policy or ""
        )
        self._server.actor = self._client
        try:
            return self._server.delete(self._type(resource), namespace, name, options)
        except StatusError as error:
            raise error_from_status(error.status, code=error.code) from None
        finally:
            self._server.actor = ""

    def _way(self, verb: str, resource: Resource) -> Awaitable[None] | None:
        """The way to the server: its latency, and what can go wrong on it; None if there is nothing to wait for."""
        seconds = 0.0 if self._latency is None else self._latency()
        if self._before is not None:
            return self._arrive(seconds, verb, resource, self._before)
        return pause(seconds) if seconds > 0 else None

    async def _arrive(self, seconds: float, verb: str, resource: Resource, before: Before) -> None:
        if seconds > 0:
            await pause(seconds)
        before(verb, resource)

    def _type(self, resource: Resource) -> ResourceType:
        found = self._server.resources.get(resource.group, resource.plural)
        if found is None:
            raise no_such_resource()
        return found


class _Events:
    """A watcher's events as the protocol has them: the end is the end of the iteration, an ERROR is raised."""

    __slots__ = ("_queued", "watcher")

    def __init__(self, watcher: Watcher) -> None:
        self.watcher = watcher
        self._queued = watcher.queued

    def __aiter__(self) -> AsyncIterator[WatchEvent]:
        return self

    async def __anext__(self) -> WatchEvent:
        while not self._queued:
            if self.watcher.ended:
                raise StopAsyncIteration
            await self.watcher.arrival()
        kind, obj = self._queued.popleft()
        if kind == "ERROR":
            raise error_from_status(obj, code=obj["code"])
        return WatchEvent(kind, obj)
