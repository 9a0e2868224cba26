"""The API server's own calls to nodes: logs, commands and ports of pods, and whatever is proxied to a node."""

import asyncio
import contextlib
import os
import ssl
from collections.abc import Mapping
from typing import Any

import aiohttp
from aiohttp import web
from yarl import URL

from fakes.apiserver import nodestreams
from fakes.apiserver.errors import StatusError, bad_request, internal
from fakes.apiserver.objects import Object
from fakes.apiserver.requests import Target
from fakes.apiserver.resources import NODES, PODS
from fakes.apiserver.server import ApiServer

CONNECT_SECONDS = 5.0
NOT_HANDED_ON = frozenset(
    {"host", "authorization", "connection", "transfer-encoding", "content-length", "upgrade", "keep-alive", "te"}
)
"""Headers that are one connection's business, and the client's credential, which no node is to see."""
FORWARDED = ("follow", "limitBytes", "previous", "sinceSeconds", "sinceTime", "tailLines", "timestamps")


class NodeProxy:
    """Finds a pod's node and asks its kubelet; its certificate is not verified, as without ``--kubelet-ca``.

    Args:
        server: knows the nodes and pods.
        identity: the TLS side of the calls, with the certificate that the API server shows to nodes.
    """

    def __init__(self, server: ApiServer, identity: ssl.SSLContext | None = None) -> None:
        self._server = server
        self._tls = identity or kubelet_context()
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close connections to nodes."""
        if self._session is not None:
            await self._session.close()

    async def container_log(self, request: web.BaseRequest, pod: Object) -> web.StreamResponse:
        """The log of a container, streamed as it comes."""
        container = chosen_container(pod, request.query.get("container", ""))
        if not pod["spec"].get("nodeName"):
            return web.Response(status=204)
        metadata = pod["metadata"]
        path = f"containerLogs/{metadata['namespace']}/{metadata['name']}/{container}"
        query = {name: request.query[name] for name in FORWARDED if name in request.query}
        url = (URL(self._kubelet(pod["spec"]["nodeName"])) / path).with_query(query)
        try:
            answer = await self._client().get(url)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise internal(f'Get "{url}": {_why(error, url)}') from None
        async with answer:
            if answer.status != 200:
                text = (await answer.text()).strip()
                raise StatusError(answer.status, _REASONS.get(answer.status, ""), text)
            headers = {"Content-Type": "text/plain", "Cache-Control": "no-cache, private"}
            return await _piped(request, answer, web.StreamResponse(headers=headers))

    async def remote_command(self, request: web.BaseRequest, pod: Object, kind: str) -> web.StreamResponse:
        """``exec`` or ``attach``: the streams of a command in a container."""
        container = chosen_container(pod, request.query.get("container", ""))
        query = [("command", each) for each in request.query.getall("command", [])]
        if kind == "exec" and not query:
            raise bad_request("you must specify at least one command")
        for asked, handed_on in (("stdin", "input"), ("stdout", "output"), ("stderr", "error"), ("tty", "tty")):
            if request.query.get(asked, "").lower() in ("true", "1"):
                query.append((handed_on, "1"))
        return await nodestreams.remote_command(
            request, self._of_pod(kind, pod, container).with_query(query), self._tls
        )

    async def port_forward(self, request: web.BaseRequest, pod: Object) -> web.StreamResponse:
        """Connections to the pod's ports."""
        query = [("port", each) for each in request.query.getall("ports", [])]
        return await nodestreams.port_forward(request, self._of_pod("portForward", pod).with_query(query), self._tls)

    async def proxy(self, request: web.BaseRequest, target: Target) -> web.StreamResponse:
        """Any request, handed on to a node or a pod: ``[SCHEME:]NAME[:PORT]`` says where, the path is what follows."""
        scheme, name, port = _parts_of(target.name)
        if target.resource is NODES:
            base = URL(self._kubelet(name))
            base = base.with_port(int(port)) if port else base
            base = base.with_scheme(scheme) if scheme else base
        else:
            pod = self._server.get(PODS, target.namespace, name)
            ip = (pod.get("status") or {}).get("podIP")
            if not ip:
                raise StatusError(503, "ServiceUnavailable", "no endpoints available for the pod: it has no address")
            base = URL.build(scheme=scheme or "http", host=ip, port=int(port or 80))
        rest = request.path.split("/proxy", 1)[1] or "/"
        url = base.with_path(rest).with_query(request.query)
        headers = {k: v for k, v in request.headers.items() if k.lower() not in NOT_HANDED_ON}
        try:
            answer = await self._client().request(
                request.method, url, headers=headers, data=await request.read(), allow_redirects=False
            )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise StatusError(503, "ServiceUnavailable", f"error trying to reach service: {_why(error, url)}") from None
        async with answer:
            kept = {k: v for k, v in answer.headers.items() if k.lower() not in NOT_HANDED_ON}
            return await _piped(request, answer, web.StreamResponse(status=answer.status, headers=kept))

    def _of_pod(self, kind: str, pod: Object, container: str = "") -> URL:
        metadata, node_name = pod["metadata"], pod["spec"].get("nodeName")
        if not node_name:
            raise bad_request(f"pod {metadata['name']} does not have a host assigned")
        url: URL = URL(self._kubelet(node_name)) / kind / metadata["namespace"] / metadata["name"]
        return url / container if container else url

    def kubelet(self, node_name: str) -> URL:
        """Where a node's kubelet API is. Raises StatusError if nobody knows."""
        return URL(self._kubelet(node_name))

    async def json(self, url: URL) -> Any:
        """A kubelet's answer. Raises aiohttp's errors."""
        async with self._client().get(url, raise_for_status=True) as answer:
            return await answer.json()

    def _kubelet(self, node_name: str) -> str:
        try:
            node = self._server.get(NODES, None, node_name)
        except StatusError:
            raise internal(f'nodes "{node_name}" not found') from None
        status: dict[str, Any] = node.get("status") or {}
        addresses = {each["type"]: each["address"] for each in reversed(status.get("addresses") or [])}
        host = addresses.get("InternalIP") or addresses.get("Hostname") or node_name
        port = ((status.get("daemonEndpoints") or {}).get("kubeletEndpoint") or {}).get("Port") or 10250
        return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=self._tls), timeout=timeout, auto_decompress=False
            )
        return self._session


