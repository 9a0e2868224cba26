"""The mock's logs, stats and metrics, in virtual time."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from providers import pods
from providers.base import (
    ContainerAttach,
    ContainerExec,
    ContainerLogs,
    LogOptions,
    Pinger,
    PodNotifier,
    PortForwarder,
    ResourceMetrics,
    StatsSummary,
)
from providers.errors import NotFound
from providers.types import Pod
from tests.unit.mock_setting import Setting, pod_with, run_with_mock
from vksim.loop import EPOCH


async def log_of(mock: Setting, pod: Pod, container: str = "main", **options: Any) -> str:
    pieces = mock.provider.container_logs(pods.ref(pod), container, LogOptions(**options))
    return b"".join([piece async for piece in pieces]).decode()


@run_with_mock
async def test_a_container_writes_its_lines_when_it_starts_and_then_at_its_pace(mock: Setting) -> None:
    pod = pod_with(start_after="0", log="hello\nworld", log_every="10s")
    await mock.provider.create_pod(pod)
    await asyncio.sleep(35)
    assert await log_of(mock, pod) == "hello\nworld\nline 1\nline 2\nline 3\n"


@run_with_mock
async def test_without_a_script_a_container_says_that_it_started(mock: Setting) -> None:
    pod = pod_with()
    await mock.provider.create_pod(pod)
    await asyncio.sleep(5)
    assert await log_of(mock, pod) == "main started\n"


@run_with_mock
async def test_a_container_that_never_ran_has_written_nothing(mock: Setting) -> None:
    pod = pod_with(start_after="1h")
    await mock.provider.create_pod(pod)
    assert await log_of(mock, pod) == ""
    assert await log_of(mock, pod, follow=True) == ""


@run_with_mock
async def test_the_options_are_honoured(mock: Setting) -> None:
    pod = pod_with(start_after="0", log_every="10s")
    await mock.provider.create_pod(pod)
    await asyncio.sleep(35)
    assert await log_of(mock, pod, tail_lines=0) == ""
    assert await log_of(mock, pod, tail_lines=1, timestamps=True) == "2026-01-01T00:00:30.000000000Z line 3\n"
    assert await log_of(mock, pod, since=EPOCH + timedelta(seconds=15)) == "line 2\nline 3\n"
    assert await log_of(mock, pod, limit_bytes=4) == "main"


@run_with_mock
async def test_the_tail_of_a_year_old_log_costs_nothing(mock: Setting) -> None:
    pod = pod_with(start_after="0", log_every="1ms")
    await mock.provider.create_pod(pod)
    await asyncio.sleep(365 * 86400)
    assert await log_of(mock, pod, tail_lines=1) == f"line {365 * 86400 * 1000}\n"


@run_with_mock
async def test_a_follower_sees_lines_as_they_come_and_ends_with_the_container(mock: Setting) -> None:
    pod = pod_with("Never", start_after="0", log_every="10s", run_for="25s")
    await mock.provider.create_pod(pod)
    await asyncio.sleep(5)
    seen = [
        (asyncio.get_running_loop().time(), piece)
        async for piece in mock.provider.container_logs(pods.ref(pod), "main", LogOptions(follow=True))
    ]
    assert seen == [(5, b"main started\n"), (10, b"line 1\n"), (20, b"line 2\n")]
    assert asyncio.get_running_loop().time() == 25


@run_with_mock
async def test_a_follower_of_a_silent_container_just_waits_for_its_end(mock: Setting) -> None:
    pod = pod_with("Never", start_after="0", run_for="240h")
    await mock.provider.create_pod(pod)
    await asyncio.sleep(5)
    assert await log_of(mock, pod, follow=True) == "main started\n"
    assert asyncio.get_running_loop().time() == 240 * 3600


@run_with_mock
async def test_a_follower_ends_when_its_container_is_restarted(mock: Setting) -> None:
    pod = pod_with(start_after="0", run_for="10s", exit_code="1")
    await mock.provider.create_pod(pod)
    await asyncio.sleep(1)
    assert await log_of(mock, pod, follow=True) == "main started\n"
    assert asyncio.get_running_loop().time() == 10


@run_with_mock
async def test_a_follower_ends_when_the_pod_is_deleted(mock: Setting) -> None:
    pod = pod_with(start_after="0")
    await mock.provider.create_pod(pod)
    await asyncio.sleep(1)
    following = asyncio.create_task(log_of(mock, pod, follow=True))
    await asyncio.sleep(1)
    await mock.provider.delete_pod(pod)
    assert await following == "main started\n"


@run_with_mock
async def test_a_follower_ends_when_the_pod_vanishes(mock: Setting) -> None:
    pod = pod_with(start_after="0")
    await mock.provider.create_pod(pod)
    await asyncio.sleep(1)
    following = asyncio.create_task(log_of(mock, pod, follow=True))
    await asyncio.sleep(1)
    mock.cloud.vanish(pods.uid(pod))
    assert await following == "main started\n"
    assert asyncio.get_running_loop().time() == 2


@run_with_mock
async def test_a_follower_ends_when_an_update_restarts_the_container(mock: Setting) -> None:
    pod = pod_with(start_after="0")
    await mock.provider.create_pod(pod)
    await asyncio.sleep(1)
    following = asyncio.create_task(log_of(mock, pod, follow=True))
    await asyncio.sleep(1)
    await mock.provider.update_pod({**pod, "spec": {"containers": [{"name": "main", "image": "app:2"}]}})
    assert await asyncio.wait_for(following, 1) == "main started\n"


@run_with_mock
async def test_a_follower_stops_at_its_limit(mock: Setting) -> None:
    pod = pod_with(start_after="0", log_every="1s")
    await mock.provider.create_pod(pod)
    await asyncio.sleep(0.5)
    assert await log_of(mock, pod, follow=True, limit_bytes=16) == "main started\nlin"


@run_with_mock
async def test_the_previous_run_has_a_log_of_its_own(mock: Setting) -> None:
    pod = pod_with(start_after="0", run_for="25s", exit_code="1", log_every="10s")
    await mock.provider.create_pod(pod)
    await asyncio.sleep(25 + 10 + 5)
    assert await log_of(mock, pod) == "main started\n"
    assert await log_of(mock, pod, previous=True) == "main started\nline 1\nline 2\n"


@run_with_mock
async def test_while_a_container_backs_off_its_latest_log_is_shown(mock: Setting) -> None:
    pod = pod_with(start_after="0", run_for="25s", exit_code="1", log_every="10s")
    await mock.provider.create_pod(pod)
    await asyncio.sleep(30)
    assert await log_of(mock, pod) == await log_of(mock, pod, previous=True) == "main started\nline 1\nline 2\n"


@run_with_mock
async def test_a_first_run_has_no_previous_one(mock: Setting) -> None:
    pod = pod_with()
    await mock.provider.create_pod(pod)
    await asyncio.sleep(5)
    with pytest.raises(NotFound, match="previous terminated container 'main'"):
        await log_of(mock, pod, previous=True)


@run_with_mock
async def test_an_unknown_container_is_not_found(mock: Setting) -> None:
    pod = pod_with()
    await mock.provider.create_pod(pod)
    with pytest.raises(NotFound, match="container 'sidecar' is not in pod"):
        await log_of(mock, pod, "sidecar")


# --- stats and metrics ------------------------------------------------------------------------------------------------


@run_with_mock
async def test_metrics_have_the_names_and_labels_that_metrics_server_reads(mock: Setting) -> None:
    pod = pod_with(start_after="0")
    await mock.provider.create_pod(pod)
    await asyncio.sleep(100)
    metrics = await mock.provider.resource_metrics()
    of_container = {"container": "main", "namespace": "default", "pod": pod["metadata"]["name"]}
    samples = {each.name: each for each in metrics}
    assert samples["container_cpu_usage_seconds_total"].labels == of_container
    assert samples["container_cpu_usage_seconds_total"].value == pytest.approx(1.0)
    assert samples["container_memory_working_set_bytes"].kind == "gauge"
    assert samples["pod_cpu_usage_seconds_total"].labels == {key: of_container[key] for key in ("namespace", "pod")}
    assert {"node_cpu_usage_seconds_total", "node_memory_working_set_bytes"} <= set(samples)


@run_with_mock
async def test_the_summary_has_each_pod_and_the_containers_that_run(mock: Setting) -> None:
    running, waiting = pod_with(start_after="0"), pod_with(never_start="true")
    await mock.provider.create_pod(running)
    await mock.provider.create_pod(waiting)
    await asyncio.sleep(10)
    summary: Any = await mock.provider.stats_summary()
    assert [len(each["containers"]) for each in summary["pods"]] == [1, 0]
    assert summary["pods"][0]["podRef"]["uid"] == pods.uid(running)
    assert summary["node"]["cpu"]["usageNanoCores"] == 10_000_000


@run_with_mock
async def test_use_grows_as_time_passes_and_the_node_uses_what_its_pods_use(mock: Setting) -> None:
    for _ in range(2):
        await mock.provider.create_pod(pod_with(start_after="0"))
    seen: list[Any] = []
    for _ in range(2):
        await asyncio.sleep(60)
        seen.append(await mock.provider.stats_summary())
    for part, measure in (("cpu", "usageCoreNanoSeconds"), ("memory", "workingSetBytes")):
        first, then = (summary["node"][part][measure] for summary in seen)
        assert 0 < first < then
        assert then == sum(pod[part][measure] for pod in seen[-1]["pods"])


@run_with_mock
async def test_the_mock_offers_its_optional_parts(mock: Setting) -> None:
    parts = (PodNotifier, ContainerLogs, ContainerExec, ContainerAttach, PortForwarder, Pinger, StatsSummary)
    for part in (*parts, ResourceMetrics):
        assert isinstance(mock.provider, part)
