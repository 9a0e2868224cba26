"""What the wrappers around the API, the provider and the queue count, and that nobody notices them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from providers import base
from providers.errors import Retryable
from runner.gate import Gate
from runner.instrument import Instruments
from runner.kube import CONFIG_MAPS, PODS, NotFound
from runner.metrics import Metrics
from runner.tracing import NoTraces
from runner.workqueue import WorkQueue
from tests.unit.mock_setting import Setting, pod_with
from vksim.loop import run

CREATED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Clock:
    def now(self) -> datetime:
        return CREATED + timedelta(seconds=7)


class Cluster:
    """An API server in which each request takes 2 s."""

    async def get(self, *_: Any, **__: Any) -> dict[str, Any]:
        await asyncio.sleep(2)
        raise NotFound("no such thing", code=404)

    async def create(self, *_: Any, **__: Any) -> dict[str, Any]:
        await asyncio.sleep(2)
        return {}

    async def patch(self, *_: Any, **__: Any) -> dict[str, Any]:
        return {"metadata": {"creationTimestamp": "2026-01-02T03:04:05Z"}}

    @asynccontextmanager
    async def watch(self, *_: Any, **__: Any) -> AsyncIterator[AsyncIterator[Any]]:
        async def events() -> AsyncIterator[Any]:
            yield "event"

        yield events()


class Spans(NoTraces):
    """Remembers the names and attributes of spans, with how deep they were."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, str, Mapping[str, str]]] = []
        self.depth = 0

    def continuing(self, headers: Mapping[str, str], name: str, attributes: Mapping[str, str]) -> Any:
        return self.span(name, attributes)

    @contextmanager
    def span(self, name: str, attributes: Mapping[str, str]) -> Any:
        self.seen.append((self.depth, name, attributes))
        self.depth += 1
        try:
            yield
        finally:
            self.depth -= 1


