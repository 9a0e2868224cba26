"""What an operator decides about a virtual node: parsed once, at the edge, into a frozen object with units."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from providers.types import Taint

PROVIDER_TAINT_KEY = "virtual-kubelet.io/provider"
DEFAULT_NODE_NAME = "virtual-kubelet"
DEFAULT_PORT = 10250


class Shutdown(StrEnum):
    """What an orderly end does to the node."""

    LEAVE = "leave"
    """Nothing: another runner goes on. Kubernetes notices by itself if none does."""
    CORDON = "cordon"
    """No new pods; those that are there go on at the provider. The next runner lifts it."""
    DRAIN = "drain"
    """No new pods, and those that are there are evicted, within their disruption budgets."""
    DELETE = "delete"
    """As drain; then the Node object is deleted, with what is left on it."""


@dataclass(frozen=True, slots=True)
class RunnerConfig:
    """How one virtual node behaves. The defaults are Virtual Kubelet's.

    Attributes:
        node_name: the Node object's name.
        operating_system: ``linux`` or ``windows``.
        internal_ip: the node's InternalIP, where the API server reaches its kubelet API.
        port: the TCP port of the kubelet API, advertised in daemonEndpoints.
        architecture: in Go's words, ``amd64`` or ``arm64``: of the machines that the provider runs pods on.
        taints: kept on the node; none with ``--disable-taint``.
        labels: added to the node's own.
        namespace: only pods of this namespace are run; empty for all.
        pod_sync_workers: how many pods are worked on at once.
        lease_duration: how long the node counts as alive after a renewal.
        lease_renewal: how often the lease is renewed; Kubernetes' rule is a quarter of the duration.
        status_interval: how often an unchanged node status is written again.
        ping_timeout: a provider that does not answer within it counts as down.
        provider_timeout: a call to the provider that takes longer is given up, and made again later.
        poll_interval: how often a provider that cannot push is asked for pod status.
        resync_interval: how often the provider's pods are compared with the API's, to find vanished and dangling ones.
        shutdown: what an orderly end does to the node.
        shutdown_timeout: how long that may take.
        cluster_domain: the cluster's DNS domain, for providers that write pods' resolver configuration.
        kubelet_version: shown by ``kubectl get nodes``.
    """

    node_name: str = DEFAULT_NODE_NAME
    operating_system: str = "linux"
    internal_ip: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    architecture: str = "amd64"
    taints: tuple[Taint, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    namespace: str = ""
    pod_sync_workers: int = 50
    lease_duration: timedelta = timedelta(seconds=40)
    lease_renewal: timedelta = timedelta(seconds=10)
    status_interval: timedelta = timedelta(minutes=1)
    ping_timeout: timedelta = timedelta(seconds=10)
    provider_timeout: timedelta = timedelta(minutes=5)
    poll_interval: timedelta = timedelta(seconds=5)
    resync_interval: timedelta = timedelta(minutes=1)
    shutdown: Shutdown = Shutdown.LEAVE
    shutdown_timeout: timedelta = timedelta(minutes=2)
    cluster_domain: str = "cluster.local"
    kubelet_version: str = "v1.34.0-vksim"


def provider_taint(provider: str, *, key: str = PROVIDER_TAINT_KEY, effect: str = "NoSchedule") -> Taint:
    """The taint that keeps ordinary pods off a virtual node."""
    return {"key": key, "value": provider, "effect": effect}
