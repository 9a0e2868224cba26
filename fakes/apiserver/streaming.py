"""A watch over HTTP: what is queued for a client goes out in one write.

A write costs many times what an event does, most of it in the kernel. So where there are many writes, events wait a
little for those right behind them; where there are few they go out at once, as controllers rely on it.
"""

import asyncio
import contextlib
from collections.abc import Callable

from aiohttp import web

from fakes.apiserver.watch import Event, Watcher

PERIOD_SECONDS = 0.01
MANY_WRITES = 80
"""In a period, over all watches. After so many, and in the period that follows, a watch makes one write in a period."""
WRITE_EVENTS = 500
"""The most events of one write: what a watch begins with can be the whole cluster."""


class Pace:
    """How dense the writes of all watches are."""

    def __init__(self) -> None:
        self._end = 0.0
        self._writes = 0
        self._writes_before = 0

    def rest(self, now: float) -> float:
        """There has been a write: the seconds until that watch should make its next one."""
        if now >= self._end:
            self._writes_before = self._writes if now < self._end + PERIOD_SECONDS else 0
            self._end, self._writes = now + PERIOD_SECONDS, 0
        self._writes += 1
        return self._end - now if max(self._writes, self._writes_before) > MANY_WRITES else 0.0


async def stream(
    request: web.BaseRequest, watcher: Watcher, line: Callable[[Event], bytes], content_type: str, pace: Pace
) -> web.StreamResponse:
    """Send a watch's events, each as ``line`` makes it, until the watch ends or the client goes."""
    clock = asyncio.get_running_loop().time
    response = web.StreamResponse(headers={"Content-Type": content_type, "Cache-Control": "no-cache, private"})
    response.enable_chunked_encoding()
    try:
        await response.prepare(request)
        while batch := await watcher.next_batch():
            for start in range(0, len(batch), WRITE_EVENTS):
                await response.write(b"".join(map(line, batch[start : start + WRITE_EVENTS])))
            if rest := pace.rest(clock()):
                await asyncio.sleep(rest)
        with contextlib.suppress(ConnectionResetError):
            await response.write_eof()
    except (ConnectionResetError, asyncio.CancelledError):
        if not request.transport or request.transport.is_closing():
            return response  # the client has gone: that is how most watches end
        raise
    finally:
        watcher.close()
    return response
