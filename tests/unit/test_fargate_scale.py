"""Thousands of pods through the production runner, provider and boto3, within AWS's buckets, on a cloud that fails."""

import asyncio
from collections import Counter
from datetime import datetime, timedelta
from random import Random

import msgspec
import pytest

from fakes.apiserver.server import ApiServer
from fakes.cloud.model import Call
from fakes.cloud.settings import Fault, FaultKind
from fakes.fargate.defaults import REALISTIC
from features.factories import PodFactory
from runner import kube
from runner.agent import Agent
from runner.config import RunnerConfig
from runner.context import provider_context
from vksim.clouds.fargate import make
from vksim.kube import InProcessKube
from vksim.loop import VirtualClock, VirtualLoop, ports, run

NODES = 2
SHAPES = ({"cpu": "250m"}, {"cpu": "500m"}, {"cpu": "1"}, {"cpu": "2"}, {"memory": "9Gi"})
FULL = Fault(FaultKind.NO_CAPACITY, operations=("create",), after=40, until=640)
LOST = Fault(FaultKind.LOST_ANSWER, operations=("create",), probability=0.01)


class Cloud:
    """A cluster with nodes on one fake cloud."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self.clock = VirtualClock(loop)
        self.server = ApiServer(now=self.clock.now, random=Random(1))
        self.api = InProcessKube(self.server)
        self.backend = make(msgspec.structs.replace(REALISTIC, faults=faults), self.clock, Random(2))
        self.backend.config["CapacityProvider"] = "FARGATE_SPOT"
        self.launches: list[datetime] = []
        self.backend.model.listeners.append(self._heard)
        self._loop = loop

    async def serve(self, number: int) -> None:
        config = RunnerConfig(node_name=f"vk-{number}", internal_ip="192.0.2.1")
        own = ports(self._loop, Random(f"runner {number}"))
        provider = self.backend.provider(provider_context(InProcessKube(self.server), config, own, {}, "test"))
        await provider.start()
        try:
            await Agent(self.api, provider, config, own).run()
        finally:
            await provider.close()

    async def create(self, count: int) -> None:
        for number in range(count):
            pod = PodFactory(metadata__name=f"web-{number}")
            main = {**pod["spec"]["containers"][0], "resources": {"requests": SHAPES[number % len(SHAPES)]}}
            spec = {**pod["spec"], "nodeName": f"vk-{number % NODES}", "containers": [main]}
            await self.api.create(kube.PODS, {**pod, "spec": spec}, "default")

    async def phases(self) -> Counter[str]:
        items = (await self.api.list(kube.PODS))["items"]
        return Counter((each.get("status") or {}).get("phase", "none") for each in items)

    async def until(self, **wanted: int) -> None:
        async with asyncio.timeout(7200):
            while await self.phases() != wanted:  # noqa: ASYNC110  (looks, as a user does)
                await asyncio.sleep(5)

    def _heard(self, call: Call) -> None:
        if call.operation == "create" and call.outcome in ("ok", FaultKind.LOST_ANSWER):
            self.launches.append(call.at)


async def play(count: int, faults: tuple[Fault, ...]) -> Cloud:
    cloud = Cloud(faults)
    runners = [asyncio.create_task(cloud.serve(number)) for number in range(NODES)]
    await cloud.create(count)
    await cloud.until(Running=count)
    model, made = cloud.backend.model, cloud.backend.service.account.made
    assert not [each for each, of_it in made.items() if of_it > 1], "run twice"
    assert len(cloud.backend.service.account.definitions) == len(SHAPES)
    assert not [pair for pair in model.counts if pair[1] == FaultKind.THROTTLED]
    taken = cloud.backend.interrupt(0.25)
    assert taken == round(count * 0.25)
    await cloud.until(Running=count - taken)
    for each in (await cloud.api.list(kube.PODS))["items"]:
        await cloud.api.delete(kube.PODS, each["metadata"]["name"], "default")
    await cloud.until()
    await asyncio.sleep(180)
    assert cloud.backend.tasks() == []
    for each in runners:
        each.cancel()
    await asyncio.wait(runners)
    return cloud


@pytest.mark.parametrize("count", [150, pytest.param(2000, marks=pytest.mark.slow)])
def test_nothing_is_lost_doubled_or_leaked_and_no_bucket_overflows(count: int):
    run(play(count, (FULL, LOST)), until=timedelta(hours=3))


def test_launches_run_at_nearly_the_rate_that_aws_allows():
    cloud = run(play(600, (LOST,)), until=timedelta(hours=1))
    took = (cloud.launches[500] - cloud.launches[100]).total_seconds()
    assert 18 <= 400 / took <= 20
