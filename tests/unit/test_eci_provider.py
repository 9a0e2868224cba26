"""The ECI provider on the fake, in virtual time: what it finds again, what it ends, what it tells."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from fakes.cloud.settings import CloudSettings, Fault, FaultKind, Latency
from providers import pods
from providers.base import LogOptions, TerminalSize
from providers.data import PodData
from providers.eci.provider import EciProvider
from providers.errors import Invalid, InvalidConfig, NotFound, Permanent, Retryable, Unsupported
from tests.unit.eci_setting import a_pod
from tests.unit.mock_setting import context, virtual_clock
from vksim.clouds.eci import make
from vksim.loop import run

QUICK = {"schedule": Latency(1), "start": Latency(2), "update": Latency(3), "call": Latency(0.01)}


class Setting:
    """A provider on a fake cloud, and all that it has pushed."""

    def __init__(self, **settings: Any) -> None:
        self.clock = virtual_clock()
        self.backend = make(CloudSettings(**{"latencies": QUICK, **settings}), self.clock, Random(1))
        self.backend.patience = 0.1
        self.region = self.backend.service.region
        self.pushed: list[Any] = []
        self.provider = self.new_provider()

    def new_provider(self, **config: Any) -> EciProvider:
        provider = self.backend.provider(context(self.clock, **config))
        assert isinstance(provider, EciProvider)
        provider.notify_pods(self.pushed.append)
        return provider

    async def running(self, pod: Any) -> None:
        await self.provider.create_pod(pod)
        await asyncio.sleep(5)

    def phases(self) -> list[str]:
        return [pods.phase(each) for each in self.pushed]

    def fail(self, kind: FaultKind, *operations: str) -> Callable[[], None]:
        """Have operations fail until the returned function is called."""
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


def scripted(name: str = "web", **script: Any) -> Any:
    return a_pod(name, container={"env": [{"name": "VKSIM_SCRIPT", "value": json.dumps(script)}]})


# --- found again ----------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_create_whose_answer_is_lost_is_found_again(setting: Setting):
    pod = a_pod()
    heal = setting.fail(FaultKind.LOST_ANSWER, "create")
    with pytest.raises(Retryable):
        await setting.provider.create_pod(pod)
    heal()
    await setting.provider.create_pod(pod)
    assert len(setting.backend.groups()) == 1


@in_virtual_time
async def test_a_create_whose_answer_is_lost_is_found_again_even_with_other_data(setting: Setting):
    pod = a_pod()
    heal = setting.fail(FaultKind.LOST_ANSWER, "create")
    with pytest.raises(Retryable):
        await setting.provider.create_pod(pod)
    heal()
    await setting.provider.create_pod(pod, PodData(late_env=(("main", "IP"),)))
    assert len(setting.backend.groups()) == 1


@in_virtual_time
async def test_a_group_that_nobody_heard_of_can_be_deleted(setting: Setting):
    pod = a_pod()
    setting.fail(FaultKind.LOST_ANSWER, "create")
    with pytest.raises(Retryable):
        await setting.provider.create_pod(pod)
    await setting.provider.delete_pod(pod)
    assert setting.backend.groups() == []


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
async def test_a_second_group_of_a_pod_is_ended(setting: Setting):
    await setting.running(a_pod("one"))
    (group,) = setting.backend.groups()
    tags = {f"Tag.{n}.{key}": each[key] for n, each in enumerate(group.parameters["Tag"], 1) for key in each}
    flat = {"ContainerGroupName": "twin", "Container.1.Name": "main", "Container.1.Image": "app:1", **tags}
    assert setting.backend.service.call("CreateContainerGroup", {"RegionId": "cn-hangzhou", **flat}).status == 200
    await asyncio.sleep(30)
    assert [each.id for each in setting.backend.groups()] == [group.id]


@in_virtual_time
async def test_groups_of_the_2018_provider_are_taken_over(setting: Setting):
    old = {"PodName": "web", "NameSpace": "shop", "NodeName": "vk", "UID": "u-1"}
    tags = {}
    for number, (key, value) in enumerate(old.items(), 1):
        tags |= {f"Tag.{number}.Key": key, f"Tag.{number}.Value": value}
    flat = {"ContainerGroupName": "shop-web", "Container.1.Name": "main", "Container.1.Image": "app:1", **tags}
    setting.backend.service.call("CreateContainerGroup", {"RegionId": "cn-hangzhou", **flat})
    (pod,) = await setting.provider.get_pods()
    assert pods.ref(pod) == ("shop", "web", "u-1")


@in_virtual_time
async def test_what_a_former_node_left_behind_is_ended(setting: Setting):
    await setting.running(a_pod())
    heir = setting.backend.provider(context(setting.clock, node="heir", FormerNodes=["vk"]))
    await heir.start()
    await asyncio.sleep(30)
    await heir.close()
    assert setting.backend.groups() == []


def test_a_list_that_breaks_off_is_an_error_and_not_a_short_list():
    async def play() -> None:
        setting = Setting()
        await asyncio.gather(*(setting.provider.create_pod(a_pod(f"web-{number}")) for number in range(250)))
        setting.fail(FaultKind.OUTAGE, "list")
        with pytest.raises(Retryable):
            await setting.new_provider().get_pods()

    run(play())


@in_virtual_time
async def test_details_are_read_again_now_and_then(setting: Setting):
    await setting.running(a_pod())
    asked = setting.calls("list")
    await setting.provider.get_pods()
    assert setting.calls("list") == asked
    await asyncio.sleep(400)
    await setting.provider.get_pods()
    assert setting.calls("list") == asked + 1


# --- what becomes of groups -----------------------------------------------------------------------------------------


@in_virtual_time
async def test_what_becomes_of_a_group_is_pushed(setting: Setting):
    await setting.provider.create_pod(scripted(run_for=10))
    await asyncio.sleep(60)
    assert setting.phases()[0] == "Pending"
    assert "Running" in setting.phases()
    assert setting.pushed[-1]["status"]["containerStatuses"][0]["restartCount"] >= 1


@in_virtual_time
async def test_nothing_is_pushed_while_nothing_changes(setting: Setting):
    await setting.running(a_pod())
    pushed, described = len(setting.pushed), setting.calls("list")
    await asyncio.sleep(600)
    assert (len(setting.pushed), setting.calls("list")) == (pushed, described)


@in_virtual_time
async def test_at_rest_the_cloud_is_asked_seldom(setting: Setting):
    await setting.running(a_pod())
    asked = setting.calls("status")
    await asyncio.sleep(600)
    assert setting.calls("status") - asked <= 121


@in_virtual_time
async def test_the_end_of_a_deleted_pod_is_told(setting: Setting):
    pod = scripted(ends_after=5)
    await setting.running(pod)
    await setting.provider.delete_pod(pod)
    await asyncio.sleep(10)
    assert pods.all_ended(setting.pushed[-1]["status"])
    with pytest.raises(NotFound):
        await setting.provider.get_pod(pods.ref(pod))


@in_virtual_time
async def test_a_delete_that_was_taken_is_not_sent_again_at_once(setting: Setting):
    pod = scripted(ends_after=25)
    await setting.running(pod)
    await setting.provider.delete_pod(pod)
    await setting.provider.delete_pod(pod)
    assert setting.calls("delete") == 1


@in_virtual_time
async def test_a_pod_that_the_cloud_does_not_have_is_not_found(setting: Setting):
    for call in (setting.provider.delete_pod(a_pod()), setting.provider.get_pod(pods.ref(a_pod()))):
        with pytest.raises(NotFound):
            await call


@in_virtual_time
async def test_a_reclaimed_group_is_an_evicted_pod(setting: Setting):
    pod = a_pod()
    pod["metadata"]["annotations"] = {"k8s.aliyun.com/eci-spot-strategy": "SpotAsPriceGo"}
    await setting.running(pod)
    assert setting.backend.interrupt(1.0) == 1
    await asyncio.sleep(10)
    assert pods.is_deleting(setting.pushed[-1])


@in_virtual_time
async def test_an_outage_is_followed_by_what_was_missed(setting: Setting):
    await setting.running(scripted(run_for=60))
    heal = setting.fail(FaultKind.OUTAGE)
    await asyncio.sleep(120)
    heal()
    await asyncio.sleep(40)
    assert setting.pushed[-1]["status"]["containerStatuses"][0]["restartCount"] >= 1


# --- updates --------------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_only_a_changed_image_is_sent(setting: Setting):
    pod = a_pod()
    await setting.running(pod)
    await setting.provider.update_pod(pod)
    assert setting.calls("update") == 0
    (container,) = pod["spec"]["containers"]
    changed = {**pod, "spec": {**pod["spec"], "containers": [{**container, "image": "app:2"}]}}
    await setting.provider.update_pod(changed)
    await asyncio.sleep(10)
    assert setting.backend.groups()[0].containers[0]["Image"] == "app:2"
    never = {**changed, "spec": {**changed["spec"], "restartPolicy": "Never", "containers": [container]}}
    with pytest.raises(Unsupported):
        await setting.provider.update_pod(never)


# --- errors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "expected"), [("retryable", Retryable), ("permanent", Permanent), ("invalid", Invalid)]
)
def test_the_clouds_errors_become_the_providers(error: str, expected: type[Exception]):
    async def play() -> None:
        setting = Setting()
        with pytest.raises(expected):
            await setting.provider.create_pod(scripted(create_error=error))

    run(play())


def test_a_full_zone_is_passed_over_and_a_full_region_is_tried_later():
    async def play() -> None:
        setting = Setting(faults=(Fault(FaultKind.NO_CAPACITY, resources=("cn-hangzhou-b/*",)),))
        await setting.provider.create_pod(a_pod())
        assert setting.backend.groups()[0].place.zone == "cn-hangzhou-h"
        setting.fail(FaultKind.NO_CAPACITY, "create")
        with pytest.raises(Retryable, match="NoStock") as full:
            await setting.provider.create_pod(a_pod())
        assert full.value.delay == timedelta(seconds=30)

    run(play())


def test_a_wrong_region_ends_the_start_with_one_line():
    async def play() -> None:
        setting = Setting()
        provider = setting.new_provider(Region="cn-nowhere")
        with pytest.raises(InvalidConfig, match=r"mock\.yaml: Region: 'cn-nowhere' is none of ap-southeast-1, "):
            await provider.start()

    run(play())


def test_a_cloud_that_is_down_does_not_keep_a_node_from_starting():
    async def play() -> None:
        setting = Setting(faults=(Fault(FaultKind.OUTAGE),))
        await setting.provider.start()
        with pytest.raises(Retryable):
            await setting.provider.ping()
        await setting.provider.close()

    run(play())


def test_a_check_tells_what_is_missing():
    async def play() -> None:
        setting = Setting(quotas={"vCPU": 10})
        findings = await setting.new_provider(VSwitches=[], ClusterDNS=[], CPU="20").check()
        assert [each.what for each in findings if each.verdict == "warning"] == ["vSwitches", "ClusterDNS", "vCPU"]

    run(play())


# --- logs, commands, use --------------------------------------------------------------------------------------------


async def text_of(pieces: AsyncIterator[bytes]) -> list[str]:
    return b"".join([piece async for piece in pieces]).decode().splitlines()


@in_virtual_time
async def test_a_followed_log_has_each_line_once(setting: Setting):
    pod = scripted(run_for=100, log_every=0.5)
    pod["spec"]["restartPolicy"] = "Never"
    await setting.running(pod)
    lines = await text_of(setting.provider.container_logs(pods.ref(pod), "main", LogOptions(follow=True)))
    assert lines == ["main started", *(f"main line {number}" for number in range(1, 201))]


@in_virtual_time
async def test_the_end_of_a_log_can_be_asked_for(setting: Setting):
    pod = scripted(log_every=1)
    await setting.running(pod)
    await asyncio.sleep(20)
    options = LogOptions(tail_lines=2)
    assert len(await text_of(setting.provider.container_logs(pods.ref(pod), "main", options))) == 2
    assert await text_of(setting.provider.container_logs(pods.ref(pod), "main", LogOptions(tail_lines=0))) == []


@in_virtual_time
async def test_the_log_of_a_container_that_is_not_there_is_not_found(setting: Setting):
    pod = a_pod()
    await setting.running(pod)
    with pytest.raises(NotFound):
        await text_of(setting.provider.container_logs(pods.ref(pod), "other", LogOptions()))


class User:
    """Types lines, and sees what comes."""

    tty = False

    def __init__(self, *typed: bytes) -> None:
        self._typed = typed
        self.seen = b""

    async def stdin(self) -> AsyncIterator[bytes]:
        for each in self._typed:
            yield each

    async def write_stdout(self, data: bytes) -> None:
        self.seen += data

    async def write_stderr(self, data: bytes) -> None:
        self.seen += data

    async def resizes(self) -> AsyncIterator[TerminalSize]:
        yield TerminalSize(80, 24)


@in_virtual_time
async def test_a_command_reads_what_is_typed_and_ends_with_its_code(setting: Setting):
    pod = a_pod()
    await setting.running(pod)
    user = User(b"echo hello\n", b"exit 3\n")
    assert await setting.provider.exec_in_container(pods.ref(pod), "main", ["sh"], user) == 3
    assert user.seen == b"hello\n"


@in_virtual_time
async def test_use_is_summed_up_for_pods_and_node(setting: Setting):
    await setting.running(a_pod("one"))
    await setting.running(a_pod("two"))
    summary = await setting.provider.stats_summary()
    assert [each["podRef"]["name"] for each in summary["pods"]] == ["one", "two"]
    assert summary["node"]["cpu"]["usageNanoCores"] == 20_000_000
    names = {each.name for each in await setting.provider.resource_metrics()}
    assert {
        "node_cpu_usage_seconds_total",
        "pod_memory_working_set_bytes",
        "container_cpu_usage_seconds_total",
    } <= names


@in_virtual_time
async def test_what_is_only_nearly_so_is_told(setting: Setting):
    pod = a_pod(container={"ports": [{"containerPort": 80, "hostPort": 80}]})
    assert "hostPort" in setting.provider.approximations(pod, PodData())[0]
