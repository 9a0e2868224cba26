"""Measures and traces from outside: what the core is given (the API, the provider, the queue's observer) is wrapped.

Neither the core nor a provider knows that it is watched.
"""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from providers import pods
from providers.base import Clock, Provider
from providers.pods import PodRef
from providers.types import KubeObject
from runner.kube import PODS, ApiError, KubeApi, Patch, PatchType, Resource, WatchEvent
from runner.metrics import Metrics, QueueMetrics, reason
from runner.ports import parse_rfc3339
from runner.tracing import NO_TRACES, Tracer

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Instruments:
    """What one process measures and traces with.

    Attributes:
        metrics: counts and durations.
        clock: the wall clock, for what is measured against an object's own times.
        tracer: spans.
        under_way: of the calls to providers that a pod waits for: by its UID, which and since when (loop time).
    """

    metrics: Metrics
    clock: Clock
    tracer: Tracer = NO_TRACES
    under_way: dict[str, tuple[str, float]] = field(default_factory=dict)

    def kube(self, kube: KubeApi, node: str) -> KubeApi:
        """The cluster, watched; ``node`` is whose runner asks."""
        return _ObservedKube(kube, self, node)

    def provider(self, provider: Provider, node: str) -> Provider:
        """The provider, watched; it has the same optional parts (``isinstance`` says the same of it)."""
        return _observed(provider, self, node)

    def queue(self, node: str) -> "ObservedQueue":
        """An observer for the node's work queue."""
        times = QueueMetrics(self.metrics, node, "pods", asyncio.get_running_loop().time)
        return ObservedQueue(times, self.tracer, node)


@dataclass(frozen=True, slots=True)
class ObservedQueue:
    """Times each pod's work, and makes it one trace (``runner.workqueue.Observer``)."""

    times: QueueMetrics
    tracer: Tracer
    node: str

    def added(self, key: object) -> None:
        """The key waits for a worker."""
        self.times.added(key)

    def delayed(self, key: object) -> None:
        """The key is to be looked at later."""
        self.times.delayed(key)

    @contextmanager
    def working(self, key: object) -> Iterator[None]:
        """Around the work on a key."""
        self.times.began(key)
        try:
            # A trace of its own, whoever's work has queued it.
            with self.tracer.continuing({}, "sync pod", {"k8s.node.name": self.node, "k8s.pod.uid": str(key)}):
                yield
        finally:
            self.times.ended(key)


# --- the API --------------------------------------------------------------------------------------------------------


