"""The scenario language, ``vksim/v1``: what a file may say, as frozen structures with units in their types.

Reading a file and finding the line of a mistake is ``vksim.scenario_file``'s business; what the parts do, the
simulation's.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from vksim.faults import AnyFault
from vksim.schema import Duration, Quantity, Span, Struct, hook

API_VERSION = "vksim/v1"

NOTHING = Duration(0.0)
CAPACITY = {"cpu": Quantity("16"), "memory": Quantity("64Gi"), "pods": Quantity("110")}
REQUESTS = {"cpu": Quantity("250m"), "memory": Quantity("256Mi")}

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LONGEST_NAME = 52
"""Characters: what is left of a DNS label when a number is put behind it."""


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
        provider: what runs the pods.
        script: what pods do there, in the mock provider's words.
    """

    name: str
    count: int
    capacity: dict[str, Quantity] = msgspec.field(default_factory=CAPACITY.copy)
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    tainted: bool = True
    provider: Literal["mock"] = "mock"
    script: dict[str, Any] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises ValueError for what the types cannot say."""
        _check_name(self.name)
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
        exit_code: how it ends; or codes with their weights, ``{0: 95, 1: 5}``.
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
    requests: dict[str, Quantity] = msgspec.field(default_factory=REQUESTS.copy)
    run_for: Span | None = None
    exit_code: int | dict[int, float] = 0
    restart_policy: Literal["Always", "OnFailure", "Never"] = "Never"
    delete_after: Duration | None = None
    grace_period: Duration = Duration(30.0)
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    node_selector: dict[str, str] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises ValueError for what the types cannot say."""
        _check_name(self.name)
        if self.pods < 1:
            raise ValueError(f"pods: {self.pods} pods make no workload; write 1 or more")
        codes = self.exit_code if isinstance(self.exit_code, dict) else {self.exit_code: 1.0}
        for code, weight in codes.items():
            if not 0 <= code <= 255:
                raise ValueError(f"exitCode: {code} is not an exit code; those go from 0 to 255")
            if weight < 0 or not sum(codes.values()):
                raise ValueError("exitCode: the weights say how often each code comes; write {0: 95, 1: 5}")


class Scenario(Struct, frozen=True):
    """A whole scenario file.

    Attributes:
        api_version: the version of the language.
        kind: what the file is.
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
    seed: Annotated[int, msgspec.Meta(ge=0)] = 0
    start: Annotated[datetime, msgspec.Meta(tz=True)] = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
    settle: Duration = Duration(60.0)
    workloads: list[Workload] = msgspec.field(default_factory=list)
    faults: list[AnyFault] = msgspec.field(default_factory=list)
    expect: list[str] = msgspec.field(default_factory=list)


def decode(data: Mapping[str, Any]) -> Scenario:
    """The scenario that parsed YAML describes.

    Raises:
        msgspec.ValidationError: with the path of the mistake at its end.
    """
    return msgspec.convert(data, Scenario, dec_hook=hook)


def node_names(group: NodeGroup) -> list[str]:
    """The names of a group's nodes."""
    return [f"{group.name}-{number}" for number in range(group.count)]


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        raise ValueError(
            f"name: {name!r} cannot be part of a Kubernetes name; write lower-case letters, digits and '-', "
            f"at most {_LONGEST_NAME}"
        )
