"""The streams between a user and a container, whatever carries them: SPDY, or the channels of a WebSocket.

A *session* belongs to one connection. ``run`` reads what the client sends and sorts it to the streams, and ends when
the client hangs up; the streams are there to be read and written meanwhile. One that is read too slowly holds up the
others when its buffer is full, as it does with a kubelet: SPDY as Kubernetes speaks it has no flow control. One that
nobody is going to read is told to ``ignore`` what comes.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from aiohttp import WSMsgType, web
from multidict import CIMultiDict

from runner.kubelet.upgrade import READ, Upgraded
from wire import remotecommand, spdy

GOODBYE_SECONDS = 1.0
"""How long a SPDY client that was told the end may take to hang up before it is hung up on."""

BUFFER = 256 * 1024
"""So many bytes a stream holds for a reader that is slower than the client."""

LONGEST_MESSAGE = 32 * 1024 * 1024
"""Of a WebSocket; a kubelet's."""

log = logging.getLogger(__name__)


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
        """Send the client something. Raises ConnectionResetError if it has hung up."""
        ...

    async def close(self) -> None:
        """Say that nothing more comes from here."""

    def ignore(self) -> None:
        """Drop what the client sends there from now on, instead of keeping it for a reader."""


class _Incoming:
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


# --- SPDY -----------------------------------------------------------------------------------------------------------


class Carrier(Protocol):
    """Carries bytes both ways."""

    async def receive(self) -> bytes:
        """The next bytes; none at the end."""
        ...

    async def send(self, data: bytes) -> None:
        """Send bytes. Raises ConnectionResetError if nobody takes them."""


class UpgradedCarrier:
    """A connection that was HTTP."""

    def __init__(self, upgraded: Upgraded) -> None:
        self._reader, self._writer = upgraded.reader, upgraded.writer

    async def receive(self) -> bytes:
        """The next bytes."""
        try:
            return await self._reader.read(READ)
        except ConnectionError:
            return b""

    async def send(self, data: bytes) -> None:
        """Send bytes, and wait while the client does not read."""
        self._writer.write(data)
        await self._writer.drain()


