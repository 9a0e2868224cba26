"""Many pods through the production runner, provider and client on the fake, with a cloud as slow as the real one."""

import asyncio
from collections import Counter
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from fakes.apiserver.server import ApiServer
from fakes.cloud.settings import CloudSettings, Fault, FaultKind, Rate
from features.factories import PodFactory
from runner import kube
from runner.agent import Agent
from runner.config import RunnerConfig
from runner.context import provider_context
from vksim.clouds.aci import AciBackend, make
from vksim.kube import InProcessKube
from vksim.loop import VirtualLoop, ports

QUARTER = 15 * 60.0

SETTINGS = CloudSettings(
    quotas={"ContainerGroups": 2000, "StandardCores": 2000},
    rates={
        "creates-pt1h": Rate(3600, 1.0, ("creates-pt1h", "create")),
        "creates-pt5m": Rate(600, 2.0, ("creates-pt5m", "create")),
        "deletes-pt1h": Rate(3600, 1.0, ("deletes-pt1h", "delete")),
        "deletes-pt5m": Rate(600, 2.0, ("deletes-pt5m", "delete")),
    },
    faults=(
        Fault(FaultKind.THROTTLED, after=20, until=20 + QUARTER),
        Fault(FaultKind.LOST_ANSWER, operations=("create", "delete"), probability=0.1),
        Fault(FaultKind.LOST_REQUEST, probability=0.02),
    ),
)


class Setting:
    """A cluster with one node on ACI."""

    def __init__(self, loop: VirtualLoop, settings: CloudSettings) -> None:
        chance = ports(loop, Random("runner"))
        self.loop = loop
        self.server = ApiServer(now=chance.clock.now, random=Random("api"))
        self.api = InProcessKube(self.server)
        self.cloud: AciBackend = make(settings, chance.clock, Random("cloud"))
        config = RunnerConfig(node_name="vk", internal_ip="192.0.2.1", poll_interval=timedelta(seconds=5))
        self.provider = self.cloud.provider(provider_context(self.api, config, chance, {}, "test"))
        self.agent = Agent(self.api, self.provider, config, chance)

    async def pods(self) -> list[dict[str, Any]]:
        return list((await self.api.list(kube.PODS))["items"])

    async def until(self, what: str, phases: Counter[str], *, within: float) -> None:
        deadline = self.loop.time() + within
        while True:
            seen = Counter(each.get("status", {}).get("phase", "Pending") for each in await self.pods())
            if seen == phases:
                return
            assert self.loop.time() < deadline, f"{what}: {seen}"
            await asyncio.sleep(10)


async def _story(setting: Setting, count: int) -> None:
    running = asyncio.ensure_future(setting.agent.run())
    await setting.agent.ready.wait()
    for number in range(count):
        pod = PodFactory(metadata__name=f"pod-{number}")
        await setting.api.create(kube.PODS, {**pod, "spec": {**pod["spec"], "nodeName": "vk"}}, "default")
    await setting.until("all run", Counter(Running=count), within=4 * 3600)
    groups = list(setting.cloud.pods())
    assert len(groups) == count
    assert {each.uid for each in groups} == {each["metadata"]["uid"] for each in await setting.pods()}
    assert set(setting.cloud.cloud.groups.starts.values()) == {1}
    for each in await setting.pods():
        await setting.api.delete(kube.PODS, each["metadata"]["name"], "default", grace_period_seconds=1)
    await setting.until("all are gone", Counter(), within=4 * 3600)
    await asyncio.sleep(1800)
    assert list(setting.cloud.groups()) == []
    running.cancel()
    await asyncio.wait([running])


def test_a_group_whose_deletion_azure_forgot_is_deleted_again() -> None:
    async def story() -> None:
        running = asyncio.ensure_future(setting.agent.run())
        await setting.agent.ready.wait()
        pod = PodFactory(metadata__name="leak")
        await setting.api.create(kube.PODS, {**pod, "spec": {**pod["spec"], "nodeName": "vk"}}, "default")
        await setting.until("it runs", Counter(Running=1), within=600)
        setting.cloud.cloud.groups.ignored_deletes = 2
        await setting.api.delete(kube.PODS, "leak", "default", grace_period_seconds=0)
        await asyncio.sleep(900)
        assert list(setting.cloud.groups()) == []
        running.cancel()
        await asyncio.wait([running])

    loop = VirtualLoop()
    setting = Setting(loop, CloudSettings())
    loop.run_until_complete(story())
    loop.close()


@pytest.mark.parametrize("count", [200, pytest.param(1000, marks=pytest.mark.slow)])
def test_many_pods_survive_throttling_and_lost_answers(count: int) -> None:
    loop = VirtualLoop()
    setting = Setting(loop, SETTINGS)
    loop.run_until_complete(_story(setting, count))
    calls = setting.cloud.model.counts
    assert sum(count for (_, outcome), count in calls.items() if outcome == FaultKind.THROTTLED) > 0
    assert calls["create", "lost-answer"] > 5
    reads = sum(count for (operation, _), count in calls.items() if operation in ("get", "list"))
    assert reads / (loop.time() / 3600) < 12_000
    loop.close()
