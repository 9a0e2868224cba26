"""A watch over HTTP: what is queued for a client goes out in one write, as lines of JSON."""

import asyncio
import contextlib

from aiohttp import web

from fakes.apiserver.bodies import Encoder, encode
from fakes.apiserver.tables import Stream
from fakes.apiserver.watch import Event, Watcher

WRITE_EVENTS = 500
"""The most events of one write: what a watch begins with can be the whole cluster."""


async def stream(
    request: web.BaseRequest, watcher: Watcher, encoder: Encoder, columns: Stream | None
) -> web.StreamResponse:
    """Send a watch's events until it ends or the client goes; as tables, if ``columns`` are wanted."""
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Cache-Control": "no-cache, private"})
    response.enable_chunked_encoding()
    try:
        await response.prepare(request)
        while batch := await watcher.next_batch():
            for start in range(0, len(batch), WRITE_EVENTS):
                lines = (_line(event, encoder, columns) for event in batch[start : start + WRITE_EVENTS])
                await response.write(b"".join(lines))
        with contextlib.suppress(ConnectionResetError):
            await response.write_eof()
    except (ConnectionResetError, asyncio.CancelledError):
        if not request.transport or request.transport.is_closing():
            return response  # the client has gone: that is how most watches end
        raise
    finally:
        watcher.close()
    return response


def _line(event: Event, encoder: Encoder, columns: Stream | None) -> bytes:
    kind, obj = event
    if columns is None or kind == "ERROR":
        return encoder.event(kind, obj)
    return encode({"type": kind, "object": columns.event(kind, obj)})
