"""One virtual node: puts the node controller, the pods' reconciler and the provider together and runs them."""

import asyncio
from collections.abc import Mapping, Sequence, Sized

from providers.base import PodNotifier, Provider
from providers.types import Pod
from runner import backoff, logs, shutdown
from runner.config import RunnerConfig
from runner.events import EventRecorder
from runner.flag import Flag
from runner.informer import Informer
from runner.kube import PODS, KubeApi
from runner.kubelet.node import KubeletNode
from runner.lifecycle import Record
from runner.node_controller import NodeController
from runner.ports import Ports
from runner.reconciler import Reconciler
from runner.workqueue import UNOBSERVED, Observer


class Agent:
    """Runs one virtual node until it is cancelled.

    It keeps nothing: after a crash another agent for the same node reads all it must know from the API server and the
    provider.

    Args:
        kube: the cluster.
        provider: where the pods run; started, and closed, by whoever made it.
        config: how the node behaves.
        ports: time, randomness, blocking calls.
        observer: is told what the pods' work queue does.

    Attributes:
        ready: set when the node is registered and its pods are known.
        kubelet: what the kubelet API asks.
    """

    def __init__(
        self,
        kube: KubeApi,
        provider: Provider,
        config: RunnerConfig,
        ports: Ports,
        *,
        observer: Observer = UNOBSERVED,
    ) -> None:
        log = logs.NodeLogger("runner", config.node_name)
        self.ready = Flag()
        self.node_name = config.node_name
        self._kube = kube
        self._provider = provider
        self._config = config
        self._ports = ports
        self._log = log
        name = config.node_name
        self._events = EventRecorder(
            kube, f"{name}/pod-controller", host=name, clock=ports.clock, random=ports.random, log=log
        )
        self._reconciler = Reconciler(kube, provider, config, ports, self._events, log, observer)
        self.kubelet = KubeletNode(config, provider, self._reconciler.records, self.ready.is_set)
        self._node = NodeController(kube, provider, config, ports, log)
        self._pods = Informer(
            kube,
            PODS,
            namespace=config.namespace or None,
            field_selector=f"spec.nodeName={config.node_name}",
            changed=self._reconciler.pod_changed,
            deleted=self._reconciler.pod_deleted,
            random=ports.random,
            log=log,
        )

    async def run(self) -> None:
        """Register the node and run its pods. Cancel it to stop; node and pods stay as they are.

        Raises:
            ExceptionGroup: around a ``runner.kube.Refused`` when the cluster does not let the runner do its work.
        """
        logs.NODE.set(self._config.node_name)
        if isinstance(self._provider, PodNotifier):
            self._provider.notify_pods(self._reconciler.reported)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._node.run())
                tasks.create_task(self._events.run())
                tasks.create_task(self._reconciler.run())
                at_provider = await self._provider_pods()
                tasks.create_task(self._pods.run())
                await self._pods.synced.wait()
                self._reconciler.open(at_provider)
                await self._node.registered.wait()
                self.ready.set()
                await self._compare_forever()
        finally:
            self._reconciler.close()

    @property
    def records(self) -> Mapping[str, Record]:
        """What is known of each pod, by UID; to look at."""
        return self._reconciler.records

    @property
    def waiting(self) -> Sized:
        """The pods that wait for a worker."""
        return self._reconciler.waiting

    async def shut_down(self) -> None:
        """Do to the node what ``config.shutdown`` says; ``run`` goes on meanwhile."""
        if self._node.registered.is_set():
            await shutdown.shut_down(self._kube, self._node, self._config, self._pods_here, self._log)

    def _pods_here(self) -> list[Pod]:
        return [record.pod for record in self._reconciler.records.values()]

    async def _compare_forever(self) -> None:
        """Ask the provider for all its pods: often if it cannot push, now and then if it can."""
        pushes = isinstance(self._provider, PodNotifier)
        interval = self._config.resync_interval if pushes else self._config.poll_interval
        while True:
            await self._ports.rest("comparison", interval.total_seconds(), settled=pushes)
            self._reconciler.compare(await self._provider_pods())

    async def _provider_pods(self) -> Sequence[Pod]:
        """All pods that the provider has on this node, asked for until it answers."""
        failures = 0
        while True:
            try:
                return await self._provider.get_pods()
            except Exception as error:  # noqa: BLE001  (a provider may raise anything; without an answer nothing is safe)
                failures += 1
                wait = backoff.delay(failures, self._ports.random, longest=60.0)
                self._log.warning("the provider does not list its pods: %s; again in %.1f s", error, wait)
                await asyncio.sleep(wait)
