"""The fake over HTTP, as the SDKs talk to it: RPC by GET and POST, and the sockets of commands."""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import parse_qsl

from aiohttp import WSMsgType, web

from fakes.eci.errors import EciError
from fakes.eci.service import EciService
from fakes.eci.signatures import Request

LONGEST_LINE = 1 << 20
"""Bytes of a request line: the SDK sends all parameters in the URL, files too."""
PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")


def application(service: EciService) -> web.Application:
    """What a server serves."""
    app = web.Application()
    app.router.add_route("*", "/", _Door(service).answer)
    app.router.add_get("/exec/", _Door(service).command)
    return app


async def start(service: EciService, host: str = "127.0.0.1", port: int = 0) -> tuple[web.AppRunner, int]:
    """Serve until the runner is cleaned up; its port."""
    runner = web.AppRunner(application(service), access_log=None, max_line_size=LONGEST_LINE)
    await runner.setup()
    site = web.TCPSite(runner, host, port)
    await site.start()
    bound: int = runner.addresses[0][1]
    service.sessions.base = f"ws://{host}:{bound}"
    return runner, bound


class _Door:
    """Turns HTTP into calls of the service."""

    def __init__(self, service: EciService) -> None:
        self._service = service

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One call."""
        query = dict(parse_qsl(request.rel_url.raw_query_string, keep_blank_values=True))
        body = await request.read()
        headers = {key.lower(): value for key, value in request.headers.items()}
        if "x-www-form-urlencoded" in headers.get("content-type", ""):
            query |= dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        response = self._service.handle(Request(request.method, request.path, query, headers, body))
        await asyncio.sleep(response.delay)
        if not response.heard:
            if request.transport is not None:
                request.transport.abort()
            raise ConnectionResetError("the answer is lost")
        return web.Response(status=response.status, body=response.encoded(), content_type="application/json")

    async def command(self, request: web.Request) -> web.StreamResponse:
        """The socket of a command."""
        try:
            session = self._service.sessions.take(request.query.get("s", ""))
        except EciError as error:
            body = error.body("", request.host)
            return web.json_response(body, status=error.status)
        socket = web.WebSocketResponse(protocols=PROTOCOLS)
        await socket.prepare(request)

        async def received() -> AsyncIterator[bytes]:
            async for message in socket:
                if message.type is WSMsgType.BINARY:
                    yield message.data

        await self._service.sessions.run(session, received(), socket.send_bytes)
        await socket.close()
        return socket
