"""What all faults have in common, and what they can reach."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import ClassVar, Literal

import msgspec

from providers.types import KubeObject
from runner.kube import PODS
from vksim.calm import EVERYBODY, Calm
from vksim.clouds.base import CloudBackend
from vksim.cluster import Cluster
from vksim.gate import Call, Gate, Rule
from vksim.schema import NOTHING, Duration, Share, Struct

Names = Mapping[str, Literal["node", "group", "cloud", "workload"]]


@dataclass(slots=True)
class World:
    """What a fault can reach.

    Attributes:
        cluster: the API server, the nodes and the mock cloud.
        gate: the way between those who ask and those who answer.
        clouds: the scenario's clouds, by its names for them.
        group_of: node -> its group.
        cloud_of: group -> its cloud; empty for the mock.
        random: what a fault chooses by.
        calm: is told of trouble.
        vanished: UIDs of pods that a cloud has lost on purpose.
        ordered: UIDs of pods whose end before their time was somebody's wish.
    """

    cluster: Cluster
    gate: Gate
    clouds: Mapping[str, CloudBackend]
    group_of: Mapping[str, str]
    cloud_of: Mapping[str, str]
    random: Random
    calm: Calm
    vanished: set[str] = field(default_factory=set)
    ordered: set[str] = field(default_factory=set)

    async def pods(self, chosen: Callable[[KubeObject], bool]) -> list[KubeObject]:
        """Pods of the API server, by namespace and name."""
        items = (await self.cluster.api.list(PODS))["items"]
        return [pod for pod in items if chosen(pod)]

    def some(self, found: list[KubeObject], share: float, count: int | None) -> list[KubeObject]:
        """So many of them, or such a share, in their order."""
        number = min(len(found), count) if count is not None else round(share * len(found))
        return [found[each] for each in sorted(self.random.sample(range(len(found)), number))]

    @contextmanager
    def rule(self, rule: Rule) -> Iterator[None]:
        """A rule holds while this lasts."""
        self.gate.rules.append(rule)
        try:
            yield
        finally:
            self.gate.rules.remove(rule)


Hit = Callable[[], None]
"""Called each time that a fault does something to somebody."""


class Fault(Struct, frozen=True, tag_field="kind"):
    """Something that breaks.

    Attributes:
        at: when it begins.
        during: how long it lasts.
        every: it comes again, so long after each beginning, as long as the scenario lasts; without it, once.
        probability: with which it comes, each time.
    """

    at: Duration
    during: Duration = msgspec.field(name="for", default=NOTHING)
    every: Duration | None = None
    probability: Share = 1.0

    refers: ClassVar[Names] = {}
    """Its fields that name something of the scenario; such a field may be empty if that is its default."""
    lasts: ClassVar[bool] = False
    """Whether it is nothing without a length."""

    def __post_init__(self) -> None:
        """Raises ValueError for what the types cannot say."""
        if self.lasts and not self.during.seconds:
            raise ValueError("for: without a length it does nothing; write how long, e.g. 30s")
        if self.every is not None and self.every.seconds <= self.during.seconds:
            raise ValueError("every: it would come again before it is over; write more than for")

    def describe(self) -> str:
        """The fault in a few words, for the report."""
        raise NotImplementedError

    def broken(self, world: World, hit: Hit) -> AbstractAsyncContextManager[None]:
        """Break it, and mend it at the end."""
        raise NotImplementedError

    def near(self, world: World) -> Iterable[str]:
        """Whom it troubles: nodes, or everybody. All others need not look whether something is wrong."""
        return (EVERYBODY,)


class NodesFault(Fault, frozen=True):
    """Something that breaks at some nodes.

    Attributes:
        node: one node; empty for all.
        group: those of this group; empty for all.
        share: which part of them, chosen anew each time.
    """

    node: str = ""
    group: str = ""
    share: Share = 1.0

    refers: ClassVar[Names] = {"node": "node", "group": "group"}

    def nodes(self, world: World) -> list[str]:
        """Nodes that it strikes this time."""
        found = [
            name
            for name, group in world.group_of.items()
            if self.node in ("", name) and self.group in ("", group) and name in world.cluster.nodes
        ]
        if self.share >= 1:
            return found
        return sorted(world.random.sample(found, max(1, round(self.share * len(found))))) if found else []

    def who(self) -> str:
        """The nodes in a few words."""
        share = f"{self.share:.0%} of " if self.share < 1 else ""
        return f"{share}{self.node or (f'the nodes of {self.group}' if self.group else 'all nodes')}"


def of_clients(names: Iterable[str], side: str) -> Callable[[Call], bool]:
    """The calls of these clients to one side."""
    known = frozenset(names)
    return lambda call: call.side == side and call.client in known
