"""The HTTP door: the same API server, for kubectl and every other client that speaks to a real one.

It parses, asks the server, encodes; what is answered is decided elsewhere. TLS and tokens are optional, so that a test
can do without.
"""

import asyncio
import logging
import ssl as tls
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aiohttp import web

from fakes.apiserver import (
    accept,
    attributes,
    bodies,
    decoding,
    deletion,
    discovery,
    documents,
    errors,
    openapi,
    protobuf,
    requests,
    tables,
    versions,
)
from fakes.apiserver.accept import Form
from fakes.apiserver.audit import ASKED_BY, AuditLog
from fakes.apiserver.authorizer import ADMINISTRATOR, AlwaysAllow, Authorizer
from fakes.apiserver.bodies import Encoder
from fakes.apiserver.decoding import Received
from fakes.apiserver.errors import StatusError
from fakes.apiserver.faults import NONE as UNTROUBLED
from fakes.apiserver.faults import Faults, Trouble
from fakes.apiserver.gate import Gate
from fakes.apiserver.node_metrics import NodeMetrics
from fakes.apiserver.nodeproxy import NodeProxy
from fakes.apiserver.objects import Object, name_of
from fakes.apiserver.options import WriteOptions
from fakes.apiserver.rbac import GRANTING
from fakes.apiserver.requests import NoSuchPath, Target
from fakes.apiserver.resources import NODES, PODS, REVIEWS
from fakes.apiserver.server import ApiServer
from fakes.apiserver.streaming import Pace, stream
from fakes.apiserver.watch import Event

if TYPE_CHECKING:
    from fakes.apiserver.watch import Watcher

log = logging.getLogger("fakes.apiserver")

LARGEST_BODY = 3 * 1024 * 1024
"""kube-apiserver's limit."""
HEALTH = ("/healthz", "/livez", "/readyz")
STREAMS = ("attach", "exec", "portforward")
"""Subresources of a pod that are streams to its node."""
SHUTDOWN_SECONDS = 1.0
"""How long requests in progress may take to end when the door closes."""

Answer = web.StreamResponse


