"""What breaks in the process of a runner, and on its ways to the API server and to the cloud."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import ClassVar, Literal

from providers.distributions import RandomTime, Span
from providers.errors import Retryable
from runner.kube import Unavailable
from vksim.faults.base import Fault, Hit, NodesFault, World, of_clients
from vksim.gate import API, CLOUD, Call, Rule

GIVEN_UP = 10.0
"""Seconds after which a call that nobody answers is given up: a client's usual time-out."""


class RunnerCrash(NodesFault, frozen=True, tag="runner-crash"):
    """Runners die without a word.

    Their nodes and pods stay as they are, and new runners take over when the fault is over.
    """

    def describe(self) -> str:
        """Whose runner."""
        return f"the runner of {self.who()} is down"

    def near(self, world: World) -> Iterable[str]:
        """The nodes."""
        return _near(self, world)

    @asynccontextmanager
    async def broken(self, world: World, hit: Hit) -> AsyncIterator[None]:
        """Kill them, and start new ones."""
        nodes = self.nodes(world)
        for name in nodes:
            world.cluster.crash(name)
            hit()
        yield
        for name in nodes:
            world.cluster.restart(name)


class RunnerRestarts(NodesFault, frozen=True, kw_only=True, tag="runner-restarts"):
    """A storm of restarts: runners die again and again, each after its own time.

    Attributes:
        life: how long a runner lives in the storm.
        down: how long it is away then.
    """

    life: RandomTime = Span(5.0, 20.0)
    down: RandomTime = Span(1.0, 5.0)

    lasts: ClassVar[bool] = True

    def describe(self) -> str:
        """Whose runners."""
        return f"the runners of {self.who()} die again and again"

    @asynccontextmanager
    async def broken(self, world: World, hit: Hit) -> AsyncIterator[None]:
        """Kill them again and again; at the end all are there."""
        nodes = self.nodes(world)

        async def storm(name: str) -> None:
            while True:
                await asyncio.sleep(self.life.draw(world.random))
                world.cluster.crash(name)
                hit()
                await asyncio.sleep(self.down.draw(world.random))
                world.cluster.restart(name)

        tasks = [asyncio.ensure_future(storm(name)) for name in nodes]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for name in nodes:
                world.cluster.restart(name)


class RunnerHang(NodesFault, frozen=True, tag="runner-hang"):
    """Runners stand still, and go on afterwards as if nothing had been: a long pause, a frozen machine."""

    lasts: ClassVar[bool] = True

    def describe(self) -> str:
        """Whose runner."""
        return f"the runner of {self.who()} stands still"

    @asynccontextmanager
    async def broken(self, world: World, hit: Hit) -> AsyncIterator[None]:
        """Let no call of theirs go out until it is over."""
        nodes, over = frozenset(self.nodes(world)), asyncio.Event()

        async def wait(_: Call) -> None:
            await over.wait()

        with world.rule(Rule(lambda call: call.client in nodes, hit, wait)):
            yield
            over.set()


class RunnerSlow(NodesFault, frozen=True, kw_only=True, tag="runner-slow"):
    """Runners are slow: a machine with too much to do.

    Attributes:
        by: how much longer each of their calls takes.
    """

    by: RandomTime = Span(0.5, 2.0)

    lasts: ClassVar[bool] = True

    def describe(self) -> str:
        """Whose runner, and how slow."""
        return f"each call of {self.who()} takes {self.by} longer"

    @asynccontextmanager
    async def broken(self, world: World, hit: Hit) -> AsyncIterator[None]:
        """Let their calls wait."""
        nodes = frozenset(self.nodes(world))

        async def wait(_: Call) -> None:
            await asyncio.sleep(self.by.draw(world.random))

        with world.rule(Rule(lambda call: call.client in nodes, hit, wait)):
            yield


class NetworkPartition(NodesFault, frozen=True, kw_only=True, tag="network-partition"):
    """The network is cut between runners and the API server, or between runners and their cloud.

    Attributes:
        between: the runner and which side.
    """

    between: Literal["api", "cloud", "both"] = "api"

    lasts: ClassVar[bool] = True

    def describe(self) -> str:
        """Who is cut off, and from what."""
        side = {"api": "the API server", "cloud": "the cloud", "both": "API server and cloud"}[self.between]
        return f"{self.who()} cannot reach {side}"

    @asynccontextmanager
    async def broken(self, world: World, hit: Hit) -> AsyncIterator[None]:
        """Let calls time out, and watches fall silent."""
        nodes = self.nodes(world)
        cut, healed = frozenset(nodes), asyncio.Event()
        sides = {API, CLOUD} if self.between == "both" else {self.between}

        async def time_out(call: Call) -> None:
            await asyncio.sleep(GIVEN_UP)
            message = "no answer within 10 s (injected fault)"
            raise Unavailable(message) if call.side == API else Retryable(message)

        silent = cut if API in sides else frozenset()
        world.gate.cut.update(dict.fromkeys(sorted(silent), healed))
        try:
            with world.rule(Rule(lambda call: call.client in cut and call.side in sides, hit, time_out)):
                yield
        finally:
            for name in silent:
                world.gate.cut.pop(name, None)
            healed.set()


class NetworkLatency(NodesFault, frozen=True, kw_only=True, tag="network-latency"):
    """The way between runners and the API server, or their cloud, is slow.

    Attributes:
        by: how much longer a call takes.
        between: the runner and which side.
    """

    by: RandomTime = Span(0.2, 1.0)
    between: Literal["api", "cloud", "both"] = "both"

    lasts: ClassVar[bool] = True

    def describe(self) -> str:
        """Whose way, and how slow."""
        return f"the network of {self.who()} is {self.by} slower"

    @asynccontextmanager
    async def broken(self, world: World, hit: Hit) -> AsyncIterator[None]:
        """Let calls wait."""
        nodes = frozenset(self.nodes(world))
        sides = {API, CLOUD} if self.between == "both" else {self.between}

        async def wait(_: Call) -> None:
            await asyncio.sleep(self.by.draw(world.random))

        with world.rule(Rule(lambda call: call.client in nodes and call.side in sides, hit, wait)):
            yield


class LeaseLost(NodesFault, frozen=True, tag="node-lease-lost"):
    """Nodes cannot renew their leases: Kubernetes takes them for dead, while their runners live."""

    lasts: ClassVar[bool] = True

    def describe(self) -> str:
        """Which nodes."""
        return f"{self.who()} cannot renew the lease"

    @asynccontextmanager
    async def broken(self, world: World, hit: Hit) -> AsyncIterator[None]:
        """Refuse the leases."""
        theirs = of_clients(self.nodes(world), API)

        async def refuse(_: Call) -> None:
            raise Unavailable("etcdserver: request timed out (injected fault)")

        with world.rule(Rule(lambda call: call.what == "leases" and theirs(call), hit, refuse)):
            yield


def _near(fault: NodesFault, world: World) -> Iterable[str]:
    """The nodes that a fault may be about, without choosing yet."""
    return [name for name, group in world.group_of.items() if fault.node in ("", name) and fault.group in ("", group)]


RUNNER_FAULTS: tuple[type[Fault], ...] = (
    RunnerCrash,
    RunnerRestarts,
    RunnerHang,
    RunnerSlow,
    NetworkPartition,
    NetworkLatency,
    LeaseLost,
)
