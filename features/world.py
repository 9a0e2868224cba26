"""The world that a scenario plays in: a cluster, a virtual node, a cloud, and time that passes when told to."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Any, TypeVar

from fakes.apiserver.server import ApiServer
from features.factories import a_pod
from features.stage import Behaviour, MakeStage
from runner import kube
from runner.agent import Agent
from runner.config import RunnerConfig, provider_taint
from runner.context import provider_context
from vksim.kube import InProcessKube
from vksim.loop import VirtualClock, VirtualLoop, ports

T = TypeVar("T")

NODE = "vk"
NAMESPACE = "default"
PATIENCE = 120.0
"""Seconds of virtual time in which what should happen has to happen."""
GLANCE = 0.25
"""Seconds of virtual time between two looks."""


class World:
    """A fake cluster and one runner in virtual time.

    Attributes:
        stage: the cloud.
        api: the cluster, as a user sees it.
        draft: the pod being written.
        behaviour: how it is to behave.
        pods: the names of the scenario's pods, the current one last.
        phases: the phases that each pod was seen in, in order.
    """

    def __init__(self, make_stage: MakeStage, seed: int) -> None:
        self.loop = VirtualLoop()
        self.clock = VirtualClock(self.loop)
        self.stage = make_stage(self.clock, Random(f"{seed}/cloud"))
        self.server = ApiServer(now=self.clock.now, random=Random(f"{seed}/api"), checked=True)
        self.api = InProcessKube(self.server)
        self.api_down = False
        self.draft: dict[str, Any] = {}
        self.behaviour = Behaviour()
        self.pods: list[str] = []
        self.phases: dict[str, list[str]] = {}
        self._seed = seed
        self._agent: asyncio.Task[None] | None = None
        self._watcher = self.loop.create_task(self._watch_phases())

    # --- time -------------------------------------------------------------------------------------------------------

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something in virtual time, and see that nothing broke meanwhile."""
        result = self.loop.run_until_complete(work)
        for task in (self._agent, self._watcher):
            if task is not None and task.done():
                task.result()
        return result

    def passes(self, seconds: float) -> None:
        """Let time pass."""
        self.do(asyncio.sleep(seconds))

    def eventually(
        self, what: str, check: Callable[[], Awaitable[T | None]], *, within: float = PATIENCE, see: str = ""
    ) -> T:
        """Wait until ``check`` gives something true; fail with what was to happen, and what is."""

        async def look() -> T | None:
            deadline = self.loop.time() + within
            while not (result := await check()) and self.loop.time() < deadline:  # noqa: ASYNC110  (looks, as a user does)
                await asyncio.sleep(GLANCE)
            return result

        result = self.do(look())
        assert result, f"{what}: not within {within:g} s of virtual time; {see or self.describe()}"
        return result

    def now(self) -> datetime:
        """The virtual time."""
        return self.clock.now()

    # --- the runner -------------------------------------------------------------------------------------------------

    def start_runner(self) -> None:
        """Start the production agent for the node, and wait until it is ready."""
        api = InProcessKube(self.server, before=self._refuse_if_down)
        config = RunnerConfig(
            node_name=NODE,
            internal_ip="192.0.2.10",
            taints=(provider_taint("mock"),),
            poll_interval=timedelta(seconds=1),
        )
        its_ports = ports(self.loop, Random(f"{self._seed}/runner"))
        provider = self.stage.provider(provider_context(api, config, its_ports, {}, "features"))
        agent = Agent(api, provider, config, its_ports)
        self._agent = self.loop.create_task(agent.run())
        self.do(self._ready(agent))

    async def _ready(self, agent: Agent) -> None:
        assert self._agent is not None
        ready = asyncio.ensure_future(agent.ready.wait())
        await asyncio.wait([ready, self._agent], timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()

    def crash_runner(self) -> None:
        """Kill the runner where it stands."""
        task, self._agent = self._agent, None
        assert task is not None, "no runner is running"
        task.cancel()
        self.do(asyncio.sleep(0))
        self.loop.run_until_complete(asyncio.wait([task]))

    def _refuse_if_down(self, verb: str, resource: kube.Resource) -> None:
        if self.api_down:
            raise kube.Unavailable(f"cannot {verb} {resource}: connection refused")

    def close(self) -> None:
        """End everything that still runs."""
        if self._agent is not None and not self._agent.done():
            self.crash_runner()
        self._watcher.cancel()
        self.loop.run_until_complete(asyncio.wait([self._watcher]))
        self.loop.close()

    # --- the cluster ------------------------------------------------------------------------------------------------

    def write_pod(self, **behaviour: Any) -> None:
        """Begin a new pod."""
        self.draft = a_pod()
        self.behaviour = Behaviour(**behaviour)

    def create_pod(self, name: str | None = None) -> None:
        """Create the written pod, bound to the node."""
        pod = self.stage.scripted(self.draft or a_pod(), self.behaviour)
        metadata = {**pod["metadata"], "namespace": NAMESPACE, **({"name": name} if name else {})}
        spec = {**pod["spec"], "nodeName": NODE}
        self.do(self.api.create(kube.PODS, {**pod, "metadata": metadata, "spec": spec}, NAMESPACE))
        self.pods = [each for each in self.pods if each != metadata["name"]] + [metadata["name"]]
        self.draft = {}
        self.behaviour = Behaviour()

    @property
    def name(self) -> str:
        """The current pod's name."""
        return self.pods[-1]

    async def find(self, name: str | None = None) -> dict[str, Any] | None:
        """The pod in the API, None if it is gone."""
        try:
            return await self.api.get(kube.PODS, name or self.name, NAMESPACE)
        except kube.NotFound:
            return None

    def pod(self, name: str | None = None) -> dict[str, Any]:
        """The pod in the API."""
        found = self.do(self.find(name))
        assert found is not None, f"pod {name or self.name} does not exist"
        return found

    def node(self) -> dict[str, Any]:
        """The node in the API."""
        return self.do(self.api.get(kube.NODES, NODE))

    def patch_pod(self, patch: Mapping[str, Any], patch_type: kube.PatchType = kube.PatchType.STRATEGIC) -> None:
        """Change the current pod as a user would."""
        self.do(self.api.patch(kube.PODS, self.name, patch, NAMESPACE, patch_type=patch_type))

    def events(self) -> list[dict[str, Any]]:
        """The events about the current pod."""
        listed = self.do(self.api.list(kube.EVENTS, NAMESPACE, field_selector=f"involvedObject.name={self.name}"))
        return list(listed["items"])

    def describe(self) -> str:
        """What the cluster and the cloud look like, for a failure's message."""
        listed = self.do(self.api.list(kube.PODS))["items"]
        seen = [
            f"{pod['metadata']['name']}: {pod.get('status', {}).get('phase')} {pod.get('status', {}).get('reason', '')}"
            for pod in listed
        ]
        return f"at {self.now():%H:%M:%S} the API has {seen}, the cloud {sorted(self.stage.pods())}"

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
