"""The world that a scenario plays in: what it has written and created, on a backend, and the means to look at it."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import datetime
from typing import Any, TypeVar

import pytest

from features.backends import PATIENCE, Backend
from features.factories import a_pod
from features.stage import Behaviour
from runner import kube

T = TypeVar("T")

GLANCE = 0.25
"""Seconds between two looks."""


class World:
    """A scenario's state.

    Attributes:
        backend: the cluster, the node and the time.
        stage: the cloud.
        api: the cluster, as a user sees it.
        draft: the pod being written.
        behaviour: how it is to behave.
        pods: the names of the scenario's pods, the current one last.
        phases: the phases that each pod was seen in, in order.
        notes: what a step wants to remember for a later one.
    """

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.stage = backend.stage
        self.api = backend.api
        self.draft: dict[str, Any] = a_pod()
        self.behaviour = Behaviour()
        self.pods: list[str] = []
        self.phases: dict[str, list[str]] = {}
        self.notes: dict[str, Any] = {}
        self._watcher = backend.loop.create_task(self._watch_phases())

    @property
    def node_name(self) -> str:
        """The virtual node's name."""
        return self.backend.node

    @property
    def namespace(self) -> str:
        """Where the scenario's objects live."""
        return self.backend.namespace

    def close(self) -> None:
        """Leave the world."""
        self._watcher.cancel()
        self.backend.loop.run_until_complete(asyncio.wait([self._watcher]))
        self.backend.close()

    # --- time -------------------------------------------------------------------------------------------------------

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something, and see that nothing broke meanwhile."""
        result = self.backend.loop.run_until_complete(work)
        self.backend.check()
        if self._watcher.done():
            self._watcher.result()
        return result

    def passes(self, seconds: float) -> None:
        """Let time pass."""
        if seconds > self.backend.longest:
            pytest.skip(f"would wait {seconds:g} s in real time")
        self.do(asyncio.sleep(seconds))

    def eventually(
        self, what: str, check: Callable[[], Awaitable[T | None]], *, within: float = PATIENCE, see: str = ""
    ) -> T:
        """Wait until ``check`` gives something true; fail with what was to happen, and what is."""
        loop = self.backend.loop

        async def look() -> T | None:
            deadline = loop.time() + within
            while not (result := await check()) and loop.time() < deadline:  # noqa: ASYNC110  (looks, as a user does)
                await asyncio.sleep(GLANCE)
            return result

        result = self.do(look())
        assert result, f"{what}: not within {within:g} s; {see or self.describe()}"
        return result

    def now(self) -> datetime:
        """The time there."""
        return self.backend.now()

    # --- the cluster ------------------------------------------------------------------------------------------------

    def write_pod(self, **behaviour: Any) -> None:
        """Begin a new pod."""
        self.draft = a_pod()
        self.behaviour = Behaviour(**behaviour)

    def create_pod(self, name: str | None = None) -> None:
        """Create the written pod, bound to the node."""
        pod = self.stage.scripted(self.draft, self.behaviour)
        metadata = {**pod["metadata"], "namespace": self.namespace, **({"name": name} if name else {})}
        spec = {**pod["spec"], "nodeName": self.node_name}
        self.do(self.api.create(kube.PODS, {**pod, "metadata": metadata, "spec": spec}, self.namespace))
        self.pods = [each for each in self.pods if each != metadata["name"]] + [metadata["name"]]
        self.draft = a_pod()
        self.behaviour = Behaviour()

    @property
    def name(self) -> str:
        """The current pod's name."""
        return self.pods[-1]

    async def find(self, name: str | None = None) -> dict[str, Any] | None:
        """The pod in the API, None if it is gone."""
        try:
            return await self.api.get(kube.PODS, name or self.name, self.namespace)
        except kube.NotFound:
            return None

    def pod(self, name: str | None = None) -> dict[str, Any]:
        """The pod in the API."""
        found = self.do(self.find(name))
        assert found is not None, f"pod {name or self.name} does not exist"
        return found

    def node(self) -> dict[str, Any]:
        """The node in the API."""
        return self.do(self.api.get(kube.NODES, self.node_name))

    def patch_pod(
        self,
        patch: Mapping[str, Any],
        patch_type: kube.PatchType = kube.PatchType.STRATEGIC,
        *,
        subresource: str | None = None,
    ) -> None:
        """Change the current pod as a user would."""
        self.do(
            self.api.patch(kube.PODS, self.name, patch, self.namespace, patch_type=patch_type, subresource=subresource)
        )

    def events(self) -> list[dict[str, Any]]:
        """The events about the current pod."""
        listed = self.do(self.api.list(kube.EVENTS, self.namespace, field_selector=f"involvedObject.name={self.name}"))
        return list(listed["items"])

    def describe(self) -> str:
        """What the cluster and the cloud look like, for a failure's message."""
        listed = self.do(self.api.list(kube.PODS))["items"]
        seen = [
            f"{pod['metadata']['name']}: {pod.get('status', {}).get('phase')} {pod.get('status', {}).get('reason', '')}"
            for pod in listed
        ]
        return f"at {self.now():%H:%M:%S} the API has {seen}, the cloud {sorted(self.do(self.stage.pods()))}"

    async def _watch_phases(self) -> None:
        async with self.api.watch(kube.PODS) as events:
            async for event in events:
                if event.type == "BOOKMARK":
                    continue
                metadata, phase = event.object["metadata"], event.object.get("status", {}).get("phase", "")
                seen = self.phases.setdefault(metadata["uid"], [])
                if not seen or seen[-1] != phase:
                    seen.append(phase)


def moment(text: str) -> datetime:
    """A Kubernetes time."""
    return datetime.fromisoformat(text)


def seconds(number: str, unit: str) -> float:
    """``10 min`` as seconds."""
    return float(number) * {"s": 1.0, "min": 60.0, "h": 3600.0}[unit]
