"""Where scenarios play: a fake cluster in virtual time, or a real cluster with a runner in it, seen from outside."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, NoReturn, Protocol

from fakes.apiserver.server import ApiServer
from features.stage import MakeStage, Stage
from providers.base import Provider
from runner import kube
from runner.agent import Agent
from runner.config import RunnerConfig, Shutdown, provider_taint
from runner.context import provider_context
from runner.kube_http import HttpKube
from runner.kubelet.node import KubeletNode
from runner.ports import real_ports
from vksim.kube import InProcessKube
from vksim.loop import VirtualLoop, ports

PATIENCE = 120.0
"""Seconds in which what should happen has to happen."""


class Backend(Protocol):
    """A cluster, a virtual node in it, and the time there.

    Attributes:
        loop: where everything happens.
        api: the cluster, as a user sees it.
        stage: the cloud behind the node.
        node: the node's name.
        namespace: where the scenario's objects live.
        longest: the longest wait, in seconds, that makes sense here.
    """

    loop: asyncio.AbstractEventLoop
    api: kube.KubeApi
    stage: Stage
    node: str
    namespace: str
    longest: float

    def now(self) -> datetime:
        """The wall clock."""
        ...

    def check(self) -> None:
        """Raise what went wrong in the background."""

    def start_runner(self, shutdown: Shutdown = Shutdown.LEAVE) -> None:
        """Start the runner, and wait until the node is ready. ``shutdown``: what its orderly end is to do."""

    def end_runner(self) -> None:
        """End the runner in order."""

    def crash_runner(self) -> None:
        """Kill the runner where it stands."""

    def cut_off(self, *, down: bool) -> None:
        """Part the runner from the API server, or join them again."""

    def kubelet(self) -> KubeletNode:
        """The node, as its kubelet API sees it."""
        ...

    def close(self) -> None:
        """End what was begun."""


class Simulated:
    """A fake cluster and the production agent, in virtual time. Everything can be looked into and broken."""

    node = "vk"
    namespace = "default"
    longest = float("inf")

    def __init__(self, make_stage: MakeStage, seed: int, provider: str) -> None:
        loop = VirtualLoop()
        self.loop: asyncio.AbstractEventLoop = loop
        self._provider = provider
        self._ports = ports(loop, Random(f"{seed}/runner"))
        self._clock = self._ports.clock
        self._server = ApiServer(now=self._clock.now, random=Random(f"{seed}/api"), checked=True)
        self.api: kube.KubeApi = InProcessKube(self._server)
        self.stage = make_stage(self._clock, Random(f"{seed}/cloud"))
        self._down = False
        self._agent: asyncio.Task[None] | None = None
        self._shut_down: Callable[[], Coroutine[Any, Any, None]] | None = None
        self._kubelet: KubeletNode | None = None

    def now(self) -> datetime:
        """The virtual time."""
        return self._clock.now()

    def check(self) -> None:
        """Raise what ended the agent."""
        if self._agent is not None and self._agent.done():
            self._agent.result()

    def start_runner(self, shutdown: Shutdown = Shutdown.LEAVE) -> None:
        """Start an agent as ``runner`` does, on the same cloud as the one before."""
        api = InProcessKube(self._server, before=self._refuse_if_down)
        config = RunnerConfig(
            node_name=self.node,
            internal_ip="192.0.2.10",
            taints=(provider_taint(self._provider),),
            poll_interval=timedelta(seconds=1),
            shutdown=shutdown,
        )
        provider = self.stage.provider(provider_context(api, config, self._ports, {}, "features"))
        agent = Agent(api, provider, config, self._ports)
        self._agent, self._shut_down = self.loop.create_task(_serve(agent, provider)), agent.shut_down
        self._kubelet = agent.kubelet
        self.loop.run_until_complete(self._ready(agent, self._agent))

    async def _ready(self, agent: Agent, task: asyncio.Task[None]) -> None:
        ready = asyncio.ensure_future(agent.ready.wait())
        await asyncio.wait([ready, task], timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()

    def end_runner(self) -> None:
        """Shut the agent down as ``runner`` does on a signal."""
        assert self._shut_down is not None, "no runner was started"
        self.loop.run_until_complete(self._shut_down())
        self.crash_runner()

    def crash_runner(self) -> None:
        """Cancel the agent."""
        task, self._agent = self._agent, None
        assert task is not None, "no runner is running"
        task.cancel()
        self.loop.run_until_complete(asyncio.wait([task]))

    def cut_off(self, *, down: bool) -> None:
        """The runner's requests fail from now on."""
        self._down = down

    def kubelet(self) -> KubeletNode:
        """The runner's."""
        assert self._kubelet is not None, "no runner was started"
        return self._kubelet

    def _refuse_if_down(self, verb: str, resource: kube.Resource) -> None:
        if self._down:
            raise kube.Unavailable(f"cannot {verb} {resource}: connection refused")

    def close(self) -> None:
        """End the agent and the loop."""
        if self._agent is not None and not self._agent.done():
            self.crash_runner()
        self.loop.close()


async def _serve(agent: Agent, provider: Provider) -> None:
    """Run a node, with its provider open meanwhile."""
    try:
        await provider.start()
        await agent.run()
    finally:
        await provider.close()


