import pytest

from runner import kube
from tests.unit.controller_setting import TEMPLATE, Bench, play
from vksim.controllers.resources import REPLICA_SETS

NAME = "replicaset-controller"
SPEC = {"replicas": 3, "selector": {"matchLabels": {"app": "web"}}, "template": TEMPLATE}


def test_the_missing_pods_are_created_from_the_template():
    async def scene(bench: Bench) -> None:
        made = await bench.make(REPLICA_SETS, "web", SPEC)
        pods = await bench.pods()
        assert len(pods) == 3
        for pod in pods:
            assert pod["metadata"]["name"].startswith("web-")
            assert pod["metadata"]["labels"] == {"app": "web"}
            (owner,) = pod["metadata"]["ownerReferences"]
            assert (owner["uid"], owner["controller"]) == (made["metadata"]["uid"], True)
        assert len(await bench.told("SuccessfulCreate")) == 3

    play(scene, NAME)


def test_the_status_counts_what_there_is():
    async def scene(bench: Bench) -> None:
        await bench.make(REPLICA_SETS, "web", {**SPEC, "minReadySeconds": 60})
        await bench.run_pods()
        status = (await bench.get(REPLICA_SETS, "web"))["status"]
        assert (status["replicas"], status["fullyLabeledReplicas"], status["readyReplicas"]) == (3, 3, 3)
        assert "availableReplicas" not in status
        await bench.settle(61)
        assert (await bench.get(REPLICA_SETS, "web"))["status"]["availableReplicas"] == 3

    play(scene, NAME)


def test_a_pod_that_is_gone_or_has_ended_is_replaced():
    async def scene(bench: Bench) -> None:
        await bench.make(REPLICA_SETS, "web", SPEC)
        first, second, _ = await bench.pods()
        await bench.api.delete(kube.PODS, first["metadata"]["name"], "default", grace_period_seconds=0)
        await bench.end_pod(second, 1)
        names = [each["metadata"]["name"] for each in await bench.pods()]
        assert len(names) == 4
        assert first["metadata"]["name"] not in names

    play(scene, NAME)


def test_what_is_too_much_goes_and_pods_that_run_stay():
    async def scene(bench: Bench) -> None:
        await bench.make(REPLICA_SETS, "web", SPEC)
        kept = (await bench.pods())[1]
        await bench.pod_status(kept, "Running", ready=True)
        await bench.change(REPLICA_SETS, "web", {"replicas": 1})
        await bench.remove_deleted()
        assert [each["metadata"]["name"] for each in await bench.pods()] == [kept["metadata"]["name"]]

    play(scene, NAME)


def test_an_orphan_with_its_labels_is_adopted():
    async def scene(bench: Bench) -> None:
        await bench.make(kube.PODS, "stray", TEMPLATE["spec"], labels={"app": "web"})
        await bench.make(REPLICA_SETS, "web", SPEC)
        await bench.make(kube.PODS, "other", TEMPLATE["spec"], labels={"app": "other"})
        pods = {each["metadata"]["name"]: each for each in await bench.pods()}
        assert len(pods) == 4
        assert pods["stray"]["metadata"]["ownerReferences"][0]["name"] == "web"
        assert "ownerReferences" not in pods["other"]["metadata"]

    play(scene, NAME)


def test_an_orphan_that_comes_later_is_adopted_and_makes_one_too_many():
    async def scene(bench: Bench) -> None:
        await bench.make(REPLICA_SETS, "web", SPEC)
        await bench.run_pods()
        await bench.make(kube.PODS, "stray", TEMPLATE["spec"], labels={"app": "web"})
        await bench.remove_deleted()
        assert "stray" not in [each["metadata"]["name"] for each in await bench.pods()]
        assert len(await bench.pods()) == 3

    play(scene, NAME)


def test_pods_that_are_refused_are_told_and_tried_again():
    async def scene(bench: Bench) -> None:
        spec = {**TEMPLATE["spec"], "serviceAccountName": "robot"}
        await bench.make(REPLICA_SETS, "web", {**SPEC, "template": {**TEMPLATE, "spec": spec}})
        (failure,) = (await bench.get(REPLICA_SETS, "web"))["status"]["conditions"]
        assert (failure["type"], failure["reason"]) == ("ReplicaFailure", "FailedCreate")
        assert 'serviceaccount "robot" not found' in failure["message"]
        await bench.api.create(kube.SERVICE_ACCOUNTS, {"metadata": {"name": "robot"}}, "default")
        await bench.settle(60)
        assert len(await bench.pods()) == 3
        assert "conditions" not in (await bench.get(REPLICA_SETS, "web"))["status"]

    play(scene, NAME)


@pytest.mark.parametrize("replicas", [0, 1, 700])
def test_any_number_of_pods_comes(replicas: int):
    async def scene(bench: Bench) -> None:
        await bench.make(REPLICA_SETS, "web", {**SPEC, "replicas": replicas})
        assert len(await bench.pods()) == replicas

    play(scene, NAME)