class _ObservedKube:
    """The Kubernetes API, each request measured and traced."""

    def __init__(self, kube: KubeApi, instruments: Instruments, node: str) -> None:
        self._kube = kube
        self._metrics = instruments.metrics
        self._tracer = instruments.tracer
        self._clock = instruments.clock
        self._node = node
        self._time = asyncio.get_running_loop().time

    async def get(
        self, resource: Resource, name: str, namespace: str | None = None, *, subresource: str | None = None
    ) -> KubeObject:
        return await self._call(
            "get", resource, subresource, self._kube.get(resource, name, namespace, subresource=subresource)
        )

    async def list(self, resource: Resource, namespace: str | None = None, **options: Any) -> KubeObject:
        return await self._call("list", resource, None, self._kube.list(resource, namespace, **options))

    @asynccontextmanager
    async def watch(
        self, resource: Resource, namespace: str | None = None, **options: Any
    ) -> AsyncIterator[AsyncIterator[WatchEvent]]:
        async with AsyncExitStack() as stack:
            opening = stack.enter_async_context(self._kube.watch(resource, namespace, **options))
            yield await self._call("watch", resource, None, opening)

    async def create(
        self,
        resource: Resource,
        obj: Mapping[str, Any],
        namespace: str | None = None,
        *,
        name: str | None = None,
        subresource: str | None = None,
    ) -> KubeObject:
        call = self._kube.create(resource, obj, namespace, name=name, subresource=subresource)
        return await self._call("create", resource, subresource, call)

    async def update(self, resource: Resource, obj: Mapping[str, Any], *, subresource: str | None = None) -> KubeObject:
        return await self._call(
            "update", resource, subresource, self._kube.update(resource, obj, subresource=subresource)
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
        call = self._kube.patch(resource, name, patch, namespace, patch_type=patch_type, subresource=subresource)
        answer = await self._call("patch", resource, subresource, call)
        if resource is PODS and subresource == "status" and _says_running(patch):
            created = parse_rfc3339(answer["metadata"]["creationTimestamp"])
            passed = (self._clock.now() - created).total_seconds()
            self._metrics.pod_start_seconds.labels(self._node).observe(max(passed, 0.0))
        return answer

    async def delete(self, resource: Resource, name: str, namespace: str | None = None, **options: Any) -> KubeObject:
        return await self._call("delete", resource, None, self._kube.delete(resource, name, namespace, **options))

    async def _call(self, verb: str, resource: Resource, subresource: str | None, answer: Awaitable[T]) -> T:
        what = f"{resource}/{subresource}" if subresource else str(resource)
        code = "201" if verb == "create" else "200"
        begun = self._time()
        try:
            with self._tracer.span(f"{verb} {what}", {"k8s.node.name": self._node, "k8s.resource": what}):
                return await answer
        except ApiError as error:
            code = str(error.code or "none")
            raise
        except asyncio.CancelledError:
            code = "cancelled"
            raise
        finally:
            self._metrics.api_requests.labels(verb, what, code).inc()
            self._metrics.api_seconds.labels(verb, what).observe(self._time() - begun)


def _says_running(patch: Patch) -> bool:
    """Whether a status patch, which holds only what changes, makes the pod Running."""
    return isinstance(patch, Mapping) and (patch.get("status") or {}).get("phase") == "Running"


# --- the provider ---------------------------------------------------------------------------------------------------


_WAITED_FOR = frozenset({"create_pod", "update_pod", "update_volumes", "delete_pod", "get_pod"})
"""What holds up the work on a pod until it is answered; one at a time for each pod."""


def _observed(provider: Provider, instruments: Instruments, node: str) -> Provider:
    """A provider whose public methods are those of another one; its coroutines are measured and traced.

    The methods are put on a class made for it, since ``isinstance`` against a protocol looks there.
    """
    methods: dict[str, object] = {}
    for name in dir(type(provider)):
        method = getattr(provider, name)
        if name.startswith("_") or not callable(method):
            continue
        wrapped = _timed(method, name, instruments, node) if inspect.iscoroutinefunction(method) else method
        methods[name] = staticmethod(wrapped)
    made = type(f"Observed{type(provider).__name__}", (Provider,), methods)
    observed: Provider = made(provider.context)
    return observed


def _timed(
    method: Callable[..., Awaitable[T]], name: str, instruments: Instruments, node: str
) -> Callable[..., Awaitable[T]]:
    metrics, tracer = instruments.metrics, instruments.tracer
    time = asyncio.get_running_loop().time
    up = metrics.provider_up.labels(node) if name == "ping" else None

    async def timed(*args: Any, **kwargs: Any) -> T:
        begun = time()
        metrics.provider_calls.labels(node, name).inc()
        about = _about(args)
        waiting = about.get("k8s.pod.uid", "") if name in _WAITED_FOR else ""
        if waiting:
            instruments.under_way[waiting] = (name, begun)
        try:
            with tracer.span(f"provider {name}", {"k8s.node.name": node, **about}):
                answer = await method(*args, **kwargs)
        except BaseException as error:
            metrics.provider_errors.labels(node, name, reason(error)).inc()
            if up is not None:
                up.set(0)
            raise
        else:
            if up is not None:
                up.set(1)
            return answer
        finally:
            if waiting:
                instruments.under_way.pop(waiting, None)
            metrics.provider_seconds.labels(node, name).observe(time() - begun)

    return timed


def _about(args: tuple[Any, ...]) -> Mapping[str, str]:
    """Which pod a call is about, by OpenTelemetry's names."""
    first = args[0] if args else None
    if isinstance(first, PodRef):
        ref = first
    elif isinstance(first, dict) and "uid" in first.get("metadata", {}):
        ref = pods.ref(first)  # type: ignore[arg-type]  # by the interface, what has a UID here is a pod
    else:
        return {}
    return {"k8s.namespace.name": ref.namespace, "k8s.pod.name": ref.name, "k8s.pod.uid": ref.uid}
