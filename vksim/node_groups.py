"""Groups of nodes as a scenario has them: what runs their pods, and how they join and leave over time."""

import asyncio
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from random import Random
from typing import Any, cast

from providers import registry
from providers.base import Clock, Provider, ProviderContext
from providers.registry import ProviderFactory
from providers.types import Taint
from runner.config import provider_taint
from vksim import profiles
from vksim.clouds.base import GROUP, CloudBackend, MakeCloud
from vksim.cluster import Cluster
from vksim.scenario import Cloud, NodeGroup

ZONE = "topology.kubernetes.io/zone"


def cloud_names() -> list[str]:
    """The clouds that can be simulated: of the installed ones, those that have a fake."""
    return sorted(point.name for point in entry_points(group=GROUP))


def make_clouds(wanted: Mapping[str, Cloud], clock: Clock, random: Callable[[str], Random]) -> dict[str, CloudBackend]:
    """The scenario's clouds, by its names for them."""
    return {name: _make_cloud(name, cloud, clock, random) for name, cloud in wanted.items()}


def _make_cloud(name: str, cloud: Cloud, clock: Clock, random: Callable[[str], Random]) -> CloudBackend:
    (point,) = entry_points(group=GROUP, name=cloud.provider)
    make = cast("MakeCloud", point.load())
    part = f"cloud {name}"
    real = make(None, clock, random(part))
    if not (cloud.latencies or cloud.quotas or cloud.rates):
        return real
    return make(cloud.settings(real.model.settings), clock, random(part))


class NodeGroups:
    """Adds nodes to a cluster and takes them away.

    Args:
        groups: what the scenario says.
        cluster: where they join.
        clouds: the scenario's clouds.
    """

    def __init__(self, groups: list[NodeGroup], cluster: Cluster, clouds: Mapping[str, CloudBackend]) -> None:
        self.group_of: dict[str, str] = {}
        self._groups = groups
        self._cluster = cluster
        self._factories = {group.name: _factory(group, clouds) for group in groups}

    def begin(self) -> None:
        """The nodes that are there from the start."""
        for group in self._groups:
            if not group.join_at.seconds and not group.join_over.seconds:
                for number in range(group.count):
                    self._join(group, number)

    async def play(self, group: NodeGroup) -> None:
        """Let nodes join and leave as the group says."""
        size = 0
        if group.join_at.seconds or group.join_over.seconds:
            await self._resize(group, 0, group.count, group.join_at.seconds, group.join_over.seconds)
        size = group.count
        for step in sorted(group.scale, key=lambda each: each.at.seconds):
            await self._resize(group, size, step.to, step.at.seconds, step.over.seconds)
            size = step.to

    async def _resize(self, group: NodeGroup, before: int, after: int, at: float, over: float) -> None:
        """One node after the other, evenly within the time; leaving ones take as long as their pods do."""
        loop = asyncio.get_running_loop()
        change = 1 if after > before else -1
        numbers = range(before, after) if change > 0 else range(before - 1, after - 1, -1)
        async with asyncio.TaskGroup() as tasks:
            for index, number in enumerate(numbers):
                when = at + over * index / max(1, len(numbers) - 1)
                await asyncio.sleep(max(0.0, when - loop.time()))
                if change > 0:
                    self._join(group, number)
                elif group.leave == "crash":
                    self._cluster.crash(f"{group.name}-{number}")
                else:
                    tasks.create_task(self._cluster.leave(f"{group.name}-{number}"))

    def _join(self, group: NodeGroup, number: int) -> None:
        name = f"{group.name}-{number}"
        self.group_of[name] = group.name
        if name in self._cluster.nodes:
            self._cluster.restart(name)
            return
        self._cluster.add_node(
            name,
            settings=group.config if group.provider != "mock" else _mock_settings(group),
            factory=self._factories[group.name],
            labels=labels(group, number),
            tainted=False,
            taints=taints(group),
        )


def labels(group: NodeGroup, number: int) -> dict[str, str]:
    """The labels of one of a group's nodes, besides those that every virtual node has."""
    zone = {ZONE: group.zones[number % len(group.zones)]} if group.zones else {}
    return {"group": group.name, **zone, **group.labels}


def taints(group: NodeGroup) -> list[Taint]:
    """The taints of a group's nodes."""
    own: list[Taint] = [{"key": each.key, "value": each.value, "effect": each.effect} for each in group.taints]
    return [provider_taint(group.provider), *own] if group.tainted else own


def _mock_settings(group: NodeGroup) -> dict[str, Any]:
    capacity = {name: str(value) for name, value in group.capacity.items()}
    return {"capacity": capacity, "script": {**profiles.PROFILES.get(group.profile, {}), **group.script}}


def _factory(group: NodeGroup, clouds: Mapping[str, CloudBackend]) -> ProviderFactory | None:
    """What makes the group's providers; None for the mock."""
    if group.cloud:
        return clouds[group.cloud].provider
    if group.provider == "mock":
        return None
    load = registry.load(group.provider)

    def make(context: ProviderContext) -> Provider:
        return load(context)

    return make