def value(metrics: Metrics, sample: str, /, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(sample, labels)


def play(scene: Callable[[Metrics, Instruments, Spans], Coroutine[Any, Any, None]]) -> Metrics:
    """Run a scene in virtual time; what was measured."""
    metrics, spans = Metrics(), Spans()
    run(scene(metrics, Instruments(metrics, Clock(), spans), spans))
    return metrics


def test_a_request_is_counted_by_verb_resource_and_code_and_timed() -> None:
    async def scene(_: Metrics, instruments: Instruments, __: Spans) -> None:
        kube = instruments.kube(Cluster(), "n")  # type: ignore[arg-type]
        with pytest.raises(NotFound):
            await kube.get(CONFIG_MAPS, "a", "default")
        await kube.create(PODS, {}, "default", name="p", subresource="eviction")

    metrics = play(scene)
    assert value(metrics, "rest_client_requests_total", verb="get", resource="configmaps", code="404") == 1
    assert value(metrics, "rest_client_requests_total", verb="create", resource="pods/eviction", code="201") == 1
    assert value(metrics, "rest_client_request_duration_seconds_sum", verb="get", resource="configmaps") == 2


def test_a_watch_counts_when_it_opens_and_delivers_as_before() -> None:
    async def scene(_: Metrics, instruments: Instruments, __: Spans) -> None:
        async with instruments.kube(Cluster(), "n").watch(PODS) as events:  # type: ignore[arg-type]
            assert [each async for each in events] == ["event"]

    assert value(play(scene), "rest_client_requests_total", verb="watch", resource="pods", code="200") == 1


def test_the_status_that_says_running_ends_the_start_of_a_pod() -> None:
    async def scene(_: Metrics, instruments: Instruments, __: Spans) -> None:
        kube = instruments.kube(Cluster(), "n")  # type: ignore[arg-type]
        await kube.patch(PODS, "p", {"status": {"podIP": "10.0.0.1"}}, "default", subresource="status")
        await kube.patch(PODS, "p", {"status": {"phase": "Running"}}, "default", subresource="status")

    metrics = play(scene)
    assert value(metrics, "kubelet_pod_start_total_duration_seconds_count", node="n") == 1
    assert value(metrics, "kubelet_pod_start_total_duration_seconds_sum", node="n") == 7


OPTIONAL_PARTS = [
    each
    for name, each in vars(base).items()
    if getattr(each, "_is_runtime_protocol", False) and isinstance(each, type) and name[0].isupper()
]


def test_an_observed_provider_has_the_optional_parts_of_the_real_one_and_no_others() -> None:
    async def scene(_: Metrics, instruments: Instruments, __: Spans) -> None:
        real = Setting().provider
        observed = instruments.provider(real, "n")
        bare = instruments.provider(Bare(real.context), "n")
        assert len(OPTIONAL_PARTS) >= 9
        for part in OPTIONAL_PARTS:
            assert isinstance(observed, part) == isinstance(real, part), part
            assert not isinstance(bare, part), part

    play(scene)


class Bare(base.Provider):
    """A provider without optional parts, that fails."""

    async def create_pod(self, *_: Any) -> None:
        raise Retryable("later")

    async def delete_pod(self, *_: Any) -> None:
        raise LookupError

    async def get_pod(self, *_: Any) -> Any: ...
    async def get_pods(self) -> Any: ...
    async def capacity(self) -> Any: ...


def test_a_call_to_the_provider_is_counted_timed_and_traced_with_its_pod() -> None:
    async def scene(_: Metrics, instruments: Instruments, spans: Spans) -> None:
        setting = Setting()
        pod = pod_with()
        await instruments.provider(setting.provider, "n").create_pod(pod)
        assert (await setting.provider.get_pods())[0]["metadata"]["uid"] == pod["metadata"]["uid"]
        [(_, name, attributes)] = spans.seen
        assert name == "provider create_pod"
        assert attributes["k8s.pod.name"] == pod["metadata"]["name"]

    metrics = play(scene)
    assert value(metrics, "kubelet_runtime_operations_total", node="n", operation_type="create_pod") == 1
    assert (
        value(metrics, "kubelet_runtime_operations_duration_seconds_count", node="n", operation_type="create_pod") == 1
    )


def test_a_call_that_holds_up_a_pod_is_known_until_it_is_answered() -> None:
    async def scene(_: Metrics, instruments: Instruments, __: Spans) -> None:
        class Slow(Bare):
            async def create_pod(self, *_: Any) -> None:
                await asyncio.sleep(5)

        pod = pod_with()
        provider = instruments.provider(Slow(Setting().provider.context), "n")
        asking = asyncio.create_task(provider.create_pod(pod))
        await asyncio.sleep(1)
        assert instruments.under_way == {pod["metadata"]["uid"]: ("create_pod", 0.0)}
        await asking
        assert instruments.under_way == {}

    play(scene)


def test_a_failed_call_is_counted_by_its_kind_and_raised() -> None:
    async def scene(_: Metrics, instruments: Instruments, __: Spans) -> None:
        provider = instruments.provider(Bare(Setting().provider.context), "n")
        with pytest.raises(Retryable):
            await provider.create_pod(pod_with())
        with pytest.raises(LookupError):
            await provider.delete_pod(pod_with())

    metrics = play(scene)
    name = "kubelet_runtime_operations_errors_total"
    assert value(metrics, name, node="n", operation_type="create_pod", reason="Retryable") == 1
    assert value(metrics, name, node="n", operation_type="delete_pod", reason="Unexpected") == 1


def test_the_queue_tells_how_long_keys_wait_and_are_worked_on() -> None:
    async def scene(_: Metrics, instruments: Instruments, spans: Spans) -> None:
        async def handle(_: str) -> None:
            await asyncio.sleep(3)

        queue: WorkQueue[str] = WorkQueue(handle, workers=1, observer=instruments.queue("n"))
        running = asyncio.create_task(queue.run())
        await asyncio.sleep(0)
        queue.add("a")
        queue.add("b")
        queue.add_after("c", 100)
        await asyncio.sleep(10)
        running.cancel()
        assert [(depth, name) for depth, name, _ in spans.seen] == [(0, "sync pod"), (0, "sync pod")]

    metrics = play(scene)
    labels = {"node": "n", "name": "pods"}
    assert value(metrics, "workqueue_adds_total", **labels) == 2
    assert value(metrics, "workqueue_retries_total", **labels) == 1
    assert value(metrics, "workqueue_queue_duration_seconds_sum", **labels) == 3
    assert value(metrics, "workqueue_work_duration_seconds_sum", **labels) == 6


def test_pods_and_depth_are_counted_when_they_are_asked_for() -> None:
    metrics = Metrics()
    metrics.watch("n", {}, lambda: 4)
    assert value(metrics, "workqueue_depth", node="n", name="pods") == 4
    assert value(metrics, "kubelet_running_pods", node="n") == 0
    assert b'kubelet_desired_pods{node="n"} 0.0' in metrics.text()


def test_how_hard_the_api_server_is_asked_can_be_seen() -> None:
    metrics, gate = Metrics(), Gate(Random(1))
    metrics.watch_gate(gate)
    run(throttle(gate))
    assert value(metrics, "rest_client_concurrency_limit") == 8
    assert value(metrics, "rest_client_throttled_total") == 1


async def throttle(gate: Gate) -> None:
    gate.throttle(1)
