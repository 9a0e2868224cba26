"""WebSockets to Session Manager, over aiohttp."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from providers.errors import Retryable
from providers.fargate.commands import Socket

HEARTBEAT = 30.0
"""Seconds between two pings: middle boxes cut a silent connection."""


@asynccontextmanager
async def connect(url: str) -> AsyncIterator[Socket]:
    """A connection."""
    try:
        async with (
            aiohttp.ClientSession(trust_env=True) as session,
            session.ws_connect(url, heartbeat=HEARTBEAT) as socket,
        ):
            yield _Socket(socket)
    except (aiohttp.ClientError, OSError) as error:
        raise Retryable(f"the connection to the container broke: {error}") from error


class _Socket:
    """A connection."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def send(self, data: bytes | str) -> None:
        """Text goes as text: the token is wanted so, and everything else as bytes."""
        if isinstance(data, str):
            await self._socket.send_str(data)
        else:
            await self._socket.send_bytes(data)

    async def messages(self) -> AsyncIterator[bytes]:
        """What comes, until the other side hangs up."""
        async for message in self._socket:
            if message.type is aiohttp.WSMsgType.BINARY:
                yield message.data
