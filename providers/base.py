"""The provider interface: everything the core runner asks of a cloud.

``Provider`` is what every provider must do. The protocols below it are optional parts that a provider opts into by
having the method; the core looks with ``isinstance`` and answers 501 (or does without) where one is missing. A provider
reaches nothing but its cloud: what it may know of the cluster is in the ``ProviderContext``.

Rules that hold for all methods:

* Pods arrive with their environment resolved to literals and are never to be changed in place. The content of their
  volumes and their registry logins come beside them (``providers.data``).
* ``metadata.uid`` is a pod's identity. ``create_pod`` is idempotent by it: a second call for a pod that is already
  there (the answer to the first one got lost) succeeds and creates nothing.
* A cloud resource carries the pod's namespace, name, UID and node, so that ``get_pods`` finds it after a restart.
* Any await may be cancelled: the process is going down.
* Errors are those of ``providers.errors``.
"""

import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any, Literal, ParamSpec, Protocol, TypeVar, runtime_checkable

from providers.data import NO_DATA, PodData
from providers.errors import Unsupported
from providers.pods import PodRef
from providers.types import Condition, Node, NodeAddress, NodeDaemonEndpoints, Pod, PodStatus, ResourceList

P = ParamSpec("P")
T = TypeVar("T")


class Clock(Protocol):
    """The wall clock: real on a cluster, virtual in a simulation. Waiting is asyncio's business, not the clock's."""

    def now(self) -> datetime:
        """The time, aware, in UTC."""
        ...


