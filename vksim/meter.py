"""What a run's clients do at the API server and in the clouds: how many calls, how they end, how long they take.

The percentiles are those of Kubernetes' scalability SLIs: of each resource and verb, in windows of five minutes; told
is the worst window of the worst of them. https://github.com/kubernetes/community/tree/main/sig-scalability/slos
"""

import asyncio
from array import array
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from fakes.cloud.model import Call, CloudModel
from fakes.cloud.settings import FaultKind
from providers.types import KubeObject
from runner.kube import ApiError, KubeApi, Patch, PatchType, Resource, WatchEvent

Answer = Coroutine[Any, Any, KubeObject]

WINDOW = 300.0
"""Seconds of a window."""
TIMES = {
    "api.mutating.p99": frozenset({"create", "update", "patch", "delete"}),
    "api.reading.p99": frozenset({"get", "list"}),
}
"""Series of times -> the verbs that they are about."""


class Meter:
    """Counts calls.

    Attributes:
        calls: (verb, resource, code) -> calls of the API server.
        cloud_calls: (cloud, operation, outcome) -> calls of clouds.
        series: name -> a value for each tick, how many since the one before.
    """

    def __init__(self) -> None:
        self.calls: Counter[tuple[str, str, int]] = Counter()
        self.cloud_calls: Counter[tuple[str, str, str]] = Counter()
        self.series: dict[str, list[int]] = {}
        self._since: Counter[str] = Counter()
        self._ticks = 0
        self._times: dict[tuple[str, str, int], array[float]] = {}

    def called(self, verb: str, resource: str, code: int, begun: float, seconds: float) -> None:
        """A call of the API server has ended."""
        self.calls[verb, resource, code] += 1
        self._since[f"api {verb}"] += 1
        if code >= 400:
            self._since["api errors"] += 1
        window = verb, resource, int(begun // WINDOW)
        times = self._times.get(window)
        if times is None:
            times = self._times[window] = array("f")
        times.append(seconds)

    def listen(self, name: str, model: CloudModel) -> None:
        """Count a cloud's calls too."""

        def told(call: Call) -> None:
            self.cloud_calls[name, call.operation, call.outcome] += 1
            self._since["cloud calls"] += 1
            if call.outcome == FaultKind.THROTTLED:
                self._since["cloud throttled"] += 1
            elif call.outcome != "ok":
                self._since["cloud failed"] += 1

        model.listeners.append(told)

    def tick(self) -> None:
        """A point of the time line."""
        for name in sorted(self._since.keys() | self.series.keys()):
            values = self.series.setdefault(name, [0] * self._ticks)
            values.append(self._since[name])
        self._since.clear()
        self._ticks += 1

    def counted(self) -> dict[str, float]:
        """The series that are counts, so far."""
        return {
            "api.calls": float(self.calls.total()),
            "api.errors": float(sum(count for (_, _, code), count in self.calls.items() if code >= 400)),
            "cloud.calls": float(self.cloud_calls.total()),
            "cloud.throttled": float(self._outcomes(FaultKind.THROTTLED)),
            "cloud.failed": float(
                self.cloud_calls.total() - self._outcomes("ok") - self._outcomes(FaultKind.THROTTLED)
            ),
        }

    def measured(self) -> dict[str, float]:
        """All series that objectives can be about."""
        found = self.counted()
        for name in TIMES:
            if windows := self.windows(name):
                found[name] = max(value for _, value in windows)
        return found

    def windows(self, series: str) -> list[tuple[float, float]]:
        """The end of each window, in seconds, and the worst of its 99th percentiles of a verb and resource."""
        worst: dict[int, float] = {}
        for (verb, _, window), times in self._times.items():
            if verb in TIMES[series]:
                worst[window] = max(worst.get(window, 0.0), _p99(times))
        return [((window + 1) * WINDOW, round(value, 6)) for window, value in sorted(worst.items())]

    def _outcomes(self, outcome: str) -> int:
        return sum(count for (_, _, came), count in self.cloud_calls.items() if came == outcome)


class MeteredKube:
    """An API whose calls are counted, faults on the way to the server included."""

    def __init__(self, api: KubeApi, meter: Meter) -> None:
        self._api = api
        self._meter = meter
        self._loop = asyncio.get_running_loop()

    def get(
        self, resource: Resource, name: str, namespace: str | None = None, *, subresource: str | None = None
    ) -> Answer:
        """As ``KubeApi.get``."""
        return self._timed("get", resource, self._api.get(resource, name, namespace, subresource=subresource))

    def list(self, resource: Resource, namespace: str | None = None, **options: Any) -> Answer:
        """As ``KubeApi.list``."""
        return self._timed("list", resource, self._api.list(resource, namespace, **options))

    def watch(
        self, resource: Resource, namespace: str | None = None, **options: Any
    ) -> AbstractAsyncContextManager[AsyncIterator[WatchEvent]]:
        """As ``KubeApi.watch``; how long it lasts says nothing."""
        return self._api.watch(resource, namespace, **options)

    def create(
        self,
        resource: Resource,
        obj: Mapping[str, Any],
        namespace: str | None = None,
        *,
        name: str | None = None,
        subresource: str | None = None,
    ) -> Answer:
        """As ``KubeApi.create``."""
        call = self._api.create(resource, obj, namespace, name=name, subresource=subresource)
        return self._timed("create", resource, call)

    def update(self, resource: Resource, obj: Mapping[str, Any], *, subresource: str | None = None) -> Answer:
        """As ``KubeApi.update``."""
        return self._timed("update", resource, self._api.update(resource, obj, subresource=subresource))

    def patch(
        self,
        resource: Resource,
        name: str,
        patch: Patch,
        namespace: str | None = None,
        *,
        patch_type: PatchType = PatchType.MERGE,
        subresource: str | None = None,
    ) -> Answer:
        """As ``KubeApi.patch``."""
        call = self._api.patch(resource, name, patch, namespace, patch_type=patch_type, subresource=subresource)
        return self._timed("patch", resource, call)

    def delete(self, resource: Resource, name: str, namespace: str | None = None, **options: Any) -> Answer:
        """As ``KubeApi.delete``."""
        return self._timed("delete", resource, self._api.delete(resource, name, namespace, **options))

    async def _timed(self, verb: str, resource: Resource, call: Awaitable[KubeObject]) -> KubeObject:
        begun, code = self._loop.time(), 200
        try:
            return await call
        except ApiError as error:
            code = error.code or 503  # no answer at all
            raise
        finally:
            self._meter.called(verb, resource.plural, code, begun, self._loop.time() - begun)


def _p99(times: "array[float]") -> float:
    ordered = sorted(times)
    return ordered[max(0, -(-len(ordered) * 99 // 100) - 1)]
