"""What stands between those who ask and those who answer: where faults make calls fail, wait and get lost.

Runners, scheduler and workloads ask the API server through a ``GatedKube``; runners ask their clouds through a gated
provider. Neither end knows. A scenario that breaks nothing on the way has no gates at all.
"""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar

from fakes.apiserver.watch import Watcher
from providers.base import Provider
from providers.errors import ProviderError
from providers.types import KubeObject
from runner.kube import ApiError, Patch, PatchType, Resource, Unavailable, WatchEvent
from vksim.kube import InProcessKube

T = TypeVar("T")

API, CLOUD = "api", "cloud"

OPERATIONS = {
    "create_pod": "create",
    "update_pod": "update",
    "update_volumes": "update",
    "delete_pod": "delete",
    "get_pod": "get",
    "get_pod_status": "get",
    "get_pods": "list",
    "ping": "ping",
}
"""A provider's methods -> what they are called in a scenario."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call on its way.

    Attributes:
        side: the API server, or a cloud.
        client: who asks: a node's name, or a part of the control plane.
        verb: what for: a verb of the API, or an operation of a provider.
        what: the resource, in the plural; empty for a provider's.
    """

    side: str
    client: str
    verb: str
    what: str = ""


async def _nothing(_: Call) -> None:
    """Let a call pass."""


@dataclass(slots=True, eq=False)
class Rule:
    """What happens to some calls.

    Attributes:
        concerns: which ones.
        hit: told of each call that it happened to.
        before: happens before the call is heard: it may wait, or raise.
        after: happens when it has been done: it may raise, and nobody knows the answer.
        rate: which part of the calls.
        options: changes what a list of the API server is asked with.
    """

    concerns: Callable[[Call], bool]
    hit: Callable[[], None]
    before: Callable[[Call], Awaitable[None]] = _nothing
    after: Callable[[Call], Awaitable[None]] = _nothing
    rate: float = 1.0
    options: Callable[[], Mapping[str, str]] | None = None


@dataclass(slots=True)
class Gate:
    """The way between all clients and all servers.

    Attributes:
        random: decides where a rule is about a part of the calls.
        rules: those in force, in the order in which they came.
        watches: those that are open -> who watches what.
        lags: clients' watches are this many seconds behind, by the rule that says so.
        provider_errors: so many calls to providers failed while something was broken.
        cut: clients that hear nothing of their watches, until the event.
    """

    random: Random
    rules: list[Rule] = field(default_factory=list)
    watches: dict[Watcher, Call] = field(default_factory=dict)
    lags: list[tuple[Callable[[Call], bool], float]] = field(default_factory=list)
    provider_errors: int = 0
    cut: dict[str, asyncio.Event] = field(default_factory=dict)

    def met(self, call: Call) -> list[Rule]:
        """The rules that happen to a call."""
        found = [rule for rule in self.rules if rule.concerns(call)]
        return [rule for rule in found if rule.rate >= 1 or self.random.random() < rule.rate]

    async def passing(self, call: Call, request: Callable[[], Awaitable[T]]) -> T:
        """What the call comes to."""
        if not self.rules:
            return await request()
        met = self.met(call)
        try:
            for rule in met:
                rule.hit()
                await rule.before(call)
            answer = await request()
            for rule in met:
                await rule.after(call)
        except ProviderError:
            self.provider_errors += 1
            raise
        return answer

    def drop_watches(self, concerns: Callable[[Call], bool]) -> int:
        """End watches: how many. Their clients go on from where they were."""
        found = [watcher for watcher, call in self.watches.items() if concerns(call)]
        for watcher in found:
            watcher.end()
        return len(found)


