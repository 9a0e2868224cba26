"""What happens to Node objects: cordoned, drained, tainted, deleted, gone for a time."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Literal, ParamSpec

from runner.kube import NODES, PODS, ApiError, Conflict, KubeApi, NotFound
from vksim.faults.base import Fault, Hit, NodesFault, World

P = ParamSpec("P")

TAINT = "vksim.io/fault"


class NodeCordon(NodesFault, frozen=True, tag="node-cordon"):
    """Nodes take no new pods."""

    def describe(self) -> str:
        """Which nodes."""
        return f"{self.who()} is cordoned"

    @asynccontextmanager
    async def broken(self, world: World, hit: Hit) -> AsyncIterator[None]:
        """Cordon, and uncordon."""
        nodes = self.nodes(world)
        for name in nodes:
            await _quietly(world.cluster.api.patch, NODES, name, {"spec": {"unschedulable": True}})
            hit()
        yield
        for name in nodes:
            await _quietly(world.cluster.api.patch, NODES, name, {"spec": {"unschedulable": None}})


class NodeDrain(NodesFault, frozen=True, tag="node-drain"):
    """Nodes are cordoned and their pods evicted, as by ``kubectl drain``; afterwards they take pods again."""

    def describe(self) -> str:
        """Which nodes."""
        return f"{self.who()} is drained"

    @asynccontextmanager
    async def broken(self, world: World, hit: Hit) -> AsyncIterator[None]:
        """Cordon and evict, and uncordon."""
        nodes, api = self.nodes(world), world.cluster.api
        for name in nodes:
            await _quietly(api.patch, NODES, name, {"spec": {"unschedulable": True}})
        drained = frozenset(nodes)
        for pod in await world.pods(lambda pod: pod["spec"].get("nodeName") in drained):
            await evict(world, pod)
            hit()
        yield
        for name in nodes:
            await _quietly(api.patch, NODES, name, {"spec": {"unschedulable": None}})


class NodeTaint(NodesFault, frozen=True, kw_only=True, tag="node-taint"):
    """Nodes get a taint that no pod tolerates.

    Attributes:
        effect: what it does to pods.
    """

    effect: Literal["NoSchedule", "NoExecute"] = "NoSchedule"

    def describe(self) -> str:
        """Which nodes."""
        return f"{self.who()} is tainted {self.effect}"

    @asynccontextmanager
    async def broken(self, world: World, hit: Hit) -> AsyncIterator[None]:
        """Put the taint on, and take it off."""
        nodes, taint = self.nodes(world), {"key": TAINT, "effect": self.effect}
        for name in nodes:
            await _retaint(world.cluster.api, name, lambda taints: [*taints, taint])
            hit()
        yield
        for name in nodes:
            await _retaint(world.cluster.api, name, lambda taints: [each for each in taints if each["key"] != TAINT])


class NodeDeleted(NodesFault, frozen=True, tag="node-deleted"):
    """Somebody deletes Node objects while their runners live."""

    def describe(self) -> str:
        """Which nodes."""
        return f"the Node object of {self.who()} is deleted"

    @asynccontextmanager
    async def broken(self, world: World, hit: Hit) -> AsyncIterator[None]:
        """Delete them; their runners bring them back."""
        for name in self.nodes(world):
            await _quietly(world.cluster.api.delete, NODES, name)
            hit()
        yield


class NodeLeave(NodesFault, frozen=True, tag="node-leave"):
    """Nodes leave in order, with their pods evicted, and join again when the fault is over."""

    def describe(self) -> str:
        """Which nodes."""
        return f"{self.who()} is away"

    @asynccontextmanager
    async def broken(self, world: World, hit: Hit) -> AsyncIterator[None]:
        """Leave, and join again."""
        nodes = self.nodes(world)
        for name in nodes:
            await world.cluster.leave(name)
            hit()
        yield
        for name in nodes:
            world.cluster.restart(name)


async def evict(world: World, pod: dict[str, Any]) -> None:
    """Evict a pod, unless it has gone or a budget forbids it."""
    metadata = pod["metadata"]
    world.ordered.add(metadata["uid"])
    eviction = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": metadata["name"], "namespace": metadata["namespace"]},
        "deleteOptions": {"preconditions": {"uid": metadata["uid"]}},
    }
    create = world.cluster.api.create
    await _quietly(create, PODS, eviction, metadata["namespace"], name=metadata["name"], subresource="eviction")


async def _retaint(api: KubeApi, name: str, change: Callable[[list[Any]], list[Any]]) -> None:
    """Change a node's taints; again if somebody else has changed the node meanwhile."""
    while True:
        try:
            node = await api.get(NODES, name)
            patch = {
                "metadata": {"resourceVersion": node["metadata"]["resourceVersion"]},
                "spec": {"taints": change(node["spec"].get("taints") or [])},
            }
            await api.patch(NODES, name, patch)
        except NotFound:
            return
        except Conflict:
            continue
        else:
            return


async def _quietly(request: Callable[P, Awaitable[object]], *args: P.args, **kwargs: P.kwargs) -> None:
    """Make a request; that what it is about has gone, or that it is refused, is no fault of the fault."""
    try:
        await request(*args, **kwargs)
    except ApiError:
        return


NODE_FAULTS: tuple[type[Fault], ...] = (NodeCordon, NodeDrain, NodeTaint, NodeDeleted, NodeLeave)
