"""The scenario language, ``vksim/v1``: what a file may say, as frozen structures with units in their types.

Reading a file and finding the line of a mistake is ``vksim.scenario_file``'s business; what the parts do, the
simulation's.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from providers.durations import parse_seconds

API_VERSION = "vksim/v1"


class Duration:
    """A length of time; ``90s``, ``1m30s`` or ``90`` in a file.

    No dataclass: msgspec would look for its fields in the file instead of asking ``parse``.
    """

    __slots__ = ("seconds",)

    def __init__(self, seconds: float) -> None:
        self.seconds: Final = seconds

    @classmethod
    def parse(cls, value: object) -> "Duration":
        """Raises ValueError, saying what a duration looks like."""
        return cls(parse_seconds(value))


class Span:
    """A length of time, or a range to draw one from; ``5s`` or ``[2s, 10s]`` in a file."""

    __slots__ = ("high", "low")

    def __init__(self, low: float, high: float) -> None:
        self.low: Final = low
        self.high: Final = high

    @classmethod
    def parse(cls, value: object) -> "Span":
        """Raises ValueError, saying what is wrong."""
        if isinstance(value, list):
            if len(value) != 2:
                raise ValueError(f"{value!r} is not a range; write two durations, [2s, 10s]")
            low, high = (parse_seconds(each) for each in value)
            if low > high:
                raise ValueError(f"{value!r} is upside down; write the shorter duration first")
            return cls(low, high)
        seconds = parse_seconds(value)
        return cls(seconds, seconds)


NOTHING = Duration(0.0)

DEFAULT_CAPACITY: dict[str, str | int] = {"cpu": "16", "memory": "64Gi", "pods": "110"}
DEFAULT_REQUESTS: dict[str, str | int] = {"cpu": "250m", "memory": "256Mi"}


class Struct(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """Any mapping of a scenario: camelCase in the file, nothing but the known fields."""


class Metadata(Struct, frozen=True):
    """What the scenario is called.

    Attributes:
        name: shown in the report.
        description: what it is to show, in a sentence.
    """

    name: str
    description: str = ""


class Api(Struct, frozen=True):
    """The API server.

    Attributes:
        latency: how long a request takes.
    """

    latency: Span = Span(0.001, 0.004)


class NodeGroup(Struct, frozen=True):
    """Virtual nodes of a kind, each with a runner of its own.

    Attributes:
        name: the nodes are named ``<name>-0``, ``<name>-1`` and so on.
        count: how many.
        capacity: what a node offers, as quantities.
        labels: put on each node.
        tainted: whether the nodes keep ordinary pods off; the scenario's own pods tolerate it.
        provider: what runs the pods; today ``mock``.
        script: what pods do there, in the mock provider's words.
    """

    name: str
    count: int
    capacity: dict[str, str | int] = msgspec.field(default_factory=DEFAULT_CAPACITY.copy)
    labels: dict[str, str] = {}
    tainted: bool = True
    provider: Literal["mock"] = "mock"
    script: dict[str, Any] = {}

    def __post_init__(self) -> None:
        """Raises ValueError for what the types cannot say."""
        if self.count < 1:
            raise ValueError(f"count: {self.count} nodes make no group; write 1 or more")


class Cluster(Struct, frozen=True):
    """The cluster.

    Attributes:
        nodes: its groups of nodes.
        api: its API server.
    """

    nodes: list[NodeGroup]
    api: Api = Api()


class Workload(Struct, frozen=True):
    """Pods that arrive.

    Attributes:
        name: the pods are named ``<name>-0``, ``<name>-1`` and so on.
        pods: how many.
        at: when the first one arrives.
        over: the time within which all arrive; 0s: all at once.
        arrival: ``constant``, evenly; ``poisson``, independently of each other.
        requests: what each pod asks for.
        run_for: how long its container runs; without it, to the end.
        exit_code: how it ends.
        restart_policy: Kubernetes' own.
        delete_after: it is deleted so long after its end; without it, never.
        grace_period: its ``terminationGracePeriodSeconds``.
        labels: put on each pod.
        node_selector: only nodes with these labels.
    """

    name: str
    pods: int
    at: Duration = NOTHING
    over: Duration = NOTHING
    arrival: Literal["constant", "poisson"] = "constant"
    requests: dict[str, str | int] = msgspec.field(default_factory=DEFAULT_REQUESTS.copy)
    run_for: Span | None = None
    exit_code: int = 0
    restart_policy: Literal["Always", "OnFailure", "Never"] = "Never"
    delete_after: Duration | None = None
    grace_period: Duration = Duration(30.0)
    labels: dict[str, str] = {}
    node_selector: dict[str, str] = {}

    def __post_init__(self) -> None:
        """Raises ValueError for what the types cannot say."""
        if self.pods < 1:
            raise ValueError(f"pods: {self.pods} pods make no workload; write 1 or more")


class Fault(Struct, frozen=True, tag_field="kind"):
    """Something that breaks.

    Attributes:
        at: when it begins.
        during: how long it lasts (``for`` in the file).
    """

    at: Duration
    during: Duration = msgspec.field(name="for", default=NOTHING)


class ProviderErrors(Fault, frozen=True, tag="provider-errors"):
    """Calls to a provider fail with a retryable error.

    Attributes:
        operation: which calls: create, update, delete, get, list, ping, or all.
        rate: which part of them, from 0 to 1.
        group: only nodes of this group; empty for all.
    """

    operation: Literal["create", "update", "delete", "get", "list", "ping", "all"] = "create"
    rate: float = 1.0
    group: str = ""

    def __post_init__(self) -> None:
        """Raises ValueError for what the types cannot say."""
        if not 0 < self.rate <= 1:
            raise ValueError(f"rate: {self.rate} is not a part of the calls; write a number above 0, up to 1")


class RunnerCrash(Fault, frozen=True, kw_only=True, tag="runner-crash"):
    """A runner dies without a word, and starts again when the fault is over.

    Attributes:
        node: whose runner.
    """

    node: str


FaultKind = ProviderErrors | RunnerCrash


class Scenario(Struct, frozen=True):
    """A whole scenario file.

    Attributes:
        api_version: ``vksim/v1``.
        kind: ``Scenario``.
        metadata: its name.
        seed: of all randomness.
        start: the wall clock when it begins.
        duration: how long it lasts, in virtual time.
        settle: how long it may take to come to rest afterwards, before the invariants of rest are checked.
        cluster: where it plays.
        workloads: what arrives.
        faults: what breaks.
        expect: what must hold at the end, e.g. ``pods.succeeded == 200``.
    """

    api_version: Literal["vksim/v1"]
    kind: Literal["Scenario"]
    metadata: Metadata
    cluster: Cluster
    duration: Duration
    seed: int = 0
    start: datetime = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
    settle: Duration = Duration(60.0)
    workloads: list[Workload] = []
    faults: list[FaultKind] = []
    expect: list[str] = []


def decode(data: Mapping[str, Any]) -> Scenario:
    """The scenario that parsed YAML describes.

    Raises:
        msgspec.ValidationError: with the path of the mistake at its end.
    """
    return msgspec.convert(data, Scenario, dec_hook=_decode)


def _decode(kind: type, value: object) -> object:
    if kind in (Duration, Span):
        return kind.parse(value)
    raise NotImplementedError(kind)


def node_names(group: NodeGroup) -> list[str]:
    """The names of a group's nodes."""
    return [f"{group.name}-{number}" for number in range(group.count)]
