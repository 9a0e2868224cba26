"""What the pods use, from Azure Monitor."""

import asyncio

import pytest

from fakes.cloud.settings import Fault, FaultKind
from providers import pods
from tests.unit.aci.setting import Azure, a_pod, play


def test_a_running_pod_is_told_with_its_containers() -> None:
    async def story(azure: Azure) -> None:
        pod = a_pod()
        pod["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "2", "memory": "4G"}}
        await azure.running(pod)
        [shown] = (await azure.provider.stats_summary())["pods"]
        assert shown["podRef"]["uid"] == pods.uid(pod)
        [container] = shown["containers"]
        assert container["name"] == "main"
        assert container["cpu"]["usageNanoCores"] == 1_000_000_000
        assert container["memory"]["workingSetBytes"] == 2_000_000_000

    play(story)


def test_counters_grow_with_time() -> None:
    async def story(azure: Azure) -> None:
        await azure.running(a_pod())
        seen = []
        for _ in range(3):
            [pod] = (await azure.provider.stats_summary())["pods"]
            seen.append((pod["cpu"]["usageCoreNanoSeconds"], pod["network"]["rxBytes"]))
            await asyncio.sleep(120)
        assert seen == sorted(seen)
        assert seen[0] < seen[1] < seen[2]
        assert seen[2][0] - seen[1][0] == pytest.approx(60_000_000_000, rel=0.01)

    play(story)


def test_a_minute_is_asked_for_once() -> None:
    async def story(azure: Azure) -> None:
        await azure.running(a_pod())
        for _ in range(5):
            await azure.provider.stats_summary()
            await azure.provider.resource_metrics()
            await asyncio.sleep(10)
        assert azure.calls("metrics") == 2

    play(story)


def test_one_pod_that_azure_tells_nothing_of_does_not_hide_the_others() -> None:
    """Virtual Kubelet's provider fails the whole summary."""

    async def story(azure: Azure) -> None:
        one, two = a_pod(), a_pod()
        await azure.running(one)
        await azure.running(two)
        name = azure.groups()[0].place.name
        azure.model.faults.append(Fault(FaultKind.OUTAGE, operations=("metrics",), resources=(f"*/{name}",)))
        shown = (await azure.provider.stats_summary())["pods"]
        assert [each["podRef"]["uid"] for each in shown] == [pods.uid(two)]

    play(story)


def test_a_pod_that_has_gone_is_forgotten() -> None:
    async def story(azure: Azure) -> None:
        pod = a_pod()
        await azure.running(pod)
        await azure.provider.stats_summary()
        await azure.provider.delete_pod(pod)
        await asyncio.sleep(30)
        await azure.provider.get_pods()
        assert (await azure.provider.stats_summary())["pods"] == []

    play(story)


def test_no_more_is_asked_than_there_are_reads() -> None:
    async def story(azure: Azure) -> None:
        for _ in range(4):
            await azure.running(a_pod())
        azure.provider._account.reads.take(
            azure.provider._account.spare_reads(azure.clock.now()) - 5, azure.clock.now()
        )
        await azure.provider.stats_summary()
        assert azure.calls("metrics") == 4

    play(story)


def test_the_metrics_server_reads_the_same() -> None:
    async def story(azure: Azure) -> None:
        await azure.running(a_pod())
        names = [each.name for each in await azure.provider.resource_metrics()]
        assert names == [
            "container_cpu_usage_seconds_total",
            "container_memory_working_set_bytes",
            "container_start_time_seconds",
            "pod_cpu_usage_seconds_total",
            "pod_memory_working_set_bytes",
        ]

    play(story)
