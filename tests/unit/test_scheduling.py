"""The scheduler at work on a fake cluster in virtual time (``vksim.scheduling``)."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from fakes.apiserver.server import ApiServer
from runner import kube
from vksim import loop as virtual
from vksim import scheduler
from vksim.kube import InProcessKube
from vksim.scheduling import Scheduler


class Cluster:
    """A fake API server with a scheduler, as a user sees it."""

    def __init__(self, api: InProcessKube) -> None:
        self.api = api

    async def node(self, name: str, *, cpu: str = "1", **spec: Any) -> None:
        status = {"allocatable": {"cpu": cpu, "memory": "8Gi", "pods": "10"}}
        await self.api.create(kube.NODES, {"metadata": {"name": name}, "spec": spec, "status": status})

    async def pod(self, name: str, *, cpu: str = "1", **spec: Any) -> None:
        await self.create(name, cpu=cpu, **spec)
        await asyncio.sleep(1)

    async def create(self, name: str, *, cpu: str = "1", **spec: Any) -> None:
        container = {"name": "c", "image": "i", "resources": {"requests": {"cpu": cpu}}}
        pod = {"metadata": {"name": name}, "spec": {"containers": [container], **spec}}
        await self.api.create(kube.PODS, pod, "default")

    async def place(self, name: str) -> str:
        """The pod's node, empty if it has none."""
        await asyncio.sleep(1)
        pod = await self.api.get(kube.PODS, name, "default")
        return str(pod["spec"].get("nodeName", ""))

    async def end(self, name: str) -> None:
        status = {"status": {"phase": "Succeeded"}}
        await self.api.patch(kube.PODS, name, status, "default", subresource="status")

    async def told(self, name: str, reason: str) -> list[str]:
        """The messages of the pod's events with this reason."""
        events = (await self.api.list(kube.EVENTS, "default", field_selector=f"involvedObject.name={name}"))["items"]
        return [each["message"] for each in events if each["reason"] == reason]


def on_a_cluster(scene: Callable[[Cluster], Awaitable[None]]) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, virtual.VirtualLoop)
        ports = virtual.ports(loop, Random(1))
        api = InProcessKube(ApiServer(now=ports.clock.now, random=Random(2), checked=True))
        task = loop.create_task(Scheduler(api, ports).run())
        await scene(Cluster(api))
        assert not task.done()

    virtual.run(main())


def test_a_pod_is_bound_and_told() -> None:
    async def scene(cluster: Cluster) -> None:
        await cluster.node("a")
        await cluster.pod("p")
        assert await cluster.place("p") == "a"
        assert await cluster.told("p", "Scheduled") == ["Successfully assigned default/p to a"]

    on_a_cluster(scene)


def test_a_pod_that_fits_nowhere_is_told_once_and_goes_when_a_pod_ends() -> None:
    async def scene(cluster: Cluster) -> None:
        await cluster.node("a")
        await cluster.pod("first")
        await cluster.pod("second")
        assert await cluster.place("second") == ""
        assert await cluster.told("second", "FailedScheduling") == ["0/1 nodes are available: 1 Insufficient cpu."]
        await cluster.end("first")
        assert await cluster.place("second") == "a"

    on_a_cluster(scene)


@pytest.mark.parametrize("leaves", ["ends", "is deleted"])
def test_pods_of_a_kind_take_turns_the_oldest_first(leaves: str) -> None:
    async def scene(cluster: Cluster) -> None:
        await cluster.node("a")
        names = [f"p{number}" for number in range(5)]
        for name in names:
            await cluster.pod(name)
        for now, following in pairwise(names):
            assert await cluster.place(now) == "a"
            assert await cluster.place(following) == ""
            if leaves == "ends":
                await cluster.end(now)
            else:
                await cluster.api.delete(kube.PODS, now, "default", grace_period_seconds=0)
        assert await cluster.place(names[-1]) == "a"

    on_a_cluster(scene)


