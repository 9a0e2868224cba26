from typing import Any

import pytest

from runner import kube
from tests.unit.controller_setting import TEMPLATE, Bench, play
from vksim.controllers.resources import DEPLOYMENTS, REPLICA_SETS

NAMES = ("deployment-controller", "replicaset-controller")
SPEC = {"replicas": 4, "selector": {"matchLabels": {"app": "web"}}, "template": TEMPLATE}


def template(image: str) -> dict[str, Any]:
    return {**TEMPLATE, "spec": {"containers": [{"name": "main", "image": image}]}}


async def images(bench: Bench) -> list[str]:
    return sorted(each["spec"]["containers"][0]["image"] for each in await bench.pods())


async def condition(bench: Bench, type_: str) -> tuple[str, str]:
    conditions = (await bench.get(DEPLOYMENTS, "web"))["status"]["conditions"]
    return next((each["status"], each["reason"]) for each in conditions if each["type"] == type_)


async def rolled_out(bench: Bench) -> list[tuple[int, int]]:
    """Let the rollout go on to its end: after each step the most pods, and the fewest that were ready."""
    steps = []
    for _ in range(20):
        pods = await bench.pods()
        ready = sum(
            each["status"].get("phase") == "Running" for each in pods if "deletionTimestamp" not in each["metadata"]
        )
        steps.append((len(pods), ready))
        if not await bench.run_pods() and not await bench.remove_deleted():
            break
        await bench.settle(2)
    return steps


