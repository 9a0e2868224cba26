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


def zone_affinity(kind: str, term: dict[str, Any], *, required: bool = True) -> dict[str, Any]:
    if required:
        return {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    wanted = [{"weight": 100, "podAffinityTerm": term}]
    return {kind: {"preferredDuringSchedulingIgnoredDuringExecution": wanted}}


WEB = {"labelSelector": {"matchLabels": {"app": "web"}}, "topologyKey": "zone"}


async def zones(cluster: Cluster, *names: str) -> None:
    """A node in each zone, named for it."""
    for name in names:
        status = {"allocatable": {"cpu": "8", "memory": "8Gi", "pods": "10"}}
        metadata = {"name": name, "labels": {"zone": name}}
        await cluster.api.create(kube.NODES, {"metadata": metadata, "status": status})


async def labelled(cluster: Cluster, name: str, labels: dict[str, str], **spec: Any) -> str:
    container = {"name": "c", "image": "i", "resources": {"requests": {"cpu": "1"}}}
    pod = {"metadata": {"name": name, "labels": labels}, "spec": {"containers": [container], **spec}}
    await cluster.api.create(kube.PODS, pod, "default")
    return await cluster.place(name)


def node_affinity(operator: str, *values: str) -> dict[str, Any]:
    term = {"matchExpressions": [{"key": "zone", "operator": operator, "values": list(values)}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}


def test_node_affinity_is_kept() -> None:
    async def scene(cluster: Cluster) -> None:
        await zones(cluster, "a", "b", "c")
        assert await labelled(cluster, "p", {}, affinity=node_affinity("In", "b")) == "b"
        assert await labelled(cluster, "q", {}, affinity=node_affinity("NotIn", "a", "b")) == "c"
        assert await labelled(cluster, "r", {}, affinity=node_affinity("In", "x")) == ""
        (why,) = await cluster.told("r", "FailedScheduling")
        assert why == "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector."

    on_a_cluster(scene)


def test_a_pod_made_for_a_node_goes_there() -> None:
    async def scene(cluster: Cluster) -> None:
        await zones(cluster, "a", "b", "c")
        field = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["c"]}]}
        required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [field]}}
        assert await labelled(cluster, "p", {}, affinity={"nodeAffinity": required}) == "c"

    on_a_cluster(scene)


def test_pods_that_want_to_be_near_go_where_the_first_is() -> None:
    async def scene(cluster: Cluster) -> None:
        await zones(cluster, "a", "b", "c")
        near = zone_affinity("podAffinity", WEB)
        first = await labelled(cluster, "first", {"app": "web"}, affinity=near)
        assert first
        assert await labelled(cluster, "second", {"app": "db"}, affinity=near) == first
        assert await labelled(cluster, "third", {"app": "web"}, affinity=near) == first

    on_a_cluster(scene)


def test_pods_that_want_to_be_apart_are_and_the_last_waits() -> None:
    async def scene(cluster: Cluster) -> None:
        await zones(cluster, "a", "b")
        apart = zone_affinity("podAntiAffinity", WEB)
        places = [await labelled(cluster, f"p{number}", {"app": "web"}, affinity=apart) for number in range(3)]
        assert sorted(places) == ["", "a", "b"]
        await cluster.api.delete(kube.PODS, "p0", "default", grace_period_seconds=0)
        assert await cluster.place("p2") == places[0]

    on_a_cluster(scene)


def test_a_pod_keeps_away_from_those_that_want_to_be_apart_from_it() -> None:
    async def scene(cluster: Cluster) -> None:
        await zones(cluster, "a", "b")
        hermit = await labelled(cluster, "hermit", {}, affinity=zone_affinity("podAntiAffinity", WEB))
        others = {await labelled(cluster, f"web-{number}", {"app": "web"}) for number in range(3)}
        assert others == {"a", "b"} - {hermit}

    on_a_cluster(scene)


