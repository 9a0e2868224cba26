"""How a running pod's files are kept up to date (``runner.reconciler``, ``runner.pod_data``), in virtual time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from random import Random
from typing import Any

import pytest

from fakes.apiserver.server import ApiServer
from features.factories import a_pod, running
from providers.data import PodData
from providers.errors import Retryable
from runner import kube
from runner.config import RunnerConfig
from runner.events import EventRecorder
from runner.reconciler import Reconciler
from vksim import loop as virtual
from vksim.kube import InProcessKube

LOG = logging.getLogger("test")
CONFIG: dict[str, Any] = {"name": "config", "configMap": {"name": "settings"}}
TOKEN: dict[str, Any] = {
    "name": "access",
    "projected": {"sources": [{"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}}]},
}


class Cloud:
    """Takes what it is given, when it feels like it."""

    def __init__(self) -> None:
        self.given: dict[str, PodData] = {}
        self.creates_take = 0.0
        self.failing_updates = 0
        self.updates = 0

    async def create_pod(self, pod: dict[str, Any], data: PodData) -> None:
        await asyncio.sleep(self.creates_take)
        self.given[pod["metadata"]["name"]] = data

    async def update_volumes(self, pod: dict[str, Any], data: PodData) -> None:
        if self.failing_updates:
            self.failing_updates -= 1
            raise Retryable("not now")
        self.updates += 1
        self.given[pod["metadata"]["name"]] = data

    async def capacity(self) -> dict[str, str]:
        return {}

    def content(self, pod: str = "pod") -> list[str]:
        return [file.data.decode() for files in self.given[pod].files.values() for file in files]


class Play:
    """A reconciler between an API server, whose answers can be refused, and a cloud."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, virtual.VirtualLoop)
        ports = virtual.ports(loop, Random(0))
        server = ApiServer(now=ports.clock.now, random=Random(0))
        self.user = InProcessKube(server)
        self.refused: dict[tuple[str, str], kube.ApiError] = {}
        self.asked: list[tuple[str, str]] = []
        api = InProcessKube(server, before=self._before)
        self.cloud = Cloud()
        self.events = EventRecorder(api, "test", clock=ports.clock, random=ports.random, log=LOG)
        config = RunnerConfig(node_name="vk")
        self.subject = Reconciler(api, self.cloud, config, ports, self.events, LOG)  # type: ignore[arg-type]
        self.tasks = [asyncio.create_task(self.subject.run()), asyncio.create_task(self.events.run())]
        self.subject.open([])

    def _before(self, verb: str, resource: kube.Resource) -> None:
        self.asked.append((verb, resource.plural))
        if (verb, resource.plural) in self.refused:
            raise self.refused[verb, resource.plural]

    def count(self, verb: str, plural: str) -> int:
        return self.asked.count((verb, plural))

    async def bind(self, spec: Mapping[str, Any], name: str = "pod", *, runs: bool = True) -> dict[str, Any]:
        pod = a_pod()
        pod["metadata"] = {"name": name, "namespace": "default"}
        pod["spec"] = {**pod["spec"], "nodeName": "vk", "automountServiceAccountToken": False, **spec}
        pod = await self.user.create(kube.PODS, pod, "default")
        self.subject.pod_changed(pod)
        await asyncio.sleep(0.2)
        if runs:
            self.subject.reported({**pod, "status": running()})  # type: ignore[typeddict-item,arg-type]
            await asyncio.sleep(0.2)
        return pod

    async def settings(self, value: str) -> None:
        try:
            await self.user.patch(kube.CONFIG_MAPS, "settings", {"data": {"colour": value}}, "default")
        except kube.NotFound:
            made = {"metadata": {"name": "settings"}, "data": {"colour": value}}
            await self.user.create(kube.CONFIG_MAPS, made, "default")

    async def reasons(self) -> list[str]:
        return [each["reason"] for each in (await self.user.list(kube.EVENTS, "default"))["items"]]


def play(scene: Callable[[Play], Awaitable[None]]) -> None:
    async def main() -> None:
        stage = Play()
        await scene(stage)
        stage.subject.close()
        for task in stage.tasks:
            task.cancel()
        await asyncio.gather(*stage.tasks, return_exceptions=True)

    virtual.run(main())


def test_a_change_that_the_cloud_did_not_take_is_offered_again() -> None:
    async def scene(stage: Play) -> None:
        await stage.settings("blue")
        await stage.bind({"volumes": [CONFIG]})
        await asyncio.sleep(5)
        stage.cloud.failing_updates = 2
        await stage.settings("red")
        await asyncio.sleep(60)
        assert stage.cloud.content() == ["red"]

    play(scene)


def test_a_change_that_could_not_be_read_is_read_again() -> None:
    async def scene(stage: Play) -> None:
        await stage.settings("blue")
        await stage.bind({"volumes": [CONFIG]})
        await asyncio.sleep(5)
        stage.refused["get", "configmaps"] = kube.Unavailable("later", code=503)
        await stage.settings("red")
        await asyncio.sleep(1)
        del stage.refused["get", "configmaps"]
        await asyncio.sleep(60)
        assert stage.cloud.content() == ["red"]

    play(scene)


def test_a_change_right_after_another_pod_has_read_the_object_is_seen() -> None:
    async def scene(stage: Play) -> None:
        await stage.settings("blue")
        await stage.bind({"volumes": [CONFIG]})
        await asyncio.sleep(5)
        await stage.bind({"volumes": [CONFIG]}, "other")
        await stage.settings("red")
        await asyncio.sleep(60)
        assert stage.cloud.content("pod") == stage.cloud.content("other") == ["red"]

    play(scene)


