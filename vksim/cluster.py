"""A cluster in one process: the fake API server, a scheduler, and a production runner for each virtual node.

The same in virtual time (``vksim run``) and in real time (``vksim serve``): the event loop makes the difference.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

from fakes.apiserver.controllers import ALL
from fakes.apiserver.server import ApiServer
from fakes.apiserver.sharing import Sharing
from fakes.apiserver.storage import Storage
from providers.base import BlockingCalls, Clock, Provider, ProviderContext
from providers.mock import config as mock_config
from providers.mock.cloud import MockCloud
from providers.mock.provider import MockProvider
from providers.types import Pod, Taint
from runner.agent import Agent
from runner.config import RunnerConfig, Shutdown, provider_taint
from runner.context import provider_context
from runner.kube import KubeApi
from runner.ports import Ports
from runner.workqueue import UNOBSERVED
from vksim.asks import TakenUp, telling
from vksim.backlog import Backlog, RunnerBacklog
from vksim.blocking import Inline
from vksim.calm import EVERYBODY, Calm, CalmRest, lease_reader
from vksim.controllers import manager
from vksim.controllers.manager import ControllerManager
from vksim.gate import Gate, GatedKube, gated
from vksim.kube import InProcessKube
from vksim.meter import Meter, MeteredKube
from vksim.scheduling import Scheduler

if TYPE_CHECKING:
    from providers.registry import ProviderFactory  # brings what reads entry points, which a cluster does not need

SCHEDULER = "scheduler"
USER = "user"
"""Who asks the API server without being a part of the cluster."""
CONTROLLERS = ALL | {SCHEDULER} | manager.CONTROLLERS.keys()
"""The parts of the control plane that a cluster can do without."""


class VirtualNode:
    """One node: a runner that can die and come back, in front of a cloud that stays.

    Args:
        config: the runner's.
        factory: makes the provider; each runner has its own.
        settings: the provider's configuration.
        api: its way to the API server.
        ports: time and chance.
        backlog: counts the pods that wait for a worker.
        asked: is told of each pod that the provider is asked to create.
    """

    def __init__(
        self,
        config: RunnerConfig,
        factory: "ProviderFactory",
        settings: Mapping[str, Any],
        api: KubeApi,
        ports: Ports,
        backlog: Backlog,
        asked: Callable[[Pod], None] | None = None,
    ) -> None:
        self.name = config.node_name
        self.agent: Agent | None = None
        self._config = config
        self._factory = factory
        self._settings = settings
        self._api = api
        self._ports = ports
        self._backlog = backlog
        self._asked = asked
        self._waiting: RunnerBacklog | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """Start a runner, unless there is one."""
        if self._task is not None:
            return
        context = provider_context(self._api, self._config, self._ports, self._settings, f"node {self.name}")
        provider = self._factory(context)
        if self._asked is not None:
            provider = telling(provider, self._asked)
        self._waiting = self._backlog.of_runner()
        self.agent = Agent(self._api, provider, self._config, self._ports, observer=self._waiting)
        self._task = tasks.create_task(_serve(self.agent, provider), name=f"runner {self.name}")

    def crash(self) -> None:
        """Kill the runner where it stands."""
        if self._task is not None:
            self._task.cancel()
        if self._waiting is not None:
            self._waiting.dead()
        self._task = self.agent = self._waiting = None

    async def leave(self) -> None:
        """End in order: evict the pods, wait for them, delete the Node object."""
        if self.agent is not None:
            await self.agent.shut_down()
        self.crash()


async def _serve(agent: Agent, provider: Provider) -> None:
    """Run a node, with its provider open meanwhile."""
    try:
        await provider.start()
        await agent.run()
    finally:
        await provider.close()


class Cluster:
    """The control plane and the nodes.

    Args:
        clock: the wall clock.
        random: makes the randomness of a part from its name, so that one part does not disturb another's.
        latency: draws how long a request to the API server takes; None for no time at all.
        blocking: runs calls that block.
        storage: where the API server's objects outlive the process.
        controllers: which parts of the control plane run; the others' work is left to others.
        calm: knows of trouble, so that nodes need not beat while there is none; without it each beat is made.
        sharing: keeps equal parts of objects once, where clients send them over HTTP.

    Attributes:
        began: the wall clock at the beginning.
        backlog: how many pods wait for a worker of a runner.
        gate: what all calls of runners, scheduler and workloads go through; None for nothing between. To be set before
            nodes join, as those that follow.
        meter: counts the calls of clients that have a name.
        asked: is told of each pod that a provider is asked to create.
        taken: is told of the UID of each pod that the scheduler takes up.
    """

    def __init__(
        self,
        clock: Clock,
        random: Callable[[str], Random],
        *,
        latency: Callable[[], float] | None = None,
        blocking: BlockingCalls | None = None,
        storage: Storage | None = None,
        controllers: AbstractSet[str] = CONTROLLERS,
        calm: Calm | None = None,
        sharing: Sharing | None = None,
    ) -> None:
        self.server = ApiServer(
            now=clock.now, random=random("api server"), storage=storage, running=controllers, sharing=sharing
        )
        self.gate: Gate | None = None
        self._calm = calm
        self.began = clock.now()
        self.backlog = Backlog()
        self._rests: dict[str, CalmRest] = {}
        self.meter: Meter | None = None
        self.asked: Callable[[Pod], None] | None = None
        self.taken: Callable[[object], None] | None = None
        self.api = self._kube(None, USER)
        self.cloud = MockCloud(clock, random("cloud"))
        self.nodes: dict[str, VirtualNode] = {}
        self._clock = clock
        self._random = random
        self._latency = latency
        self._controllers = controllers
        self._blocking = blocking or Inline()
        self._tasks: asyncio.TaskGroup | None = None

    def client(self, latency: Callable[[], float] | None = None, name: str = "") -> KubeApi:
        """A way to the API server: leases read as if every beat were made, whether it is or not.

        Args:
            latency: draws how long a request takes.
            name: whose way it is; a way without a name goes through no gate, and is not measured.
        """
        kube = self._kube(latency, name)
        if not name:
            return kube
        way: KubeApi = kube if self.gate is None else GatedKube(kube, self.gate, name)
        return way if self.meter is None else MeteredKube(way, self.meter)

    def _kube(self, latency: Callable[[], float] | None, name: str) -> InProcessKube:
        if self._calm is None:
            return InProcessKube(self.server, latency=latency, client=name)
        read = lease_reader(self._rests.get, self.began, asyncio.get_running_loop().time)
        return InProcessKube(self.server, latency=latency, read_lease=read, endless=True, client=name)

    def add_node(
        self,
        name: str,
        *,
        settings: Mapping[str, Any] | None = None,
        factory: "ProviderFactory | None" = None,
        labels: Mapping[str, str] | None = None,
        tainted: bool = True,
        taints: Iterable[Taint] = (),
        address: str = "127.0.0.1",
        port: int = 10250,
    ) -> VirtualNode:
        """A node that starts when the cluster runs, or at once if it runs already.

        Args:
            name: the node's.
            settings: its provider's configuration.
            factory: makes the provider; without it, that is the mock.
            labels: of the node.
            tainted: whether ordinary pods are kept off.
            taints: more of them.
            address: where its kubelet API is.
            port: as ``address``.
        """
        config = RunnerConfig(
            node_name=name,
            labels=dict(labels or {}),
            taints=(*((provider_taint("mock"),) if tainted else ()), *taints),
            internal_ip=address,
            port=port,
            shutdown=Shutdown.DELETE,
        )
        ports = self._ports(f"runner {name}")
        if self._calm is not None:
            self._rests[name] = CalmRest(self._calm, name)
            ports = replace(ports, rest=self._rests[name])
        made = self._gated(factory or self._mock(name, settings or {}), name)
        api = self.client(self._latency, name)
        node = VirtualNode(config, made, settings or {}, api, ports, self.backlog, self.asked)
        self.nodes[name] = node
        if self._tasks is not None:
            node.start(self._tasks)
        return node

    def _gated(self, factory: "ProviderFactory", name: str) -> "ProviderFactory":
        gate = self.gate
        return factory if gate is None else lambda context: gated(factory(context), gate, name)

    def _mock(self, name: str, config: Mapping[str, Any]) -> "ProviderFactory":
        parsed = mock_config.parse(config, node_name=name, source=f"node {name}")

        def make(context: ProviderContext) -> Provider:
            return MockProvider(context, parsed, self.cloud)

        return make

    async def run(self) -> None:
        """Run the control plane and all nodes until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            try:
                if SCHEDULER in self._controllers:
                    api = self.client(self._latency, SCHEDULER)
                    observer = UNOBSERVED if self.taken is None else TakenUp(self.taken)
                    tasks.create_task(Scheduler(api, self._ports("scheduler"), observer).run(), name="scheduler")
                wanted = [name for name in manager.CONTROLLERS if name in self._controllers]
                if wanted:
                    ports = self._ports("controllers")
                    if self._calm is not None:
                        ports = replace(ports, rest=CalmRest(self._calm, EVERYBODY))
                    controllers = ControllerManager(self.client(self._latency, "controllers"), ports, wanted)
                    tasks.create_task(controllers.run(), name="controllers")
                for node in self.nodes.values():
                    node.start(tasks)
                await asyncio.get_running_loop().create_future()
            finally:
                self._tasks = None

    def crash(self, name: str) -> None:
        """Kill a node's runner where it stands."""
        self.nodes[name].crash()

    async def leave(self, name: str) -> None:
        """End a node in order."""
        await self.nodes[name].leave()

    def restart(self, name: str) -> None:
        """Start a node's runner again."""
        if self._tasks is not None:
            self.nodes[name].start(self._tasks)

    async def ready(self) -> None:
        """Wait until all nodes are registered."""
        for node in self.nodes.values():
            if node.agent is not None:
                await node.agent.ready.wait()

    def down(self) -> frozenset[str]:
        """The nodes whose runner is dead."""
        return frozenset(name for name, node in self.nodes.items() if node.agent is None)

    def _ports(self, part: str) -> Ports:
        return Ports(self._clock, self._random(part), self._blocking)
