"""Streams over a WebSocket: the server's end, with a channel for each stream."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

from aiohttp import WSMsgType, web

from runner.kubelet.streams import Incoming, to_client
from wire import remotecommand

LONGEST_MESSAGE = 32 * 1024 * 1024
"""Of a WebSocket; a kubelet's."""


def subprotocol(request: web.Request, supported: Sequence[str]) -> str:
    """The first of the client's protocols that is spoken here; empty for a client that names none.

    Raises:
        HTTPForbidden: it speaks nothing that is spoken here; as a kubelet answers.
    """
    offered = request.headers.getall("Sec-WebSocket-Protocol", [])
    chosen = remotecommand.choose(offered, supported) if offered else ""
    if chosen is None:
        text = f"unable to upgrade: client supports {', '.join(offered)}, server accepts {', '.join(supported)}"
        raise web.HTTPForbidden(text=text)
    return chosen


async def opened(request: web.Request, protocol: str) -> web.WebSocketResponse:
    """The WebSocket, open, in a protocol that ``subprotocol`` gave."""
    socket = web.WebSocketResponse(protocols=(protocol,) if protocol else (), max_msg_size=LONGEST_MESSAGE)
    await socket.prepare(request)
    return socket


class Channel:
    """A stream of a WebSocket: messages that begin with its number."""

    def __init__(self, session: "WebSocketSession", number: int) -> None:
        self.incoming = Incoming()
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

    async def given_up(self) -> None:
        """Never return: a channel cannot be given up."""
        await asyncio.Event().wait()


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
        with to_client():
            await self._socket.ping()

    async def send(self, number: int, data: bytes) -> None:
        """Send a message."""
        self._active()
        message = remotecommand.encode(self._protocol, number, data)
        with to_client():
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
