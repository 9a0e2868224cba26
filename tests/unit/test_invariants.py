"""Each invariant is tripped by what it is there to find (``vksim.invariants``)."""

import asyncio
import io
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import pytest

from features.factories import BoundPodFactory, ended, running
from providers.mock.cloud import MockCloud
from providers.mock.script import Script
from vksim import loop as virtual
from vksim.invariants import INVARIANTS, End
from vksim.observer import Observer


def violated(end: End) -> list[str]:
    return [each.name for each in INVARIANTS if each.check(end)]


def at_end(scene: Callable[[MockCloud, dict[str, Any]], Awaitable[End]]) -> list[str]:
    """Play a scene with a cloud in which one pod runs, and see which invariants it violates."""

    async def main() -> list[str]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, virtual.VirtualLoop)
        cloud = MockCloud(virtual.VirtualClock(loop), Random(0))
        pod = BoundPodFactory()
        cloud.create(pod, "vk", Script(), "192.0.2.1")
        await asyncio.sleep(5)
        return violated(await scene(cloud, pod))

    return virtual.run(main())


def observer() -> Observer:
    return Observer(lambda: 0.0, io.BytesIO(), lambda pod: None)


def in_api(*pods: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {pod["metadata"]["uid"]: pod for pod in pods}


def test_a_healthy_end_violates_nothing() -> None:
    async def scene(cloud: MockCloud, pod: dict[str, Any]) -> End:
        return End(observer(), in_api({**pod, "status": running()}), cloud)

    assert at_end(scene) == []


def test_a_pod_that_is_deleted_before_its_end_is_lost() -> None:
    async def scene(cloud: MockCloud, pod: dict[str, Any]) -> End:
        seen = observer()
        seen.saw("ADDED", {**pod, "status": running()})
        seen.saw("DELETED", {**pod, "status": running()})
        cloud.vanish(pod["metadata"]["uid"])
        return End(seen, {}, cloud)

    assert at_end(scene) == ["no pod lost"]


def test_a_pod_that_runs_only_in_the_api_is_lost() -> None:
    async def scene(cloud: MockCloud, pod: dict[str, Any]) -> End:
        cloud.vanish(pod["metadata"]["uid"])
        return End(observer(), in_api({**pod, "status": running()}), cloud)

    assert at_end(scene) == ["no pod lost"]


def test_a_pod_started_twice_is_found() -> None:
    async def scene(cloud: MockCloud, pod: dict[str, Any]) -> End:
        cloud.vanish(pod["metadata"]["uid"])
        cloud.create(pod, "vk", Script(), "192.0.2.1")
        await asyncio.sleep(5)
        return End(observer(), in_api({**pod, "status": running()}), cloud)

    assert at_end(scene) == ["none running twice"]


def test_a_pod_that_runs_only_in_the_cloud_is_a_leak() -> None:
    async def scene(cloud: MockCloud, pod: dict[str, Any]) -> End:
        return End(observer(), {}, cloud)

    assert at_end(scene) == ["nothing leaked"]


def test_a_phase_that_the_cloud_does_not_have_is_a_lie() -> None:
    async def scene(cloud: MockCloud, pod: dict[str, Any]) -> End:
        return End(observer(), in_api(pod), cloud)

    assert at_end(scene) == ["the API tells the truth"]


def test_a_pod_that_leaves_a_terminal_phase_is_found() -> None:
    async def scene(cloud: MockCloud, pod: dict[str, Any]) -> End:
        watching = observer()
        for status in (running(), ended(), running()):
            watching.saw("MODIFIED", {**pod, "status": status})
        return End(watching, in_api({**pod, "status": running()}), cloud)

    assert at_end(scene) == ["terminal is terminal"]


def test_a_pod_that_is_still_being_deleted_is_found() -> None:
    async def scene(cloud: MockCloud, pod: dict[str, Any]) -> End:
        metadata = {**pod["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}
        return End(observer(), in_api({**pod, "metadata": metadata, "status": running()}), cloud)

    assert at_end(scene) == ["deleted means gone"]


@pytest.mark.parametrize("api_pods", [{}, None])
def test_a_node_whose_runner_is_down_is_excused(api_pods: dict[str, Any] | None) -> None:
    async def scene(cloud: MockCloud, pod: dict[str, Any]) -> End:
        pod["spec"]["nodeName"] = "vk"
        return End(observer(), in_api(pod) if api_pods is None else api_pods, cloud, frozenset({"vk"}))

    assert at_end(scene) == []