class Cluster:
    """A real cluster in which a runner with the mock provider runs already. It is only looked at from outside.

    Args:
        kubeconfig: how to reach it; None for the usual places.
        node: the virtual node.
    """

    namespace = "vksim-features"
    longest = 60.0

    def __init__(self, make_stage: MakeStage, seed: int, *, kubeconfig: Path | None, node: str) -> None:
        self.loop: asyncio.AbstractEventLoop = asyncio.new_event_loop()
        self.node = node
        self._ports = real_ports()
        self._stack = AsyncExitStack()
        connected = HttpKube.connect(kubeconfig, self._ports)
        self.api: kube.KubeApi = self.loop.run_until_complete(self._stack.enter_async_context(connected))
        self.stage: Stage = Outside(make_stage(self._ports.clock, Random(seed)), self)
        self.loop.run_until_complete(self._prepare())

    def now(self) -> datetime:
        """The time."""
        return self._ports.clock.now()

    def check(self) -> None:
        """The runner is another process: nothing to see."""

    def start_runner(self, shutdown: Shutdown = Shutdown.LEAVE) -> None:
        """It runs already: wait until its node is ready."""
        if shutdown is not Shutdown.LEAVE:
            _not_from_outside("the runner's flags cannot be chosen")
        self.loop.run_until_complete(self._node_ready())

    def end_runner(self) -> None:
        """Not from outside."""
        _not_from_outside("the runner cannot be ended")

    def crash_runner(self) -> None:
        """Not from outside."""
        _not_from_outside("the runner cannot be killed")

    def cut_off(self, *, down: bool) -> None:
        """Not from outside."""
        _not_from_outside(f"the API server cannot be {'stopped' if down else 'started'}")

    def kubelet(self) -> NoReturn:
        """Not from outside."""
        _not_from_outside("the kubelet API cannot be called directly")

    def close(self) -> None:
        """Delete what the scenario made, and hang up."""
        self.loop.run_until_complete(self._clean())
        self.loop.run_until_complete(self._stack.aclose())
        self.loop.close()

    async def _prepare(self) -> None:
        try:
            await self.api.create(kube.NAMESPACES, {"metadata": {"name": self.namespace}})
        except kube.AlreadyExists:
            await self._clean()
        async with asyncio.timeout(PATIENCE):
            while True:  # the service account is made in the background; pods are refused without it
                try:
                    await self.api.get(kube.SERVICE_ACCOUNTS, "default", self.namespace)
                except kube.NotFound:
                    await asyncio.sleep(0.2)
                else:
                    return

    async def _node_ready(self) -> None:
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    node = await self.api.get(kube.NODES, self.node)
                except kube.NotFound:
                    node = {}
                conditions = (node.get("status") or {}).get("conditions") or []
                if any(each["type"] == "Ready" and each["status"] == "True" for each in conditions):
                    return
                await asyncio.sleep(0.5)

    async def _clean(self) -> None:
        for resource in (kube.PODS, kube.CONFIG_MAPS, kube.SECRETS):
            for each in (await self.api.list(resource, self.namespace))["items"]:
                name = each["metadata"]["name"]
                if name == "kube-root-ca.crt":
                    continue
                if each["metadata"].get("finalizers"):
                    await self.api.patch(resource, name, {"metadata": {"finalizers": None}}, self.namespace)
                try:
                    await self.api.delete(resource, name, self.namespace, grace_period_seconds=0)
                except kube.NotFound:
                    continue


class Outside:
    """The cloud of a real cluster's node, as far as the API tells of it; no place for scenarios tagged ``inside``."""

    parts = frozenset({"ping", "exec", "logs", "previous", "grace", "hurry"})

    def __init__(self, inner: Stage, cluster: Cluster) -> None:
        self._inner = inner
        self._cluster = cluster

    def provider(self, context: Any) -> NoReturn:
        """The provider is in another process."""
        del context
        _not_from_outside("the provider is another process")

    def scripted(self, pod: Mapping[str, Any], behaviour: Any) -> dict[str, Any]:
        """As inside: the script travels with the pod."""
        return self._inner.scripted(pod, behaviour)

    async def pods(self) -> Mapping[str, Mapping[str, Any]]:
        """The pods that the API shows on the node and that have not ended."""
        items = (await self._cluster.api.list(kube.PODS, self._cluster.namespace))["items"]
        alive = [each for each in items if (each.get("status") or {}).get("phase") not in ("Succeeded", "Failed")]
        return {each["metadata"]["uid"]: each for each in alive}

    async def starts(self, uid: str) -> int:
        """One, plus the restarts that the API tells of: more cannot be seen from outside."""
        statuses = ((await self.pods())[uid].get("status") or {}).get("containerStatuses") or []
        return 1 + max((each.get("restartCount", 0) for each in statuses), default=0)

    async def data(self, uid: str) -> NoReturn:
        """Not from outside."""
        _not_from_outside(f"what the provider was given for pod {uid} cannot be seen")

    def vanish(self, uid: str) -> None:
        """Not from outside."""
        _not_from_outside(f"pod {uid} cannot be made to vanish")

    def evict(self, uid: str) -> None:
        """Not from outside."""
        _not_from_outside(f"pod {uid} cannot be evicted by the cloud")

    def lose_answers(self, creates: int) -> None:
        """Not from outside."""
        _not_from_outside(f"the answers to {creates} creates cannot be lost")

    def go_down(self) -> None:
        """Not from outside."""
        _not_from_outside("the cloud cannot be stopped")

    def come_back(self) -> None:
        """Not from outside."""
        _not_from_outside("the cloud cannot be started")


def _not_from_outside(what: str) -> NoReturn:
    raise AssertionError(f"{what} from outside; tag the scenario with @inside")
