"""What breaks at clouds: at the mock in the gate before its provider, at a fake of a real one in the cloud itself."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from typing import ClassVar, Literal

import msgspec

from fakes.cloud.model import Call as CloudCall
from fakes.cloud.settings import Fault as CloudRule
from fakes.cloud.settings import FaultKind, Latency
from providers import errors
from providers.errors import Retryable
from vksim.clouds.base import CloudBackend
from vksim.faults.base import Fault, Hit, Names, World
from vksim.faults.runners import GIVEN_UP
from vksim.gate import CLOUD, Call, Rule
from vksim.schema import Count, Duration, Share

Operation = Literal["create", "update", "delete", "get", "list", "ping", "all"]


class CloudFault(Fault, frozen=True):
    """Something that breaks at a cloud, or at all of them.

    Attributes:
        cloud: one of the scenario's ``clouds``; empty for all, and for what a group has.
        group: only what nodes of this group have to do with; empty for all.
    """

    cloud: str = ""
    group: str = ""

    refers: ClassVar[Names] = {"cloud": "cloud", "group": "group"}

    def backends(self, world: World) -> list[CloudBackend]:
        """The fake clouds that it is about."""
        named = self.cloud or world.cloud_of.get(self.group, "")
        if self.group and not named:
            return []
        return [backend for name, backend in world.clouds.items() if named in ("", name)]

    def at_mock(self, world: World) -> frozenset[str]:
        """The nodes of the mock provider that it is about."""
        if self.cloud:
            return frozenset()
        return frozenset(
            name
            for name, group in world.group_of.items()
            if self.group in ("", group) and not world.cloud_of.get(group)
        )

    def where(self) -> str:
        """The cloud in a few words."""
        return self.cloud or (f"the cloud of {self.group}" if self.group else "the cloud")


class CallsFault(CloudFault, frozen=True):
    """Something that happens to calls to a cloud.

    Attributes:
        operations: which calls: of the mock create, update, delete, get, list and ping; of another cloud its own names
            for them, or patterns such as ``Create*``; none for all.
        resources: of a cloud: only calls about these, by its names or patterns, a zone for one; none for all.
        rate: which part of them.
    """

    operations: list[str] = []
    resources: list[str] = []
    rate: Share = 1.0

    lasts: ClassVar[bool] = True
    fault_kind: ClassVar[FaultKind]

    async def before(self, world: World, call: Call) -> None:
        """What happens before the mock hears of a call."""

    async def after(self, world: World, call: Call) -> None:
        """What happens when the mock has done it."""

    def delay(self) -> Latency | None:
        """How late the answers of another cloud are."""
        return None

    @asynccontextmanager
    async def broken(self, world: World, hit: Hit) -> AsyncIterator[None]:
        """Let calls go wrong."""
        nodes, operations = self.at_mock(world), frozenset(self.operations)

        def concerns(call: Call) -> bool:
            return call.side == CLOUD and call.client in nodes and (not operations or call.verb in operations)

        async def before(call: Call) -> None:
            await self.before(world, call)

        async def after(call: Call) -> None:
            await self.after(world, call)

        told = CloudRule(
            *(self.fault_kind, tuple(self.operations), tuple(self.resources)),
            probability=self.rate,
            delay=self.delay(),
        )
        with world.rule(Rule(concerns, hit, before, after, self.rate)), _ruled(self.backends(world), told, hit):
            yield


@contextmanager
def _ruled(backends: list[CloudBackend], rule: CloudRule, hit: Hit) -> Iterator[None]:
    """A rule holds at clouds while this lasts, before their own."""

    def heard(call: CloudCall) -> None:
        if call.outcome == rule.kind:
            hit()

    for backend in backends:
        backend.model.faults.insert(0, rule)
        backend.model.listeners.append(heard)
    try:
        yield
    finally:
        for backend in backends:
            backend.model.faults.remove(rule)
            backend.model.listeners.remove(heard)


class CloudOutage(CallsFault, frozen=True, tag="cloud-outage"):
    """A cloud is down: its calls fail, and nothing is done."""

    fault_kind: ClassVar[FaultKind] = FaultKind.OUTAGE

    def describe(self) -> str:
        """Which cloud."""
        return f"{self.where()} is down"

    async def before(self, world: World, call: Call) -> None:
        """Fail."""
        raise Retryable(f"the cloud is down for {call.verb} (injected fault)")


class CloudThrottle(CallsFault, frozen=True, kw_only=True, tag="cloud-throttle"):
    """A cloud takes too many calls for too many.

    Attributes:
        retry_after: when to come again, where the cloud says such a thing.
    """

    retry_after: Duration = Duration(2.0)

    fault_kind: ClassVar[FaultKind] = FaultKind.THROTTLED

    def describe(self) -> str:
        """Which cloud."""
        return f"{self.where()} throttles {self.rate:.0%} of its calls"

    async def before(self, world: World, call: Call) -> None:
        """Send the caller away."""
        delay = timedelta(seconds=self.retry_after.seconds)
        raise Retryable(f"too many {call.verb} calls (injected fault)", delay=delay)


class CloudNoCapacity(CallsFault, frozen=True, kw_only=True, tag="cloud-no-capacity"):
    """A cloud has no room: what is to be made is refused.

    Attributes:
        operations: which calls; of another cloud, its own names for them.
    """

    operations: list[str] = msgspec.field(default_factory=lambda: ["create", "*Create*", "*create*", "RunTask"])

    fault_kind: ClassVar[FaultKind] = FaultKind.NO_CAPACITY

    def describe(self) -> str:
        """Which cloud."""
        return f"{self.where()} has no capacity"

    async def before(self, world: World, call: Call) -> None:
        """Refuse."""
        raise Retryable("the cloud has no capacity (injected fault)")


class CloudLostAnswers(CallsFault, frozen=True, tag="cloud-lost-answers"):
    """A cloud does what it is asked, and nobody hears of it."""

    fault_kind: ClassVar[FaultKind] = FaultKind.LOST_ANSWER

    def describe(self) -> str:
        """Which cloud."""
        return f"{self.rate:.0%} of the answers of {self.where()} are lost"

    async def after(self, world: World, call: Call) -> None:
        """Lose the answer."""
        raise Retryable("the connection was lost before the cloud answered (injected fault)")


class CloudLostRequests(CallsFault, frozen=True, tag="cloud-lost-requests"):
    """A cloud never hears of calls, and the caller waits for an answer in vain."""

    fault_kind: ClassVar[FaultKind] = FaultKind.LOST_REQUEST

    def describe(self) -> str:
        """Which cloud."""
        return f"{self.rate:.0%} of the calls to {self.where()} are lost"

    async def before(self, world: World, call: Call) -> None:
        """Lose the call."""
        await asyncio.sleep(GIVEN_UP)
        raise Retryable("the cloud did not answer within 10 s (injected fault)")


class CloudSlow(CallsFault, frozen=True, kw_only=True, tag="cloud-slow"):
    """A cloud answers late.

    Attributes:
        median: half of the answers come later than this.
        p99: one in a hundred comes later than this.
    """

    median: Duration = Duration(2.0)
    p99: Duration = Duration(10.0)

    fault_kind: ClassVar[FaultKind] = FaultKind.SLOW

    def describe(self) -> str:
        """Which cloud, and how late."""
        return f"{self.where()} answers {self.median} to {self.p99} late"

    def delay(self) -> Latency:
        """How late."""
        return Latency(self.median.seconds, self.p99.seconds)

    async def before(self, world: World, call: Call) -> None:
        """Wait."""
        await asyncio.sleep(self.delay().draw(world.random))


class CloudSlowStart(CloudFault, frozen=True, kw_only=True, tag="cloud-slow-start"):
    """What a cloud is to start takes longer.

    Attributes:
        factor: so many times as long.
    """

    factor: float = 5.0

    lasts: ClassVar[bool] = True

    def describe(self) -> str:
        """Which cloud, and how slow."""
        return f"{self.where()} takes {self.factor:g} times as long to start pods"

    @asynccontextmanager
    async def broken(self, world: World, hit: Hit) -> AsyncIterator[None]:
        """Draw all of its times longer."""
        backends = self.backends(world)
        before = [backend.model.settings for backend in backends]
        for backend, settings in zip(backends, before, strict=True):
            latencies = {
                name: Latency(each.median * self.factor, None if each.p99 is None else each.p99 * self.factor)
                for name, each in settings.latencies.items()
            }
            backend.model.settings = msgspec.structs.replace(settings, latencies=latencies)
            hit()
        nodes = self.at_mock(world)
        world.cluster.cloud.slowness.update(dict.fromkeys(sorted(nodes), self.factor))
        if nodes:
            hit()
        try:
            yield
        finally:
            for backend, settings in zip(backends, before, strict=True):
                backend.model.settings = settings
            for node in nodes:
                world.cluster.cloud.slowness.pop(node, None)


class ResourcesFault(CloudFault, frozen=True):
    """Something that a cloud does to what runs there.

    Attributes:
        share: to which part of it.
        count: or to how many pods.
    """

    share: Share = 0.1
    count: Count | None = None

    def on_mock(self, world: World) -> list[str]:
        """UIDs of pods of the mock that it strikes this time."""
        nodes = self.at_mock(world)
        found = [dict(pod) for pod in world.cluster.cloud.alive() if pod["spec"].get("nodeName") in nodes]
        return [pod["metadata"]["uid"] for pod in world.some(found, self.share, self.count)]


class CloudVanish(ResourcesFault, frozen=True, tag="cloud-vanish"):
    """The mock cloud loses pods without a word."""

    def describe(self) -> str:
        """Which part."""
        return f"{self.where()} loses {self.count or f'{self.share:.0%}'} of its pods"

    @asynccontextmanager
    async def broken(self, world: World, hit: Hit) -> AsyncIterator[None]:
        """Lose them."""
        for uid in self.on_mock(world):
            world.vanished.add(uid)
            world.cluster.cloud.vanish(uid)
            hit()
        yield


class CloudStops(ResourcesFault, frozen=True, tag="cloud-stops-pods"):
    """The mock cloud ends pods on its own account, and tells."""

    def describe(self) -> str:
        """Which part."""
        return f"{self.where()} stops {self.count or f'{self.share:.0%}'} of its pods"

    @asynccontextmanager
    async def broken(self, world: World, hit: Hit) -> AsyncIterator[None]:
        """Stop them."""
        _stop(self, world, hit)
        yield


class SpotWave(ResourcesFault, frozen=True, tag="cloud-spot-wave"):
    """A cloud takes spare capacity back: what ran on it ends."""

    def describe(self) -> str:
        """Which part."""
        return f"{self.where()} takes back {self.share:.0%} of its spare capacity"

    @asynccontextmanager
    async def broken(self, world: World, hit: Hit) -> AsyncIterator[None]:
        """Take it back; of the mock, anything is spare."""
        for backend in self.backends(world):
            for _ in range(backend.interrupt(self.share)):
                hit()
        _stop(self, world, hit)
        yield


def _stop(fault: ResourcesFault, world: World, hit: Hit) -> None:
    for uid in fault.on_mock(world):
        try:
            world.cluster.cloud.evict(uid)
        except errors.NotFound:
            continue
        hit()


class ProviderErrors(Fault, frozen=True, kw_only=True, tag="provider-errors"):
    """Calls to a provider fail with an error that may be tried again.

    Attributes:
        operation: which calls: create, update, delete, get, list, ping, or all.
        rate: which part of them.
        group: only nodes of this group; empty for all.
    """

    operation: Operation = "create"
    rate: Share = 1.0
    group: str = ""

    refers: ClassVar[Names] = {"group": "group"}
    lasts: ClassVar[bool] = True

    def describe(self) -> str:
        """Which calls fail, and where."""
        calls = "provider calls" if self.operation == "all" else f"provider {self.operation} calls"
        return f"{self.rate:.0%} of {calls} fail{f' in {self.group}' if self.group else ''}"

    @asynccontextmanager
    async def broken(self, world: World, hit: Hit) -> AsyncIterator[None]:
        """Let calls fail."""

        def concerns(call: Call) -> bool:
            return (
                call.side == CLOUD
                and self.operation in ("all", call.verb)
                and self.group in ("", world.group_of.get(call.client))
            )

        async def fail(call: Call) -> None:
            raise Retryable(f"the cloud failed to {call.verb} (injected fault)")

        with world.rule(Rule(concerns, hit, fail, rate=self.rate)):
            yield


CLOUD_FAULTS: tuple[type[Fault], ...] = (
    ProviderErrors,
    CloudOutage,
    CloudThrottle,
    CloudNoCapacity,
    CloudLostAnswers,
    CloudLostRequests,
    CloudSlow,
    CloudSlowStart,
    CloudVanish,
    CloudStops,
    SpotWave,
)
