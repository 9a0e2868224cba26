"""What happens to single pods: killed, out of memory, evicted, deleted, held back by a finalizer."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, ClassVar

import msgspec

from providers import errors
from providers.types import KubeObject
from runner.kube import PODS, ApiError
from vksim.faults.base import Fault, Hit, Names, World
from vksim.faults.nodes import evict
from vksim.schema import Count, Duration, Share

FINALIZER = "vksim.io/fault"
OOM_KILLED = "OOMKilled"


class PodsFault(Fault, frozen=True):
    """Something that happens to some of the pods that run.

    Attributes:
        workload: pods of this workload; empty for all.
        group: pods on nodes of this group; empty for all.
        share: which part of them.
        count: or how many.
    """

    workload: str = ""
    group: str = ""
    share: Share = 0.1
    count: Count | None = None

    refers: ClassVar[Names] = {"workload": "workload", "group": "group"}

    async def chosen(self, world: World) -> list[KubeObject]:
        """The pods that it strikes this time."""

        def fits(pod: KubeObject) -> bool:
            node = pod["spec"].get("nodeName")
            return (
                pod.get("status", {}).get("phase") == "Running"
                and "deletionTimestamp" not in pod["metadata"]
                and self.workload in ("", pod["metadata"].get("labels", {}).get("app"))
                and self.group in ("", world.group_of.get(node))
            )

        return world.some(await world.pods(fits), self.share, self.count)

    def who(self) -> str:
        """The pods in a few words."""
        number = f"{self.count}" if self.count is not None else f"{self.share:.0%}"
        where = f" of {self.workload}" if self.workload else ""
        return f"{number} of the pods{where}{f' in {self.group}' if self.group else ''}"


class PodKill(PodsFault, frozen=True, kw_only=True, tag="pod-kill"):
    """The containers of pods end, on nodes of the mock provider.

    Attributes:
        exit_code: what they exit with.
    """

    exit_code: Annotated[int, msgspec.Meta(ge=0, le=255)] = 137

    def describe(self) -> str:
        """Which pods."""
        return f"{self.who()} are killed"

    @asynccontextmanager
    async def broken(self, world: World, hit: Hit) -> AsyncIterator[None]:
        """Kill them."""
        await _end(self, world, hit, self.exit_code, "")
        yield


class PodOom(PodsFault, frozen=True, tag="pod-oom"):
    """The containers of pods use more memory than they may, on nodes of the mock provider."""

    def describe(self) -> str:
        """Which pods."""
        return f"{self.who()} run out of memory"

    @asynccontextmanager
    async def broken(self, world: World, hit: Hit) -> AsyncIterator[None]:
        """Kill them, for that reason."""
        await _end(self, world, hit, 137, OOM_KILLED)
        yield


class PodEvict(PodsFault, frozen=True, tag="pod-evict"):
    """Pods are evicted through the API."""

    def describe(self) -> str:
        """Which pods."""
        return f"{self.who()} are evicted"

    @asynccontextmanager
    async def broken(self, world: World, hit: Hit) -> AsyncIterator[None]:
        """Evict them."""
        for pod in await self.chosen(world):
            await evict(world, pod)
            hit()
        yield


class PodDelete(PodsFault, frozen=True, kw_only=True, tag="pod-delete"):
    """A user deletes pods.

    Attributes:
        grace_period: for how long they may go on; if left out, their own.
    """

    grace_period: Duration | None = None

    def describe(self) -> str:
        """Which pods."""
        return f"{self.who()} are deleted"

    @asynccontextmanager
    async def broken(self, world: World, hit: Hit) -> AsyncIterator[None]:
        """Delete them."""
        grace = None if self.grace_period is None else int(self.grace_period.seconds)
        for pod in await self.chosen(world):
            metadata = pod["metadata"]
            world.ordered.add(metadata["uid"])
            try:
                await world.cluster.api.delete(
                    PODS, metadata["name"], metadata["namespace"], uid=metadata["uid"], grace_period_seconds=grace
                )
            except ApiError:
                continue  # it has gone by itself
            hit()
        yield


class PodFinalizer(PodsFault, frozen=True, tag="pod-finalizer"):
    """Pods get a finalizer and are deleted: they stay until it is taken away, when the fault is over."""

    lasts: ClassVar[bool] = True

    def describe(self) -> str:
        """Which pods."""
        return f"{self.who()} are held back by a finalizer"

    @asynccontextmanager
    async def broken(self, world: World, hit: Hit) -> AsyncIterator[None]:
        """Hold them back, and let them go."""
        held = await self.chosen(world)
        for pod in held:
            metadata = pod["metadata"]
            world.ordered.add(metadata["uid"])
            await _finalize(world, metadata, [FINALIZER])
            try:
                await world.cluster.api.delete(PODS, metadata["name"], metadata["namespace"], uid=metadata["uid"])
            except ApiError:
                continue  # it has gone by itself
            hit()
        yield
        for pod in held:
            await _finalize(world, pod["metadata"], None)


async def _end(fault: PodsFault, world: World, hit: Hit, exit_code: int, reason: str) -> None:
    for pod in await fault.chosen(world):
        try:
            world.cluster.cloud.end(pod["metadata"]["uid"], exit_code, reason)
        except errors.NotFound:
            continue  # on another provider
        hit()


async def _finalize(world: World, metadata: dict[str, Any], finalizers: list[str] | None) -> None:
    patch = {"metadata": {"uid": metadata["uid"], "finalizers": finalizers}}
    try:
        await world.cluster.api.patch(PODS, metadata["name"], patch, metadata["namespace"])
    except ApiError:
        return  # it has gone, or another one has its name


POD_FAULTS: tuple[type[Fault], ...] = (PodKill, PodOom, PodEvict, PodDelete, PodFinalizer)