class BlockingCalls(Protocol):
    """Runs a function that blocks (an SDK call): in a thread in production, inline in virtual time."""

    async def __call__(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """What the function returns or raises."""
        ...


ReadObject = Callable[[str, str], Awaitable[Mapping[str, Any]]]
"""(namespace, name) -> a ConfigMap or Secret in wire form; raises NotFound."""

RequestToken = Callable[[str, str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""(namespace, service account, TokenRequest spec) -> TokenRequest status (token, expirationTimestamp)."""


@dataclass(frozen=True, slots=True)
class ProviderContext:
    """All that a provider is told.

    Attributes:
        node_name: the node that this provider backs.
        operating_system: ``linux`` or ``windows``, as the operator asked.
        internal_ip: the node's InternalIP, where its kubelet API is reached.
        daemon_port: the TCP port of the kubelet API.
        config: the provider's configuration, parsed; empty without one.
        config_source: where it came from (a path, a scenario's field), for error messages.
        cluster_domain: the cluster's DNS domain.
        clock: the wall clock.
        random: the only source of randomness.
        blocking: runs calls that block.
        log: a logger that already names the node.
        read_secret: reads a Secret of the cluster.
        read_config_map: reads a ConfigMap of the cluster.
        request_token: asks for a service-account token.
    """

    node_name: str
    operating_system: str
    internal_ip: str
    daemon_port: int
    clock: Clock
    random: Random
    blocking: BlockingCalls
    log: logging.Logger | logging.LoggerAdapter[logging.Logger]
    read_secret: ReadObject
    read_config_map: ReadObject
    request_token: RequestToken
    config: Mapping[str, Any] = field(default_factory=dict)
    config_source: str = "--provider-config"
    cluster_domain: str = "cluster.local"


class Provider(ABC):
    """Runs the pods of one node somewhere. See the module's docstring for the rules."""

    def __init__(self, context: ProviderContext) -> None:
        self.context = context

    async def start(self) -> None:  # noqa: B027  (optional: most providers have nothing to open)
        """Open connections, check credentials. Raises InvalidConfig or Permanent if it never can work."""

    async def close(self) -> None:  # noqa: B027  (optional, as start)
        """Give back what ``start`` took. Pods keep running."""

    @abstractmethod
    async def create_pod(self, pod: Pod, data: PodData = NO_DATA) -> None:
        """Start the pod; return when the cloud has accepted it, not when it runs."""

    async def update_pod(self, pod: Pod, data: PodData = NO_DATA) -> None:  # noqa: ARG002  (the default does nothing)
        """Bring a pod in line with its changed spec or data.

        Raises Unsupported (the default) where the cloud cannot.
        """
        raise Unsupported(f"this provider cannot change pod {pod['metadata']['name']} once it is created")

    @abstractmethod
    async def delete_pod(self, pod: Pod) -> None:
        """End the pod, giving its containers ``providers.pods.grace_seconds(pod)``; NotFound counts as done.

        Returns when the cloud has accepted it; may be called again, also with a shorter grace. The containers' end is
        reported as status, or by NotFound from then on.
        """

    @abstractmethod
    async def get_pod(self, ref: PodRef) -> Pod:
        """The pod as the cloud has it, with ``status``. Raises NotFound."""

    async def get_pod_status(self, ref: PodRef) -> PodStatus:
        """The status alone, where that is cheaper. Raises NotFound."""
        return (await self.get_pod(ref)).get("status") or {}

    @abstractmethod
    async def get_pods(self) -> Sequence[Pod]:
        """All pods of *this node* that the cloud has, each with name, namespace, UID and status."""

    @abstractmethod
    async def capacity(self) -> ResourceList:
        """What the node offers; also its allocatable."""

    async def node_conditions(self) -> Sequence[Condition]:
        """The node's conditions; the core fills in times. Ready and no pressure, unless the provider knows better."""
        return healthy_conditions()

    async def node_addresses(self) -> Sequence[NodeAddress]:
        """Where the node is reached.

        No Hostname: nobody's DNS knows a virtual node, and an API server prefers it to the IP unless told otherwise
        (``--kubelet-preferred-address-types``).
        """
        return [{"type": "InternalIP", "address": self.context.internal_ip}]

    async def node_daemon_endpoints(self) -> NodeDaemonEndpoints:
        """Where the kubelet API listens."""
        return {"kubeletEndpoint": {"Port": self.context.daemon_port}}

    def provider_id(self) -> str:
        """What the cloud calls the node, ``cloud://path``, for its ``spec.providerID``; empty for none (the default).

        A cloud controller manager deletes nodes whose ID it does not find in its cloud.
        """
        return ""

    def operating_system(self) -> str:
        """``linux`` or ``windows``."""
        return self.context.operating_system


def healthy_conditions() -> list[Condition]:
    """The conditions of a node that is well: reasons and messages are a kubelet's."""
    return [
        {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "kubelet is posting ready status"},
        _no_pressure("MemoryPressure", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        _no_pressure("DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        _no_pressure("PIDPressure", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        _no_pressure("NetworkUnavailable", "RouteCreated", "the provider routes the node's pods"),
    ]


def _no_pressure(type_: str, reason: str, message: str) -> Condition:
    return {"type": type_, "status": "False", "reason": reason, "message": message}


# --- optional parts -------------------------------------------------------------------------------------------------


@runtime_checkable
class PodNotifier(Protocol):
    """Pushes pod status. Without it the core polls ``get_pod_status``."""

    def notify_pods(self, notify: Callable[[Pod], None]) -> None:
        """Call ``notify`` with metadata (namespace, name, uid) and status at each change; it returns at once.

        Called once, before the first pod. A pod that carries ``metadata.deletionTimestamp`` was evicted by the cloud.
        """


@runtime_checkable
class NodeNotifier(Protocol):
    """Pushes changes of the node: its status, labels and annotations."""

    def notify_node(self, notify: Callable[[Node], None]) -> None:
        """Call ``notify`` with the changed parts at each change; it returns at once."""


@runtime_checkable
class Pinger(Protocol):
    """Can tell whether the cloud is there. Without it the node is healthy as long as the runner lives."""

    async def ping(self) -> None:
        """Return if the cloud answers, raise if not; light, called about every 10 s."""


@dataclass(frozen=True, slots=True)
class LogOptions:
    """What part of a log is wanted; the fields of the kubelet's ``containerLogs`` query.

    Attributes:
        tail_lines: the last so many lines; None for all, 0 for none.
        limit_bytes: stop after so many bytes.
        since: nothing older than this.
        timestamps: each line begins with its RFC 3339 time and a blank.
        follow: go on as lines appear, until the container ends.
        previous: the log of the container's previous run.
    """

    tail_lines: int | None = None
    limit_bytes: int | None = None
    since: datetime | None = None
    timestamps: bool = False
    follow: bool = False
    previous: bool = False


@runtime_checkable
class ContainerLogs(Protocol):
    """Can read a container's output."""

    def container_logs(self, ref: PodRef, container: str, options: LogOptions) -> AsyncIterator[bytes]:
        """The log in pieces of any size, the options already applied. Raises NotFound."""
        ...


@runtime_checkable
class Approximates(Protocol):
    """Can say what its cloud does only nearly as a pod asks."""

    def approximations(self, pod: Pod, data: PodData) -> Sequence[str]:
        """What comes out differently, a line each; the pod's owner is told when the pod is created.

        Raises:
            Invalid: the pod is refused altogether.
        """
        ...


@runtime_checkable
class PodAddressing(Protocol):
    """Knows a pod's address before the pod is created."""

    async def pod_ip(self, pod: Pod) -> str:
        """The address that the pod will have, for ``fieldRef: status.podIP`` in its environment."""
        ...


@runtime_checkable
class VolumeUpdates(Protocol):
    """Can replace the files in the volumes of a running pod, without disturbing its containers."""

    async def update_volumes(self, pod: Pod, data: PodData) -> None:
        """Bring the files of a pod's volumes up to date: a ConfigMap, a Secret or a token has changed.

        Raises:
            NotFound: the pod is gone.
            Unsupported: not for this pod; it is not asked for again.
        """


@dataclass(frozen=True, slots=True)
class TerminalSize:
    """The size of the user's terminal, in characters."""

    width: int
    height: int


class AttachIO(Protocol):
    """The user's end of an exec or attach.

    Writing waits while the user reads too slowly. With a terminal (``tty``) lines end with CR LF, and errors go where
    output goes.
    """

    tty: bool

    def stdin(self) -> AsyncIterator[bytes]:
        """What the user types, until they close it; ends at once where no input was asked for."""
        ...

    async def write_stdout(self, data: bytes) -> None:
        """Show output."""
        ...

    async def write_stderr(self, data: bytes) -> None:
        """Show errors."""
        ...

    def resizes(self) -> AsyncIterator[TerminalSize]:
        """The terminal's sizes as they change."""
        ...


@runtime_checkable
class ContainerExec(Protocol):
    """Can run a command in a container."""

    async def exec_in_container(self, ref: PodRef, container: str, command: Sequence[str], io: AttachIO) -> int:
        """Run the command and return its exit code. Raises NotFound.

        Cancelled when the user hangs up. Whatever else it raises is shown to the user.
        """
        ...


@runtime_checkable
class ContainerAttach(Protocol):
    """Can attach to a container's main process."""

    async def attach_to_container(self, ref: PodRef, container: str, io: AttachIO) -> None:
        """Carry input and output until either side ends. Raises NotFound. Cancelled as a command is."""


@runtime_checkable
class PortForwarder(Protocol):
    """Can reach a pod's TCP ports."""

    async def port_forward(
        self, ref: PodRef, port: int, incoming: AsyncIterator[bytes], send: Callable[[bytes], Awaitable[None]]
    ) -> None:
        """Carry bytes both ways until either side ends. Raises NotFound. Cancelled as a command is."""


@runtime_checkable
class StatsSummary(Protocol):
    """Knows the use of its pods."""

    async def stats_summary(self) -> Mapping[str, Any]:
        """The kubelet's ``/stats/summary`` (stats.k8s.io/v1alpha1 Summary)."""
        ...


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer to one question of ``runner check``.

    Attributes:
        what: what was looked at.
        verdict: how it is; with a warning pods run, but not all is as one would expect; with missing none runs.
        detail: what was found, and the remedy.
    """

    what: str
    verdict: Literal["ok", "warning", "missing"]
    detail: str


@runtime_checkable
class SelfCheck(Protocol):
    """Can say before the first pod whether its cloud is ready for pods."""

    async def check(self) -> Sequence[Finding]:
        """What was found; changes nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Metric:
    """One sample of a Prometheus family; ``kind`` is counter or gauge."""

    name: str
    kind: str
    labels: Mapping[str, str]
    value: float


@runtime_checkable
class ResourceMetrics(Protocol):
    """Knows what metrics-server wants to know."""

    async def resource_metrics(self) -> Sequence[Metric]:
        """The samples of the kubelet's ``/metrics/resource``."""
        ...
