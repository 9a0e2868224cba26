"""One virtual node: puts the node controller, the pod controller and the provider together and runs them."""

import logging
from collections.abc import AsyncIterator

from providers.base import LogOptions, Provider
from runner.config import RunnerConfig
from runner.kube import KubeApi
from runner.ports import Ports


class Agent:
    """Runs one virtual node until it is cancelled.

    Args:
        kube: the cluster.
        provider: where the pods run.
        config: how the node behaves.
        ports: time, randomness, blocking calls.
    """

    def __init__(self, kube: KubeApi, provider: Provider, config: RunnerConfig, ports: Ports) -> None:
        self.kube = kube
        self.provider = provider
        self.config = config
        self.ports = ports
        self.log = logging.getLogger("runner")

    async def run(self) -> None:
        """Register the node and run its pods; cancel it to stop, which leaves everything as it is (crash-only)."""
        raise NotImplementedError

    def container_logs(self, namespace: str, pod: str, container: str, options: LogOptions) -> AsyncIterator[bytes]:
        """The log of a container of this node: what the kubelet API serves.

        Raises:
            NotFound: this node has no such pod.
            Unsupported: the provider has no logs.
        """
        raise NotImplementedError
