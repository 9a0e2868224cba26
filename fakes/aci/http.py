"""The HTTP door: the same cloud, for Azure's own clients. It answers as late as the cloud says, or not at all."""

import asyncio
import contextlib
import ssl as tls

from aiohttp import WSMsgType, web

from fakes.aci.cloud import AciCloud
from fakes.aci.inprocess import Door, WebSocket
from fakes.aci.messages import Request
from fakes.aci.sessions import PATHS

SHUTDOWN_SECONDS = 1.0
"""How long requests in progress may take to end when the door closes."""
LARGEST_BODY = 4 * 1024 * 1024
"""Resource Manager's limit."""


class HttpDoor:
    """Serves a cloud over HTTP, or HTTPS.

    Args:
        cloud: the cloud.
    """

    def __init__(self, cloud: AciCloud) -> None:
        self._cloud = cloud
        self._door = Door(cloud)
        self._runner: web.ServerRunner | None = None
        self.port = 0

    async def start(self, host: str = "127.0.0.1", port: int = 0, ssl: tls.SSLContext | None = None) -> int:
        """Listen; port 0 takes a free one. Returns the port. Raises OSError if it is taken."""
        runner = web.ServerRunner(
            web.Server(self._handle, handler_cancellation=True), shutdown_timeout=SHUTDOWN_SECONDS
        )
        await runner.setup()
        site = web.TCPSite(runner, host, port, ssl_context=ssl)
        try:
            await site.start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        self.port = int(runner.addresses[0][1])
        name = f"[{host}]" if ":" in host else host
        self._cloud.groups.sessions.base = f"{'ws' if ssl is None else 'wss'}://{name}:{self.port}"
        return self.port

    async def stop(self) -> None:
        """End all connections, and stop listening."""
        if self._runner is None:
            return
        connections = self._runner.server.connections if self._runner.server is not None else []
        transports = [each.transport for each in connections]
        await self._runner.cleanup()
        for transport in transports:
            if transport is not None:
                transport.abort()  # else it waits for a client's goodbye
        await asyncio.sleep(0)
        self._runner = None

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path.strip("/").split("/")[0] in PATHS:
            return await self._stream(request)
        body = await _content(request)
        origin = f"{request.scheme}://{request.host}"
        asked = Request(request.method, origin + request.path_qs, request.headers, body)
        response = self._cloud.handle(asked)
        if response.takes:
            await asyncio.sleep(response.takes)
        if not response.heard:
            if request.transport is not None:
                request.transport.abort()
            raise ConnectionResetError("the answer is to get lost")
        return web.Response(status=response.status, headers=response.headers, body=response.body)

    # --- exec and attach --------------------------------------------------------------------------------------------

    async def _stream(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            session = self._door.websocket(str(request.url))
        except ConnectionError:
            return web.Response(status=404)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        tasks = [asyncio.ensure_future(each(socket, session)) for each in (self._speak, self._listen)]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(ConnectionError):
            await socket.close()
        return socket

    async def _speak(self, socket: web.WebSocketResponse, session: WebSocket) -> None:
        while (data := await session.receive()) is not None:
            await socket.send_bytes(data)

    async def _listen(self, socket: web.WebSocketResponse, session: WebSocket) -> None:
        async for message in socket:
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                session.send(message.data)


async def _content(request: web.BaseRequest) -> bytes:
    content = bytearray()
    async for piece in request.content.iter_any():
        content += piece
        if len(content) > LARGEST_BODY:
            raise web.HTTPRequestEntityTooLarge(LARGEST_BODY, len(content))
    return bytes(content)
