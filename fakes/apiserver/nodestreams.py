"""exec, attach and port-forward: the API server's way from its client to the kubelet of the pod's node.

As kube-apiserver does it: SPDY, and WebSockets of the older protocols, are carried through byte by byte. What kubectl
speaks since 1.31 is translated to SPDY, which every kubelet speaks: v5 WebSockets for exec and attach, and SPDY inside
a WebSocket for port-forward (KEP-4006).
"""

import asyncio
import contextlib
import json
import ssl
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass

from aiohttp import WSMsgType, web
from yarl import URL

from fakes.apiserver.errors import StatusError, bad_request, internal
from wire import remotecommand, spdy
from wire.remotecommand import CHANNELS, ERROR, RESIZE, STDERR, STDIN, STDOUT

READ = 1 << 16
CONNECT_SECONDS = 5.0
LONGEST_HEAD = 1 << 16
SPDY = [("Connection", "Upgrade"), ("Upgrade", "SPDY/3.1")]
V5 = "v5.channel.k8s.io"

HANDED_ON = frozenset({"upgrade", "connection", "x-stream-protocol-version", "user-agent"})
"""Headers of the client that the kubelet gets too, beside all of Sec-WebSocket-*."""


async def remote_command(request: web.BaseRequest, url: URL, tls: ssl.SSLContext) -> web.StreamResponse:
    """Connect the client with the kubelet's exec or attach at ``url``.

    Raises:
        StatusError: no upgrade is asked for, or the kubelet does not answer or refuses.
    """
    if _offers(request, V5):
        return await _translated(request, url, tls)
    return await _carried_through(request, url, tls)


async def port_forward(request: web.BaseRequest, url: URL, tls: ssl.SSLContext) -> web.StreamResponse:
    """Connect the client with the kubelet's port-forward at ``url``. Raises as ``remote_command`` does."""
    if _offers(request, remotecommand.PORT_FORWARD_IN_WEBSOCKET):
        return await _unwrapped(request, url, tls)
    return await _carried_through(request, url, tls)


def _offers(request: web.BaseRequest, protocol: str) -> bool:
    if request.headers.get("Upgrade", "").lower() != "websocket":
        return False
    return protocol in [each.strip() for each in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]


# --- the kubelet's side ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Kubelet:
    """An upgraded connection to a kubelet, and the head of its answer."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    head: bytes

    async def receive(self) -> bytes:
        try:
            return await self.reader.read(READ)
        except ConnectionError:
            return b""

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def close(self) -> None:
        self.writer.transport.abort()


async def _upgraded(method: str, url: URL, headers: list[tuple[str, str]], tls: ssl.SSLContext) -> _Kubelet:
    """Ask the kubelet for an upgrade. Raises StatusError with its words if it refuses."""
    given = [f"{name}: {value}" for name, value in headers]
    lines = [f"{method} {url.raw_path_qs} HTTP/1.1", f"Host: {url.authority}", *given]
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            reader, writer = await asyncio.open_connection(url.host, url.port, ssl=tls, limit=LONGEST_HEAD)
    except (OSError, TimeoutError) as error:
        raise internal(f"error dialing backend: dial tcp {url.host_subcomponent}:{url.port}: {_why(error)}") from None
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        if status == 101:
            return _Kubelet(reader, writer, head)
        text = (await _body(reader, head)).decode(errors="replace").strip()
    except (OSError, ValueError, IndexError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        writer.transport.abort()
        raise internal("error dialing backend: unexpected EOF") from None
    writer.transport.abort()
    raise StatusError(status, "BadRequest" if status == 400 else "", text)


async def _body(reader: asyncio.StreamReader, head: bytes) -> bytes:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return await reader.readexactly(int(value))
    return b""


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "i/o timeout"
    return f"connect: {(getattr(error, 'strerror', None) or str(error)).lower()}"


# --- byte by byte ---------------------------------------------------------------------------------------------------


async def _carried_through(request: web.BaseRequest, url: URL, tls: ssl.SSLContext) -> web.StreamResponse:
    if "upgrade" not in request.headers.get("Connection", "").lower():
        raise bad_request("Upgrade request required")
    headers = [
        (name, value)
        for name, value in request.headers.items()
        if name.lower() in HANDED_ON or name.lower().startswith("sec-websocket-")
    ]
    kubelet = await _upgraded(request.method, url, headers, tls)
    client = await _taken_over(request, kubelet.head)
    try:
        await _first(_copy(client.reader, kubelet.writer), _copy(kubelet.reader, client.writer))
    finally:
        kubelet.close()
        client.writer.close()
    return client.response


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await source.read(READ):
            sink.write(data)
            await sink.drain()


async def _first(*work: Awaitable[None]) -> None:
    """Do the work until the first part of it is done; what is left is cancelled."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass(frozen=True, slots=True)
class _Client:
    """The client's connection, which is no longer aiohttp's."""

    response: web.StreamResponse
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


