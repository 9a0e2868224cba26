"""What the reconciler asks of the API server and the provider, call by call (``runner.reconciler``)."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from features.factories import BoundPodFactory, ended, running
from providers.errors import Invalid, NotFound, Permanent, Retryable, Unsupported
from runner import kube
from runner.config import RunnerConfig
from runner.events import EventRecorder
from runner.logs import ConsoleFormatter
from runner.reconciler import Reconciler
from vksim import loop as virtual

LOG = logging.getLogger("test")


class Cluster:
    """Records calls; a status patch is applied as strategic merge would, as far as these tests go."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.refuse: Exception | None = None
        self.pod: dict[str, Any] = {}

    async def patch(self, resource: Any, name: str, patch: Any, namespace: str, **_: Any) -> dict[str, Any]:
        self.calls.append(("patch", name, patch))
        if self.refuse:
            raise self.refuse
        version = int(self.pod["metadata"]["resourceVersion"]) + 1
        metadata = {**self.pod["metadata"], "resourceVersion": str(version)}
        self.pod = {**self.pod, "metadata": metadata, "status": {**self.pod.get("status", {}), **patch["status"]}}
        return self.pod

    async def list(self, *_: Any, **__: Any) -> dict[str, Any]:
        raise kube.Forbidden("no Services for this runner", code=403)

    async def delete(self, resource: Any, name: str, namespace: str, **options: Any) -> dict[str, Any]:
        self.calls.append(("delete", name, options))
        if self.refuse:
            raise self.refuse
        return self.pod


