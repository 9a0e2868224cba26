"""Takes a connection over from aiohttp's server, for a protocol that aiohttp does not speak."""

import asyncio
from collections.abc import Mapping

from aiohttp import web

READ = 1 << 16
"""Bytes that are read at once."""


class Upgraded(web.StreamResponse):
    """The answer 101; from then on the connection is a pair of asyncio streams.

    Attributes:
        reader: what the client sends; ends when it hangs up.
        writer: what it is sent. Whoever has upgraded closes it.
    """

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def take(cls, request: web.BaseRequest, protocol: str, headers: Mapping[str, str]) -> "Upgraded":
        """Answer that from now on ``protocol`` is spoken, and take the connection.

        When it is lost, aiohttp is told so, and cancels the handler if the server was made to do that.

        Raises:
            ConnectionResetError: the client has left already.
        """
        response = cls(status=101, headers={"Connection": "Upgrade", "Upgrade": protocol, **headers})
        await response.prepare(request)
        transport = request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client has left")
        loop = asyncio.get_running_loop()
        response.reader = asyncio.StreamReader(limit=READ, loop=loop)
        taken = _Taken(response.reader, request.protocol)
        transport.set_protocol(taken)
        taken.connection_made(transport)
        response.writer = asyncio.StreamWriter(transport, taken, response.reader, loop)
        return response


def wants(request: web.BaseRequest) -> str:
    """What the client wants the connection to become, in lower case; empty if it stays HTTP."""
    tokens = [each.strip().lower() for each in request.headers.get("Connection", "").split(",")]
    return request.headers.get("Upgrade", "").lower() if "upgrade" in tokens else ""


class _Taken(asyncio.StreamReaderProtocol):
    def __init__(self, reader: asyncio.StreamReader, http: asyncio.BaseProtocol) -> None:
        super().__init__(reader)
        self._http = http

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._http.connection_lost(exc)
