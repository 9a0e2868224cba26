"""What arrives in a scenario: bare pods, what the controllers make pods of, and pods from a trace file.

All kinds say alike what their pods look like (``Workload``); each adds what is its own.
"""

import re
from typing import Annotated, Literal

import msgspec

from fakes.apiserver.names import dns_label
from providers.distributions import RandomTime
from vksim.arrivals import Arrival
from vksim.schema import NOTHING, Count, CountOrNone, Duration, Quantity, Settings, Struct

REQUESTS = {"cpu": Quantity("250m"), "memory": Quantity("256Mi")}

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LONGEST_NAME = 52
"""Characters: what is left of a DNS label when a number is put behind it."""


class Workload(Struct, frozen=True, tag_field="kind"):
    """Objects of a kind that arrive, and what their pods look like.

    Attributes:
        name: the objects are named ``<name>-0``, ``<name>-1`` and so on.
        at: when the first one arrives.
        over: the time within which all arrive; 0s: all at once.
        arrival: how they lie in that time.
        namespace: where they are; made if it is not there.
        run_for: how long a pod's containers run; without it, to the end.
        exit_code: how they end; or codes with their weights, ``{0: 95, 1: 5}``.
        requests: what each pod asks for.
        limits: what each pod may use at most.
        image: its container's image.
        containers: its containers in Kubernetes' own form, instead of one with image, requests and limits.
        init_containers: its init containers, in Kubernetes' own form.
        volumes: its volumes, in Kubernetes' own form.
        labels: put on each pod, besides ``app``.
        annotations: put on each pod.
        node_selector: only nodes with these labels.
        affinity: Kubernetes' own.
        tolerations: Kubernetes' own; the taint of virtual nodes is tolerated anyway.
        topology_spread: its ``topologySpreadConstraints``; without a selector, they are about the workload's own pods.
        priority_class: one of the scenario's ``priorityClasses``.
        grace_period: its ``terminationGracePeriodSeconds``.
    """

    name: str
    at: Duration = NOTHING
    over: Duration = NOTHING
    arrival: Arrival = "constant"
    namespace: str = "default"
    run_for: RandomTime | None = None
    exit_code: int | dict[int, float] = 0
    requests: dict[str, Quantity] = msgspec.field(default_factory=REQUESTS.copy)
    limits: dict[str, Quantity] = {}
    image: str = ""
    containers: list[Settings] = []
    init_containers: list[Settings] = []
    volumes: list[Settings] = []
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    node_selector: dict[str, str] = {}
    affinity: Settings = {}
    tolerations: list[Settings] = []
    topology_spread: list[Settings] = []
    priority_class: str = ""
    grace_period: Duration = Duration(30.0)

    def __post_init__(self) -> None:
        """Raises ValueError for what the types cannot say."""
        check_name(self.name)
        if dns_label(self.namespace):
            raise ValueError(f"namespace: {self.namespace!r} is no namespace's name; write e.g. batch")
        codes = self.exit_code if isinstance(self.exit_code, dict) else {self.exit_code: 1.0}
        for code, weight in codes.items():
            if not 0 <= code <= 255:
                raise ValueError(f"exitCode: {code} is not an exit code; those go from 0 to 255")
            if weight < 0 or not sum(codes.values()):
                raise ValueError("exitCode: the weights say how often each code comes; write {0: 95, 1: 5}")

    @property
    def size(self) -> int:
        """About how many pods it makes, as far as that can be said before it is played."""
        raise NotImplementedError


class ScaleStep(Struct, frozen=True):
    """A new size.

    Attributes:
        at: when.
        to: how many there are to be.
        over: the time within which that is reached, evenly; 0s: at once.
    """

    at: Duration
    to: CountOrNone
    over: Duration = NOTHING


class Rollout(Struct, frozen=True):
    """A new version.

    Attributes:
        at: when.
        image: its image; if left out, the workload's name with the next number.
        run_for: how long its containers run; if left out, as long as before.
    """

    at: Duration
    image: str = ""
    run_for: RandomTime | None = None


class Pods(Workload, frozen=True, kw_only=True, tag="Pod"):
    """Bare pods. This is what a workload without a ``kind`` is.

    Attributes:
        pods: how many.
        restart_policy: Kubernetes' own.
        delete_after: a pod is deleted so long after its end; without it, never.
    """

    pods: Count
    restart_policy: Literal["Always", "OnFailure", "Never"] = "Never"
    delete_after: Duration | None = None

    @property
    def size(self) -> int:
        """How many pods."""
        return self.pods


class Controlled(Workload, frozen=True, kw_only=True):
    """What a controller makes pods of.

    Attributes:
        count: how many such objects; a single one has the workload's name without a number.
        delete_at: they are deleted then, with their pods; without it, never.
    """

    count: Count = 1
    delete_at: Duration | None = None

    def __post_init__(self) -> None:
        """Raises ValueError for what the types cannot say."""
        super().__post_init__()
        if isinstance(self.exit_code, dict):
            raise ValueError("exitCode: a controller makes all its pods alike; write one code")  # noqa: TRY004  (what is wrong is the value in the file)