def test_the_next_one_goes_when_the_one_whose_turn_it_was_is_deleted() -> None:
    async def scene(cluster: Cluster) -> None:
        await cluster.node("a", cpu="2")
        for name, cpu in (("whole", "2"), ("first", "1"), ("second", "1"), ("third", "1")):
            await cluster.pod(name, cpu=cpu)
        await cluster.api.delete(kube.PODS, "first", "default")
        await cluster.end("whole")
        assert [await cluster.place(name) for name in ("second", "third")] == ["a", "a"]

    on_a_cluster(scene)


def test_a_newcomer_does_not_jump_the_queue() -> None:
    async def scene(cluster: Cluster) -> None:
        await cluster.node("a")
        await cluster.pod("first")
        await cluster.pod("waits")
        await cluster.create("new")
        await cluster.end("first")  # in the same moment: the scheduler hears of both at once
        assert [await cluster.place(name) for name in ("waits", "new")] == ["a", ""]

    on_a_cluster(scene)


def test_one_end_makes_room_for_several_small_pods() -> None:
    async def scene(cluster: Cluster) -> None:
        await cluster.node("a")
        await cluster.pod("big")
        for number in range(4):
            await cluster.pod(f"small-{number}", cpu="250m")
        await cluster.end("big")
        assert [await cluster.place(f"small-{number}") for number in range(4)] == ["a"] * 4

    on_a_cluster(scene)


def test_a_new_node_takes_pods_that_wait() -> None:
    async def scene(cluster: Cluster) -> None:
        await cluster.pod("p")
        assert await cluster.told("p", "FailedScheduling") == ["no nodes available to schedule pods"]
        await cluster.node("a")
        assert await cluster.place("p") == "a"

    on_a_cluster(scene)


def test_pods_that_wait_hear_what_is_wrong_with_a_new_node() -> None:
    async def scene(cluster: Cluster) -> None:
        await cluster.pod("p")
        await cluster.pod("q")
        await cluster.node("a", taints=[{"key": "k", "value": "v", "effect": "NoSchedule"}])
        await asyncio.sleep(3)
        why = "0/1 nodes are available: 1 node(s) had untolerated taint {k: v}."
        for name in ("p", "q"):
            assert why in await cluster.told(name, "FailedScheduling")
            pod = await cluster.api.get(kube.PODS, name, "default")
            assert [each["message"] for each in pod["status"]["conditions"]] == [why]

    on_a_cluster(scene)


def test_a_node_that_is_uncordoned_takes_pods_that_wait() -> None:
    async def scene(cluster: Cluster) -> None:
        await cluster.node("a", unschedulable=True)
        await cluster.pod("p")
        assert await cluster.place("p") == ""
        await cluster.api.patch(kube.NODES, "a", {"spec": {"unschedulable": None}})
        assert await cluster.place("p") == "a"

    on_a_cluster(scene)


@pytest.mark.parametrize(
    "spec", [{"schedulerName": "another"}, {"schedulingGates": [{"name": "example.com/wait"}]}], ids=["other", "gated"]
)
def test_a_pod_that_is_not_ours_is_left_alone(spec: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    async def scene(cluster: Cluster) -> None:
        await cluster.node("a")
        await cluster.pod("p", **spec)
        assert await cluster.place("p") == ""
        assert await cluster.told("p", "FailedScheduling") == []
        assert caplog.messages == []

    on_a_cluster(scene)


def test_room_on_one_node_costs_a_look_at_one_node(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[str] = []
    refusal = scheduler.refusal

    def counted(need: scheduler.Need, node: scheduler.NodeState) -> str:
        looks.append(node.name)
        return refusal(need, node)

    async def scene(cluster: Cluster) -> None:
        for number in range(30):
            await cluster.node(f"n{number}")
            await cluster.pod(f"p{number}")
        for number in range(20):
            await cluster.pod(f"waits-{number}")
        await cluster.pod("fits-nowhere", cpu="9")
        monkeypatch.setattr(scheduler, "refusal", counted)
        await cluster.end("p7")
        assert await cluster.place("waits-0") == "n7"
        assert set(looks) == {"n7"}
        assert len(looks) == 4  # for each kind one, for the pod whose turn it is one, for the next one

    on_a_cluster(scene)
