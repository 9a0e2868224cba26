"""WebSockets to Azure, over aiohttp."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ssl import SSLContext

import aiohttp

from providers.aci.exec import Connect, Socket
from providers.errors import Retryable

HEARTBEAT = 30.0
"""Seconds between two pings: middle boxes cut a silent connection."""


def connector(trusted: SSLContext | bool) -> Connect:
    """What opens connections, given whose certificates to trust."""

    @asynccontextmanager
    async def connect(url: str) -> AsyncIterator[Socket]:
        try:
            async with (
                aiohttp.ClientSession(trust_env=True) as session,
                session.ws_connect(url, ssl=trusted, heartbeat=HEARTBEAT) as socket,
            ):
                yield _Socket(socket)
        except (aiohttp.ClientError, OSError) as error:
            raise Retryable(f"the connection to the container broke: {error}") from error

    return connect


class _Socket:
    """A connection."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def send(self, data: bytes | str) -> None:
        """Text goes as text: Azure wants the password so, and everything else as bytes."""
        if isinstance(data, str):
            await self._socket.send_str(data)
        else:
            await self._socket.send_bytes(data)

    async def messages(self) -> AsyncIterator[bytes]:
        """What comes, until the other side hangs up."""
        async for message in self._socket:
            if message.type is aiohttp.WSMsgType.BINARY:
                yield message.data
            elif message.type is aiohttp.WSMsgType.TEXT:
                yield message.data.encode()
