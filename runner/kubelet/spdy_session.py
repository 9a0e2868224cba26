"""Streams over SPDY: the server's end of a connection, which may itself be carried by a WebSocket."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Protocol

from aiohttp import WSMsgType, web
from multidict import CIMultiDict

from runner.kubelet.streams import HungUp, Incoming, to_client
from runner.kubelet.upgrade import READ, Upgraded
from wire import remotecommand, spdy

GOODBYE_SECONDS = 1.0
"""How long a SPDY client that was told the end may take to hang up before it is hung up on."""


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


class Carrier(Protocol):
    """Carries bytes both ways."""

    async def receive(self) -> bytes:
        """The next bytes; none at the end."""
        ...

    async def send(self, data: bytes) -> None:
        """Send bytes. Raises HungUp."""


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
        with to_client():
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
        with to_client():
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
        self.incoming = Incoming()
        self.ended = False
        """Whether the client sends nothing more."""
        self.closed = False
        """Whether nothing more is sent from here."""
        self.was_reset = asyncio.Event()
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

    async def given_up(self) -> None:
        """Return when the client has reset the stream."""
        await self.was_reset.wait()

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
        except HungUp:
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
                stream.was_reset.set()
                self._ended(stream)

    def _ended(self, stream: SpdyStream) -> None:
        stream.ended = True
        stream.incoming.end()
        self.forget_if_over(stream)