class GatedKube:
    """The Kubernetes API of one client, through a gate."""

    def __init__(self, kube: InProcessKube, gate: Gate, client: str) -> None:
        self._kube = kube
        self._gate = gate
        self._client = client

    async def get(
        self, resource: Resource, name: str, namespace: str | None = None, *, subresource: str | None = None
    ) -> KubeObject:
        """One object."""
        return await self._gate.passing(
            self._call("get", resource), lambda: self._kube.get(resource, name, namespace, subresource=subresource)
        )

    async def list(self, resource: Resource, namespace: str | None = None, **options: Any) -> KubeObject:
        """One page of a list."""
        call = self._call("list", resource)
        for rule in self._gate.met(call) if self._gate.rules else ():
            if rule.options is not None and not options.get("continue_token"):
                rule.hit()
                try:
                    return await self._kube.list(resource, namespace, **{**options, **rule.options()})
                except ApiError:
                    break  # nobody remembers what it was like then
        return await self._gate.passing(call, lambda: self._kube.list(resource, namespace, **options))

    @asynccontextmanager
    async def watch(
        self, resource: Resource, namespace: str | None = None, **options: Any
    ) -> AsyncIterator[AsyncIterator[WatchEvent]]:
        """The changes."""
        call = self._call("watch", resource)
        await self._gate.passing(call, _asked)
        async with self._kube.watch(resource, namespace, **options) as events:
            watcher = events.watcher  # type: ignore[attr-defined]  # what it is in the same process
            self._gate.watches[watcher] = call
            for concerns, seconds in self._gate.lags:
                if concerns(call):
                    watcher.lag(seconds)
            try:
                yield _GatedEvents(events, self._gate, self._client)
            finally:
                self._gate.watches.pop(watcher, None)

    async def create(
        self,
        resource: Resource,
        obj: Mapping[str, Any],
        namespace: str | None = None,
        *,
        name: str | None = None,
        subresource: str | None = None,
    ) -> KubeObject:
        """Create an object, or POST to a subresource."""
        return await self._gate.passing(
            self._call("create", resource),
            lambda: self._kube.create(resource, obj, namespace, name=name, subresource=subresource),
        )

    async def update(self, resource: Resource, obj: Mapping[str, Any], *, subresource: str | None = None) -> KubeObject:
        """Replace an object, or its status."""
        return await self._gate.passing(
            self._call("update", resource), lambda: self._kube.update(resource, obj, subresource=subresource)
        )

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
        return await self._gate.passing(
            self._call("patch", resource),
            lambda: self._kube.patch(resource, name, patch, namespace, patch_type=patch_type, subresource=subresource),
        )

    async def delete(self, resource: Resource, name: str, namespace: str | None = None, **options: Any) -> KubeObject:
        """Delete an object."""
        return await self._gate.passing(
            self._call("delete", resource), lambda: self._kube.delete(resource, name, namespace, **options)
        )

    def _call(self, verb: str, resource: Resource) -> Call:
        return Call(API, self._client, verb, resource.plural)


class _GatedEvents:
    """A watch whose client may be cut off: it hears nothing, and when the way is free again, its connection is dead."""

    def __init__(self, events: AsyncIterator[WatchEvent], gate: Gate, client: str) -> None:
        self._events = events
        self._gate = gate
        self._client = client

    def __aiter__(self) -> AsyncIterator[WatchEvent]:
        return self

    async def __anext__(self) -> WatchEvent:
        event = await self._events.__anext__()
        free = self._gate.cut.get(self._client)
        if free is not None:
            await free.wait()
            raise Unavailable("the connection of the watch was reset (injected fault)")
        return event


def gated(provider: Provider, gate: Gate, node: str) -> Provider:
    """A provider whose calls go through a gate; it has the same optional parts.

    The methods are put on a class made for it, since ``isinstance`` against a protocol looks there.
    """
    methods: dict[str, object] = {}
    for name in dir(type(provider)):
        method = getattr(provider, name)
        if name.startswith("_") or not callable(method):
            continue
        operation = OPERATIONS.get(name)
        passing = operation and inspect.iscoroutinefunction(method)
        methods[name] = staticmethod(_passing(method, gate, Call(CLOUD, node, str(operation))) if passing else method)
    made: Provider = type(f"Gated{type(provider).__name__}", (Provider,), methods)(provider.context)
    return made


def _passing(method: Callable[..., Awaitable[T]], gate: Gate, call: Call) -> Callable[..., Awaitable[T]]:
    async def passing(*args: Any, **kwargs: Any) -> T:
        return await gate.passing(call, lambda: method(*args, **kwargs))

    return passing


async def _asked() -> None:
    """A watch is opened after its request has passed."""
