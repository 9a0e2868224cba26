"""The routes of the kubelet API and what is answered there: a kubelet's, as far as they make sense without a machine.

One server may answer for many nodes that share a port: it asks ``Nodes`` whose pod it is.
"""

import logging
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any, Protocol

import orjson
from aiohttp import web

from providers.base import Clock, Metric
from providers.errors import NotFound, Unsupported
from providers.types import Pod
from runner.kubelet.node import KubeletNode
from runner.kubelet.options import log_options
from runner.kubelet.portforward import serve_port_forward
from runner.kubelet.streams import HungUp, StreamTimeouts, to_client
from runner.kubelet.terminal import serve_terminal

TEXT_METRICS = "text/plain; version=0.0.4; charset=utf-8"

log = logging.getLogger(__name__)


class Nodes(Protocol):
    """The nodes that a port answers for."""

    def of_pod(self, namespace: str, pod: str) -> KubeletNode | None:
        """The node that has the pod; None if there is none."""
        ...

    def all(self) -> Sequence[KubeletNode]:
        """All of them."""
        ...


class OneNode:
    """A port for one node."""

    def __init__(self, node: KubeletNode) -> None:
        self._node = node

    def of_pod(self, namespace: str, pod: str) -> KubeletNode | None:  # noqa: ARG002  (it can only be this one)
        """The node; it says itself that it does not have the pod."""
        return self._node

    def all(self) -> Sequence[KubeletNode]:
        """The node."""
        return [self._node]


class Handlers:
    """What is answered.

    Args:
        nodes: for which nodes.
        clock: dates ``sinceSeconds``.
        timeouts: of exec, attach and port-forward.
        metrics: the runner's own metrics, in Prometheus' text format; None for none.
    """

    def __init__(
        self,
        nodes: Nodes,
        clock: Clock,
        timeouts: StreamTimeouts | None = None,
        metrics: Callable[[], bytes] | None = None,
    ) -> None:
        self._nodes = nodes
        self._clock = clock
        self._timeouts = timeouts or StreamTimeouts()
        self._metrics = metrics

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Register the routes. Those of a container may carry the pod's UID, as old API servers send it."""
        router.add_get("/healthz", _ok)
        router.add_get("/readyz", self._readyz)
        router.add_get("/containerLogs/{namespace}/{pod}/{container}", self._container_logs)
        for prefix, handler in (("exec", self._exec), ("attach", self._attach)):
            for path in ("{namespace}/{pod}/{container}", "{namespace}/{pod}/{uid}/{container}"):
                router.add_get(f"/{prefix}/{path}", handler)
                router.add_post(f"/{prefix}/{path}", handler)
        for path in ("{namespace}/{pod}", "{namespace}/{pod}/{uid}"):
            router.add_get(f"/portForward/{path}", self._port_forward)
            router.add_post(f"/portForward/{path}", self._port_forward)
        router.add_get("/pods", self._pods)
        for end in ("", "/"):
            router.add_get(f"/runningpods{end}", self._running_pods)
            router.add_get(f"/stats/summary{end}", self._stats_summary)
            router.add_get(f"/metrics/resource{end}", self._resource_metrics)
        router.add_get("/metrics", self._own_metrics)
        router.add_get("/configz", self._configz)

    # --- of one pod -------------------------------------------------------------------------------------------------

    async def _container_logs(self, request: web.Request) -> web.StreamResponse:
        options = log_options(request.query, self._clock.now())
        node, namespace, pod = self._node(request)
        return await _stream(request, node.container_logs(namespace, pod, request.match_info["container"], options))

    async def _exec(self, request: web.Request) -> web.StreamResponse:
        node, namespace, pod = self._node(request)
        run = node.exec(namespace, pod, request.match_info["container"], request.query.getall("command", []))
        return await serve_terminal(request, run, self._timeouts)

    async def _attach(self, request: web.Request) -> web.StreamResponse:
        node, namespace, pod = self._node(request)
        run = node.attach(namespace, pod, request.match_info["container"])
        return await serve_terminal(request, run, self._timeouts)

    async def _port_forward(self, request: web.Request) -> web.StreamResponse:
        node, namespace, pod = self._node(request)
        return await serve_port_forward(request, node.port_forward(namespace, pod), self._timeouts)

    def _node(self, request: web.Request) -> tuple[KubeletNode, str, str]:
        namespace, pod = request.match_info["namespace"], request.match_info["pod"]
        uid = request.match_info.get("uid")
        node = self._nodes.of_pod(namespace, pod)
        if node is None or (uid and not node.has(namespace, pod, uid)):
            raise NotFound(f"pod {namespace}/{pod} is not here")
        return node, namespace, pod

    # --- of all -----------------------------------------------------------------------------------------------------

    async def _readyz(self, _: web.Request) -> web.Response:
        waiting = [node.name for node in self._nodes.all() if not node.is_ready()]
        if waiting:
            return web.Response(status=503, text=f"not ready: {', '.join(waiting)}\n")
        return web.Response(text="ok")

    async def _pods(self, _: web.Request) -> web.Response:
        return _pod_list(pod for node in self._nodes.all() for pod in node.pods())

    async def _running_pods(self, _: web.Request) -> web.Response:
        return _pod_list(pod for node in self._nodes.all() for pod in node.running_pods())

    async def _stats_summary(self, _: web.Request) -> web.Response:
        first, *others = [await node.stats_summary() for node in self._nodes.all()] or [{"node": {}, "pods": []}]
        found = [pod for summary in (first, *others) for pod in summary.get("pods") or []]
        return _json({**first, "pods": found})

    async def _resource_metrics(self, _: web.Request) -> web.Response:
        samples = [sample for node in self._nodes.all() for sample in await node.resource_metrics()]
        return web.Response(body=exposition(samples), headers={"Content-Type": TEXT_METRICS})

    async def _own_metrics(self, _: web.Request) -> web.Response:
        if self._metrics is None:
            raise Unsupported("there are no metrics here")
        return web.Response(body=self._metrics(), headers={"Content-Type": TEXT_METRICS})

    async def _configz(self, _: web.Request) -> web.Response:
        return _json({node.name: node.configuration() for node in self._nodes.all()})


def exposition(samples: Iterable[Metric]) -> bytes:
    """Samples in Prometheus' text format, families together; namespace and pod before other labels."""
    families: dict[tuple[str, str], list[str]] = {}
    for sample in samples:
        labels = ",".join(f'{name}="{_escaped(value)}"' for name, value in sample.labels.items())
        line = f"{sample.name}{{{labels}}} {sample.value!r}" if labels else f"{sample.name} {sample.value!r}"
        families.setdefault((sample.name, sample.kind), []).append(line)
    lines = [line for (name, kind), found in families.items() for line in (f"# TYPE {name} {kind}", *found)]
    return "".join(f"{line}\n" for line in lines).encode()


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _pod_list(pods: Iterable[Pod]) -> web.Response:
    return _json({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": list(pods)})


def _json(content: Any) -> web.Response:
    return web.Response(body=orjson.dumps(content), content_type="application/json")


async def _ok(_: web.Request) -> web.Response:
    return web.Response(text="ok")


async def _stream(request: web.Request, pieces: AsyncIterator[bytes]) -> web.StreamResponse:
    """Send each piece as it comes. The status waits for the first one: up to then an error can still be told."""
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    try:
        first = await anext(pieces, b"")
        with to_client():
            await response.prepare(request)
            await response.write(first)
        async for piece in pieces:
            with to_client():
                await response.write(piece)
        with to_client():
            await response.write_eof()
    except HungUp:  # which is its right
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
