"""What breaks at the API server, and in what its clients see of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated, ClassVar, Literal

import msgspec

from providers.distributions import RandomTime, Span
from runner.kube import Unavailable, error_from_status
from vksim.faults.base import Fault, Hit, World
from vksim.gate import API, Call, Rule
from vksim.schema import Duration, Share

Verb = Literal["get", "list", "watch", "create", "update", "patch", "delete"]


class ApiFault(Fault, frozen=True):
    """Something that happens to requests to the API server.

    Attributes:
        verbs: which requests; none for all.
        resources: about what, in the plural: ``[pods, leases]``; none for all.
        rate: which part of them.
    """

    verbs: list[Verb] = []
    resources: list[str] = []
    rate: Share = 1.0

    lasts: ClassVar[bool] = True

    def concerns(self) -> Callable[[Call], bool]:
        """Which calls it is about."""
        verbs, resources = frozenset(self.verbs), frozenset(self.resources)
        return lambda call: (
            call.side == API and (not verbs or call.verb in verbs) and (not resources or call.what in resources)
        )

    def which(self) -> str:
        """The requests in a few words."""
        share = f"{self.rate:.0%} of " if self.rate < 1 else ""
        about = f" about {', '.join(self.resources)}" if self.resources else ""
        return f"{share}{'/'.join(self.verbs) or 'all'} requests{about}"


class ApiLatency(ApiFault, frozen=True, kw_only=True, tag="api-latency"):
    """The API server is slow.

    Attributes:
        by: how much longer a request takes.
    """

    by: RandomTime = Span(1.0, 1.0)

    def describe(self) -> str:
        """Which requests, and how slow."""
        return f"{self.which()} to the API server take {self.by} longer"

    @asynccontextmanager
    async def broken(self, world: World, hit: Hit) -> AsyncIterator[None]:
        """Let requests wait."""

        async def wait(_: Call) -> None:
            await asyncio.sleep(self.by.draw(world.random))

        with world.rule(Rule(self.concerns(), hit, wait, rate=self.rate)):
            yield


class ApiErrors(ApiFault, frozen=True, kw_only=True, tag="api-errors"):
    """The API server refuses requests.

    Attributes:
        code: the HTTP status.
        retry_after: what it says about when to come again; 0s for nothing.
    """

    code: Annotated[int, msgspec.Meta(ge=400, le=599)] = 500
    retry_after: Duration = Duration(0.0)

    def describe(self) -> str:
        """Which requests, and with what."""
        return f"{self.which()} to the API server fail with {self.code}"

    @asynccontextmanager
    async def broken(self, world: World, hit: Hit) -> AsyncIterator[None]:
        """Let requests fail."""

        async def fail(_: Call) -> None:
            message = {"message": f"HTTP {self.code} (injected fault)"}
            raise error_from_status(message, code=self.code, retry_after=self.retry_after.seconds or None)

        with world.rule(Rule(self.concerns(), hit, fail, rate=self.rate)):
            yield


class ApiThrottle(ApiFault, frozen=True, kw_only=True, tag="api-throttle"):
    """The API server has too many requests, and says 429.

    Attributes:
        retry_after: when to come again.
    """

    retry_after: Duration = Duration(1.0)

    def describe(self) -> str:
        """Which requests."""
        return f"{self.which()} to the API server are throttled"

    @asynccontextmanager
    async def broken(self, world: World, hit: Hit) -> AsyncIterator[None]:
        """Let requests come again later."""

        async def refuse(_: Call) -> None:
            raise error_from_status(
                {"message": "too many requests (injected fault)"}, code=429, retry_after=self.retry_after.seconds
            )

        with world.rule(Rule(self.concerns(), hit, refuse, rate=self.rate)):
            yield


class ApiOutage(Fault, frozen=True, tag="api-outage"):
    """The API server is away: watches end, nothing is answered."""

    lasts: ClassVar[bool] = True

    def describe(self) -> str:
        """What it is."""
        return "the API server is away"

    @asynccontextmanager
    async def broken(self, world: World, hit: Hit) -> AsyncIterator[None]:
        """Answer nobody."""

        async def refuse(_: Call) -> None:
            raise Unavailable("connection refused (injected fault)")

        with world.rule(Rule(lambda call: call.side == API, hit, refuse)):
            world.gate.drop_watches(lambda _: True)
            yield


class ApiLostAnswers(ApiFault, frozen=True, tag="api-lost-answers"):
    """The API server does what it is asked, and the answer is lost: nobody knows whether it was done."""

    def describe(self) -> str:
        """Which requests."""
        return f"the answers to {self.which()} are lost"

    @asynccontextmanager
    async def broken(self, world: World, hit: Hit) -> AsyncIterator[None]:
        """Lose answers."""

        async def lose(_: Call) -> None:
            raise Unavailable("the connection was lost before the API server answered (injected fault)")

        with world.rule(Rule(self.concerns(), hit, after=lose, rate=self.rate)):
            yield


class StaleReads(Fault, frozen=True, tag="api-stale-reads"):
    """Lists come from a replica that has fallen behind: they show what was there when this began."""

    lasts: ClassVar[bool] = True

    def describe(self) -> str:
        """What it is."""
        return "lists show what was there when this began"

    @asynccontextmanager
    async def broken(self, world: World, hit: Hit) -> AsyncIterator[None]:
        """Show the past."""
        past = {"resource_version": str(world.cluster.server.version), "resource_version_match": "Exact"}
        rule = Rule(lambda call: call.side == API and call.verb == "list", hit, options=lambda: past)
        with world.rule(rule):
            yield


class WatchDrop(Fault, frozen=True, tag="watch-drop"):
    """Watches end; their clients go on from where they were.

    Attributes:
        resources: of what, in the plural; none for all.
    """

    resources: list[str] = []

    def describe(self) -> str:
        """Which watches."""
        return f"watches of {', '.join(self.resources) or 'everything'} end"

    @asynccontextmanager
    async def broken(self, world: World, hit: Hit) -> AsyncIterator[None]:
        """End them."""
        for _ in range(world.gate.drop_watches(_about(self.resources))):
            hit()
        yield


class WatchLag(Fault, frozen=True, kw_only=True, tag="watch-lag"):
    """Watches are behind: what has changed is told later.

    Attributes:
        by: how much later.
        resources: of what, in the plural; none for all.
    """

    by: Duration = Duration(5.0)
    resources: list[str] = []

    lasts: ClassVar[bool] = True

    def describe(self) -> str:
        """Which watches, and how far behind."""
        return f"watches of {', '.join(self.resources) or 'everything'} are {self.by} behind"

    @asynccontextmanager
    async def broken(self, world: World, hit: Hit) -> AsyncIterator[None]:
        """Let them fall behind. At the end they are ended: what is under way must not be overtaken."""
        concerns = _about(self.resources)
        lag = (concerns, self.by.seconds)
        world.gate.lags.append(lag)
        for watcher, call in world.gate.watches.items():
            if concerns(call):
                watcher.lag(self.by.seconds)
                hit()
        try:
            yield
        finally:
            world.gate.lags.remove(lag)
            world.gate.drop_watches(concerns)


class WatchCompaction(Fault, frozen=True, tag="watch-compaction"):
    """The API server forgets its history, and watches end: their clients are told 410 Gone, and must list again."""

    def describe(self) -> str:
        """What it is."""
        return "the history is compacted: 410 Gone"

    @asynccontextmanager
    async def broken(self, world: World, hit: Hit) -> AsyncIterator[None]:
        """Forget."""
        world.cluster.server.compact()
        for _ in range(world.gate.drop_watches(lambda _: True)):
            hit()
        yield


def _about(resources: list[str]) -> Callable[[Call], bool]:
    return lambda call: not resources or call.what in resources


API_FAULTS = (
    ApiLatency,
    ApiErrors,
    ApiThrottle,
    ApiOutage,
    ApiLostAnswers,
    StaleReads,
    WatchDrop,
    WatchLag,
    WatchCompaction,
)
