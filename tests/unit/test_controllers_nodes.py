from typing import Any

from runner import kube
from runner.ports import rfc3339, rfc3339_micro
from tests.unit.controller_setting import TEMPLATE, Bench, play

NAMES = ("node-lifecycle-controller", "taint-eviction-controller", "pod-garbage-collector-controller")


async def node(bench: Bench, name: str, **metadata: Any) -> None:
    await bench.make(kube.NODES, name, {}, **metadata)
    now = rfc3339(bench.now())
    ready = {"type": "Ready", "status": "True", "lastHeartbeatTime": now, "lastTransitionTime": now}
    await bench.api.patch(kube.NODES, name, {"status": {"conditions": [ready]}}, subresource="status")
    spec = {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": rfc3339_micro(bench.now())}
    await bench.api.create(kube.LEASES, {"metadata": {"name": name}, "spec": spec}, "kube-node-lease")
    await bench.settle()


async def beat(bench: Bench, *names: str, seconds: float) -> None:
    """Let time pass in which these nodes are alive."""
    for _ in range(int(seconds // 10)):
        for name in names:
            patch = {"spec": {"renewTime": rfc3339_micro(bench.now())}}
            await bench.api.patch(kube.LEASES, name, patch, "kube-node-lease")
        await bench.settle(10)


async def taints(bench: Bench, name: str) -> list[str]:
    found = (await bench.get(kube.NODES, name))["spec"].get("taints") or []
    return sorted(f"{each['key'].removeprefix('node.kubernetes.io/')}:{each['effect']}" for each in found)


async def ready(bench: Bench, name: str) -> str:
    conditions = (await bench.get(kube.NODES, name))["status"]["conditions"]
    return next(each["status"] for each in conditions if each["type"] == "Ready")


async def pod(bench: Bench, name: str, on: str) -> None:
    await bench.make(kube.PODS, name, {**TEMPLATE["spec"], "nodeName": on})
    await bench.pod_status({"metadata": {"name": name}}, "Running", ready=True)


def test_a_node_that_beats_is_left_alone():
    async def scene(bench: Bench) -> None:
        await node(bench, "a")
        await beat(bench, "a", seconds=300)
        assert (await ready(bench, "a"), await taints(bench, "a")) == ("True", [])

    play(scene, *NAMES)


def test_a_silent_node_is_unknown_tainted_and_loses_its_pods_after_their_patience():
    async def scene(bench: Bench) -> None:
        for name in ("a", "b", "c", "d"):
            await node(bench, name)
        await pod(bench, "p", "a")
        await beat(bench, "b", "c", "d", seconds=40)
        assert await ready(bench, "a") == "True"
        await beat(bench, "b", "c", "d", seconds=30)
        assert await ready(bench, "a") == "Unknown"
        assert await taints(bench, "a") == ["unreachable:NoExecute", "unreachable:NoSchedule"]
        (found,) = await bench.pods()
        (condition,) = [each for each in found["status"]["conditions"] if each["type"] == "Ready"]
        assert (condition["status"], condition["reason"]) == ("False", "NodeNotReady")
        await beat(bench, "b", "c", "d", seconds=270)
        assert "deletionTimestamp" not in (await bench.get(kube.PODS, "p"))["metadata"]
        await beat(bench, "b", "c", "d", seconds=30)
        assert "deletionTimestamp" in (await bench.get(kube.PODS, "p"))["metadata"]

    play(scene, *NAMES)


def test_a_node_that_comes_back_in_time_keeps_its_pods():
    async def scene(bench: Bench) -> None:
        await node(bench, "a")
        await node(bench, "b")
        await pod(bench, "p", "a")
        await beat(bench, "b", seconds=100)
        now = rfc3339(bench.now())
        back = {"type": "Ready", "status": "True", "lastHeartbeatTime": now, "lastTransitionTime": now}
        await bench.api.patch(kube.NODES, "a", {"status": {"conditions": [back]}}, subresource="status")
        await beat(bench, "a", "b", seconds=400)
        assert await taints(bench, "a") == []
        assert "deletionTimestamp" not in (await bench.get(kube.PODS, "p"))["metadata"]

    play(scene, *NAMES)


def test_a_cordoned_node_is_tainted():
    async def scene(bench: Bench) -> None:
        await node(bench, "a")
        await bench.api.patch(kube.NODES, "a", {"spec": {"unschedulable": True}})
        await beat(bench, "a", seconds=10)
        assert await taints(bench, "a") == ["unschedulable:NoSchedule"]
        await bench.api.patch(kube.NODES, "a", {"spec": {"unschedulable": None}})
        await beat(bench, "a", seconds=10)
        assert await taints(bench, "a") == []

    play(scene, *NAMES)


def test_when_most_of_a_small_zone_is_down_nobody_is_driven_away():
    async def scene(bench: Bench) -> None:
        for number in range(6):
            await node(bench, f"n{number}")
        await beat(bench, *(f"n{number}" for number in range(6)), seconds=10)
        await beat(bench, "n0", "n1", seconds=200)
        tainted = [await taints(bench, f"n{number}") for number in range(6)]
        assert tainted == [[], []] + [["unreachable:NoSchedule"]] * 4

    play(scene, *NAMES)


def test_pods_of_a_node_that_is_gone_go_too():
    async def scene(bench: Bench) -> None:
        await node(bench, "a")
        await pod(bench, "p", "a")
        await bench.api.delete(kube.NODES, "a")
        await bench.settle(30)
        assert len(await bench.pods()) == 1
        await bench.settle(20)
        assert not await bench.pods()

    play(scene, *NAMES)


def test_a_node_that_is_back_within_the_quarantine_keeps_its_pods():
    async def scene(bench: Bench) -> None:
        await node(bench, "a")
        await pod(bench, "p", "a")
        await bench.api.delete(kube.NODES, "a")
        await bench.settle(20)
        await bench.make(kube.NODES, "a", {})
        await bench.settle(60)
        assert len(await bench.pods()) == 1

    play(scene, *NAMES)