class Deployment(Controlled, frozen=True, tag="Deployment"):
    """Deployments.

    Attributes:
        replicas: how many pods each has at first.
        strategy: Kubernetes' own; if left out, a rolling update by quarters.
        scale: new sizes over time.
        rollouts: new versions over time.
    """

    replicas: CountOrNone = 1
    strategy: Settings = {}
    scale: list[ScaleStep] = []
    rollouts: list[Rollout] = []

    @property
    def size(self) -> int:
        """Pods at its largest."""
        return self.count * max([self.replicas, *(each.to for each in self.scale)])


class StatefulSet(Controlled, frozen=True, tag="StatefulSet"):
    """StatefulSets.

    Attributes:
        replicas: how many pods each has at first.
        parallel: whether its pods come all at once; else one after the other.
        scale: new sizes over time.
        rollouts: new versions over time.
    """

    replicas: CountOrNone = 1
    parallel: bool = False
    scale: list[ScaleStep] = []
    rollouts: list[Rollout] = []

    @property
    def size(self) -> int:
        """Pods at its largest."""
        return self.count * max([self.replicas, *(each.to for each in self.scale)])


class DaemonSet(Controlled, frozen=True, tag="DaemonSet"):
    """DaemonSets: a pod on each node that they may run on.

    Attributes:
        rollouts: new versions over time.
    """

    rollouts: list[Rollout] = []

    @property
    def size(self) -> int:
        """Not known before: it depends on the nodes."""
        return 0


class Job(Controlled, frozen=True, tag="Job"):
    """Jobs.

    Attributes:
        completions: how many pods of each must succeed.
        parallelism: how many of them run at a time.
        backoff_limit: how many failures end it.
        deadline: its ``activeDeadlineSeconds``; without it, none.
        indexed: whether each pod has an index.
        restart_policy: Kubernetes' own.
        delete_after: its ``ttlSecondsAfterFinished``; without it, it stays.
    """

    completions: Count = 1
    parallelism: Count = 1
    backoff_limit: CountOrNone = 6
    deadline: Duration | None = None
    indexed: bool = False
    restart_policy: Literal["OnFailure", "Never"] = "Never"
    delete_after: Duration | None = None

    @property
    def size(self) -> int:
        """Pods, if none fails."""
        return self.count * self.completions


class CronJob(Job, frozen=True, kw_only=True, tag="CronJob"):
    """CronJobs: a Job now and then.

    Attributes:
        schedule: five fields of cron, in UTC, e.g. ``*/5 * * * *``.
        concurrency: what is done if the Job before still runs.
    """

    schedule: str
    concurrency: Literal["Allow", "Forbid", "Replace"] = "Allow"


class Columns(Struct, frozen=True):
    """Which column of a trace says what; a pod is as the workload says where it has none.

    Attributes:
        at: when the pod arrives: a number, or a time as in ISO 8601; the first one arrives at the workload's ``at``.
        run_for: how long it runs.
        end: or when it ends.
        name: its name; else numbers.
        exit_code: how it ends.
        requests: resource -> column.
        labels: label -> column.
        priority_class: its priority class.
    """

    at: str
    run_for: str = ""
    end: str = ""
    name: str = ""
    exit_code: str = ""
    requests: dict[str, str] = {}
    labels: dict[str, str] = {}
    priority_class: str = ""


class Trace(Workload, frozen=True, kw_only=True, tag="Trace"):
    """Bare pods from a file, one a row.

    Attributes:
        file: CSV with a line of names (also with ``.gz`` behind), or Parquet; relative to the scenario's folder.
        columns: which column says what.
        time_unit: what a number 1 in a column of times means.
        units: resource -> what a number 1 in its column means, e.g. ``{cpu: 10m, memory: 1Mi}``.
        limit: no more than so many rows; without it, all.
        speed: arrivals and lives go by so many times as fast.
        restart_policy: Kubernetes' own.
        delete_after: a pod is deleted so long after its end; without it, never.
    """

    file: str
    columns: Columns
    time_unit: Duration = Duration(1.0)
    units: dict[str, Quantity] = {}
    limit: Count | None = None
    speed: Annotated[float, msgspec.Meta(gt=0)] = 1.0
    restart_policy: Literal["Always", "OnFailure", "Never"] = "Never"
    delete_after: Duration | None = None

    @property
    def size(self) -> int:
        """As many as there are rows, which only the file knows."""
        return self.limit or 0


AnyWorkload = Pods | Deployment | StatefulSet | DaemonSet | Job | CronJob | Trace

KINDS: dict[str, type[Workload]] = {
    "Pod": Pods,
    "Deployment": Deployment,
    "StatefulSet": StatefulSet,
    "DaemonSet": DaemonSet,
    "Job": Job,
    "CronJob": CronJob,
    "Trace": Trace,
}
"""``kind`` in a file -> its structure."""


def check_name(name: str) -> None:
    """Raises ValueError unless the name can be part of a Kubernetes object's."""
    if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        raise ValueError(
            f"name: {name!r} cannot be part of a Kubernetes name; write lower-case letters, digits and '-', "
            f"at most {_LONGEST_NAME}"
        )