class Cloud:
    """Records calls; each operation fails with what is set for it."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.errors: dict[str, list[Exception]] = {}
        self.hang: dict[str, int] = {}

    def __getattr__(self, operation: str) -> Callable[..., Awaitable[Any]]:
        async def call(argument: Any, *_: Any) -> Any:
            self.calls.append((operation, argument))
            if self.hang.get(operation):
                self.hang[operation] -= 1
                await asyncio.get_running_loop().create_future()
            if self.errors.get(operation):
                raise self.errors[operation].pop(0)
            return None

        return call

    def approximations(self, *_: Any) -> tuple[str, ...]:
        return ()

    def names(self) -> list[str]:
        return [operation for operation, _ in self.calls]


class Stage:
    """A reconciler between the two, in virtual time."""

    def __init__(self, *, at_provider: list[Any] | None = None, namespace: str = "") -> None:
        self.cluster, self.cloud = Cluster(), Cloud()
        loop = asyncio.get_running_loop()
        assert isinstance(loop, virtual.VirtualLoop)
        ports = virtual.ports(loop, Random(0))
        self.events = EventRecorder(self.cluster, "test", clock=ports.clock, random=ports.random, log=LOG)  # type: ignore[arg-type]
        config = RunnerConfig(node_name="vk", namespace=namespace)
        self.subject = Reconciler(self.cluster, self.cloud, config, ports, self.events, LOG)  # type: ignore[arg-type]
        self.task = asyncio.create_task(self.subject.run())
        self.subject.open(at_provider or [])

    async def shows(self, pod: dict[str, Any], seconds: float = 0.1) -> None:
        self.cluster.pod = pod
        self.subject.pod_changed(pod)
        await asyncio.sleep(seconds)


def play(scene: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await scene()

    virtual.run(main())


def deleting(pod: dict[str, Any], grace: int) -> dict[str, Any]:
    metadata = {**pod["metadata"], "deletionTimestamp": "2026-01-01T00:00:30Z", "deletionGracePeriodSeconds": grace}
    return newer({**pod, "metadata": metadata})


def newer(pod: dict[str, Any]) -> dict[str, Any]:
    metadata = pod["metadata"]
    return {**pod, "metadata": {**metadata, "resourceVersion": str(int(metadata["resourceVersion"]) + 1)}}


def test_a_new_pod_costs_the_provider_one_call() -> None:
    async def scene() -> None:
        stage = Stage()
        await stage.shows(BoundPodFactory())
        assert stage.cloud.names() == ["create_pod"]

    play(scene)


def test_a_status_is_written_for_this_uid_only() -> None:
    async def scene() -> None:
        stage, pod = Stage(), BoundPodFactory()
        await stage.shows(pod)
        stage.subject.reported({"metadata": pod["metadata"], "status": running()})
        await asyncio.sleep(0.1)
        ((verb, _, patch),) = stage.cluster.calls
        assert (verb, patch["metadata"]) == ("patch", {"uid": pod["metadata"]["uid"]})

    play(scene)


def test_the_api_object_is_removed_with_no_grace_and_its_uid() -> None:
    async def scene() -> None:
        stage, pod = Stage(), BoundPodFactory()
        await stage.shows(pod)
        await stage.shows(deleting(pod, 30))
        stage.subject.reported({"metadata": pod["metadata"], "status": ended()})
        await asyncio.sleep(0.1)
        assert stage.cluster.calls[-1] == (
            "delete",
            pod["metadata"]["name"],
            {"grace_period_seconds": 0, "uid": pod["metadata"]["uid"]},
        )

    play(scene)


def test_the_provider_is_told_the_grace_that_was_granted() -> None:
    async def scene() -> None:
        stage, pod = Stage(), BoundPodFactory()
        await stage.shows(pod)
        await stage.shows(deleting(pod, 7))
        operation, given = stage.cloud.calls[-1]
        assert (operation, given["metadata"]["deletionGracePeriodSeconds"]) == ("delete_pod", 7)

    play(scene)


def test_a_provider_that_names_a_delay_is_not_asked_before() -> None:
    async def scene() -> None:
        stage = Stage()
        stage.cloud.errors["create_pod"] = [Retryable("busy", delay=timedelta(seconds=100))]
        await stage.shows(BoundPodFactory(), seconds=99)
        assert stage.cloud.names() == ["create_pod"]
        await asyncio.sleep(12)
        assert stage.cloud.names() == ["create_pod", "create_pod"]

    play(scene)


def test_an_unexpected_error_is_logged_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        stage = Stage()
        stage.cloud.errors["create_pod"] = [ZeroDivisionError("a bug")]
        await stage.shows(BoundPodFactory(), seconds=5)
        assert stage.cloud.names() == ["create_pod", "create_pod"]

    play(scene)
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("error", [Permanent("no"), Invalid("no"), Unsupported("no")])
def test_a_final_error_is_not_tried_again(error: Exception) -> None:
    async def scene() -> None:
        stage = Stage()
        stage.cloud.errors["create_pod"] = [error]
        await stage.shows(BoundPodFactory(), seconds=1000)
        assert stage.cloud.names() == ["create_pod"]
        assert stage.cluster.pod["status"]["phase"] == "Failed"

    play(scene)


def test_a_pod_that_the_provider_does_not_find_to_delete_is_removed() -> None:
    async def scene() -> None:
        stage, pod = Stage(), BoundPodFactory()
        await stage.shows(pod)
        stage.cloud.errors["delete_pod"] = [NotFound("gone")]
        await stage.shows(deleting(pod, 30))
        assert stage.cluster.calls[-1][0] == "delete"

    play(scene)


def test_a_left_over_is_killed() -> None:
    async def scene() -> None:
        left = BoundPodFactory(status=running())
        stage = Stage(at_provider=[left])
        await asyncio.sleep(0.1)
        operation, given = stage.cloud.calls[-1]
        assert (operation, given["metadata"]["deletionGracePeriodSeconds"]) == ("delete_pod", 0)

    play(scene)


def test_a_pod_of_another_node_at_the_provider_is_left_alone() -> None:
    async def scene() -> None:
        pod = BoundPodFactory(status=running())
        stage = Stage(at_provider=[{**pod, "spec": {**pod["spec"], "nodeName": "other"}}])
        await asyncio.sleep(1)
        assert stage.cloud.calls == []

    play(scene)


def test_a_pod_of_a_namespace_that_is_not_looked_at_is_left_alone() -> None:
    async def scene() -> None:
        stage = Stage(at_provider=[BoundPodFactory(status=running())], namespace="elsewhere")
        await asyncio.sleep(1)
        assert stage.cloud.calls == []

    play(scene)


def test_a_provider_that_never_answers_is_asked_again() -> None:
    async def scene() -> None:
        stage = Stage()
        stage.cloud.hang["create_pod"] = 1
        await stage.shows(BoundPodFactory(), seconds=299)
        assert stage.cloud.names() == ["create_pod"]
        await asyncio.sleep(10)
        assert stage.cloud.names() == ["create_pod", "create_pod"]

    play(scene)


def test_a_status_that_the_api_server_refuses_is_written_again_later() -> None:
    async def scene() -> None:
        stage, pod = Stage(), BoundPodFactory()
        await stage.shows(pod)
        stage.cluster.refuse = kube.Unavailable("down")
        stage.subject.reported({"metadata": pod["metadata"], "status": running()})
        await asyncio.sleep(10)
        assert 2 <= len(stage.cluster.calls) <= 6
        stage.cluster.refuse = None
        await asyncio.sleep(10)
        assert stage.cluster.pod["status"]["phase"] == "Running"

    play(scene)


def test_an_update_that_the_provider_cannot_do_is_not_tried_again() -> None:
    async def scene() -> None:
        stage, pod = Stage(), BoundPodFactory()
        await stage.shows(pod)
        stage.cloud.errors["update_pod"] = [Unsupported("cannot")]
        containers = [{**pod["spec"]["containers"][0], "image": "other:2"}]
        await stage.shows(newer({**pod, "spec": {**pod["spec"], "containers": containers}}), seconds=100)
        assert stage.cloud.names() == ["create_pod", "update_pod"]

    play(scene)


def test_after_it_is_closed_nothing_is_done() -> None:
    async def scene() -> None:
        stage = Stage()
        stage.subject.close()
        await stage.shows(BoundPodFactory())
        assert stage.cloud.names() == []

    play(scene)


def test_what_a_provider_logs_about_a_pod_names_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING")
    lines: list[str] = []

    class Talkative(Cloud):
        def __getattr__(self, operation: str) -> Callable[..., Awaitable[Any]]:
            async def call(*_: Any) -> None:
                await asyncio.sleep(0)
                logging.getLogger("some.sdk").warning("throttled")
                lines.append(ConsoleFormatter().format(caplog.records[-1]))

            return call

    async def scene() -> None:
        stage = Stage()
        stage.subject._provider = Talkative()  # type: ignore[assignment]
        for name in ("a", "b"):
            await stage.shows(BoundPodFactory(metadata__name=name))

    play(scene)
    assert [line.partition("WARNING ")[2] for line in lines] == ["default/a: throttled", "default/b: throttled"]
