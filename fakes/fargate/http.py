"""The fake over HTTP, as the SDKs and the AWS command line talk to it. Signatures are not checked."""

import asyncio
import json
from collections.abc import AsyncIterator

from aiohttp import WSMsgType, web

from fakes.fargate.service import FargateService


def application(service: FargateService) -> web.Application:
    """What a server serves."""

    async def answer(request: web.Request) -> web.StreamResponse:
        operation = request.headers.get("X-Amz-Target", "").rpartition(".")[2]
        try:
            given = json.loads(await request.read() or b"{}")
        except ValueError:
            return web.json_response({"__type": "SerializationException", "message": "no JSON"}, status=400)
        response = service.call(operation, given)
        await asyncio.sleep(response.delay)
        if not response.heard:
            if request.transport is not None:
                request.transport.abort()
            raise ConnectionResetError("the answer is lost")
        return web.Response(status=response.status, body=response.encoded(), content_type="application/x-amz-json-1.1")

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
    app.router.add_post("/", answer)
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
