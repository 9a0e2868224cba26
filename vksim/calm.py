"""Heartbeats that cost nothing while nothing is wrong.

Five thousand nodes beat forty million times a day, and nearly every beat finds everything as it was. So in a simulation
a duty that is settled rests until trouble comes near; then its rounds go on at the moments at which they would have
been due all the time. What a beat would have written, the time of its lease, is computed for whoever reads it.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from math import ceil, floor

from providers.types import KubeObject
from runner.node_controller import HEARTBEAT
from runner.ports import Sleep, parse_rfc3339, rfc3339_micro

EVERYBODY = ""
"""The subject of trouble that all have, like an API server that is down."""


class Calm:
    """Who has trouble. Subjects are the names of nodes; whoever looks after all of them is ``EVERYBODY`` too."""

    def __init__(self) -> None:
        self._troubles: Counter[str] = Counter()
        self._resting: dict[str, dict[asyncio.Event, None]] = {}

    def is_far(self, subject: str) -> bool:
        """Whether trouble is nowhere near a subject; for everybody, whether there is none at all."""
        if subject == EVERYBODY:
            return not self._troubles
        return subject not in self._troubles and EVERYBODY not in self._troubles

    @contextmanager
    def trouble(self, subject: str = EVERYBODY) -> Iterator[None]:
        """Something is wrong with a subject while this lasts."""
        self._troubles[subject] += 1
        self.wake(subject)
        try:
            yield
        finally:
            self._troubles[subject] -= 1
            if not self._troubles[subject]:
                del self._troubles[subject]

    @contextmanager
    def troubles(self, subjects: Iterable[str]) -> Iterator[None]:
        """Something is wrong with each of these while this lasts."""
        with ExitStack() as stack:
            for subject in subjects:
                stack.enter_context(self.trouble(subject))
            yield

    def wake(self, subject: str = EVERYBODY) -> None:
        """Have a subject, and those who look after everybody, do the next round that is due."""
        for each in self._resting if subject == EVERYBODY else (subject, EVERYBODY):
            for event in self._resting.get(each, ()):
                event.set()

    async def until_near(self, subject: str, wake: asyncio.Event | None) -> None:
        """Return when trouble comes near a subject, or when ``wake`` is set."""
        near = asyncio.Event()
        resting = self._resting.setdefault(subject, {})
        resting[near] = None
        try:
            await (near.wait() if wake is None else _either(near, wake))
        finally:
            del resting[near]


class CalmRest:
    """The rests of one subject (a ``runner.ports.Rest``).

    Args:
        calm: knows of trouble.
        subject: whose rests these are.
    """

    def __init__(self, calm: Calm, subject: str) -> None:
        self._calm = calm
        self._subject = subject
        self._sleep = Sleep()
        self._rounds: dict[str, tuple[float, float]] = {}
        self._last: dict[str, float] = {}

    async def __call__(
        self, duty: str, seconds: float, *, settled: bool = True, wake: asyncio.Event | None = None
    ) -> None:
        """Return when the next round is due that may find something."""
        if not settled or not self._calm.is_far(self._subject):
            await self._sleep(duty, seconds, wake=wake)
            return
        loop = asyncio.get_running_loop()
        begun = loop.time()
        self._rounds[duty] = begun, seconds
        try:
            await self._calm.until_near(self._subject, wake)
        finally:
            self._last[duty] = self._latest(duty, loop.time())
            del self._rounds[duty]
        due = begun + max(1, ceil((loop.time() - begun) / seconds)) * seconds
        if due > loop.time() and not (wake is not None and wake.is_set()):
            await self._sleep(duty, due - loop.time(), wake=wake)

    def last(self, duty: str, now: float) -> float | None:
        """When the last round was due that was left out; None if none ever was."""
        return self._latest(duty, now) if duty in self._rounds else self._last.get(duty)

    def _latest(self, duty: str, now: float) -> float:
        begun, seconds = self._rounds[duty]
        return begun + floor((now - begun) / seconds) * seconds


async def _either(one: asyncio.Event, other: asyncio.Event) -> None:
    waits = [asyncio.ensure_future(each.wait()) for each in (one, other)]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waits:
            each.cancel()


def lease_reader(
    rests: Callable[[str], CalmRest | None], start: datetime, time: Callable[[], float]
) -> Callable[[KubeObject], KubeObject]:
    """What makes a lease out of a stored one, as it would be had its node not left out the beats that changed nothing.

    Args:
        rests: finds a node's rests by its name.
        start: the wall clock at the loop's time 0.
        time: the loop's time.
    """

    def read(lease: KubeObject) -> KubeObject:
        rest = rests(lease["metadata"]["name"])
        last = rest.last(HEARTBEAT, time()) if rest is not None else None
        if last is None:
            return lease
        renewed, spec = start + timedelta(seconds=last), lease["spec"]
        if parse_rfc3339(spec["renewTime"]) >= renewed:
            return lease
        return {**lease, "spec": {**spec, "renewTime": rfc3339_micro(renewed)}}

    return read