class HttpDoor:
    """Serves an API server over HTTP.

    Args:
        server: the API server.
        now: the wall clock, for ages in tables.
        token: the administrator's bearer token; None lets everybody in.
        authorizer: says what the others may do; None for everything.
        version: of Kubernetes, as ``/version`` tells it.
        faults: what goes wrong with requests; None for nothing.
        audit: writes down what is asked; None for nobody.
        limit: how many requests may be under way, watches apart; 0 for any number.
    """

    def __init__(
        self,
        server: ApiServer,
        *,
        now: Callable[[], datetime],
        token: str | None = None,
        authorizer: Authorizer | None = None,
        version: str = "v1.34.0",
        faults: Faults | None = None,
        audit: AuditLog | None = None,
        limit: int = 0,
    ) -> None:
        self._server = versions.Versions(server)
        self._now = now
        self._authorizer = authorizer or AlwaysAllow()
        self._gate = Gate(token, server.whose, self._authorizer)
        self._faults = faults
        self._audit = audit
        self._limit = limit
        self._in_flight = 0
        self._encoder = Encoder()
        self._messages = Encoder(protobuf.body)
        self._nodes = NodeProxy(server)
        self._metrics = NodeMetrics(server, self._nodes)
        self._discovery = discovery.Discovery(server.resources, version)
        self._openapi = openapi.OpenApi(server.resources)
        self._watchers: dict[Watcher, None] = {}
        self._pace = Pace()
        self._runner: web.ServerRunner | None = None
        self.port = 0

    async def start(self, host: str = "127.0.0.1", port: int = 0, ssl: tls.SSLContext | None = None) -> int:
        """Listen; port 0 takes a free one. Returns the port. Raises OSError if it is taken."""
        # A client that goes cancels its request: the watch of a quiet resource would never notice otherwise.
        http = web.Server(self._handle, handler_cancellation=True)
        runner = web.ServerRunner(http, shutdown_timeout=SHUTDOWN_SECONDS)
        await runner.setup()
        site = web.TCPSite(runner, host, port, ssl_context=ssl)
        try:
            await site.start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        self.port = int(runner.addresses[0][1])
        self._discovery.serve_at(f"{host}:{self.port}")
        return self.port

    async def stop(self) -> None:
        """End all watches and connections, and stop listening."""
        await self._nodes.close()
        for watcher in tuple(self._watchers):
            watcher.end()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    # --- one request ------------------------------------------------------------------------------------------------

    async def _handle(self, request: web.BaseRequest) -> Answer:
        counts = not requests.is_watch(request.query)
        if counts and self._limit and self._in_flight >= self._limit:
            text = "Too many requests, please try again later.\n"
            return web.Response(status=429, text=text, headers={"Retry-After": "1"})
        self._in_flight += counts
        received = "" if self._audit is None else self._audit.received()
        ASKED_BY.set(None)
        code = 0
        try:
            answer = await self._guarded(request)
            code = answer.status
            return answer
        finally:
            self._in_flight -= counts
            if self._audit is not None:
                self._note(self._audit, request, received, code)

    def _note(self, audit: AuditLog, request: web.BaseRequest, received: str, code: int) -> None:
        wanted = attributes.of_request(request.method, request.path, request.query)
        agent = request.headers.get("User-Agent", "")
        source = request.remote or ""
        audit.note(wanted, uri=request.path_qs, source=source, agent=agent, received=received, code=code)

    async def _guarded(self, request: web.BaseRequest) -> Answer:
        try:
            return await self._route(request)
        except StatusError as error:
            return _refused(request, error)
        except NoSuchPath:
            return web.Response(status=404, text="404 page not found\n")
        except web.HTTPException:
            raise
        except (ConnectionResetError, asyncio.CancelledError):
            raise
        except Exception:
            log.exception("%s %s", request.method, request.rel_url)
            return _refused(request, errors.internal("the fake API server has a bug here; its log has the traceback"))

    async def _route(self, request: web.BaseRequest) -> Answer:
        path = request.path
        if path in HEALTH or path.startswith(tuple(f"{each}/" for each in HEALTH)):
            return web.Response(text="ok")
        user = self._gate.user(request.headers, _certificate(request))
        ASKED_BY.set(user)
        self._gate.check(user, attributes.of_request(request.method, path, request.query))
        document = self._document(request)
        if document is None:
            target = requests.target(path, self._server.resources)
            trouble = await self._meet(request, target)
            return await self._resource(request, target, trouble)
        if request.method != "GET":
            raise errors.method_not_allowed()
        return document

    async def _meet(self, request: web.BaseRequest, target: Target) -> Trouble:
        """What the rules have in store for a request; raises ``StatusError`` if they refuse it."""
        if self._faults is None:
            return UNTROUBLED
        verb = requests.verb(request.method, target, request.query)
        trouble = self._faults.meet(verb, target.resource.plural, request.headers.get("User-Agent", ""))
        if trouble.latency:
            await asyncio.sleep(trouble.latency)
        return trouble

    def _document(self, request: web.BaseRequest) -> Answer | None:
        """What the server says about itself; None for a path to objects."""
        path = request.path
        if path == "/version":
            return web.Response(body=bodies.encode(self._discovery.version), headers=_HEADERS)
        described = self._openapi.answer(path, request.headers.get("Accept", ""))
        if described is not None:
            return documents.described(request, described)
        found = self._discovery.answer(path, request.headers.get("Accept", ""))
        return None if found is None else documents.discovered(request, found)

    async def _resource(self, request: web.BaseRequest, target: Target, trouble: Trouble) -> Answer:
        if target.subresource == "log" and target.resource.plural == "pods":
            return await self._log(request, target)
        if target.subresource in STREAMS and target.resource is PODS:
            pod = self._server.get(target.resource, target.namespace, target.name)
            if target.subresource == "portforward":
                return await self._nodes.port_forward(request, pod)
            return await self._nodes.remote_command(request, pod, target.subresource)
        if target.subresource == "proxy" and target.resource in (NODES, PODS):
            return await self._nodes.proxy(request, target)
        if target.subresource == "proxy" and target.resource.subresource("proxy"):
            raise StatusError(501, "", f"{target.resource.plural}/proxy is not implemented by this API server")
        if request.method == "GET":
            _form(request)
            return await self._get(request, target, trouble)
        handlers: dict[str, Callable[[web.BaseRequest, Target], Awaitable[Answer]]] = {
            "POST": self._post,
            "PUT": self._put,
            "PATCH": self._patch,
            "DELETE": self._delete,
        }
        handler = handlers.get(request.method)
        if handler is None:
            raise errors.method_not_allowed()
        _form(request)  # refused before anything is written
        return await handler(request, target)

    # --- verbs ------------------------------------------------------------------------------------------------------

    async def _get(self, request: web.BaseRequest, target: Target, trouble: Trouble) -> Answer:
        if target.resource.computed:
            if "get" not in target.resource.verbs:
                raise errors.no_such_resource() if target.name else errors.method_not_allowed()
            selection = requests.list_options(request.query)
            return _encoded(request, await self._metrics.answer(target, selection, self._now()))
        if target.name and not target.watch:
            found = self._server.get(target.resource, target.namespace, target.name, subresource=target.subresource)
            return self._answer(request, target, found)
        if target.watch or requests.is_watch(request.query):
            return await self._watch(request, target, trouble)
        options = requests.list_options(request.query)
        if trouble.lag and self._faults is not None:
            options = self._faults.past(options, trouble.lag)
        listed = self._server.list(target.resource, target.namespace, options)
        if _form(request) is Form.TABLE:
            return _encoded(request, tables.of_list(target.resource, listed, self._now(), request.query))
        if _form(request) is Form.PROTOBUF and protobuf.has_form(listed):
            return _sent(request, protobuf.encode_list(listed, self._messages.stored), bodies.PROTOBUF)
        return _encoded(request, bodies.listed(listed))

    async def _watch(self, request: web.BaseRequest, target: Target, trouble: Trouble) -> Answer:
        form = accept.form(request.headers.get("Accept", ""), watch=True)
        selection = requests.list_options(request.query)
        if target.name:
            selection = replace(selection, field_selector=f"metadata.name={target.name}")
        watcher = self._server.watch(target.resource, target.namespace, selection)
        watcher.lag(trouble.lag)
        if trouble.drop is not None:
            asyncio.get_running_loop().call_later(trouble.drop, watcher.end)
        self._watchers[watcher] = None
        try:
            content_type = protobuf.WATCH if form is Form.PROTOBUF else bodies.JSON
            line = versions.line(target.resource, self._line(form, target, request))
            return await stream(request, watcher, line, content_type, self._pace)
        finally:
            del self._watchers[watcher]

    def _line(self, form: Form, target: Target, request: web.BaseRequest) -> Callable[[Event], bytes]:
        """What makes the wire form of a watch's events."""
        if form is Form.PROTOBUF:
            return lambda event: protobuf.frame(event[0], self._enveloped(event[1]))
        if form is Form.TABLE:
            columns = tables.Stream(target.resource, self._now, request.query)
            return lambda event: bodies.event(event[0], bodies.encode(columns.object(*event)).rstrip())
        return lambda event: bodies.event(event[0], self._encoder.stored(event[1]))

    def _enveloped(self, obj: Object) -> bytes:
        return protobuf.envelope(obj, self._messages.stored(obj))

    async def _post(self, request: web.BaseRequest, target: Target) -> Answer:
        resource, name, subresource = target.resource, target.name, target.subresource
        if _across_namespaces(target) or (name and not subresource):
            raise errors.method_not_allowed()
        options = requests.write_options(request.query, request.headers.get("User-Agent", ""), "CreateOptions")
        sent = await self._received(request, target)
        if resource in REVIEWS:
            answered = self._server.review(resource, sent.body, ASKED_BY.get() or ADMINISTRATOR, self._authorizer)
            return _warned(self._answer(request, target, answered, status=201), sent)

        def create(how: WriteOptions) -> Object:
            return self._server.create(
                resource, target.namespace, sent.body, name=name, subresource=subresource, options=how
            )

        created = self._granted(target, create, options)
        return _warned(self._answer(request, target, created, status=201), sent)

    async def _put(self, request: web.BaseRequest, target: Target) -> Answer:
        self._need_name(target)
        options = requests.write_options(request.query, request.headers.get("User-Agent", ""), "UpdateOptions")
        sent = await self._received(request, target)
        resource, namespace, name = target.resource, target.namespace, target.name
        new = resource.create_on_update and self._server.find(resource, namespace or "", name) is None

        def update(how: WriteOptions) -> Object:
            return self._server.update(
                resource, namespace, name, sent.body, subresource=target.subresource, options=how
            )

        updated = self._granted(target, update, options)
        return _warned(self._answer(request, target, updated, status=201 if new else 200), sent)

    async def _patch(self, request: web.BaseRequest, target: Target) -> Answer:
        self._need_name(target)
        kind = bodies.media_type(request.headers.get("Content-Type", ""))
        if kind not in bodies.PATCHES:
            raise errors.unsupported_patch_type()
        applies = kind == bodies.APPLY
        options = requests.patch_options(request.query, request.headers.get("User-Agent", ""), applies=applies)
        validation = requests.field_validation(request.query)
        sent = decoding.received_patch(await self._content(request), kind, target.resource, validation)
        resource, namespace, name, subresource = target.resource, target.namespace, target.name, target.subresource
        created = applies and self._server.find(resource, namespace or "", name) is None

        def patch(how: WriteOptions) -> Object:
            if applies:
                return self._server.apply(resource, namespace, name, sent.body, subresource=subresource, options=how)[0]
            return self._server.patch(resource, namespace, name, sent.body, kind, subresource=subresource, options=how)

        patched = self._granted(target, patch, options)
        return _warned(self._answer(request, target, patched, status=201 if created else 200), sent)

    async def _delete(self, request: web.BaseRequest, target: Target) -> Answer:
        content_type = request.headers.get("Content-Type", "")
        body = decoding.received_delete_options(await self._content(request), content_type)
        options = requests.delete_options(request.query, body)
        if target.subresource:
            raise errors.method_not_allowed()
        sent = Received(body, deletion.warnings(target.resource, options))
        if target.name:
            deleted = self._server.delete(target.resource, target.namespace, target.name, options)
            return _warned(self._answer(request, target, deleted), sent)
        if _across_namespaces(target) or "deletecollection" not in target.resource.verbs:
            raise errors.method_not_allowed()
        found = self._server.delete_collection(
            target.resource, target.namespace, options, requests.list_options(request.query)
        )
        return _warned(_encoded(request, bodies.listed(found)), sent)

    async def _log(self, request: web.BaseRequest, target: Target) -> Answer:
        pod = self._server.get(target.resource, target.namespace, target.name)
        return await self._nodes.container_log(request, pod)

    # --- help -------------------------------------------------------------------------------------------------------

    def _granted(self, target: Target, write: Callable[[WriteOptions], Object], options: WriteOptions) -> Object:
        """Write; what gives rights to others only if the user has them: a dry run shows what it would come to."""
        if target.resource in GRANTING:
            new = write(replace(options, dry_run=True))
            old = self._server.find(target.resource, target.namespace or "", name_of(new))
            self._authorizer.refuse_grant(ASKED_BY.get() or ADMINISTRATOR, target.resource, new, old)
        return write(options)

    def _need_name(self, target: Target) -> None:
        if not target.name:
            raise errors.method_not_allowed()

    async def _received(self, request: web.BaseRequest, target: Target) -> Received:
        validation = requests.field_validation(request.query)
        content_type = request.headers.get("Content-Type", "")
        content = await self._content(request)
        return decoding.received(content, content_type, target.resource, target.subresource, validation)

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
            return _encoded(request, obj, status=int(obj.get("code") or status))
        if _form(request) is Form.TABLE and not target.subresource:
            return _encoded(request, tables.of_object(target.resource, obj, self._now(), request.query), status=status)
        if _form(request) is Form.YAML or _pretty(request):
            return _encoded(request, obj, status=status)
        if _form(request) is Form.PROTOBUF and protobuf.has_form(obj):
            return _sent(request, self._enveloped(obj), bodies.PROTOBUF, status=status)
        return web.Response(status=status, body=self._encoder.stored(obj) + b"\n", headers=_HEADERS)


