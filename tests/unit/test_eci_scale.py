"""Thousands of pods through the production runner, provider and SDK, on a cloud that is slow, full and forgetful."""

import asyncio
from collections import Counter
from datetime import timedelta
from random import Random
from typing import Any

import msgspec
import pytest

from fakes.apiserver.server import ApiServer
from fakes.cloud.settings import Fault, FaultKind
from fakes.eci.defaults import REALISTIC
from features.factories import PodFactory
from runner import kube
from runner.agent import Agent
from runner.config import RunnerConfig
from runner.context import provider_context
from vksim.clouds.eci import EciBackend, make
from vksim.kube import InProcessKube
from vksim.loop import VirtualClock, VirtualLoop, ports, run

NODES = 2
FAULTS = (
    Fault(FaultKind.NO_CAPACITY, resources=("cn-hangzhou-b*",), after=10, until=900),
    Fault(FaultKind.THROTTLED, operations=("create", "list", "status"), after=60, until=120, probability=0.7),
    Fault(FaultKind.LOST_ANSWER, operations=("create", "delete"), probability=0.02),
)


class Cloud:
    """A cluster with nodes on one fake cloud."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self.clock = VirtualClock(loop)
        self.server = ApiServer(now=self.clock.now, random=Random(1))
        self.api = InProcessKube(self.server)
        settings = msgspec.structs.replace(REALISTIC, faults=FAULTS)
        self.backend: EciBackend = make(settings, self.clock, Random(2))
        self._loop = loop

    async def serve(self, number: int) -> None:
        config = RunnerConfig(node_name=f"vk-{number}", internal_ip="192.0.2.1")
        own = ports(self._loop, Random(f"runner {number}"))
        api = InProcessKube(self.server)
        provider = self.backend.provider(provider_context(api, config, own, {}, "test"))
        await provider.start()
        try:
            await Agent(api, provider, config, own).run()
        finally:
            await provider.close()

    async def phases(self) -> Counter[str]:
        items = (await self.api.list(kube.PODS))["items"]
        return Counter((each.get("status") or {}).get("phase", "none") for each in items)

    def doubled(self) -> dict[Any, int]:
        made = self.backend.service.region.made_with_tag
        return {pair: count for pair, count in made.items() if pair[0] == "vk-uid" and count > 1}


async def play(count: int) -> None:
    cloud = Cloud()
    runners = [asyncio.create_task(cloud.serve(number)) for number in range(NODES)]
    for number in range(count):
        pod = PodFactory(metadata__name=f"web-{number}")
        spec = {**pod["spec"], "nodeName": f"vk-{number % NODES}"}
        await cloud.api.create(kube.PODS, {**pod, "spec": spec}, "default")
    async with asyncio.timeout(3600):
        while await cloud.phases() != {"Running": count}:  # noqa: ASYNC110  (looks, as a user does)
            await asyncio.sleep(10)
    zones = Counter(each.place.zone for each in cloud.backend.groups())
    assert sum(zones.values()) == count
    assert not cloud.doubled()
    for number in range(count):
        await cloud.api.delete(kube.PODS, f"web-{number}", "default")
    async with asyncio.timeout(3600):
        while await cloud.phases():  # noqa: ASYNC110  (looks, as a user does)
            await asyncio.sleep(10)
    await asyncio.sleep(120)
    assert cloud.backend.groups() == []
    for each in runners:
        each.cancel()
    await asyncio.wait(runners)


@pytest.mark.parametrize("count", [200, pytest.param(2000, marks=pytest.mark.slow)])
def test_nothing_is_lost_doubled_or_leaked(count: int):
    run(play(count), until=timedelta(hours=2))
