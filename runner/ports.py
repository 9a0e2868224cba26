"""The seams of time, randomness, blocking calls and rests: what the core is handed instead of reaching for it.

Production uses ``real_ports``; a simulation makes its own from its virtual clock, its seed and inline calls. Nothing
else in ``runner`` or ``providers`` reads the clock, draws a random number or starts a thread.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random, SystemRandom
from typing import ParamSpec, Protocol, TypeVar

from providers.base import BlockingCalls, Clock

P = ParamSpec("P")
T = TypeVar("T")


class Rest(Protocol):
    """Waits between two rounds of a duty that is done again and again, like a heartbeat.

    A simulation leaves out the rounds that would find everything as it was; so it must know where they are.
    """

    async def __call__(
        self, duty: str, seconds: float, *, settled: bool = True, wake: asyncio.Event | None = None
    ) -> None:
        """Return when the next round is due.

        Args:
            duty: its name.
            seconds: how long to wait.
            settled: whether the last round found nothing to do, and the next will not either unless something happens.
            wake: ends the wait when it is set.
        """
        ...


class Sleep:
    """Waits as long as it is told to."""

    async def __call__(
        self,
        duty: str,  # noqa: ARG002  (every round is due)
        seconds: float,
        *,
        settled: bool = True,  # noqa: ARG002  (as above)
        wake: asyncio.Event | None = None,
    ) -> None:
        """Return after so many seconds, or when woken."""
        if wake is None:
            await asyncio.sleep(seconds)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await wake.wait()


@dataclass(frozen=True, slots=True)
class Ports:
    """What connects the core with the world, beside the Kubernetes API and the provider.

    Attributes:
        clock: the wall clock.
        random: jitter and generated names.
        blocking: runs a function that blocks.
        rest: waits between two rounds of a duty.
    """

    clock: Clock
    random: Random
    blocking: BlockingCalls
    rest: Rest = field(default_factory=Sleep)


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The time, aware, in UTC."""
        return datetime.now(UTC)  # noqa: TID251  (this is the port)


class InThread:
    """Runs a blocking call in asyncio's default thread pool."""

    async def __call__(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """What the function returns or raises."""
        return await asyncio.to_thread(function, *args, **kwargs)  # noqa: TID251  (this is the port)


def real_ports() -> Ports:
    """The ports of a process in the real world."""
    return Ports(SystemClock(), SystemRandom(), InThread())


def rfc3339(moment: datetime) -> str:
    """A Kubernetes ``Time``: UTC, whole seconds, ``2026-01-02T03:04:05Z``."""
    return moment.isoformat()[:19] + "Z"  # in a fifth of the time that strftime takes


def rfc3339_micro(moment: datetime) -> str:
    """A Kubernetes ``MicroTime``: exactly six digits (``renewTime`` without them is refused)."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_rfc3339(text: str) -> datetime:
    """The moment that a Kubernetes timestamp names."""
    return datetime.fromisoformat(text)
