"""The Kubernetes API over HTTP: ``runner.kube.KubeApi`` for a real API server, or the fake one behind a socket.

Where the server is and who we are comes from ``runner.kube_config``. The objects stay plain JSON: the generated models
of the ``kubernetes`` package cost many times what the request itself does.
"""

import asyncio
import os
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager, nullcontext
from pathlib import Path
from random import Random
from typing import Any, Self
from urllib.parse import urlencode

import aiohttp
import orjson
from yarl import URL

from providers.types import KubeObject
from runner.credentials import KubeConfigError
from runner.gate import Gate
from runner.kube import LEASES, ApiError, Patch, PatchType, Resource, Unavailable, WatchEvent, error_from_status
from runner.kube_config import Connection, load_connection
from runner.ports import Ports

REQUEST_SECONDS = 60.0
"""The longest that a request may take; also an API server's own limit."""
CONNECT_SECONDS = 10.0
REQUEST_TIMEOUT = aiohttp.ClientTimeout(total=REQUEST_SECONDS, sock_connect=CONNECT_SECONDS)
WATCH_SECONDS = (300, 600)
"""How long a watch lasts if the caller does not say, drawn at random as client-go does."""
WATCH_SLACK_SECONDS = 30.0
"""How much longer than the watch was to last its socket may stay silent before it counts as dead."""
THROTTLED = (429, 503)
THROTTLED_TRIES = 5
THROTTLED_SECONDS = 30.0
"""The longest that one call waits in all because the server asked for it; past that the caller decides."""
SHORTEST_WAIT = 0.1
"""Seconds that throttling means at least, also where ``Retry-After`` is 0."""

_JSON = "application/json"
_LEASES = f"/apis/{LEASES.group}/"