def test_a_change_while_the_cloud_takes_the_pod_is_seen() -> None:
    async def scene(stage: Play) -> None:
        await stage.settings("blue")
        await stage.bind({"volumes": [CONFIG]})
        await asyncio.sleep(5)
        stage.cloud.creates_take = 30.0
        slow = await stage.bind({"volumes": [CONFIG]}, "slow", runs=False)
        await asyncio.sleep(10)
        await stage.settings("red")
        await asyncio.sleep(30)
        stage.subject.reported({**slow, "status": running()})  # type: ignore[typeddict-item,arg-type]
        await asyncio.sleep(10)
        assert stage.cloud.content("slow") == ["red"]

    play(scene)


def test_a_token_that_cannot_be_renewed_is_asked_for_now_and_then_and_told() -> None:
    async def scene(stage: Play) -> None:
        await stage.bind({"volumes": [TOKEN]})
        before = stage.count("create", "serviceaccounts")
        stage.refused["create", "serviceaccounts"] = kube.Forbidden("no", code=403)
        await asyncio.sleep(3600)
        assert 1 <= stage.count("create", "serviceaccounts") - before <= 30
        assert "FailedMount" in await stage.reasons()
        stage.refused.clear()
        old = stage.cloud.content()
        await asyncio.sleep(120)
        assert stage.cloud.content() != old

    play(scene)


def test_a_token_is_kept_while_other_volumes_change() -> None:
    async def scene(stage: Play) -> None:
        await stage.settings("blue")
        await stage.bind({"volumes": [CONFIG, TOKEN]})
        await asyncio.sleep(5)
        token = stage.cloud.content()[1]
        await stage.settings("red")
        await asyncio.sleep(5)
        assert stage.cloud.content() == ["red", token]
        assert stage.count("create", "serviceaccounts") == 1

    play(scene)


def test_status_is_written_though_the_files_cannot_be_brought_up_to_date() -> None:
    async def scene(stage: Play) -> None:
        await stage.settings("blue")
        pod = await stage.bind({"volumes": [CONFIG]})
        await asyncio.sleep(5)
        stage.cloud.failing_updates = 1000
        await stage.settings("red")
        await asyncio.sleep(300)
        status = running()
        status["podIP"] = "10.9.9.9"
        stage.subject.reported({**pod, "status": status})  # type: ignore[typeddict-item,arg-type]
        await asyncio.sleep(0.5)
        assert (await stage.user.get(kube.PODS, "pod", "default"))["status"]["podIP"] == "10.9.9.9"

    play(scene)


def test_a_pod_that_is_over_is_told_nothing_more() -> None:
    async def scene(stage: Play) -> None:
        await stage.settings("blue")
        pod = await stage.bind({"volumes": [CONFIG]})
        await asyncio.sleep(5)
        assert len(stage.subject._watches) == 1
        over = {**pod, "status": {"phase": "Succeeded"}}
        metadata = {**pod["metadata"], "resourceVersion": str(int(pod["metadata"]["resourceVersion"]) + 1000)}
        stage.subject.pod_changed({**over, "metadata": metadata})
        assert len(stage.subject._watches) == 0

    play(scene)


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"imagePullSecrets": [{"name": "hub"}]}, "FailedToRetrieveImagePullSecret"),
        (
            {"containers": [{"name": "c", "image": "i", "envFrom": [{"secretRef": {"name": "s", "optional": True}}]}]},
            "FailedToReadOptionalSecret",
        ),
    ],
)
def test_what_a_pod_can_do_without_does_not_hold_it_back_when_it_may_not_be_read(
    spec: dict[str, Any], reason: str
) -> None:
    async def scene(stage: Play) -> None:
        stage.refused["get", "secrets"] = kube.Forbidden("no secrets for you", code=403)
        await stage.bind(spec)
        assert "pod" in stage.cloud.given
        assert reason in await stage.reasons()

    play(scene)


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"volumes": [{"name": "v", "secret": {"secretName": "s"}}]}, "FailedMount"),
        (
            {"containers": [{"name": "c", "image": "i", "envFrom": [{"secretRef": {"name": "s"}}]}]},
            "FailedToReadMandatorySecret",
        ),
    ],
)
def test_what_a_pod_needs_and_may_not_be_read_holds_it_back_with_an_event(spec: dict[str, Any], reason: str) -> None:
    async def scene(stage: Play) -> None:
        stage.refused["get", "secrets"] = kube.Forbidden("no secrets for you", code=403)
        await stage.bind(spec, runs=False)
        assert not stage.cloud.given
        assert reason in await stage.reasons()

    play(scene)


def test_a_thousand_pods_with_one_config_map_cost_one_watch_and_hardly_a_read() -> None:
    async def scene(stage: Play) -> None:
        await stage.settings("blue")
        pod = a_pod()
        pod["spec"] = {**pod["spec"], "nodeName": "vk", "automountServiceAccountToken": False, "volumes": [CONFIG]}
        for number in range(1000):
            made = {**pod, "metadata": {"name": f"pod-{number}", "namespace": "default"}}
            stage.subject.pod_changed(await stage.user.create(kube.PODS, made, "default"))
        await asyncio.sleep(10)
        assert len(stage.cloud.given) == 1000
        assert stage.count("watch", "configmaps") == 1
        assert stage.count("get", "configmaps") <= 3
        await stage.settings("red")
        await asyncio.sleep(10)
        assert all(stage.cloud.content(f"pod-{number}") == ["red"] for number in range(1000))
        assert stage.count("get", "configmaps") <= 4

    play(scene)
