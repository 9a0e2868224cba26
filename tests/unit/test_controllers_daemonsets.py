from typing import Any

from runner import kube
from tests.unit.controller_setting import TEMPLATE, Bench, play
from vksim.controllers.resources import DAEMON_SETS

NAME = "daemonset-controller"
SPEC: dict[str, Any] = {"selector": {"matchLabels": {"app": "web"}}, "template": TEMPLATE}


def on(node: str) -> dict[str, Any]:
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    return {"nodeAffinity": required}


async def nodes_of_pods(bench: Bench) -> list[str]:
    terms = [
        each["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        for each in await bench.pods()
    ]
    return sorted(each["nodeSelectorTerms"][0]["matchFields"][0]["values"][0] for each in terms)


def test_each_node_gets_a_pod_made_for_it():
    async def scene(bench: Bench) -> None:
        await bench.make(kube.NODES, "a", {})
        await bench.make(DAEMON_SETS, "agent", SPEC)
        await bench.make(kube.NODES, "b", {})
        assert await nodes_of_pods(bench) == ["a", "b"]
        assert [each["spec"]["affinity"] for each in await bench.pods() if on("a") == each["spec"]["affinity"]]
        status = (await bench.get(DAEMON_SETS, "agent"))["status"]
        assert (status["desiredNumberScheduled"], status["numberReady"], status["numberUnavailable"]) == (2, 0, 2)
        await bench.run_pods()
        status = (await bench.get(DAEMON_SETS, "agent"))["status"]
        assert (status["numberReady"], status["numberAvailable"]) == (2, 2)

    play(scene, NAME)


def test_only_nodes_that_it_selects_and_tolerates():
    async def scene(bench: Bench) -> None:
        await bench.make(kube.NODES, "plain", {})
        await bench.make(kube.NODES, "gpu", {}, labels={"gpu": "yes"})
        taint = {"key": "dedicated", "value": "x", "effect": "NoSchedule"}
        await bench.make(kube.NODES, "tainted", {"taints": [taint]}, labels={"gpu": "yes"})
        template = {**TEMPLATE, "spec": {**TEMPLATE["spec"], "nodeSelector": {"gpu": "yes"}}}
        await bench.make(DAEMON_SETS, "agent", {**SPEC, "template": template})
        assert await nodes_of_pods(bench) == ["gpu"]
        await bench.api.patch(kube.NODES, "plain", {"metadata": {"labels": {"gpu": "yes"}}})
        await bench.settle()
        assert await nodes_of_pods(bench) == ["gpu", "plain"]
        await bench.api.patch(kube.NODES, "gpu", {"metadata": {"labels": {"gpu": None}}})
        await bench.settle()
        assert await nodes_of_pods(bench) == ["plain"]

    play(scene, NAME)


def test_a_cordoned_node_has_one_all_the_same():
    async def scene(bench: Bench) -> None:
        await bench.make(kube.NODES, "a", {"unschedulable": True})
        await bench.make(DAEMON_SETS, "agent", SPEC)
        assert await nodes_of_pods(bench) == ["a"]

    play(scene, NAME)


def test_a_pod_that_failed_is_replaced():
    async def scene(bench: Bench) -> None:
        await bench.make(kube.NODES, "a", {})
        await bench.make(DAEMON_SETS, "agent", SPEC)
        (pod,) = await bench.pods()
        await bench.end_pod(pod, 1)
        await bench.settle(5)
        (other,) = await bench.pods()
        assert other["metadata"]["uid"] != pod["metadata"]["uid"]

    play(scene, NAME)


def test_an_update_replaces_one_pod_after_the_other():
    async def scene(bench: Bench) -> None:
        for name in ("a", "b", "c"):
            await bench.make(kube.NODES, name, {})
        await bench.make(DAEMON_SETS, "agent", SPEC)
        await bench.run_pods()
        newer = {**TEMPLATE, "spec": {"containers": [{"name": "main", "image": "web:2"}]}}
        await bench.change(DAEMON_SETS, "agent", {"template": newer})
        for done in (1, 2, 3):
            images = [each["spec"]["containers"][0]["image"] for each in await bench.pods()]
            assert images.count("web:2") == done
            await bench.run_pods()
        assert (await bench.get(DAEMON_SETS, "agent"))["status"]["updatedNumberScheduled"] == 3

    play(scene, NAME)
