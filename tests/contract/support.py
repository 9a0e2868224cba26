"""Short ways to say what most contract tests need."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from runner.kube import CONFIG_MAPS, PODS, KubeApi, NotFound, PatchType, Resource, WatchEvent

NS = "default"


def config_map(name: str = "a", *, data: dict[str, str] | None = None, **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, **metadata},
        "data": {"k": "v"} if data is None else data,
    }


def pod(name: str = "p", *, node: str = "", **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, **metadata},
        "spec": {
            **({"nodeName": node} if node else {}),
            "containers": [{"name": "main", "image": "registry.example/app:1"}],
        },
    }


def node(name: str = "n1") -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "status": {"capacity": {"cpu": "4"}}}


def lease(name: str = "n1", **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": name, "namespace": NS, **metadata},
        "spec": {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": "2026-01-02T03:04:05.000000Z"},
    }


async def create_config_maps(kube: KubeApi, *names: str, **metadata: Any) -> None:
    for name in names:
        await kube.create(CONFIG_MAPS, config_map(name, **metadata), NS)


async def patch_config_map(kube: KubeApi, name: str = "a", **data: str) -> dict[str, Any]:
    return await kube.patch(CONFIG_MAPS, name, {"data": data}, NS)


async def patch_pod(kube: KubeApi, patch: Any, patch_type: PatchType = PatchType.MERGE) -> dict[str, Any]:
    return await kube.patch(PODS, "p", patch, NS, patch_type=patch_type)


async def names(kube: KubeApi, *args: Any, **kwargs: Any) -> list[str]:
    """The names that a list has."""
    return [item["metadata"]["name"] for item in (await kube.list(*args, **kwargs))["items"]]


async def take(events: AsyncIterator[WatchEvent], count: int) -> list[tuple[str, str]]:
    """The next events of a watch, as type and name."""
    return [(event.type, event.object["metadata"]["name"]) for event in await take_events(events, count)]


async def take_events(events: AsyncIterator[WatchEvent], count: int, *, bookmarks: bool = False) -> list[WatchEvent]:
    """The next events of a watch, without bookmarks: a server may send one whenever it likes."""
    taken: list[WatchEvent] = []
    async with asyncio.timeout(20):
        while len(taken) < count:
            event = await anext(events)
            if bookmarks or event.type != "BOOKMARK":
                taken.append(event)
    return taken


async def take_until(events: AsyncIterator[WatchEvent], type_: str) -> list[WatchEvent]:
    """The next events of a watch, up to one of that type; without bookmarks."""
    taken: list[WatchEvent] = []
    while not taken or taken[-1].type != type_:
        taken += await take_events(events, 1)
    return taken


async def until_there(kube: KubeApi, resource: Resource, name: str, namespace: str | None = None) -> dict[str, Any]:
    """The object, once some controller has made it."""
    async with asyncio.timeout(20):
        while True:
            try:
                return await kube.get(resource, name, namespace)
            except NotFound:
                await asyncio.sleep(0.05)


async def until_gone(kube: KubeApi, resource: Resource, name: str, namespace: str | None = None) -> None:
    """Wait until some controller has let go of the object."""
    async with asyncio.timeout(20):
        while True:
            try:
                await kube.get(resource, name, namespace)
            except NotFound:
                return
            await asyncio.sleep(0.05)


async def bind(kube: KubeApi, name: str, node_name: str, **metadata: Any) -> dict[str, Any]:
    """Bind a pod to a node."""
    binding = {"metadata": {"name": name, **metadata}, "target": {"kind": "Node", "name": node_name}}
    return await kube.create(PODS, binding, NS, name=name, subresource="binding")


async def version(kube: KubeApi, resource: Any = CONFIG_MAPS) -> str:
    """The present resourceVersion."""
    return str((await kube.list(resource, NS, limit=1))["metadata"]["resourceVersion"])
