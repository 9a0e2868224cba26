"""What the kubelet API asks of one node: its pods, and through the provider their logs, commands, ports and usage."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from providers import pods
from providers.base import (
    AttachIO,
    ContainerAttach,
    ContainerExec,
    ContainerLogs,
    LogOptions,
    Metric,
    PortForwarder,
    Provider,
    ResourceMetrics,
    StatsSummary,
)
from providers.errors import NotFound, Unsupported
from providers.pods import PodRef
from providers.types import Pod
from runner.config import RunnerConfig
from runner.lifecycle import Presence, Record


class KubeletNode:
    """One node, as its kubelet API sees it.

    Args:
        config: the node's.
        provider: where its pods are.
        records: what is known of each pod, by UID.
        is_ready: whether the node is registered and its pods are known.
    """

    def __init__(
        self,
        config: RunnerConfig,
        provider: Provider,
        records: Mapping[str, Record],
        is_ready: Callable[[], bool],
    ) -> None:
        self.name = config.node_name
        self.is_ready = is_ready
        self._config = config
        self._provider = provider
        self._records = records

    # --- of one pod -------------------------------------------------------------------------------------------------

    def has(self, namespace: str, pod: str, uid: str) -> bool:
        """Whether the pod of that name on this node is the one with that UID."""
        found = self._find(namespace, pod)
        return found is not None and pods.uid(found) == uid

    def container_logs(self, namespace: str, pod: str, container: str, options: LogOptions) -> AsyncIterator[bytes]:
        """The log of a container.

        Raises:
            NotFound: there is no such pod or container here.
            Unsupported: the provider has no logs.
        """
        ref = self._ref(namespace, pod, container)
        if not isinstance(self._provider, ContainerLogs):
            raise Unsupported("this provider has no logs")
        return self._provider.container_logs(ref, container, options)

    def exec(
        self, namespace: str, pod: str, container: str, command: Sequence[str]
    ) -> Callable[[AttachIO], Awaitable[int]]:
        """What runs the command in a container, given a terminal.

        Raises:
            NotFound: there is no such pod or container here.
            Unsupported: the provider runs no commands.
        """
        ref, provider = self._ref(namespace, pod, container), self._provider
        if not isinstance(provider, ContainerExec):
            raise Unsupported("this provider runs no commands in containers")
        return lambda io: provider.exec_in_container(ref, container, command, io)

    def attach(self, namespace: str, pod: str, container: str) -> Callable[[AttachIO], Awaitable[int]]:
        """What attaches a terminal to a container's main process; it ends with 0.

        Raises:
            NotFound: there is no such pod or container here.
            Unsupported: the provider cannot attach.
        """
        ref, provider = self._ref(namespace, pod, container), self._provider
        if not isinstance(provider, ContainerAttach):
            raise Unsupported("this provider cannot attach to containers")

        async def run(io: AttachIO) -> int:
            await provider.attach_to_container(ref, container, io)
            return 0

        return run

    def port_forward(
        self, namespace: str, pod: str
    ) -> Callable[[int, AsyncIterator[bytes], Callable[[bytes], Awaitable[None]]], Awaitable[None]]:
        """What carries bytes to and from a port of a pod.

        Raises:
            NotFound: there is no such pod here.
            Unsupported: the provider reaches no ports.
        """
        ref, provider = self._ref(namespace, pod), self._provider
        if not isinstance(provider, PortForwarder):
            raise Unsupported("this provider forwards no ports")
        return lambda port, incoming, send: provider.port_forward(ref, port, incoming, send)

    # --- of all -----------------------------------------------------------------------------------------------------

    def pods(self) -> list[Pod]:
        """The pods that are bound to the node."""
        return [record.pod for record in self._records.values() if record.in_api]

    def running_pods(self) -> list[Pod]:
        """The pods that the provider has and that have not ended, also those that the API has forgotten."""
        return [
            record.pod
            for record in self._records.values()
            if record.presence is Presence.PRESENT and not pods.all_ended(record.reported)
        ]

    async def stats_summary(self) -> Mapping[str, Any]:
        """The Summary of stats.k8s.io. Raises Unsupported."""
        if not isinstance(self._provider, StatsSummary):
            raise Unsupported("this provider has no stats")
        return await self._provider.stats_summary()

    async def resource_metrics(self) -> Sequence[Metric]:
        """What metrics-server wants to know. Raises Unsupported."""
        if not isinstance(self._provider, ResourceMetrics):
            raise Unsupported("this provider has no resource metrics")
        return await self._provider.resource_metrics()

    def configuration(self) -> dict[str, Any]:
        """How the node was configured, for people to look at: durations in seconds."""
        plain = asdict(self._config)
        return {
            name: value.total_seconds() if hasattr(value, "total_seconds") else value for name, value in plain.items()
        }

    def _find(self, namespace: str, name: str) -> Pod | None:
        for record in self._records.values():
            metadata = record.pod["metadata"]
            if record.in_api and metadata["name"] == name and metadata.get("namespace") == namespace:
                return record.pod
        return None

    def _ref(self, namespace: str, name: str, container: str | None = None) -> PodRef:
        pod = self._find(namespace, name)
        if pod is None:
            raise NotFound(f"pod {namespace}/{name} is not on node {self.name}")
        if container is not None and container not in _container_names(pod):
            raise NotFound(f'container not found ("{container}")')
        return pods.ref(pod)


def _container_names(pod: Pod) -> list[str]:
    spec = pod.get("spec", {})
    groups = (spec.get("containers"), spec.get("initContainers"), spec.get("ephemeralContainers"))
    return [each["name"] for group in groups for each in group or []]