def test_a_preference_is_followed_but_not_needed() -> None:
    async def scene(cluster: Cluster) -> None:
        await zones(cluster, "a", "b", "c")
        first = await labelled(cluster, "first", {"app": "web"})
        liked = zone_affinity("podAffinity", WEB, required=False)
        assert await labelled(cluster, "near", {}, affinity=liked) == first
        disliked = zone_affinity("podAntiAffinity", WEB, required=False)
        assert await labelled(cluster, "far", {}, affinity=disliked) != first

    on_a_cluster(scene)


def test_pods_are_spread_evenly() -> None:
    async def scene(cluster: Cluster) -> None:
        await zones(cluster, "a", "b", "c")
        constraint = {**WEB, "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule"}
        places = [
            await labelled(cluster, f"p{number}", {"app": "web"}, topologySpreadConstraints=[constraint])
            for number in range(9)
        ]
        assert sorted(places) == ["a"] * 3 + ["b"] * 3 + ["c"] * 3
        for number in range(3, 9, 3):
            assert len(set(places[number : number + 3])) == 3

    on_a_cluster(scene)


def test_taints_that_only_prefer_are_avoided_while_there_is_another_node() -> None:
    async def scene(cluster: Cluster) -> None:
        await cluster.node("tainted", taints=[{"key": "x", "effect": "PreferNoSchedule"}])
        await cluster.node("plain")
        await cluster.pod("first")
        await cluster.pod("second")
        assert [await cluster.place("first"), await cluster.place("second")] == ["plain", "tainted"]

    on_a_cluster(scene)


async def classes(cluster: Cluster) -> None:
    resource = kube.Resource("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", namespaced=False)
    for name, value in (("high", 1000), ("low", 10)):
        await cluster.api.create(resource, {"metadata": {"name": name}, "value": value})


def test_an_important_pod_takes_the_place_of_the_least_important_ones() -> None:
    async def scene(cluster: Cluster) -> None:
        await classes(cluster)
        await cluster.node("a", cpu="2")
        await cluster.node("b", cpu="2")
        for number in range(3):
            await cluster.pod(f"low-{number}", priorityClassName="low")
        await cluster.pod("none")
        await cluster.pod("high", priorityClassName="high")
        spared = [name for name in ("low-0", "low-1", "low-2") if await cluster.place(name)]
        assert len(spared) == 3
        assert await cluster.told("none", "Preempted")
        victim = await cluster.api.get(kube.PODS, "none", "default")
        assert "deletionTimestamp" in victim["metadata"]
        assert (await cluster.api.get(kube.PODS, "high", "default"))["status"]["nominatedNodeName"]
        await cluster.api.delete(kube.PODS, "none", "default", grace_period_seconds=0)
        assert await cluster.place("high") == victim["spec"]["nodeName"]

    on_a_cluster(scene)


def test_the_room_that_is_held_is_not_given_to_another_pod() -> None:
    async def scene(cluster: Cluster) -> None:
        await classes(cluster)
        await cluster.node("a", cpu="1")
        await cluster.pod("low", priorityClassName="low")
        await cluster.pod("waits", priorityClassName="low")
        await cluster.pod("high", priorityClassName="high")
        await cluster.api.delete(kube.PODS, "low", "default", grace_period_seconds=0)
        assert [await cluster.place("high"), await cluster.place("waits")] == ["a", ""]

    on_a_cluster(scene)


def test_a_pod_that_does_not_preempt_waits() -> None:
    async def scene(cluster: Cluster) -> None:
        resource = kube.Resource("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", namespaced=False)
        polite = {"metadata": {"name": "polite"}, "value": 1000, "preemptionPolicy": "Never"}
        await cluster.api.create(resource, polite)
        await cluster.node("a", cpu="1")
        await cluster.pod("first")
        await cluster.pod("second", priorityClassName="polite")
        assert [await cluster.place("first"), await cluster.place("second")] == ["a", ""]
        assert "deletionTimestamp" not in (await cluster.api.get(kube.PODS, "first", "default"))["metadata"]

    on_a_cluster(scene)
