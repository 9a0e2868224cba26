"""The seams of time, randomness and blocking calls: what the core is handed instead of reaching for it.

Production uses ``real_ports``; a simulation makes its own from its virtual clock, its seed and inline calls. Nothing
else in ``runner`` or ``providers`` reads the clock, draws a random number or starts a thread.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random, SystemRandom
from typing import ParamSpec, TypeVar

from providers.base import BlockingCalls, Clock

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ports:
    """What connects the core with the world, beside the Kubernetes API and the provider.

    Attributes:
        clock: the wall clock.
        random: jitter and generated names.
        blocking: runs a function that blocks.
    """

    clock: Clock
    random: Random
    blocking: BlockingCalls


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
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def rfc3339_micro(moment: datetime) -> str:
    """A Kubernetes ``MicroTime``: exactly six digits (``renewTime`` without them is refused)."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_rfc3339(text: str) -> datetime:
    """The moment that a Kubernetes timestamp names."""
    return datetime.fromisoformat(text)
