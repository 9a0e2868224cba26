"""A watch over HTTP: what is queued for a client goes out in one write.

A write costs many times what an event does, most of it in the kernel. So the first event of a while goes out at once,
and those that come right behind it go together.
"""

import asyncio
import contextlib
from collections.abc import Callable

from aiohttp import web

from fakes.apiserver.watch import Event, Watcher

PAUSE_SECONDS = 0.01
"""From one write to the next."""
WRITE_EVENTS = 500
"""The most events of one write: what a watch begins with can be the whole cluster."""


async def stream(
    request: web.BaseRequest, watcher: Watcher, line: Callable[[Event], bytes], content_type: str
) -> web.StreamResponse:
    """Send a watch's events, each as ``line`` makes it, until the watch ends or the client goes."""
    response = web.StreamResponse(headers={"Content-Type": content_type, "Cache-Control": "no-cache, private"})
    response.enable_chunked_encoding()
    try:
        await response.prepare(request)
        while batch := await watcher.next_batch():
            for start in range(0, len(batch), WRITE_EVENTS):
                await response.write(b"".join(map(line, batch[start : start + WRITE_EVENTS])))
            await asyncio.sleep(PAUSE_SECONDS)
        with contextlib.suppress(ConnectionResetError):
            await response.write_eof()
    except (ConnectionResetError, asyncio.CancelledError):
        if not request.transport or request.transport.is_closing():
            return response  # the client has gone: that is how most watches end
        raise
    finally:
        watcher.close()
    return response