async def _taken_over(request: web.BaseRequest, head: bytes) -> _Client:
    """Give the client the kubelet's answer, and take its connection."""
    lines = head.decode("latin-1").split("\r\n")[1:-2]
    headers = dict(line.split(": ", 1) for line in lines if ": " in line)
    response = web.StreamResponse(status=101, headers=headers)
    await response.prepare(request)
    transport = request.transport
    if transport is None or transport.is_closing():
        raise ConnectionResetError("the client has left")
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(loop=loop)
    protocol = _Taken(reader, request.protocol)
    transport.set_protocol(protocol)
    protocol.connection_made(transport)
    return _Client(response, reader, asyncio.StreamWriter(transport, protocol, reader, loop))


class _Taken(asyncio.StreamReaderProtocol):
    """Tells aiohttp when the connection is lost that it no longer reads."""

    def __init__(self, reader: asyncio.StreamReader, http: asyncio.BaseProtocol) -> None:
        super().__init__(reader)
        self._http = http

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._http.connection_lost(exc)


# --- SPDY inside a WebSocket ----------------------------------------------------------------------------------------


async def _unwrapped(request: web.BaseRequest, url: URL, tls: ssl.SSLContext) -> web.StreamResponse:
    headers = [*SPDY, (remotecommand.NEGOTIATION, remotecommand.PORT_FORWARD)]
    kubelet = await _upgraded("POST", url, headers, tls)
    socket = web.WebSocketResponse(protocols=[remotecommand.PORT_FORWARD_IN_WEBSOCKET], max_msg_size=0)

    async def up() -> None:
        async for message in socket:
            if message.type is WSMsgType.BINARY:
                await kubelet.send(message.data)

    async def down() -> None:
        while data := await kubelet.receive():
            await socket.send_bytes(data)

    try:
        await socket.prepare(request)
        with contextlib.suppress(ConnectionError):
            await _first(up(), down())
    finally:
        kubelet.close()
        await socket.close()
    return socket


# --- a v5 WebSocket, translated -------------------------------------------------------------------------------------


async def _translated(request: web.BaseRequest, url: URL, tls: ssl.SSLContext) -> web.StreamResponse:
    offers = [(remotecommand.NEGOTIATION, each) for each in remotecommand.SPDY_PROTOCOLS if each != V5]
    kubelet = await _upgraded("POST", url, [*SPDY, *offers], tls)
    socket = web.WebSocketResponse(protocols=[V5], max_msg_size=0)
    try:
        await socket.prepare(request)
        with contextlib.suppress(ConnectionError, spdy.SpdyError):
            await _Translation(socket, kubelet, url.query).run()
    finally:
        kubelet.close()
        await socket.close()
    return socket


class _Translation:
    """Messages on one side, SPDY streams on the other.

    Args:
        socket: the client's.
        kubelet: the kubelet's connection.
        query: what was asked of the kubelet; it says which streams there are.
    """

    def __init__(self, socket: web.WebSocketResponse, kubelet: _Kubelet, query: Mapping[str, str]) -> None:
        self._socket = socket
        self._kubelet = kubelet
        self._connection = spdy.Connection(client=True)
        flags = {"input": STDIN, "output": STDOUT, "error": STDERR, "tty": RESIZE}
        wanted = [ERROR, *(stream for flag, stream in flags.items() if query.get(flag) == "1")]
        self._streams = {name: self._connection.open_stream({remotecommand.STREAM_TYPE: name}) for name in wanted}
        self._names = {number: name for name, number in self._streams.items()}
        self._open = {name for name in wanted if name not in (STDIN, RESIZE)}
        self._status = b""

    async def run(self) -> None:
        await self._flush()
        await _first(self._up(), self._down())

    async def _up(self) -> None:
        async for message in self._socket:
            try:
                number, data = remotecommand.decode(V5, message.data)  # text counts too: the Python client sends it
            except ValueError:
                continue
            if number == remotecommand.CLOSE and data and data[0] < len(CHANNELS):
                self._send(CHANNELS[data[0]], b"", fin=True)
            elif number < len(CHANNELS) and data:
                self._send(CHANNELS[number], data)
            await self._flush()

    async def _down(self) -> None:
        """Until the kubelet has ended all that it writes; its last word is kept for the end, when all output is out."""
        while self._open and (data := await self._kubelet.receive()):
            for event in self._connection.receive(data):
                if isinstance(event, spdy.Data) and event.stream in self._names:
                    await self._said(self._names[event.stream], event.data, fin=event.fin)
                elif isinstance(event, spdy.StreamReset):
                    self._open.discard(self._names.get(event.stream, ""))
            await self._flush()
        words = self._status or json.dumps(remotecommand.failed("the kubelet hung up")).encode()
        await self._socket.send_bytes(bytes([CHANNELS.index(ERROR)]) + words)

    async def _said(self, name: str, data: bytes, *, fin: bool) -> None:
        if name == ERROR:
            self._status += data
        elif data:
            await self._socket.send_bytes(bytes([CHANNELS.index(name)]) + data)
        if fin:
            self._open.discard(name)

    def _send(self, name: str, data: bytes, *, fin: bool = False) -> None:
        if name in (STDIN, RESIZE) and name in self._streams:
            self._connection.send(self._streams[name], data, fin=fin)

    async def _flush(self) -> None:
        if data := self._connection.data_to_send():
            await self._kubelet.send(data)
