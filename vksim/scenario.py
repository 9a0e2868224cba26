"""The scenario language, ``vksim/v1``: what a file may say, as frozen structures with units in their types.

Workloads are in ``vksim.demand``, faults in ``vksim.faults.kinds``. Reading a file and finding the line of a mistake is
``vksim.scenario_file``'s business; what the parts do, the simulation's.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from fakes.cloud.settings import CloudSettings, Latency, Rate
from providers.distributions import RandomTime, Span
from vksim.demand import AnyWorkload, ScaleStep, check_name
from vksim.faults.kinds import AnyFault
from vksim.schema import NOTHING, Count, CountOrNone, Duration, Quantity, Settings, Struct, hook

API_VERSION = "vksim/v1"

CAPACITY = {"cpu": Quantity("16"), "memory": Quantity("64Gi"), "pods": Quantity("110")}


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

    latency: RandomTime = Span(0.001, 0.004)


class Taint(Struct, frozen=True):
    """A taint of a node, Kubernetes' own.

    Attributes:
        key: its key.
        value: its value.
        effect: what it does to pods that do not tolerate it.
    """

    key: str
    value: str = ""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] = "NoSchedule"


class Prices(Struct, frozen=True):
    """What pods cost, in the currency of your choice, by what they request.

    Attributes:
        vcpu_hour: a CPU for an hour.
        gb_hour: a GiB of memory for an hour.
        minimum: a pod costs at least so much time.
    """

    vcpu_hour: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    gb_hour: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    minimum: Duration = NOTHING


class NodeGroup(Struct, frozen=True):
    """Virtual nodes of a kind, each with a runner of its own.

    Attributes:
        name: the nodes are named ``<name>-0``, ``<name>-1`` and so on.
        count: how many, at first.
        capacity: what a node offers, as quantities; on a cloud, ``config`` says it in the provider's words.
        labels: put on each node, besides ``group`` with the group's name.
        zones: the nodes take turns with these as their ``topology.kubernetes.io/zone``.
        tainted: whether the nodes keep ordinary pods off; the scenario's own pods tolerate it.
        taints: more taints on each node.
        join_at: when the first ones join.
        join_over: the time within which they join, evenly; 0s: all at once.
        scale: new sizes over time: nodes join, or the last ones leave.
        leave: how nodes leave: in order, their pods evicted first, or without a word.
        provider: what runs the pods: the name of an installed provider.
        cloud: one of the scenario's ``clouds``: the production provider runs on that.
        profile: how a cloud behaves, on the mock provider: the name of a cloud that was measured.
        script: what pods do there, in the mock provider's words.
        config: the provider's configuration, in its own words.
        prices: what its pods cost; if left out, as its cloud says.
    """

    name: str
    count: CountOrNone
    capacity: dict[str, Quantity] = msgspec.field(default_factory=CAPACITY.copy)
    labels: dict[str, str] = {}
    zones: list[str] = []
    tainted: bool = True
    taints: list[Taint] = []
    join_at: Duration = NOTHING
    join_over: Duration = NOTHING
    scale: list[ScaleStep] = []
    leave: Literal["drain", "crash"] = "drain"
    provider: str = "mock"
    cloud: str = ""
    profile: str = ""
    script: Settings = {}
    config: Settings = {}
    prices: Prices | None = None

    def __post_init__(self) -> None:
        """Raises ValueError for what the types cannot say."""
        check_name(self.name)
        if not self.count and not self.scale:
            raise ValueError("count: 0 nodes make no group; write 1 or more")
        if self.provider != "mock":
            for field in ("script", "profile"):
                if getattr(self, field):
                    raise ValueError(f"{field}: this is for the mock provider; remove it, or write provider: mock")

    @property
    def largest(self) -> int:
        """How many nodes it has at most."""
        return max([self.count, *(each.to for each in self.scale)])


class CloudLatency(Struct, frozen=True):
    """How long something takes in a cloud: log-normal, or always the same without ``p99``.

    Attributes:
        median: half of the times are shorter.
        p99: one in a hundred is longer.
    """

    median: Duration
    p99: Duration | None = None


class CloudRate(Struct, frozen=True):
    """How many calls a cloud takes.

    Attributes:
        burst: so many at once,
        per_second: then so many.
        operations: which calls share it, by name or pattern (``Describe*``); none: the one that the rate is named for.
    """

    burst: Count
    per_second: Annotated[float, msgspec.Meta(gt=0)]
    operations: list[str] = []


class Cloud(Struct, frozen=True):
    """A fake cloud. What is not said is as it is in reality.

    Attributes:
        provider: whose cloud: the name of an installed one.
        latencies: how long what takes, by the cloud's name for it.
        quotas: how much there is of what.
        rates: how many calls are taken.
        prices: what its pods cost.
    """

    provider: str
    latencies: dict[str, CloudLatency] = {}
    quotas: dict[str, Annotated[float, msgspec.Meta(ge=0)]] = {}
    rates: dict[str, CloudRate] = {}
    prices: Prices | None = None

    def settings(self, reality: CloudSettings) -> CloudSettings:
        """The cloud's settings, where they differ from what they are in reality."""
        latencies = {
            name: Latency(each.median.seconds, each.p99.seconds if each.p99 else None)
            for name, each in self.latencies.items()
        }
        rates = {name: Rate(each.burst, each.per_second, tuple(each.operations)) for name, each in self.rates.items()}
        return CloudSettings(
            {**reality.latencies, **latencies},
            {**reality.quotas, **self.quotas},
            {**reality.rates, **rates},
            reality.faults,
        )


