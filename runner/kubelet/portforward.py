"""port-forward: pairs of streams, one for the bytes of a TCP connection and one for what goes wrong with it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import web

from providers.errors import Invalid
from runner.kubelet.spdy_session import Carrier, SpdySession, SpdyStream, UpgradedCarrier, WebSocketCarrier, negotiated
from runner.kubelet.streams import HungUp, Stream, StreamTimeouts, idle_limit, while_connected
from runner.kubelet.upgrade import Upgraded, wants
from runner.kubelet.websocket_session import WebSocketSession, opened, subprotocol
from wire import remotecommand
from wire.remotecommand import DATA, ERROR
from wire.spdy import SpdyError

Forward = Callable[[int, AsyncIterator[bytes], Callable[[bytes], Awaitable[None]]], Awaitable[None]]
"""Carries bytes to and from a port of the pod: (port, what comes from the client, how to send to it)."""

WEBSOCKET_PROTOCOLS = (remotecommand.PORT_FORWARD_IN_WEBSOCKET, "v4.channel.k8s.io", "v4.base64.channel.k8s.io")


async def serve_port_forward(request: web.Request, forward: Forward, timeouts: StreamTimeouts) -> web.StreamResponse:
    """Carry connections until the client hangs up.

    Raises:
        Invalid: the client does not ask for an upgrade that is known here, or names no port where it must.
    """
    match wants(request):
        case "spdy/3.1":
            protocols = (remotecommand.PORT_FORWARD,)
            protocol = negotiated(request, protocols, remotecommand.PORT_FORWARD)
            upgraded = await Upgraded.take(request, "SPDY/3.1", {remotecommand.NEGOTIATION: protocol})
            try:
                await _over_spdy(UpgradedCarrier(upgraded), forward, timeouts)
            finally:
                upgraded.writer.close()
            return upgraded
        case "websocket":
            protocol = subprotocol(request, WEBSOCKET_PROTOCOLS)
            tunnelled = protocol == remotecommand.PORT_FORWARD_IN_WEBSOCKET
            ports = [] if tunnelled else _ports(request)
            socket = await opened(request, protocol)
            try:
                if tunnelled:
                    await _over_spdy(WebSocketCarrier(socket), forward, timeouts)
                else:
                    await _over_channels(socket, ports, forward, timeouts)
            finally:
                await socket.close()
            return socket
        case other:
            raise Invalid(f"port-forward needs an upgrade to SPDY/3.1 or to a WebSocket, not to {other or 'nothing'}")


async def _over_spdy(carrier: Carrier, forward: Forward, timeouts: StreamTimeouts) -> None:
    async with idle_limit(timeouts) as active:
        session = SpdySession(carrier, active)
        try:
            await while_connected(session, _pairs(session, forward, timeouts), timeouts)
        except (SpdyError, HungUp):
            return


async def _pairs(session: SpdySession, forward: Forward, timeouts: StreamTimeouts) -> None:
    """Wait for pairs of streams, and carry each of them on its own."""
    halves: dict[str, SpdyStream] = {}
    async with asyncio.TaskGroup() as group:
        while (stream := await session.opened()) is not None:
            if stream.kind not in (DATA, ERROR):
                await stream.reset()
                continue
            key = _request_id(stream)
            other = halves.pop(key, None)
            if other is None or other.kind == stream.kind:
                halves[key] = stream
                group.create_task(_give_up(halves, key, stream, timeouts.creation.total_seconds()))
                continue
            data, error = (stream, other) if stream.kind == DATA else (other, stream)
            group.create_task(_carry(_port(data), data, error, forward))


async def _give_up(halves: dict[str, SpdyStream], key: str, stream: SpdyStream, seconds: float) -> None:
    """Reset a stream whose other half does not come."""
    await asyncio.sleep(seconds)
    if halves.get(key) is stream:
        del halves[key]
        await stream.reset()


def _request_id(stream: SpdyStream) -> str:
    """What the two streams of a connection have in common; old clients open the data stream right after the other."""
    named = stream.headers.get(remotecommand.REQUEST_ID)
    return named or str(stream.number if stream.kind == ERROR else stream.number - 2)


def _port(stream: SpdyStream) -> int | str:
    """The port, or what is wrong with it."""
    text = stream.headers.get(remotecommand.PORT, "")
    return remotecommand.port_number(text) or f"unable to forward: {text!r} is no port"


async def _carry(port: int | str, data: Stream, error: Stream, forward: Forward) -> None:
    """Carry one connection; what goes wrong is written to the error stream, as text."""
    error.ignore()
    try:
        if problem := await _trouble(port, data, forward):
            await error.write(problem.encode())
        data.ignore()
        await data.close()
        await error.close()
    except HungUp:
        return


async def _trouble(port: int | str, data: Stream, forward: Forward) -> str:
    """Carry the bytes until either side has enough; what went wrong, for the user."""
    if isinstance(port, str):
        return port
    work = asyncio.ensure_future(forward(port, data.read(), data.write))
    given_up = asyncio.ensure_future(data.given_up())
    try:
        await asyncio.wait((work, given_up), return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            work.result()
    except HungUp:
        raise
    except Exception as problem:  # noqa: BLE001  (a provider may raise anything; the user is told what)
        return str(problem) or type(problem).__name__
    finally:
        work.cancel()
        given_up.cancel()
        await asyncio.gather(work, given_up, return_exceptions=True)
    return ""


# --- the channels of a WebSocket, which the Python client uses ------------------------------------------------------


def _ports(request: web.Request) -> list[int]:
    texts = [one for each in request.query.getall("port", []) for one in each.split(",")]
    ports = [port for each in texts if (port := remotecommand.port_number(each)) is not None]
    if not ports or len(ports) != len(texts):
        raise Invalid(f"port={','.join(texts)!r}: give the ports to forward, numbers from 1 to 65535")
    return ports


async def _over_channels(
    socket: web.WebSocketResponse, ports: list[int], forward: Forward, timeouts: StreamTimeouts
) -> None:
    """Two channels for each port, for data and errors; the first message of each is the port's number."""
    async with idle_limit(timeouts) as active:
        session = WebSocketSession(socket, socket.ws_protocol or "", 2 * len(ports), active)

        async def work() -> None:
            for number, channel in enumerate(session.channels):
                await channel.write(ports[number // 2].to_bytes(2, "little"))
            pairs = zip(ports, session.channels[::2], session.channels[1::2], strict=True)
            await asyncio.gather(*(_carry(port, data, error, forward) for port, data, error in pairs))

        try:
            await while_connected(session, work(), timeouts)
        except HungUp:
            return
