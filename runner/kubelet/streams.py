"""The streams between a user and a container, whatever carries them: SPDY, or the channels of a WebSocket.

A *session* belongs to one connection. ``run`` reads what the client sends and sorts it to the streams, and ends when
the client hangs up; the streams are there to be read and written meanwhile. One that is read too slowly holds up the
others when its buffer is full, as it does with a kubelet: SPDY as Kubernetes speaks it has no flow control. One that
nobody is going to read is told to ``ignore`` what comes.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

BUFFER = 256 * 1024
"""So many bytes a stream holds for a reader that is slower than the client."""

log = logging.getLogger(__name__)


class HungUp(ConnectionError):
    """The client has left. Not to be confused with a connection that a provider has lost."""


@dataclass(frozen=True, slots=True)
class StreamTimeouts:
    """How long a client may be quiet.

    Attributes:
        idle: so long nothing may be carried before the connection is ended; zero for ever. A kubelet's is 4 h.
        creation: so long it may take to open its streams.
        ping: so often it is asked for a sign of life. None is expected, and none counts as activity: what is sent to a
            client that has left comes back as an error, also while nobody reads what it had sent.
    """

    idle: timedelta = timedelta(hours=4)
    creation: timedelta = timedelta(seconds=30)
    ping: timedelta = timedelta(seconds=20)


class Stream(Protocol):
    """One stream of a session."""

    def read(self) -> AsyncIterator[bytes]:
        """What the client sends there, until it closes the stream or hangs up."""
        ...

    async def write(self, data: bytes) -> None:
        """Send the client something. Raises HungUp."""
        ...

    async def close(self) -> None:
        """Say that nothing more comes from here."""

    def ignore(self) -> None:
        """Drop what the client sends there from now on, instead of keeping it for a reader."""

    async def given_up(self) -> None:
        """Return when the client wants nothing more to do with the stream."""


class Incoming:
    """What has come on a stream and is not read yet."""

    def __init__(self) -> None:
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._over = False
        self._changed = asyncio.Event()

    async def put(self, data: bytes) -> None:
        """Keep it for the reader, waiting for room; forget it if there is none any more."""
        while self._size >= BUFFER and not self._over:
            await self._change()
        if data and not self._over:
            self._pieces.append(data)
            self._size += len(data)
            self._changed.set()

    def end(self) -> None:
        """No more comes; what has come can still be read."""
        self._over = True
        self._changed.set()

    def ignore(self) -> None:
        """Nobody reads: drop what has come, and what will."""
        self._pieces.clear()
        self.end()

    async def read(self) -> AsyncIterator[bytes]:
        """What has come and what comes, until the end."""
        while True:
            while self._pieces:
                piece = self._pieces.popleft()
                self._size -= len(piece)
                self._changed.set()
                yield piece
            if self._over:
                return
            await self._change()

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()


@contextmanager
def to_client() -> Iterator[None]:
    """Around what is sent to the client: that it cannot be reached is HungUp."""
    try:
        yield
    except ConnectionError as error:
        raise HungUp(str(error)) from error


@asynccontextmanager
async def idle_limit(timeouts: StreamTimeouts) -> AsyncIterator[Callable[[], None]]:
    """Ends its block when nothing has been active for too long. Gives what has to be called when something is."""
    loop = asyncio.get_running_loop()
    seconds = timeouts.idle.total_seconds() or None
    try:
        async with asyncio.timeout(seconds) as limit:

            def active() -> None:
                if seconds and not limit.expired():
                    limit.reschedule(loop.time() + seconds)

            yield active
    except TimeoutError:
        log.info("a connection was idle for %s and is ended", timeouts.idle)


class Session(Protocol):
    """What belongs to one connection."""

    async def run(self) -> None:
        """Sort what comes, until the client hangs up."""

    async def ping(self) -> None:
        """Ask the client for a sign of life. Raises HungUp."""


async def while_connected(
    session: Session, work: Coroutine[Any, Any, None], timeouts: StreamTimeouts, *, goodbye: float = 0.0
) -> None:
    """Do the work while the session runs. If the client hangs up before it is done, it is cancelled.

    When it is done, the client has ``goodbye`` seconds to hang up itself: a connection that is closed too soon loses
    what is under way. A WebSocket says goodbye itself.
    """
    task = asyncio.ensure_future(work)
    connection = [asyncio.ensure_future(session.run()), asyncio.ensure_future(_pinging(session, timeouts.ping))]
    try:
        await asyncio.wait((task, *connection), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
            await asyncio.wait(connection, timeout=goodbye, return_when=asyncio.FIRST_COMPLETED)
        for each in connection:
            if each.done():
                each.result()
    finally:
        for each in (task, *connection):
            each.cancel()
        await asyncio.gather(task, *connection, return_exceptions=True)


async def _pinging(session: Session, pause: timedelta) -> None:
    while True:
        await asyncio.sleep(pause.total_seconds())
        await session.ping()