class Cluster(Struct, frozen=True):
    """The cluster.

    Attributes:
        nodes: its groups of nodes.
        api: its API server.
    """

    nodes: list[NodeGroup]
    api: Api = Api()


class Scenario(Struct, frozen=True):
    """A whole scenario file.

    Attributes:
        api_version: the version of the language.
        kind: what the file is.
        metadata: its name.
        include: a file, or several, that this one goes on from, relative to its folder.
        parameters: names and their values unless the command line says otherwise; ``${name}`` stands for the value.
        seed: of all randomness.
        start: the wall clock when it begins.
        duration: how long it lasts, in virtual time.
        until: it ends earlier, as soon as all of these hold, e.g. ``pods.deleted == 200``.
        settle: how long it may take to come to rest afterwards, before the invariants of rest are checked.
        cluster: where it plays.
        clouds: name -> a fake cloud, for groups of nodes.
        priority_classes: name -> priority.
        workloads: what arrives.
        faults: what breaks.
        expect: what must hold at the end, e.g. ``pods.succeeded == 200``.
    """

    api_version: Literal["vksim/v1"]
    kind: Literal["Scenario"]
    metadata: Metadata
    cluster: Cluster
    duration: Duration
    include: list[str] | str = []
    parameters: Settings = {}
    seed: Annotated[int, msgspec.Meta(ge=0)] = 0
    start: Annotated[datetime, msgspec.Meta(tz=True)] = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
    until: list[str] = []
    settle: Duration = Duration(60.0)
    clouds: dict[str, Cloud] = {}
    priority_classes: dict[str, int] = {}
    workloads: list[AnyWorkload] = []
    faults: list[AnyFault] = []
    expect: list[str] = []


def decode(data: Mapping[str, Any]) -> Scenario:
    """The scenario that parsed YAML describes.

    Raises:
        msgspec.ValidationError: with the path of the mistake at its end.
    """
    workloads = data.get("workloads")
    if isinstance(workloads, list):  # a workload without a kind is bare pods, as it was before there were kinds
        told = [{"kind": "Pod", **each} if isinstance(each, dict) else each for each in workloads]
        data = {**data, "workloads": told}
    return msgspec.convert(data, Scenario, dec_hook=hook)


def node_names(group: NodeGroup) -> list[str]:
    """The names of all nodes that a group ever has."""
    return [f"{group.name}-{number}" for number in range(group.largest)]
