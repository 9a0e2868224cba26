"""The kubelet API over HTTPS: ``kubectl logs`` of a pod on a virtual node ends up here.

This module listens, asks who calls, and turns errors into statuses; what is answered is in ``handlers``.
"""

import errno
import ipaddress
import logging
import os
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from providers.errors import Invalid, NotFound, ProviderError, Unsupported
from providers.pods import PodRef
from runner import logs
from runner.kubelet.auth import Authenticator
from runner.kubelet.handlers import Handlers
from runner.tracing import NO_TRACES, Tracer

SHUTDOWN_SECONDS = 0.5
"""How long requests may still run when the server ends; a followed log would never end by itself."""

log = logging.getLogger(__name__)


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class AddressError(Exception):
    """The kubelet API cannot listen there. The message names address, reason and remedy."""


def listen(address: str, port: int) -> socket.socket:
    """A listening socket, so that the port is known (and ours) before anybody is told; port 0 takes any free one.

    Raises:
        AddressError: see there.
    """
    family = socket.AF_INET6 if ipaddress.ip_address(address).version == 6 else socket.AF_INET
    try:
        return socket.create_server((address, port), family=family)
    except OSError as error:
        remedy = {
            errno.EADDRINUSE: "; give another --port (0 for any free one)",
            errno.EADDRNOTAVAIL: "; --internal-ip, or else --address, must be an address of this machine",
            errno.EACCES: "; ports below 1024 are for root",
        }.get(error.errno or 0, "")
        reason = os.strerror(error.errno) if error.errno else str(error)  # its strerror repeats the address
        raise AddressError(f"the kubelet API cannot listen on {address} port {port}: {reason}{remedy}") from error


class KubeletServer:
    """Serves the kubelet API.

    Args:
        handlers: what is answered.
        tls: certificate and rules, from ``runner.kubelet.tls.server_context``.
        auth: who may call; None lets everybody.
        tracer: traces the requests, as part of their callers' traces.
    """

    def __init__(
        self, handlers: Handlers, tls: ssl.SSLContext, auth: Authenticator | None = None, tracer: Tracer = NO_TRACES
    ) -> None:
        self._handlers = handlers
        self._tls = tls
        self._auth = auth
        self._tracer = tracer

    @asynccontextmanager
    async def serving(self, listener: socket.socket) -> AsyncIterator[None]:
        """Answer on this socket as long as the context lasts; the socket is closed with it."""
        application = web.Application(middlewares=[_errors_as_text, self._checked])
        self._handlers.add_to(application.router)
        runner = web.AppRunner(
            application,
            access_log=None,
            handler_cancellation=True,  # a client that leaves ends its followed log, and its command
            shutdown_timeout=SHUTDOWN_SECONDS,
        )
        await runner.setup()
        try:
            await web.SockSite(runner, listener, ssl_context=self._tls).start()
            host = listener.getsockname()[0]
            if self._auth is None and not ipaddress.ip_address(host).is_loopback:
                log.warning(
                    "anybody who reaches %s can read the pods' logs and run commands in them: the kubelet API asks for "
                    "no client certificate; name the CA of the API server's kubelet client with --client-verify-ca",
                    host,
                )
            yield
        finally:
            await runner.cleanup()
            listener.close()

    @web.middleware
    async def _checked(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        where = request.match_info
        if "pod" in where:
            logs.POD.set(PodRef(where["namespace"], where["pod"], ""))
        resource = where.route.resource
        name = f"{request.method} {resource.canonical if resource else 'unknown'}"
        with self._tracer.continuing(request.headers, name, {"url.path": request.path}):
            if self._auth is not None:
                await self._auth.check(request)
            return await handler(request)


@web.middleware
async def _errors_as_text(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A provider's errors as the status that a kubelet would give, with the error's text as the body."""
    try:
        return await handler(request)
    except web.HTTPException:
        raise
    except ProviderError as error:
        return web.Response(status=_status(error), text=f"{error}\n")
    except Exception as error:
        log.exception("%s %s failed", request.method, request.path)
        return web.Response(status=500, text=f"{error}\n")


def _status(error: ProviderError) -> int:
    match error:
        case NotFound():
            return 404
        case Invalid():
            return 400
        case Unsupported():
            return 501
        case _:
            return 500