def test_a_new_deployment_has_one_replica_set_with_all_pods():
    async def scene(bench: Bench) -> None:
        await bench.make(DEPLOYMENTS, "web", SPEC)
        (owned,) = await bench.all(REPLICA_SETS)
        hashed = owned["metadata"]["labels"]["pod-template-hash"]
        assert owned["metadata"]["name"] == f"web-{hashed}"
        assert owned["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "1"
        assert len(await bench.pods(label_selector=f"pod-template-hash={hashed}")) == 4
        assert await condition(bench, "Available") == ("False", "MinimumReplicasUnavailable")
        await bench.run_pods()
        assert await condition(bench, "Available") == ("True", "MinimumReplicasAvailable")
        assert await condition(bench, "Progressing") == ("True", "NewReplicaSetAvailable")
        status = (await bench.get(DEPLOYMENTS, "web"))["status"]
        numbers = {
            name: status.get(name) for name in ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
        }
        assert set(numbers.values()) == {4}
        assert "unavailableReplicas" not in status

    play(scene, *NAMES)


def test_a_rolling_update_keeps_within_its_bounds():
    async def scene(bench: Bench) -> None:
        await bench.make(DEPLOYMENTS, "web", SPEC)
        await bench.run_pods()
        await bench.change(DEPLOYMENTS, "web", {"template": template("web:2")})
        steps = await rolled_out(bench)
        assert await images(bench) == ["web:2"] * 4
        assert max(pods for pods, _ in steps) <= 5 + 1  # one of the old may still be on its way out
        assert min(ready for _, ready in steps) >= 3
        sets = {
            each["metadata"]["annotations"]["deployment.kubernetes.io/revision"]: each
            for each in await bench.all(REPLICA_SETS)
        }
        assert {revision: each["spec"]["replicas"] for revision, each in sets.items()} == {"1": 0, "2": 4}
        assert (await bench.get(DEPLOYMENTS, "web"))["metadata"]["annotations"][
            "deployment.kubernetes.io/revision"
        ] == "2"

    play(scene, *NAMES)


def test_going_back_takes_the_old_replica_set_again():
    async def scene(bench: Bench) -> None:
        await bench.make(DEPLOYMENTS, "web", SPEC)
        await bench.run_pods()
        for image in ("web:2", "web:1"):
            await bench.change(DEPLOYMENTS, "web", {"template": template(image)})
            await rolled_out(bench)
        sets = await bench.all(REPLICA_SETS)
        revisions = {
            each["metadata"]["annotations"]["deployment.kubernetes.io/revision"]: each["spec"]["replicas"]
            for each in sets
        }
        assert revisions == {"2": 0, "3": 4}

    play(scene, *NAMES)


def test_recreate_waits_until_the_old_pods_are_gone():
    async def scene(bench: Bench) -> None:
        await bench.make(DEPLOYMENTS, "web", {**SPEC, "strategy": {"type": "Recreate"}})
        await bench.run_pods()
        for pod in await bench.pods():  # on a node they end only when it says so
            await bench.api.patch(
                kube.PODS, pod["metadata"]["name"], {"metadata": {"finalizers": ["test/held"]}}, "default"
            )
        await bench.change(DEPLOYMENTS, "web", {"template": template("web:2")})
        await bench.settle(30)
        assert await images(bench) == ["web:1"] * 4
        for pod in await bench.pods():
            await bench.api.patch(kube.PODS, pod["metadata"]["name"], {"metadata": {"finalizers": None}}, "default")
        await bench.settle(5)
        assert await images(bench) == ["web:2"] * 4

    play(scene, *NAMES)


def test_a_paused_deployment_does_not_roll_out_but_scales():
    async def scene(bench: Bench) -> None:
        await bench.make(DEPLOYMENTS, "web", SPEC)
        await bench.run_pods()
        await bench.change(DEPLOYMENTS, "web", {"paused": True, "template": template("web:2")})
        assert await images(bench) == ["web:1"] * 4
        await bench.change(DEPLOYMENTS, "web", {"replicas": 6})
        assert await images(bench) == ["web:1"] * 6
        await bench.change(DEPLOYMENTS, "web", {"paused": False})
        await rolled_out(bench)
        assert await images(bench) == ["web:2"] * 6

    play(scene, *NAMES)


def test_a_rollout_that_gets_nowhere_is_told():
    async def scene(bench: Bench) -> None:
        await bench.make(DEPLOYMENTS, "web", {**SPEC, "progressDeadlineSeconds": 60})
        await bench.settle(50)
        assert (await condition(bench, "Progressing"))[0] == "True"
        await bench.settle(20)
        assert await condition(bench, "Progressing") == ("False", "ProgressDeadlineExceeded")
        await bench.run_pods()
        assert await condition(bench, "Progressing") == ("True", "NewReplicaSetAvailable")

    play(scene, *NAMES)


def test_scaling_in_the_middle_of_a_rollout_is_spread():
    async def scene(bench: Bench) -> None:
        await bench.make(DEPLOYMENTS, "web", {**SPEC, "replicas": 10})
        await bench.run_pods()
        await bench.change(DEPLOYMENTS, "web", {"template": template("web:2")})
        before = {each["metadata"]["name"]: each["spec"]["replicas"] for each in await bench.all(REPLICA_SETS)}
        await bench.change(DEPLOYMENTS, "web", {"replicas": 20})
        after = {each["metadata"]["name"]: each["spec"]["replicas"] for each in await bench.all(REPLICA_SETS)}
        assert sum(after.values()) <= 25
        assert all(after[name] > before[name] for name in before)
        await rolled_out(bench)
        assert await images(bench) == ["web:2"] * 20

    play(scene, *NAMES)


@pytest.mark.parametrize("limit", [0, 2])
def test_no_more_old_replica_sets_are_kept_than_wanted(limit: int):
    async def scene(bench: Bench) -> None:
        await bench.make(DEPLOYMENTS, "web", {**SPEC, "revisionHistoryLimit": limit})
        await bench.run_pods()
        for number in range(2, 6):
            await bench.change(DEPLOYMENTS, "web", {"template": template(f"web:{number}")})
            await rolled_out(bench)
        assert len(await bench.all(REPLICA_SETS)) == 1 + limit

    play(scene, *NAMES)
