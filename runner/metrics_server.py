"""The plain-HTTP port of ``--metrics-addr``: metrics and health, and to callers on the same machine what pods wait for.

What needs protection is on the kubelet API; here is nothing that names a pod, except to whoever is on the machine.
"""

import os
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import orjson
from aiohttp import web

from runner.kubelet.server import AddressError
from runner.metrics import CONTENT_TYPE, Metrics

Dump = Callable[[], Sequence[Any]]


def listen(address: str, port: int) -> socket.socket:
    """A listening socket for ``--metrics-addr``.

    Raises:
        AddressError: it cannot be had.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        return socket.create_server((address, port), family=family)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)  # its strerror repeats the address
        raise AddressError(f"--metrics-addr: cannot listen on {address} port {port}: {reason}") from error


class MetricsServer:
    """Answers ``/metrics``, ``/healthz``, ``/readyz`` and ``/debug/pods``.

    Args:
        metrics: what to show.
        ready: whether all nodes are registered.
        dump: what each pod waits for.
    """

    def __init__(self, metrics: Metrics, ready: Callable[[], bool], dump: Dump) -> None:
        self._metrics = metrics
        self._ready = ready
        self._dump = dump

    @asynccontextmanager
    async def serving(self, listener: socket.socket) -> AsyncIterator[None]:
        """Answer on this socket as long as the context lasts; the socket is closed with it."""
        application = web.Application()
        application.router.add_get("/metrics", self._text)
        application.router.add_get("/healthz", self._healthz)
        application.router.add_get("/readyz", self._readyz)
        application.router.add_get("/debug/pods", self._pods)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        try:
            await web.SockSite(runner, listener).start()
            yield
        finally:
            await runner.cleanup()
            listener.close()

    async def _text(self, _: web.Request) -> web.Response:
        return web.Response(body=self._metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def _readyz(self, _: web.Request) -> web.Response:
        return web.Response(text="ok") if self._ready() else web.Response(status=503, text="not ready")

    async def _pods(self, request: web.Request) -> web.Response:
        if not _from_here(request):
            return web.Response(status=403, text="only for callers on the same machine\n")
        body = orjson.dumps(self._dump(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        return web.Response(body=body, content_type="application/json")


def _from_here(request: web.Request) -> bool:
    """Whether both ends of the connection have the same address: then the caller is on this machine."""
    transport = request.transport
    if transport is None:
        return False
    ours, theirs = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
    return bool(ours and theirs and ours[0] == theirs[0])
