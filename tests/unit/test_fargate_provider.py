"""The Fargate provider on the fake, in virtual time: what it finds again, what it tells."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from fakes.cloud.settings import CloudSettings, Fault, FaultKind, Latency
from providers import pods
from providers.base import LogOptions
from providers.errors import Retryable
from providers.fargate.provider import FargateProvider
from tests.unit.fargate_setting import a_pod
from tests.unit.mock_setting import context, virtual_clock
from vksim.clouds.fargate import make
from vksim.loop import run

QUICK = {"schedule": Latency(1), "start": Latency(2), "end": Latency(1), "call": Latency(0.01)}


class Setting:
    """A provider on a fake cloud, and all that it has pushed."""

    def __init__(self) -> None:
        self.clock = virtual_clock()
        self.backend = make(CloudSettings(latencies=QUICK), self.clock, Random(1))
        self.backend.door.patience = 0.1
        self.account = self.backend.service.account
        self.pushed: list[Any] = []
        self.provider = self.new_provider()

    def new_provider(self, **config: Any) -> FargateProvider:
        provider = self.backend.provider(context(self.clock, **config))
        assert isinstance(provider, FargateProvider)
        provider.notify_pods(self.pushed.append)
        return provider

    async def running(self, pod: Any) -> None:
        await self.provider.create_pod(pod)
        await asyncio.sleep(8)

    async def status(self, pod: Any) -> Any:
        return (await self.provider.get_pod(pods.ref(pod)))["status"]

    async def log(self, pod: Any, container: str, **options: Any) -> bytes:
        pieces = self.provider.container_logs(pods.ref(pod), container, LogOptions(**options))
        return b"".join([each async for each in pieces])

    def fail(self, kind: FaultKind, *operations: str) -> Callable[[], None]:
        fault = Fault(kind, operations=operations)
        self.backend.model.faults.append(fault)
        return lambda: self.backend.model.faults.remove(fault)

    def calls(self, operation: str) -> int:
        return sum(count for (name, _), count in self.backend.model.counts.items() if name == operation)


def in_virtual_time(test: Callable[[Setting], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Runs a test with a provider that was started."""

    async def play() -> None:
        setting = Setting()
        await setting.provider.start()
        try:
            await test(setting)
        finally:
            await setting.provider.close()

    def wrapper() -> None:
        run(play(), until=timedelta(days=1))

    wrapper.__name__ = wrapper.__qualname__ = test.__name__
    return wrapper


def scripted(name: str = "web", policy: str = "Never", **script: Any) -> Any:
    variable = {"name": "VKSIM_SCRIPT", "value": json.dumps(script)}
    return a_pod(name, container={"env": [variable]}, restartPolicy=policy)


# --- found again ----------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_launch_whose_answer_is_lost_is_not_done_twice(setting: Setting):
    pod = a_pod()
    heal = setting.fail(FaultKind.LOST_ANSWER, "create")
    with pytest.raises(Retryable):
        await setting.provider.create_pod(pod)
    heal()
    await setting.provider.create_pod(pod)
    assert len(setting.backend.tasks()) == 1


@in_virtual_time
async def test_a_task_that_nobody_heard_of_can_be_deleted(setting: Setting):
    pod = a_pod()
    setting.fail(FaultKind.LOST_ANSWER, "create")
    with pytest.raises(Retryable):
        await setting.provider.create_pod(pod)
    await setting.provider.delete_pod(pod)
    await asyncio.sleep(10)
    assert setting.backend.tasks() == []


@in_virtual_time
async def test_another_process_finds_all_pods_on_all_pages(setting: Setting):
    made = [a_pod(f"web-{number}") for number in range(250)]
    await asyncio.gather(*(setting.provider.create_pod(each) for each in made))
    found = await setting.new_provider().get_pods()
    assert {pods.uid(each) for each in found} == {pods.uid(each) for each in made}


@in_virtual_time
async def test_another_nodes_pods_are_not_shown(setting: Setting):
    await setting.running(a_pod())
    other = setting.backend.provider(context(setting.clock, node="other"))
    assert await other.get_pods() == []


@in_virtual_time
async def test_no_room_holds_all_launches_back_but_a_few(setting: Setting):
    heal = setting.fail(FaultKind.NO_CAPACITY, "create")
    for number in range(50):
        with pytest.raises(Retryable) as refused:
            await setting.provider.create_pod(a_pod(f"web-{number}"))
        assert refused.value.delay is not None
    heal()
    assert setting.calls("create") < 5


@in_virtual_time
async def test_a_container_that_fails_is_run_again_with_the_same_definition(setting: Setting):
    pod = scripted(policy="OnFailure", run_for=5, exit_code=3)
    await setting.running(pod)
    await asyncio.sleep(30)
    container = (await setting.status(pod))["containerStatuses"][0]
    assert container["restartCount"] >= 1
    assert container["lastState"]["terminated"]["exitCode"] == 3
    assert setting.calls("register") == 1


@in_virtual_time
async def test_a_successor_comes_also_after_a_restart_of_the_runner(setting: Setting):
    pod = scripted(policy="Always", run_for=20, exit_code=0)
    await setting.running(pod)
    await setting.provider.close()
    await asyncio.sleep(60)
    later = setting.new_provider()
    await later.start()
    await asyncio.sleep(20)
    assert (await later.get_pod(pods.ref(pod)))["status"]["containerStatuses"][0]["restartCount"] == 1
    await later.close()


@in_virtual_time
async def test_several_containers_end_when_all_have_ended(setting: Setting):
    pod = scripted(run_for=5)
    quick = {**pod["spec"]["containers"][0], "name": "other"}
    pod["spec"]["containers"].append({**quick, "env": [{"name": "VKSIM_SCRIPT", "value": '{"run_for": 10}'}]})
    await setting.running(pod)
    assert (await setting.status(pod))["phase"] == "Running"
    await asyncio.sleep(20)
    status = await setting.status(pod)
    assert [each["state"]["terminated"]["exitCode"] for each in status["containerStatuses"]] == [0, 0]
    assert status["phase"] == "Succeeded"
    assert setting.backend.tasks() == []


@in_virtual_time
async def test_spot_capacity_taken_back_is_told_as_an_eviction(setting: Setting):
    pod = a_pod()
    setting.provider = setting.new_provider(CapacityProvider="FARGATE_SPOT")
    await setting.provider.start()
    await setting.running(pod)
    assert setting.backend.interrupt(1.0) == 1
    await asyncio.sleep(5)
    assert setting.pushed[-1]["metadata"]["deletionTimestamp"]
    assert setting.pushed[-1]["status"]["reason"] == "Preempted"
    await setting.provider.close()


@in_virtual_time
async def test_following_a_log_neither_loses_nor_doubles_a_line(setting: Setting):
    pod = scripted(run_for=30, log_every=1)
    await setting.running(pod)
    text = (await setting.log(pod, "main", follow=True)).decode().splitlines()
    assert text == ["main started", *(f"main line {number}" for number in range(1, 31))]
