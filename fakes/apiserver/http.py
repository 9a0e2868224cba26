"""The HTTP door: the same API server, for kubectl and every other client that speaks to a real one.

It parses, asks the server, encodes; what is answered is decided elsewhere. TLS and tokens are optional, so that a test
can do without.
"""

import asyncio
import gzip
import logging
import secrets
import ssl as tls
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from aiohttp import web

from fakes.apiserver import bodies, discovery, errors, openapi, requests, tables
from fakes.apiserver.bodies import Encoder
from fakes.apiserver.errors import StatusError, bad_request
from fakes.apiserver.nodeproxy import NodeProxy
from fakes.apiserver.objects import Object
from fakes.apiserver.requests import NoSuchPath, Target
from fakes.apiserver.server import ApiServer
from fakes.apiserver.streaming import stream
from fakes.apiserver.subresources import parse_delete_options

log = logging.getLogger("fakes.apiserver")

LARGEST_BODY = 3 * 1024 * 1024
"""kube-apiserver's limit."""
GZIP_FROM = 128 * 1024
"""A real server compresses nothing smaller."""
HEALTH = ("/healthz", "/livez", "/readyz")
SHUTDOWN_SECONDS = 1.0

Answer = web.StreamResponse


class HttpDoor:
    """Serves an API server over HTTP.

    Args:
        server: the API server.
        now: the wall clock, for ages in tables.
        token: the bearer token that clients must show; None lets everybody in.
        version: of Kubernetes, as ``/version`` tells it.
    """

    def __init__(
        self, server: ApiServer, *, now: Callable[[], datetime], token: str | None = None, version: str = "v1.34.0"
    ) -> None:
        self._server = server
        self._now = now
        self._token = token
        self._encoder = Encoder()
        self._nodes = NodeProxy(server)
        self._discovery = discovery.Discovery(server.resources, version)
        self._runner: web.ServerRunner | None = None
        self.port = 0

    async def start(self, host: str = "127.0.0.1", port: int = 0, ssl: tls.SSLContext | None = None) -> int:
        """Listen; port 0 takes a free one. Returns the port. Raises OSError if it is taken."""
        runner = web.ServerRunner(
            web.Server(self._handle, handler_cancellation=True), shutdown_timeout=SHUTDOWN_SECONDS
        )
        await runner.setup()
        site = web.TCPSite(runner, host, port, ssl_context=ssl)
        try:
            await site.start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        self.port = int(runner.addresses[0][1])
        return self.port

    async def stop(self) -> None:
        """End all connections and stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        await self._nodes.close()

    # --- one request ------------------------------------------------------------------------------------------------

    async def _handle(self, request: web.BaseRequest) -> Answer:
        try:
            return await self._route(request)
        except StatusError as error:
            return _refused(error)
        except NoSuchPath:
            return web.Response(status=404, text="404 page not found\n")
        except web.HTTPException:
            raise
        except (ConnectionResetError, asyncio.CancelledError):
            raise
        except Exception:
            log.exception("%s %s", request.method, request.rel_url)
            return _refused(errors.internal("the fake API server has a bug here; its log has the traceback"))

    async def _route(self, request: web.BaseRequest) -> Answer:
        path = request.path
        if path in HEALTH or path.startswith(tuple(f"{each}/" for each in HEALTH)):
            return web.Response(text="ok")
        self._authenticate(request)
        if path == "/version":
            return _json(self._discovery.version)
        if path.startswith("/openapi/"):
            return _openapi(path, self._server)
        found = self._discovery.answer(path, request.headers.get("Accept", ""))
        if found is not None:
            return _discovered(request, found)
        return await self._resource(request, requests.target(path, self._server.resources))

    def _authenticate(self, request: web.BaseRequest) -> None:
        if self._token is None:
            return
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not secrets.compare_digest(token.strip().encode(), self._token.encode()):
            raise StatusError(401, "Unauthorized", "Unauthorized")

    async def _resource(self, request: web.BaseRequest, target: Target) -> Answer:
        if target.subresource == "log" and target.resource.plural == "pods":
            return await self._log(request, target)
        handlers: dict[str, Callable[[web.BaseRequest, Target], Awaitable[Answer]]] = {
            "GET": self._get,
            "POST": self._post,
            "PUT": self._put,
            "PATCH": self._patch,
            "DELETE": self._delete,
        }
        handler = handlers.get(request.method)
        if handler is None:
            raise errors.method_not_allowed()
        return await handler(request, target)

    # --- verbs ------------------------------------------------------------------------------------------------------

    async def _get(self, request: web.BaseRequest, target: Target) -> Answer:
        query = request.query
        if target.name and not target.watch:
            found = self._server.get(target.resource, target.namespace, target.name, subresource=target.subresource)
            return self._answer(request, target, found)
        selection = requests.list_options(query)
        if target.watch or requests.is_watch(query):
            if target.name:
                raise errors.no_such_resource()
            watcher = self._server.watch(target.resource, target.namespace, selection)
            table = tables.wanted(request.headers.get("Accept", ""))
            columns = tables.Stream(target.resource, self._now, query) if table else None
            return await stream(request, watcher, self._encoder, columns)
        listed = self._server.list(target.resource, target.namespace, selection)
        if tables.wanted(request.headers.get("Accept", "")):
            return _json(tables.of_list(target.resource, listed, self._now(), query), request=request)
        return _json(bodies.listed(listed), request=request)

    async def _post(self, request: web.BaseRequest, target: Target) -> Answer:
        body = await self._body(request)
        options = requests.write_options(request.query, request.headers.get("User-Agent", ""))
        resource, name, subresource = target.resource, target.name, target.subresource
        if resource.plural == "bindings" or (name and not subresource):
            raise errors.method_not_allowed()
        created = self._server.create(
            resource, target.namespace, body, name=name, subresource=subresource, options=options
        )
        return self._answer(request, target, created, status=201)

    async def _put(self, request: web.BaseRequest, target: Target) -> Answer:
        self._need_name(target)
        body = await self._body(request)
        options = requests.write_options(request.query, request.headers.get("User-Agent", ""))
        updated = self._server.update(
            target.resource, target.namespace, target.name, body, subresource=target.subresource, options=options
        )
        return self._answer(request, target, updated)

    async def _patch(self, request: web.BaseRequest, target: Target) -> Answer:
        self._need_name(target)
        kind = bodies.media_type(request.headers.get("Content-Type", ""))
        if kind not in bodies.PATCHES:
            raise errors.unsupported_media_type(bodies.PATCHES)
        patch = bodies.decode(await self._content(request), kind)
        options = requests.write_options(request.query, request.headers.get("User-Agent", ""))
        patched = self._server.patch(
            target.resource, target.namespace, target.name, patch, kind, subresource=target.subresource, options=options
        )
        return self._answer(request, target, patched)

    async def _delete(self, request: web.BaseRequest, target: Target) -> Answer:
        content = await self._content(request)
        body = None
        if content:
            decoded = bodies.decode(content, request.headers.get("Content-Type", ""))
            if not isinstance(decoded, dict):
                raise bad_request("the body of a delete is a DeleteOptions object")
            body = parse_delete_options(decoded)
        options = requests.delete_options(request.query, body)
        if target.subresource:
            raise errors.method_not_allowed()
        if target.name:
            deleted = self._server.delete(target.resource, target.namespace, target.name, options)
            return self._answer(request, target, deleted)
        if "deletecollection" not in target.resource.verbs:
            raise errors.method_not_allowed()
        found = self._server.delete_collection(
            target.resource, target.namespace, options, requests.list_options(request.query)
        )
        return _json(bodies.listed(found), request=request)

    async def _log(self, request: web.BaseRequest, target: Target) -> Answer:
        pod = self._server.get(target.resource, target.namespace, target.name)
        return await self._nodes.container_log(request, pod)

    # --- help -------------------------------------------------------------------------------------------------------

    def _need_name(self, target: Target) -> None:
        if not target.name:
            raise errors.method_not_allowed()

    async def _body(self, request: web.BaseRequest) -> Object:
        body = bodies.decode(await self._content(request), request.headers.get("Content-Type", ""))
        if not isinstance(body, dict):
            raise bad_request("the body must be an object")
        return body

    async def _content(self, request: web.BaseRequest) -> bytes:
        """The body, up to the limit."""
        content = bytearray()
        async for piece in request.content.iter_any():
            content += piece
            if len(content) > LARGEST_BODY:
                message = f"Request entity too large: limit is {LARGEST_BODY}"
                raise StatusError(413, "RequestEntityTooLarge", message)
        return bytes(content)

    def _answer(self, request: web.BaseRequest, target: Target, obj: Object, *, status: int = 200) -> Answer:
        if obj.get("kind") == "Status":
            return _json(obj, status=int(obj.get("code") or status), request=request)
        if request.method == "GET" and tables.wanted(request.headers.get("Accept", "")):
            return _json(tables.of_object(target.resource, obj, self._now(), request.query), request=request)
        if "pretty" in request.query:
            return _json(obj, status=status, request=request)
        return web.Response(status=status, body=self._encoder.stored(obj) + b"\n", headers=_HEADERS)


_HEADERS = {"Content-Type": "application/json", "Cache-Control": "no-cache, private"}


def _json(obj: Any, *, status: int = 200, request: web.BaseRequest | None = None) -> web.Response:
    agent = request.headers.get("User-Agent", "") if request is not None else ""
    pretty = request is not None and (
        request.query.get("pretty", "") not in requests.FALSE or agent.startswith(("curl", "Wget", "Mozilla"))
    )
    content, headers = bodies.encode(obj, pretty=pretty), dict(_HEADERS)
    if request is not None and len(content) >= GZIP_FROM and "gzip" in request.headers.get("Accept-Encoding", ""):
        content, headers["Content-Encoding"] = gzip.compress(content, compresslevel=1), "gzip"
    return web.Response(status=status, body=content, headers=headers)


def _refused(error: StatusError) -> web.Response:
    response = _json(error.status, status=error.code)
    retry_after = error.status.get("details", {}).get("retryAfterSeconds")
    if retry_after:
        response.headers["Retry-After"] = str(retry_after)
    return response


def _discovered(request: web.BaseRequest, found: discovery.Document) -> web.Response:
    headers = {"Content-Type": found.content_type, "ETag": found.etag, "Vary": "Accept", "Cache-Control": "public"}
    if request.headers.get("If-None-Match") == found.etag:
        return web.Response(status=304, headers=headers)
    return web.Response(body=found.content, headers=headers)


def _openapi(path: str, server: ApiServer) -> web.Response:
    document = openapi.document(path, server.resources)
    if document is None:
        raise NoSuchPath(path)
    return _json(document)
