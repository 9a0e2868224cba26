"""A cluster with controllers in virtual time, and a hand that moves its pods along."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from random import Random
from typing import Any

from fakes.apiserver.server import ApiServer
from runner import kube
from runner.kube import Resource
from runner.ports import Ports, rfc3339
from vksim import loop as virtual
from vksim.controllers.manager import ControllerManager
from vksim.kube import InProcessKube

TEMPLATE: dict[str, Any] = {
    "metadata": {"labels": {"app": "web"}},
    "spec": {"containers": [{"name": "main", "image": "web:1"}]},
}


class Bench:
    """The cluster, as a test sees it."""

    def __init__(self, api: kube.KubeApi, ports: Ports) -> None:
        self.api = api
        self._ports = ports

    def now(self) -> datetime:
        return self._ports.clock.now()

    async def make(self, resource: Resource, name: str, spec: Mapping[str, Any], **metadata: Any) -> dict[str, Any]:
        obj = {"metadata": {"name": name, **metadata}, "spec": spec}
        made = await self.api.create(resource, obj, "default" if resource.namespaced else None)
        await self.settle()
        return made

    async def change(self, resource: Resource, name: str, spec: Mapping[str, Any]) -> None:
        await self.api.patch(resource, name, {"spec": spec}, "default")
        await self.settle()

    async def get(self, resource: Resource, name: str) -> dict[str, Any]:
        return await self.api.get(resource, name, "default" if resource.namespaced else None)

    async def all(self, resource: Resource, **options: Any) -> list[dict[str, Any]]:
        return (await self.api.list(resource, "default" if resource.namespaced else None, **options))["items"]

    async def pods(self, **options: Any) -> list[dict[str, Any]]:
        return await self.all(kube.PODS, **options)

    async def told(self, reason: str) -> list[str]:
        return [each["message"] for each in await self.all(kube.EVENTS) if each["reason"] == reason]

    async def pod_status(self, pod: Mapping[str, Any], phase: str, *, ready: bool = False, **status: Any) -> None:
        now = rfc3339(self.now())
        wanted = {"type": "Ready", "status": str(ready), "lastTransitionTime": now}
        patch = {"status": {"phase": phase, "conditions": [wanted], **status}}
        await self.api.patch(kube.PODS, pod["metadata"]["name"], patch, "default", subresource="status")

    async def run_pods(self) -> list[str]:
        """Let all pods that wait become ready; their names."""
        waiting = [each for each in await self.pods() if (each["status"].get("phase") or "Pending") == "Pending"]
        for each in waiting:
            await self.pod_status(each, "Running", ready=True)
        await self.settle()
        return [each["metadata"]["name"] for each in waiting]

    async def end_pod(self, pod: Mapping[str, Any], code: int = 0) -> None:
        now = rfc3339(self.now())
        ended = {"exitCode": code, "finishedAt": now, "startedAt": now}
        container = {"name": "main", "image": "web:1", "imageID": "", "ready": False, "restartCount": 0}
        statuses = [{**container, "state": {"terminated": ended}}]
        await self.pod_status(pod, "Failed" if code else "Succeeded", containerStatuses=statuses)
        await self.settle()

    async def remove_deleted(self) -> int:
        """Do what a node does with pods that are being deleted; how many there were."""
        going = [each for each in await self.pods() if "deletionTimestamp" in each["metadata"]]
        for each in going:
            await self.api.delete(kube.PODS, each["metadata"]["name"], "default", grace_period_seconds=0)
        await self.settle()
        return len(going)

    async def settle(self, seconds: float = 0.5) -> None:
        await asyncio.sleep(seconds)


def play(scene: Callable[[Bench], Awaitable[None]], *names: str) -> None:
    """Play a scene on a cluster on which these controllers work."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, virtual.VirtualLoop)
        ports = virtual.ports(loop, Random(1))
        api = InProcessKube(ApiServer(now=ports.clock.now, random=Random(2), checked=True))
        task = loop.create_task(ControllerManager(api, ports, names).run())
        await scene(Bench(api, ports))
        assert not task.done(), task.exception()

    virtual.run(main())
