"""Short ways to say what most contract tests need."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from runner.kube import CONFIG_MAPS, PODS, KubeApi, PatchType, WatchEvent

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


async def take_events(events: AsyncIterator[WatchEvent], count: int) -> list[WatchEvent]:
    """The next events of a watch."""
    async with asyncio.timeout(5):
        return [await anext(events) for _ in range(count)]


async def version(kube: KubeApi, resource: Any = CONFIG_MAPS) -> str:
    """The present resourceVersion."""
    return str((await kube.list(resource, NS, limit=1))["metadata"]["resourceVersion"])