_HEADERS = {"Content-Type": "application/json", "Cache-Control": "no-cache, private"}


def _certificate(request: web.BaseRequest) -> dict[str, Any] | None:
    """The certificate that the client has shown, if it is of an authority that counts."""
    return None if request.transport is None else request.transport.get_extra_info("peercert")


def _warned(answer: Answer, sent: Received) -> Answer:
    """The answer with what the client is to be warned of."""
    for name, warning in sent.headers:
        answer.headers.add(name, warning)
    return answer


def _form(request: web.BaseRequest) -> Form:
    return accept.form(request.headers.get("Accept", ""))


def _pretty(request: web.BaseRequest) -> bool:
    """Whether a person reads the answer, by their wish or by their client."""
    wish = request.query.get("pretty")
    if wish is not None:
        return wish not in requests.FALSE
    return request.headers.get("User-Agent", "").startswith(("curl", "Wget", "Mozilla"))


def _across_namespaces(target: Target) -> bool:
    """Whether a path is of the objects of all namespaces, where one can only read."""
    return target.resource.namespaced and target.namespace is None


def _encoded(request: web.BaseRequest, obj: Any, *, status: int = 200) -> web.Response:
    """An answer in the form that the client accepts."""
    form = _form(request)
    if form is Form.YAML:
        return _sent(request, bodies.as_yaml(obj), bodies.YAML, status=status)
    if form is Form.PROTOBUF and protobuf.has_form(obj):
        return _sent(request, protobuf.encode(obj), bodies.PROTOBUF, status=status)
    return _sent(request, bodies.encode(obj, pretty=_pretty(request)), bodies.JSON, status=status)


def _sent(request: web.BaseRequest, content: bytes, content_type: str, *, status: int = 200) -> web.Response:
    headers = {**_HEADERS, "Content-Type": content_type}
    return web.Response(status=status, body=documents.compressed(request, content, headers), headers=headers)


def _refused(request: web.BaseRequest, error: StatusError) -> web.Response:
    try:
        response = _encoded(request, error.status, status=error.code)
    except StatusError:  # nothing that the client accepts can be had
        response = _sent(request, bodies.encode(error.status), bodies.JSON, status=error.code)
    retry_after = error.status.get("details", {}).get("retryAfterSeconds")
    if retry_after:
        response.headers["Retry-After"] = str(retry_after)
    return response
