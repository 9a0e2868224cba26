from typing import Any

from runner import kube
from tests.unit.controller_setting import TEMPLATE, Bench, play
from vksim.controllers.resources import CLAIMS, STATEFUL_SETS

NAME = "statefulset-controller"
SPEC: dict[str, Any] = {
    "replicas": 3,
    "serviceName": "db",
    "selector": {"matchLabels": {"app": "web"}},
    "template": TEMPLATE,
}
NEWER = {**TEMPLATE, "spec": {"containers": [{"name": "main", "image": "web:2"}]}}


async def names(bench: Bench) -> list[str]:
    return sorted(each["metadata"]["name"] for each in await bench.pods())


async def images(bench: Bench) -> dict[str, str]:
    return {each["metadata"]["name"]: each["spec"]["containers"][0]["image"] for each in await bench.pods()}


async def grown(bench: Bench) -> None:
    while await bench.run_pods():
        await bench.settle()


def test_pods_come_one_after_the_other():
    async def scene(bench: Bench) -> None:
        await bench.make(STATEFUL_SETS, "db", SPEC)
        for number in range(3):
            assert await names(bench) == [f"db-{each}" for each in range(number + 1)]
            await bench.run_pods()
        (pod,) = [each for each in await bench.pods() if each["metadata"]["name"] == "db-1"]
        assert (pod["spec"]["hostname"], pod["spec"]["subdomain"]) == ("db-1", "db")
        assert pod["metadata"]["labels"]["statefulset.kubernetes.io/pod-name"] == "db-1"
        status = (await bench.get(STATEFUL_SETS, "db"))["status"]
        assert (status["replicas"], status["readyReplicas"], status["currentReplicas"]) == (3, 3, 3)

    play(scene, NAME)


def test_in_parallel_they_come_together():
    async def scene(bench: Bench) -> None:
        await bench.make(STATEFUL_SETS, "db", {**SPEC, "podManagementPolicy": "Parallel"})
        assert await names(bench) == ["db-0", "db-1", "db-2"]

    play(scene, NAME)


def test_a_pod_that_is_gone_comes_back_under_its_name():
    async def scene(bench: Bench) -> None:
        await bench.make(STATEFUL_SETS, "db", SPEC)
        await grown(bench)
        before = {each["metadata"]["name"]: each["metadata"]["uid"] for each in await bench.pods()}
        await bench.api.delete(kube.PODS, "db-1", "default", grace_period_seconds=0)
        await bench.settle()
        after = {each["metadata"]["name"]: each["metadata"]["uid"] for each in await bench.pods()}
        assert sorted(after) == ["db-0", "db-1", "db-2"]
        assert [name for name in after if after[name] != before[name]] == ["db-1"]

    play(scene, NAME)


def test_the_highest_number_goes_first():
    async def scene(bench: Bench) -> None:
        await bench.make(STATEFUL_SETS, "db", SPEC)
        await grown(bench)
        await bench.change(STATEFUL_SETS, "db", {"replicas": 1})
        await bench.settle(5)
        assert await names(bench) == ["db-0"]

    play(scene, NAME)


def test_a_rolling_update_goes_down_from_the_highest_number():
    async def scene(bench: Bench) -> None:
        await bench.make(STATEFUL_SETS, "db", SPEC)
        await grown(bench)
        await bench.change(STATEFUL_SETS, "db", {"template": NEWER})
        await bench.settle(5)
        assert await images(bench) == {"db-0": "web:1", "db-1": "web:1", "db-2": "web:2"}
        await grown(bench)
        assert await images(bench) == {"db-0": "web:2", "db-1": "web:2", "db-2": "web:2"}
        status = (await bench.get(STATEFUL_SETS, "db"))["status"]
        assert status["currentRevision"] == status["updateRevision"]

    play(scene, NAME)


def test_below_the_partition_pods_stay_as_they_are_and_come_back_as_they_were():
    async def scene(bench: Bench) -> None:
        strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
        await bench.make(STATEFUL_SETS, "db", {**SPEC, "updateStrategy": strategy})
        await grown(bench)
        await bench.change(STATEFUL_SETS, "db", {"template": NEWER})
        await grown(bench)
        assert await images(bench) == {"db-0": "web:1", "db-1": "web:1", "db-2": "web:2"}
        await bench.api.delete(kube.PODS, "db-0", "default", grace_period_seconds=0)
        await bench.settle()
        assert (await images(bench))["db-0"] == "web:1"

    play(scene, NAME)


def test_each_pod_has_its_own_claim():
    async def scene(bench: Bench) -> None:
        claim = {
            "metadata": {"name": "data"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        }
        await bench.make(STATEFUL_SETS, "db", {**SPEC, "volumeClaimTemplates": [claim]})
        await grown(bench)
        assert [each["metadata"]["name"] for each in await bench.all(CLAIMS)] == ["data-db-0", "data-db-1", "data-db-2"]
        volumes = (await bench.pods())[1]["spec"]["volumes"]
        assert {"name": "data", "persistentVolumeClaim": {"claimName": "data-db-1"}} in volumes

    play(scene, NAME)
