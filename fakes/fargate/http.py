"""The fake over HTTP, as the SDKs and the AWS command line talk to it. Signatures are not checked."""

import asyncio
from collections.abc import AsyncIterator

from aiohttp import WSMsgType, web

from fakes.fargate import requests
from fakes.fargate.service import FargateService


def application(service: FargateService) -> web.Application:
    """What a server serves."""

    async def answer(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        response = service.handle(requests.read(request.method, request.path_qs, request.headers, body))
        await asyncio.sleep(response.delay)
        if not response.heard:
            if request.transport is not None:
                request.transport.abort()
            raise ConnectionResetError("the answer is lost")
        return web.Response(status=response.status, body=response.body, headers={"Content-Type": response.kind})

    async def command(request: web.Request) -> web.StreamResponse:
        """The data channel of a command."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)

        async def received() -> AsyncIterator[str | bytes]:
            async for message in socket:
                if message.type in (WSMsgType.BINARY, WSMsgType.TEXT):
                    yield message.data

        await service.sessions.run(request.match_info["session"], received(), socket.send_bytes)
        await socket.close()
        return socket

    app = web.Application()
    app.router.add_post("/{path:.*}", answer)
    app.router.add_get("/v1/data-channel/{session}", command)
    return app


async def start(service: FargateService, host: str = "127.0.0.1", port: int = 0) -> tuple[web.AppRunner, int]:
    """Serve until the runner is cleaned up; its port."""
    runner = web.AppRunner(application(service), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    bound: int = runner.addresses[0][1]
    service.sessions.base = f"ws://{host}:{bound}"
    return runner, bound
