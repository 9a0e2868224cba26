"""exec and attach: a user's terminal, over SPDY or a WebSocket, handed to the provider as an ``AttachIO``."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

from aiohttp import web

from providers.base import AttachIO, TerminalSize
from providers.errors import Invalid
from runner.kubelet.spdy_session import GOODBYE_SECONDS, SpdySession, UpgradedCarrier, negotiated
from runner.kubelet.streams import HungUp, Stream, StreamTimeouts, idle_limit, while_connected
from runner.kubelet.upgrade import Upgraded, wants
from runner.kubelet.websocket_session import WebSocketSession, opened, subprotocol
from wire import remotecommand
from wire.remotecommand import ERROR, RESIZE, STDERR, STDIN, STDOUT
from wire.spdy import SpdyError

Command = Callable[[AttachIO], Awaitable[int]]
"""What the terminal is for; its exit code."""


async def serve_terminal(request: web.Request, run: Command, timeouts: StreamTimeouts) -> web.StreamResponse:
    """Give the command the user's terminal, tell the user how it ended, and hang up.

    Raises:
        Invalid: no stream is asked for, or the client does not ask for an upgrade that is known here.
    """
    wanted, tty = _wanted(request.query)
    match wants(request):
        case "websocket":
            return await _over_websocket(request, run, wanted, tty, timeouts)
        case "spdy/3.1":
            return await _over_spdy(request, run, wanted, tty, timeouts)
        case other:
            raise Invalid(f"exec and attach need an upgrade to SPDY/3.1 or to a WebSocket, not to {other or 'nothing'}")


def _wanted(query: Mapping[str, str]) -> tuple[tuple[str, ...], bool]:
    """Which streams the client opens, and whether it has a terminal: that one has no stderr of its own."""
    tty = _is_set(query, "tty")
    names = {"input": STDIN, "output": STDOUT, **({} if tty else {"error": STDERR})}
    wanted = tuple(stream for parameter, stream in names.items() if _is_set(query, parameter))
    if not wanted:
        raise Invalid("you must specify at least 1 of stdin, stdout, stderr")
    return wanted, tty


def _is_set(query: Mapping[str, str], name: str) -> bool:
    return query.get(name, "").lower() in ("1", "true")


async def _over_spdy(
    request: web.Request, run: Command, wanted: tuple[str, ...], tty: bool, timeouts: StreamTimeouts
) -> web.StreamResponse:
    protocol = negotiated(request, remotecommand.SPDY_PROTOCOLS, remotecommand.UNVERSIONED)
    upgraded = await Upgraded.take(request, "SPDY/3.1", {remotecommand.NEGOTIATION: protocol})
    async with idle_limit(timeouts) as active:
        session = SpdySession(UpgradedCarrier(upgraded), active)

        async def work() -> None:
            expected = {*wanted, ERROR, *([RESIZE] if tty and remotecommand.has_resizes(protocol) else [])}
            async with asyncio.timeout(timeouts.creation.total_seconds()):
                streams = await _opened(session, expected)
            if len(streams) == len(expected):
                await _converse(run, streams, tty, protocol)

        try:
            await while_connected(session, work(), timeouts, goodbye=GOODBYE_SECONDS)
        except (TimeoutError, SpdyError, HungUp):
            pass  # there is nobody who could be told
        finally:
            upgraded.writer.close()
    return upgraded


async def _over_websocket(
    request: web.Request, run: Command, wanted: tuple[str, ...], tty: bool, timeouts: StreamTimeouts
) -> web.StreamResponse:
    chosen = subprotocol(request, remotecommand.WEBSOCKET_PROTOCOLS)
    socket = await opened(request, chosen)
    protocol = chosen or remotecommand.UNVERSIONED
    async with idle_limit(timeouts) as active:
        session = WebSocketSession(socket, protocol, len(remotecommand.CHANNELS), active)
        by_name = dict(zip(remotecommand.CHANNELS, session.channels, strict=True))
        streams: dict[str, Stream] = {name: by_name[name] for name in (*wanted, ERROR, *([RESIZE] if tty else []))}
        for name, channel in by_name.items():
            if name not in streams:
                channel.ignore()

        async def work() -> None:
            lowest = next(name for name in (STDOUT, STDERR, ERROR) if name in streams)
            await streams[lowest].write(b"")  # the connection stands: clients wait for it
            await _converse(run, streams, tty, protocol)

        try:
            await while_connected(session, work(), timeouts)
        except HungUp:
            pass  # there is nobody who could be told
        finally:
            await socket.close()
    return socket


async def _opened(session: SpdySession, expected: set[str]) -> dict[str, Stream]:
    """The streams that the client opens; fewer if it hangs up."""
    streams: dict[str, Stream] = {}
    while expected - streams.keys():
        stream = await session.opened()
        if stream is None:
            break
        if stream.kind in expected:
            streams[stream.kind] = stream
        else:
            await stream.reset()
    return streams


async def _converse(run: Command, streams: Mapping[str, Stream], tty: bool, protocol: str) -> None:
    """Run the command, and tell how it ended."""
    for name in (STDOUT, STDERR, ERROR):
        if name in streams:
            streams[name].ignore()
    try:
        code = await run(_Terminal(streams, tty))
    except HungUp:
        raise
    except Exception as error:  # noqa: BLE001  (a provider may raise anything; the user is told what)
        status = remotecommand.failed(str(error) or type(error).__name__)
    else:
        status = remotecommand.exited(code) if code else remotecommand.success()
    for stream in streams.values():
        stream.ignore()  # also what the command has not read: a client that is stuck in sending sees no end
    for name in (STDOUT, STDERR):
        if name in streams:
            await streams[name].close()
    if words := remotecommand.last_words(protocol, status):
        await streams[ERROR].write(words)
    await streams[ERROR].close()


class _Terminal:
    """The user's end, made of streams."""

    def __init__(self, streams: Mapping[str, Stream], tty: bool) -> None:
        self.tty = tty
        self._streams = streams

    async def stdin(self) -> AsyncIterator[bytes]:
        if STDIN in self._streams:
            async for piece in self._streams[STDIN].read():
                yield piece

    async def write_stdout(self, data: bytes) -> None:
        if STDOUT in self._streams:
            await self._streams[STDOUT].write(data)

    async def write_stderr(self, data: bytes) -> None:
        if STDERR in self._streams:
            await self._streams[STDERR].write(data)
        elif self.tty:
            await self.write_stdout(data)

    async def resizes(self) -> AsyncIterator[TerminalSize]:
        if RESIZE not in self._streams:
            return
        sizes = remotecommand.SizeReader()
        async for piece in self._streams[RESIZE].read():
            for width, height in sizes.feed(piece):
                yield TerminalSize(width, height)