def kubelet_context() -> ssl.SSLContext:
    """How nodes are called, without a certificate of the caller's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _parts_of(name: str) -> tuple[str, str, str]:
    """Scheme, name and port of what a proxy request names; what is not given is empty."""
    parts = name.split(":")
    if len(parts) == 3 and parts[0] in ("http", "https"):
        return parts[0], parts[1], parts[2]
    if len(parts) == 2 and parts[1].isascii() and parts[1].isdigit():
        return "", parts[0], parts[1]
    if len(parts) > 1:
        raise bad_request(f'invalid resource request "{name}"')
    return "", name, ""


def chosen_container(pod: Object, asked: str) -> str:
    """The container whose log is wanted, by kube-apiserver's rules: it is kubectl that knows of a default container.

    Raises:
        StatusError: 400 for a name that the pod does not have, or none where there are several.
    """
    spec, name = pod["spec"], pod["metadata"]["name"]
    groups = ("initContainers", "containers", "ephemeralContainers")
    names = [str(each["name"]) for group in groups for each in spec.get(group) or []]
    if asked:
        if asked not in names:
            raise bad_request(f"container {asked} is not valid for pod {name}")
        return asked
    if len(spec["containers"]) == 1:
        return str(spec["containers"][0]["name"])
    raise bad_request(f"a container name must be specified for pod {name}, choose one of: [{' '.join(names)}]")


_REASONS: Mapping[int, str] = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    500: "InternalError",
    503: "ServiceUnavailable",
}
"""What a kubelet's refusal is called when it is passed on."""


def _why(error: Exception, url: URL) -> str:
    """Why a kubelet did not answer, in the words of Go's dialer, which people know and search for."""
    at = f"dial tcp {url.host_subcomponent}:{url.port}"
    if isinstance(error, TimeoutError):
        return f"{at}: i/o timeout"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"dial tcp: lookup {url.host}: no such host"
    if isinstance(error, aiohttp.ClientConnectorError) and (error.os_error.errno or 0) > 0:
        return f"{at}: connect: {os.strerror(error.os_error.errno or 0).lower()}"
    return str(error) or type(error).__name__


async def _piped(
    request: web.BaseRequest, answer: aiohttp.ClientResponse, response: web.StreamResponse
) -> web.StreamResponse:
    response.enable_chunked_encoding()
    try:
        await response.prepare(request)
        async for piece in answer.content.iter_any():
            await response.write(piece)
        await response.write_eof()
    except (ConnectionResetError, asyncio.CancelledError):
        if not request.transport or request.transport.is_closing():
            return response  # the reader has gone
        raise
    except aiohttp.ClientError:
        with contextlib.suppress(ConnectionResetError):
            await response.write_eof()
    return response
