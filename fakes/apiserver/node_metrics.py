"""``metrics.k8s.io``: what nodes and pods use, as metrics-server has it from the kubelets' ``/stats/summary``."""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import aiohttp
from yarl import URL

from fakes.apiserver.errors import StatusError
from fakes.apiserver.nodeproxy import NodeProxy
from fakes.apiserver.objects import Object
from fakes.apiserver.options import ListOptions
from fakes.apiserver.requests import Target
from fakes.apiserver.resources import NODES, PODS
from fakes.apiserver.server import ApiServer

WINDOW = "10s"


class NodeMetrics:
    """Asks kubelets, and answers for all of them.

    Args:
        server: knows nodes and pods.
        nodes: the way to kubelets.
    """

    def __init__(self, server: ApiServer, nodes: NodeProxy) -> None:
        self._server = server
        self._nodes = nodes

    async def answer(self, target: Target, selection: ListOptions, now: datetime) -> Object:
        """The metrics of a node, a pod, or of all that are selected; those of kubelets that do not answer are missing.

        Raises:
            StatusError: 404 for one that there is not, or that nothing is known of.
        """
        of_nodes = target.resource.kind == "NodeMetrics"
        objects = NODES if of_nodes else PODS
        if target.name:
            found = [self._server.get(objects, target.namespace, target.name)]
        else:
            found = self._server.list(objects, target.namespace, selection)["items"]
        names = (each["metadata"]["name"] if of_nodes else each["spec"].get("nodeName") or "" for each in found)
        summaries = await self._summaries(names)
        items = [item for each in found if (item := _item(each, summaries, now, of_nodes=of_nodes)) is not None]
        kind, version = target.resource.kind, target.resource.api_version
        if not target.name:
            return {"kind": f"{kind}List", "apiVersion": version, "metadata": {}, "items": items}
        if not items:
            message = f'{target.resource.plural}.metrics.k8s.io "{target.name}" not found'
            raise StatusError(404, "NotFound", message)
        return {"kind": kind, "apiVersion": version, **items[0]}

    async def _summaries(self, names: Iterable[str]) -> dict[str, Mapping[str, Any]]:
        """Node -> the summary of its kubelet; kubelets that answer for many nodes are asked once."""
        urls: dict[str, URL] = {}
        for name in dict.fromkeys(names):
            try:
                urls[name] = self._nodes.kubelet(name)
            except StatusError:
                continue
        different = list(dict.fromkeys(urls.values()))
        answers = dict(zip(different, await asyncio.gather(*map(self._summary, different)), strict=True))
        return {name: answers[url] for name, url in urls.items() if answers[url]}

    async def _summary(self, kubelet: URL) -> Mapping[str, Any]:
        try:
            found: Mapping[str, Any] = await self._nodes.json(kubelet / "stats" / "summary")
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
            return {}
        return found


def _item(obj: Object, summaries: Mapping[str, Any], now: datetime, *, of_nodes: bool) -> Object | None:
    """The metrics of one node or pod; None if its kubelet does not tell of it."""
    metadata = obj["metadata"]
    stamp = {"timestamp": now.strftime("%Y-%m-%dT%H:%M:%SZ"), "window": WINDOW}
    kept = {key: metadata[key] for key in ("name", "namespace", "creationTimestamp", "labels") if key in metadata}
    if of_nodes:
        summary = summaries.get(metadata["name"])
        if summary is None:
            return None
        node = summary.get("node") or {}
        own = node if node.get("nodeName") == metadata["name"] else {}
        return {"metadata": kept, **stamp, "usage": _usage(own)}
    summary = summaries.get(obj["spec"].get("nodeName") or "") or {}
    for pod in summary.get("pods") or []:
        if pod["podRef"]["uid"] == metadata["uid"] and pod.get("containers"):
            containers = [{"name": each["name"], "usage": _usage(each)} for each in pod["containers"]]
            return {"metadata": kept, **stamp, "containers": containers}
    return None


def _usage(part: Mapping[str, Any]) -> dict[str, str]:
    cores = (part.get("cpu") or {}).get("usageNanoCores", 0)
    memory = (part.get("memory") or {}).get("workingSetBytes", 0)
    return {"cpu": f"{cores}n", "memory": f"{memory // 1024}Ki"}
