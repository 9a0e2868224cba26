"""The kubelet API over HTTPS: ``kubectl logs`` of a pod on a virtual node ends up here.

One server can answer for many nodes (all share one port): it asks a resolver whose pod it is. Routes and rules are
those of a kubelet, as far as Virtual Kubelet serves them.
"""

import errno
import ipaddress
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Protocol

from aiohttp import web

from providers.base import Clock, LogOptions
from providers.errors import Invalid, NotFound, ProviderError, Unsupported
from runner.kubelet.options import log_options

SHUTDOWN_SECONDS = 0.5
"""How long requests may still run when the server ends; a followed log would never end by itself."""

log = logging.getLogger(__name__)


class NodeHandlers(Protocol):
    """What a node answers with; ``runner.agent.Agent`` is one."""

    def container_logs(self, namespace: str, pod: str, container: str, options: LogOptions) -> AsyncIterator[bytes]:
        """A container's log. Raises NotFound (at once or with the first piece) if the node has no such pod."""
        ...


Resolver = Callable[[str, str], NodeHandlers | None]
"""(namespace, pod) -> the node that runs it, None if there is none."""


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
        reason = error.strerror or str(error)
        raise AddressError(f"the kubelet API cannot listen on {address} port {port}: {reason}{remedy}") from error


class KubeletServer:
    """Serves the kubelet API of one or many nodes.

    Args:
        resolve: finds the node of a pod.
        tls: certificate and rules, from ``runner.kubelet.tls.server_context``.
        clock: dates ``sinceSeconds``.
    """

    def __init__(self, resolve: Resolver, tls: ssl.SSLContext, clock: Clock) -> None:
        self._resolve = resolve
        self._tls = tls
        self._clock = clock

    @asynccontextmanager
    async def serving(self, listener: socket.socket) -> AsyncIterator[None]:
        """Answer on this socket as long as the context lasts; the socket is closed with it."""
        runner = web.AppRunner(
            self._application(),
            access_log=None,
            handler_cancellation=True,  # a client that leaves ends its followed log
            shutdown_timeout=SHUTDOWN_SECONDS,
        )
        await runner.setup()
        try:
            await web.SockSite(runner, listener, ssl_context=self._tls).start()
            host = listener.getsockname()[0]
            if self._tls.verify_mode != ssl.CERT_REQUIRED and not ipaddress.ip_address(host).is_loopback:
                log.warning(
                    "anybody who reaches %s can read the pods' logs: the kubelet API asks for no client certificate; "
                    "set APISERVER_CA_CERT_LOCATION to the CA of the API server's kubelet client",
                    host,
                )
            yield
        finally:
            await runner.cleanup()
            listener.close()

    def _application(self) -> web.Application:
        application = web.Application(middlewares=[_errors_as_text])
        application.router.add_get("/healthz", _healthz)
        application.router.add_get("/containerLogs/{namespace}/{pod}/{container}", self._container_logs)
        return application

    async def _container_logs(self, request: web.Request) -> web.StreamResponse:
        options = log_options(request.query, self._clock.now())
        namespace, pod, container = (request.match_info[part] for part in ("namespace", "pod", "container"))
        node = self._resolve(namespace, pod)
        if node is None:
            raise NotFound(f"pod {namespace}/{pod} is not here")
        return await _stream(request, node.container_logs(namespace, pod, container, options))


async def _stream(request: web.Request, pieces: AsyncIterator[bytes]) -> web.StreamResponse:
    """Send each piece as it comes. The status waits for the first one: up to then an error can still be told."""
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    try:
        first = await anext(pieces, b"")
        await response.prepare(request)
        await response.write(first)
        async for piece in pieces:
            await response.write(piece)
        await response.write_eof()
    except ConnectionError:  # the client has left, which is its right
        return response
    except Exception as error:
        if not response.prepared:
            raise
        # Too late for a status: breaking the stream off is the only way to say that something is missing.
        log.warning("the log of %s broke off: %s", request.path, error)
        if request.transport is not None:
            request.transport.abort()
    finally:
        close = getattr(pieces, "aclose", None)
        if close is not None:
            await close()
    return response


async def _healthz(_: web.Request) -> web.Response:
    return web.Response(text="ok")


@web.middleware
async def _errors_as_text(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
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