class WebSocketCarrier:
    """A WebSocket whose binary messages are bytes, cut anywhere."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket

    async def receive(self) -> bytes:
        """The next bytes."""
        while True:
            message = await self._socket.receive()
            if message.type is not WSMsgType.BINARY:
                return b""
            if message.data:
                return bytes(message.data)

    async def send(self, data: bytes) -> None:
        """Send bytes."""
        await self._socket.send_bytes(data)


class SpdyStream:
    """A stream that the client opened.

    Attributes:
        number: its number.
        headers: what the client said of it.
    """

    def __init__(self, session: "SpdySession", number: int, headers: Mapping[str, str]) -> None:
        self.number = number
        self.headers = headers
        self.incoming = _Incoming()
        self.ended = False
        """Whether the client sends nothing more."""
        self.closed = False
        """Whether nothing more is sent from here."""
        self._session = session

    @property
    def kind(self) -> str:
        """Its ``streamtype``."""
        return self.headers.get(remotecommand.STREAM_TYPE, "").lower()

    def read(self) -> AsyncIterator[bytes]:
        """What the client sends."""
        return self.incoming.read()

    def ignore(self) -> None:
        """Drop what the client sends."""
        self.incoming.ignore()

    async def write(self, data: bytes) -> None:
        """Send the client something."""
        if data and not self.closed:
            self._session.active()
            self._session.connection.send(self.number, data)
            await self._session.flush()

    async def close(self) -> None:
        """Send nothing more."""
        if not self.closed:
            self.closed = True
            self._session.connection.send(self.number, b"", fin=True)
            self._session.forget_if_over(self)
            await self._session.flush()

    async def reset(self) -> None:
        """Give the stream up, both ways."""
        self.incoming.ignore()
        if not self.closed:
            self.closed = self.ended = True
            self._session.connection.reset(self.number)
            self._session.forget_if_over(self)
            await self._session.flush()


class SpdySession:
    """The server's end of a SPDY connection.

    Args:
        carrier: carries its bytes.
        active: called whenever a stream carries something.
    """

    def __init__(self, carrier: Carrier, active: Callable[[], None]) -> None:
        self.active = active
        self.connection = spdy.Connection(client=False)
        self._carrier = carrier
        self._streams: dict[int, SpdyStream] = {}
        self._opened: asyncio.Queue[SpdyStream | None] = asyncio.Queue()
        self._sending = asyncio.Lock()

    async def run(self) -> None:
        """Sort what comes, until the client hangs up.

        Raises:
            SpdyError: it does not speak SPDY.
        """
        try:
            while data := await self._carrier.receive():
                for event in self.connection.receive(data):
                    await self._take(event)
                await self.flush()
        except ConnectionError:
            return
        finally:
            for stream in self._streams.values():
                stream.incoming.end()
            self._opened.put_nowait(None)

    @property
    def streams(self) -> int:
        """How many streams there are that either side may still send on."""
        return len(self._streams)

    async def opened(self) -> SpdyStream | None:
        """The next stream that the client opens; None when it has hung up."""
        return await self._opened.get()

    async def flush(self) -> None:
        """Send what is to be sent, in the order in which it was said."""
        async with self._sending:
            if data := self.connection.data_to_send():
                await self._carrier.send(data)

    async def ping(self) -> None:
        """Ask the client for a sign of life."""
        self.connection.ping()
        await self.flush()

    def forget_if_over(self, stream: SpdyStream) -> None:
        """Keep nothing of a stream on which neither side sends any more: port-forwards have many, and run for long."""
        if stream.ended and stream.closed:
            self._streams.pop(stream.number, None)

    async def _take(self, event: spdy.Event) -> None:
        match event:
            case spdy.StreamOpened(number, headers, fin):
                self.active()
                stream = self._streams[number] = SpdyStream(self, number, headers)
                self.connection.accept(number)
                self._opened.put_nowait(stream)
                if fin:
                    self._ended(stream)
            case spdy.Data(number, data, fin) if number in self._streams:
                self.active()
                stream = self._streams[number]
                await stream.incoming.put(data)
                if fin:
                    self._ended(stream)
            case spdy.StreamReset(number) if number in self._streams:
                stream = self._streams[number]
                stream.closed = True
                self._ended(stream)

    def _ended(self, stream: SpdyStream) -> None:
        stream.ended = True
        stream.incoming.end()
        self.forget_if_over(stream)


# --- WebSocket ------------------------------------------------------------------------------------------------------


class Channel:
    """A stream of a WebSocket: messages that begin with its number."""

    def __init__(self, session: "WebSocketSession", number: int) -> None:
        self.incoming = _Incoming()
        self._session = session
        self._number = number

    def read(self) -> AsyncIterator[bytes]:
        """What the client sends."""
        return self.incoming.read()

    def ignore(self) -> None:
        """Drop what the client sends."""
        self.incoming.ignore()

    async def write(self, data: bytes) -> None:
        """Send the client something; no bytes make an empty message."""
        await self._session.send(self._number, data)

    async def close(self) -> None:
        """A channel ends with its WebSocket."""


class WebSocketSession:
    """The server's end of a WebSocket with channels.

    Args:
        socket: the WebSocket, open.
        protocol: which of ``remotecommand.WEBSOCKET_PROTOCOLS`` is spoken there.
        channels: so many there are.
        active: called whenever something is carried.
    """

    def __init__(self, socket: web.WebSocketResponse, protocol: str, channels: int, active: Callable[[], None]) -> None:
        self.channels = [Channel(self, number) for number in range(channels)]
        self._socket = socket
        self._protocol = protocol
        self._active = active

    async def run(self) -> None:
        """Sort what comes, until the client hangs up. Messages that make no sense are passed over."""
        try:
            async for message in self._socket:
                self._active()
                if message.type in (WSMsgType.BINARY, WSMsgType.TEXT):
                    await self._take(message.data)
        finally:
            for channel in self.channels:
                channel.incoming.end()

    async def ping(self) -> None:
        """Ask the client for a sign of life."""
        await self._socket.ping()

    async def send(self, number: int, data: bytes) -> None:
        """Send a message."""
        self._active()
        message = remotecommand.encode(self._protocol, number, data)
        if isinstance(message, str):
            await self._socket.send_str(message)
        else:
            await self._socket.send_bytes(message)

    async def _take(self, message: bytes | str) -> None:
        try:
            number, data = remotecommand.decode(self._protocol, message)
        except ValueError:
            return
        if number == remotecommand.CLOSE and data and data[0] < len(self.channels):
            self.channels[data[0]].incoming.end()
        elif number < len(self.channels):
            await self.channels[number].incoming.put(data)


# --- both -----------------------------------------------------------------------------------------------------------


def negotiated(request: web.Request, supported: Sequence[str], default: str) -> str:
    """The protocol that is spoken over SPDY; ``default`` for a client that names none.

    Raises:
        HTTPForbidden: it speaks nothing that is spoken here; as a kubelet answers.
    """
    offered = request.headers.getall(remotecommand.NEGOTIATION, [])
    chosen = remotecommand.choose(offered, supported) if offered else default
    if chosen is None:
        text = f"unable to upgrade: unable to negotiate protocol: client supports {offered}, server accepts {supported}"
        raise web.HTTPForbidden(text=text, headers=CIMultiDict((remotecommand.ACCEPTED, each) for each in supported))
    return chosen


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
        """Ask the client for a sign of life. Raises ConnectionError if it has gone."""


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
