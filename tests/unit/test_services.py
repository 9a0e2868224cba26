"""What pods are told of Services (``runner.services``), over a fake API server in virtual time."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import pytest

from fakes.apiserver.server import ApiServer
from features.factories import BoundPodFactory
from runner import kube
from runner.services import Services
from vksim import loop as virtual
from vksim.kube import InProcessKube

SHOP: dict[str, Any] = {"metadata": {"name": "shop"}, "spec": {"ports": [{"port": 80}], "clusterIP": "10.96.0.7"}}
MASTER: dict[str, Any] = {
    "metadata": {"name": "kubernetes"},
    "spec": {"ports": [{"port": 443}], "clusterIP": "10.96.0.1"},
}


class Said(logging.Handler):
    """What was logged."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


class Stage:
    def __init__(self, namespace: str = "") -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, virtual.VirtualLoop)
        server = ApiServer(now=virtual.ports(loop, Random(0)).clock.now, random=Random(0))
        self.user = InProcessKube(server)
        self.asked: list[str] = []
        self.error: kube.ApiError | None = None
        api = InProcessKube(server, before=self._before)
        self.said = Said()
        log = logging.Logger("test")  # noqa: LOG001  (none that other tests set up)
        log.addHandler(self.said)
        self.subject = Services(api, namespace, Random(0), log)

    def _before(self, verb: str, resource: kube.Resource) -> None:
        self.asked.append(verb)
        if self.error is not None:
            raise self.error

    async def add(self, service: dict[str, Any], namespace: str = "default") -> None:
        with contextlib.suppress(kube.AlreadyExists):
            await self.user.create(kube.NAMESPACES, {"metadata": {"name": namespace}})
        await self.user.create(kube.SERVICES, service, namespace)

    async def names(self, namespace: str = "default", **spec: Any) -> list[str]:
        pod = BoundPodFactory(metadata__namespace=namespace)
        pod["spec"] = {**pod["spec"], **spec}
        found = await self.subject.variables(pod)  # type: ignore[arg-type]
        return [name for name in found if name.endswith("_SERVICE_HOST")]


def play(scene: Callable[[Stage], Awaitable[None]], namespace: str = "") -> None:
    async def main() -> None:
        stage = Stage(namespace)
        await stage.add(MASTER)
        await scene(stage)
        stage.subject.close()
        await asyncio.sleep(0)

    virtual.run(main())


def test_a_thousand_pods_in_several_namespaces_cost_one_list_and_one_watch() -> None:
    async def scene(stage: Stage) -> None:
        for number in range(1000):
            assert await stage.names(f"team-{number % 10}") == ["KUBERNETES_SERVICE_HOST"]
            await asyncio.sleep(0.1)
        assert stage.asked == ["list", "watch"]

    play(scene)


def test_before_the_first_pod_nothing_is_asked() -> None:
    async def scene(stage: Stage) -> None:
        await asyncio.sleep(10)
        assert stage.asked == []

    play(scene)


def test_a_pod_is_told_of_what_is_there_when_it_is_made() -> None:
    async def scene(stage: Stage) -> None:
        assert await stage.names() == ["KUBERNETES_SERVICE_HOST"]
        await stage.add(SHOP)
        await asyncio.sleep(1)
        assert await stage.names() == ["KUBERNETES_SERVICE_HOST", "SHOP_SERVICE_HOST"]
        assert await stage.names(enableServiceLinks=False) == ["KUBERNETES_SERVICE_HOST"]
        assert await stage.names("team") == ["KUBERNETES_SERVICE_HOST"]
        await stage.user.delete(kube.SERVICES, "shop", "default")
        await asyncio.sleep(1)
        assert await stage.names() == ["KUBERNETES_SERVICE_HOST"]

    play(scene)


def test_a_runner_of_one_namespace_looks_there_and_at_the_api_servers_service_only() -> None:
    async def scene(stage: Stage) -> None:
        await stage.add(SHOP, "team")
        assert await stage.names("team") == ["KUBERNETES_SERVICE_HOST", "SHOP_SERVICE_HOST"]
        assert sorted(stage.asked) == ["list", "list", "watch", "watch"]

    play(scene, "team")


def test_a_runner_that_may_not_read_services_says_so_once() -> None:
    async def scene(stage: Stage) -> None:
        stage.error = kube.Forbidden("no Services for you", code=403)
        for _ in range(3):
            assert await stage.names() == []
            await asyncio.sleep(100)
        assert stage.asked == ["list"]
        assert sum("pods get no variables" in each for each in stage.said.messages) == 1

    play(scene)


def test_no_pod_is_made_without_its_variables_because_of_an_outage() -> None:
    async def scene(stage: Stage) -> None:
        stage.error = kube.Unavailable("later", code=503)
        with pytest.raises(kube.Unavailable):
            await stage.names()
        stage.error = None
        await asyncio.sleep(60)
        assert await stage.names() == ["KUBERNETES_SERVICE_HOST"]

    play(scene)