class HttpKube:
    """An API server behind a URL.

    Args:
        connection: where it is and how to get in.
        session: the connections; closed by whoever opened it (``connect`` or ``over``).
        random: spreads retries.
        more_headers: makes what else each request is sent with.

    Attributes:
        server: the API server's URL.
        gate: how hard it is asked.
    """

    def __init__(
        self,
        connection: Connection,
        session: aiohttp.ClientSession,
        random: Random,
        more_headers: Callable[[], Mapping[str, str]],
    ) -> None:
        self.server = connection.server
        self._connection = connection
        self._session = session
        self._random = random
        self._more_headers = more_headers
        self.gate = Gate(random)

    @classmethod
    @asynccontextmanager
    async def connect(cls, kubeconfig: Path | None, ports: Ports) -> AsyncIterator[Self]:
        """The cluster of a kubeconfig; without one, of $KUBECONFIG, of ~/.kube/config, or the one we run in.

        Nothing is sent yet: that the server answers shows with the first request.

        Raises:
            KubeConfigError: there is no usable configuration, or no credential where it promises one.
        """
        connection = await load_connection(kubeconfig, ports.clock)
        async with cls.over(connection, ports.random) as kube:
            yield kube

    @classmethod
    @asynccontextmanager
    async def over(
        cls, connection: Connection, random: Random, more_headers: Callable[[], Mapping[str, str]] = dict
    ) -> AsyncIterator[Self]:
        """The API server at the end of a connection."""
        # No limit on connections: each watch holds one, and what else runs at once is bounded by the gate.
        connector = aiohttp.TCPConnector(limit=0, ssl=connection.tls or True, socket_factory=_lasting_socket)
        async with aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept": _JSON, "User-Agent": "vksim-runner"},
            trust_env=False,  # looked up for each request it costs more than the request; kube_config did it once
        ) as session:
            yield cls(connection, session, random, more_headers)

    async def get(
        self, resource: Resource, name: str, namespace: str | None = None, *, subresource: str | None = None
    ) -> KubeObject:
        """One object."""
        return await self._call("GET", resource.path(namespace, name, subresource))

    async def list(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        limit: int = 0,
        continue_token: str = "",
        resource_version: str = "",
    ) -> KubeObject:
        """One page of a list object."""
        query = {
            "labelSelector": label_selector,
            "fieldSelector": field_selector,
            "limit": str(limit or ""),
            "continue": continue_token,
            "resourceVersion": resource_version,
        }
        return await self._call("GET", resource.path(namespace), query)

    @asynccontextmanager
    async def watch(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        resource_version: str = "",
        timeout_seconds: int | None = None,
    ) -> AsyncIterator[AsyncIterator[WatchEvent]]:
        """The changes after ``resource_version``; leaving the context drops the connection at once."""
        seconds = self._random.randint(*WATCH_SECONDS) if timeout_seconds is None else timeout_seconds
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "labelSelector": label_selector,
            "fieldSelector": field_selector,
            "resourceVersion": resource_version,
            "timeoutSeconds": str(seconds),
        }
        silence = aiohttp.ClientTimeout(
            total=None, sock_connect=CONNECT_SECONDS, sock_read=seconds + WATCH_SLACK_SECONDS
        )
        response, _ = await self._send("GET", resource.path(namespace), query, timeout=silence)
        try:
            async with aclosing(self._events(response)) as events:
                yield events
        finally:
            _drop(response)

    async def create(
        self,
        resource: Resource,
        obj: Mapping[str, Any],
        namespace: str | None = None,
        *,
        name: str | None = None,
        subresource: str | None = None,
    ) -> KubeObject:
        """Create an object, or POST to a subresource of the object ``name``."""
        namespace = namespace or obj.get("metadata", {}).get("namespace")
        return await self._call("POST", resource.path(namespace, name, subresource), body=obj)

    async def update(self, resource: Resource, obj: Mapping[str, Any], *, subresource: str | None = None) -> KubeObject:
        """Replace an object."""
        metadata = obj["metadata"]
        path = resource.path(metadata.get("namespace"), metadata["name"], subresource)
        return await self._call("PUT", path, body=obj)

    async def patch(
        self,
        resource: Resource,
        name: str,
        patch: Patch,
        namespace: str | None = None,
        *,
        patch_type: PatchType = PatchType.MERGE,
        subresource: str | None = None,
    ) -> KubeObject:
        """Change parts of an object."""
        path = resource.path(namespace, name, subresource)
        return await self._call("PATCH", path, body=patch, content_type=patch_type.value)

    async def delete(
        self,
        resource: Resource,
        name: str,
        namespace: str | None = None,
        *,
        grace_period_seconds: int | None = None,
        uid: str | None = None,
        propagation_policy: str | None = None,
    ) -> KubeObject:
        """Delete an object, only if it is still the one with this UID."""
        options: dict[str, Any] = {"apiVersion": "v1", "kind": "DeleteOptions"}
        if grace_period_seconds is not None:
            options["gracePeriodSeconds"] = grace_period_seconds
        if uid is not None:
            options["preconditions"] = {"uid": uid}
        if propagation_policy is not None:
            options["propagationPolicy"] = propagation_policy
        return await self._call("DELETE", resource.path(namespace, name), body=options)

    async def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        body: Any = None,
        content_type: str = _JSON,
    ) -> KubeObject:
        """One request and the object that answers it."""
        data = None if body is None else orjson.dumps(body)
        response, content = await self._send(method, path, query, data=data, content_type=content_type)
        try:
            answer = orjson.loads(content)
        except orjson.JSONDecodeError:
            answer = None
        if not isinstance(answer, dict):
            raise ApiError(
                f"{self.server} answered {method} {path} with something that is no object; is it an API server?",
                code=response.status,
            )
        return answer

    async def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        data: bytes | None = None,
        content_type: str = _JSON,
        timeout: aiohttp.ClientTimeout = REQUEST_TIMEOUT,
    ) -> tuple[aiohttp.ClientResponse, bytes]:
        """The successful answer and its body (a watch's is still to come). Asks again where the server wants that.

        429 and 503 with ``Retry-After`` say that the request was not looked at, so any method may be repeated.
        """
        text = urlencode({key: value for key, value in (query or {}).items() if value})
        url = URL(f"{self.server}{path}?{text}" if text else f"{self.server}{path}", encoded=True)
        loop = asyncio.get_running_loop()
        begun, tries = loop.time(), 0
        # The node's heartbeat is never held up by its pods; the API server, too, treats it apart.
        urgent = path.startswith(_LEASES)
        while True:
            tries += 1
            async with nullcontext() if urgent else self.gate.turn():
                response, content = await self._attempt(method, url, data, content_type, timeout)
            if response.ok and response.status < 300:
                return response, content
            asked = _retry_after(response)
            error = _refusal(response.status, content, asked)
            if error.code not in THROTTLED or asked is None or urgent or tries >= THROTTLED_TRIES:
                raise error
            if loop.time() - begun + asked > THROTTLED_SECONDS:
                raise error

    async def _attempt(
        self, method: str, url: URL, data: bytes | None, content_type: str, timeout: aiohttp.ClientTimeout
    ) -> tuple[aiohttp.ClientResponse, bytes]:
        """One request and what came of it, which the gate is told."""
        try:
            response = await self._exchange(method, url, data, content_type, timeout)
            is_watch = timeout.total is None
            content = b"" if response.ok and is_watch else await self._read(response)
        except Unavailable:
            self.gate.trouble()
            raise
        asked = _retry_after(response)
        if response.status in THROTTLED and asked is not None:
            self.gate.throttle(max(asked, SHORTEST_WAIT))
        elif response.status >= 500 or response.status in THROTTLED:
            self.gate.trouble()
        else:
            self.gate.well()
        return response, content

    async def _exchange(
        self, method: str, url: URL, data: bytes | None, content_type: str, timeout: aiohttp.ClientTimeout
    ) -> aiohttp.ClientResponse:
        headers = {**self._more_headers(), **({"Content-Type": content_type} if data is not None else {})}
        try:
            authorization = await self._connection.authorization()
        except KubeConfigError as error:
            raise self._unavailable(str(error)) from error
        if authorization:
            headers["Authorization"] = authorization
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                return await self._session.request(
                    method,
                    url,
                    data=data,
                    headers=headers,
                    allow_redirects=False,
                    proxy=self._connection.proxy,
                    server_hostname=self._connection.server_hostname,
                    timeout=timeout,
                )
        except (aiohttp.ClientError, OSError) as error:
            raise self._unavailable(_reason(error)) from error

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        try:
            return await response.read()
        except (aiohttp.ClientError, OSError) as error:
            raise self._unavailable(_reason(error)) from error

    async def _events(self, response: aiohttp.ClientResponse) -> AsyncGenerator[WatchEvent, None]:
        lines = LineSplitter()
        try:
            async for chunk in response.content.iter_any():
                for line in lines.feed(chunk):
                    yield self._event(line)
        except (aiohttp.ClientError, OSError) as error:
            raise self._unavailable(f"the watch broke off: {_reason(error)}") from error
        if lines.rest().strip():
            raise self._unavailable("the watch broke off in the middle of an event")

    def _event(self, line: bytes) -> WatchEvent:
        try:
            event = orjson.loads(line)
            kind, obj = event["type"], event["object"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            raise self._unavailable("the watch delivered something that is no event") from None
        if kind == "ERROR":
            raise error_from_status(obj, code=int(obj.get("code") or 500))
        return WatchEvent(kind, obj)

    def _unavailable(self, why: str) -> Unavailable:
        return Unavailable(f"cannot reach the API server {self.server}: {why}")


class LineSplitter:
    """Cuts a stream of bytes into lines of any length (an object may have 1.5 MB), each byte looked at once."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that this chunk completes, without their ends, empty ones left out."""
        first, *others = chunk.split(b"\n")
        self._parts.append(first)
        if not others:
            return []
        lines = [b"".join(self._parts), *others[:-1]]
        self._parts = [others[-1]]
        return [line for line in lines if line]

    def rest(self) -> bytes:
        """What came after the last line's end."""
        return b"".join(self._parts)


def _refusal(code: int, content: bytes, retry_after: float | None) -> ApiError:
    """The error that an answer means: a ``Status``, or the text of whatever stands between us and the API server."""
    try:
        status = orjson.loads(content)
    except orjson.JSONDecodeError:
        status = None
    if not isinstance(status, dict) or status.get("kind") != "Status":
        text = " ".join(content.decode(errors="replace").split())[:200]
        status = {"message": f"HTTP {code}: {text}" if text else f"HTTP {code}"}
    return error_from_status(status, code=code, retry_after=retry_after)


def _retry_after(response: aiohttp.ClientResponse) -> float | None:
    """The seconds of the ``Retry-After`` header; an API server never sends its other form, a date."""
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else None


def _reason(error: Exception) -> str:
    """Why there was no answer, in few words."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        why = getattr(error.certificate_error, "verify_message", "") or str(error.certificate_error)
        return f"its TLS certificate is not trusted: {why.rstrip('.')}; check certificate-authority in the kubeconfig"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, aiohttp.ClientSSLError):
        return f"TLS failed: {error.os_error.strerror or error.os_error}"
    if isinstance(error, aiohttp.ClientConnectorError):
        number = error.os_error.errno or 0  # negative from the resolver, which has words of its own
        return os.strerror(number) if number > 0 else str(error.os_error.strerror or error.os_error)
    return str(error) or type(error).__name__


def _lasting_socket(address: aiohttp.AddrInfoType) -> socket.socket:
    """A socket that notices within a minute when the other end is gone without a word (a watch only listens)."""
    family, kind, protocol, _, _ = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, name):
            made.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return made


def _drop(response: aiohttp.ClientResponse) -> None:
    """Hang up in the middle of an answer, without TLS' goodbye: nobody may be left to wait for it."""
    connection = response.connection
    if connection is not None and connection.transport is not None:
        connection.transport.abort()
    response.close()
