"""How hard the API server is asked: no fixed rate, but as much as it takes.

So many requests at once as the window allows. Each answer opens it a little, up to its full width; each sign that the
server has too much to do (429, 5xx, no answer) halves it, as TCP does. When the server says how long to wait, nobody of
this process asks before; when it does not answer at all, the next try waits a little longer each time. Which request
goes first is for the server to say (API priority and fairness); here they go in turn.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

from runner import backoff

WIDEST = 16
"""Requests at once. More do not make a server faster, and each connection costs a quarter of a MiB (TLS)."""
LONGEST_HOLD = 30.0
"""Seconds for which a server's wish is obeyed by all; what asks for more stands before the server, and is mistaken."""
LONGEST_TROUBLE = 5.0
"""Seconds until a server that did not answer is asked again, at most."""


class Gate:
    """The turns of one process at one API server.

    Attributes:
        window: how many requests may be under way.
        throttled: how often the server had us wait.

    Args:
        random: spreads those that waited for the same moment.
    """

    def __init__(self, random: Random) -> None:
        self.window = float(WIDEST)
        self.throttled = 0
        self._random = random
        self._under_way = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._closed_until = 0.0
        self._failures = 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a place, and keep it for the block."""
        await self._take()
        try:
            await self._wait()
            yield
        finally:
            self._under_way -= 1
            self._hand_on()

    def well(self) -> None:
        """The server has answered."""
        self._failures = 0
        if self.window < WIDEST:
            self.window = min(self.window + 1.0 / self.window, WIDEST)
            self._hand_on()

    def throttle(self, seconds: float) -> None:
        """The server wants to be left alone for so long."""
        self.throttled += 1
        self._narrow()
        self._close(min(seconds, LONGEST_HOLD))

    def trouble(self) -> None:
        """The server did not answer, or with a fault of its own."""
        self._failures += 1
        self._narrow()
        self._close(backoff.delay(self._failures, self._random, first=0.05, longest=LONGEST_TROUBLE))

    def _narrow(self) -> None:
        self.window = max(1.0, self.window / 2)

    def _close(self, seconds: float) -> None:
        self._closed_until = max(self._closed_until, asyncio.get_running_loop().time() + seconds)

    async def _wait(self) -> None:
        """Wait until the server may be asked; those that wait together do not go together."""
        loop = asyncio.get_running_loop()
        while (left := self._closed_until - loop.time()) > 0:  # noqa: ASYNC110  (a time is waited for, no event)
            await asyncio.sleep(left * self._random.uniform(1.0, 1.2))

    async def _take(self) -> None:
        if self._under_way < int(self.window) and not self._waiting:
            self._under_way += 1
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():  # it was handed on in the same moment
                self._under_way -= 1
                self._hand_on()
            raise

    def _hand_on(self) -> None:
        while self._waiting and self._under_way < int(self.window):
            place = self._waiting.popleft()
            if not place.done():
                self._under_way += 1
                place.set_result(None)
