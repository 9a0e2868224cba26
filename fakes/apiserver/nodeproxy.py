"""The API server's own calls to nodes: a pod's log comes from the kubelet API of its node, as on a real cluster."""

import asyncio
import contextlib
import os
import ssl
from collections.abc import Mapping
from typing import Any

import aiohttp
from aiohttp import web
from yarl import URL

from fakes.apiserver.errors import StatusError, bad_request, internal
from fakes.apiserver.objects import Object
from fakes.apiserver.resources import NODES
from fakes.apiserver.server import ApiServer

CONNECT_SECONDS = 5.0
FORWARDED = ("follow", "limitBytes", "previous", "sinceSeconds", "sinceTime", "tailLines", "timestamps")


class NodeProxy:
    """Finds a pod's node and asks its kubelet; its certificate is not verified, as without ``--kubelet-ca``."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server
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
            return await _piped(request, answer)

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
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS)
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context), timeout=timeout)
        return self._session


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


async def _piped(request: web.BaseRequest, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/plain", "Cache-Control": "no-cache, private"})
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
