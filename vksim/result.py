"""What came out of a run: plain data, as ``result.json`` holds it and the report shows it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from vksim.expect import Verdict


@dataclass(frozen=True, slots=True)
class Checked:
    """An invariant, and how it was violated, if it was; of the first violation, what led to it, a line each."""

    name: str
    meaning: str
    violations: list[str]
    chain: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Band:
    """A fault on the time line, in seconds of virtual time; ``fired``: how often it did something to somebody."""

    begin: float
    end: float
    what: str
    fired: int = 0


@dataclass(frozen=True, slots=True)
class Life:
    """A pod's life, in seconds of virtual time.

    Attributes:
        reasons: those that its status gave, in order.
        waiting: why it has no node, in the scheduler's words; empty if it has one.
        accepted: when the cloud accepted it, and
        started: when its first container started; clouds tell whole seconds.
        taken: when the scheduler took it up for the last time.
        asked: when its runner asked the provider for it, and
        tries: how often.
    """

    name: str
    node: str
    created: float
    scheduled: float | None
    running: float | None
    ended: float | None
    deleted: float | None
    phase: str
    reasons: list[str]
    waiting: str = ""
    accepted: float | None = None
    started: float | None = None
    taken: float | None = None
    asked: float | None = None
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the pods' startup, in seconds: on average, and percentiles."""

    name: str
    mean: float
    p50: float
    p99: float


@dataclass(frozen=True, slots=True)
class Cost:
    """What pods of a group of nodes, or of a workload, cost, in the scenario's currency; and how many came to run."""

    name: str
    pods: int
    amount: float


@dataclass(frozen=True, slots=True)
class Result:
    """A run's outcome.

    Attributes:
        scenario: its name.
        description: what it was to show.
        source: the file that it came from, and what was set, as arguments for a shell.
        seed: of all randomness.
        version: of vksim.
        nodes: how many.
        virtual_seconds: how long it lasted in its own time.
        measured: series of ``vksim.expect`` -> value.
        expectations: how the objectives came out.
        invariants: how the invariants came out.
        faults: what was broken when.
        times: when the phases were counted.
        phases: phase -> counts at these times.
        startups: seconds from creation to Running of every pod that got there, sorted.
        slowest: pods that did not come to run, and those that took longest.
        event_log_sha256: the same for the same scenario, seed and version.
        calls: what was called how often between two of these times.
        gauges: how full it was at these times: series of ``vksim.gauges`` -> values.
        parts: what startup consists of.
        pending: why pods had no node at the end -> how many.
        group_costs: what the pods of each group of nodes cost that has prices, and
        workload_costs: those of each workload.
        spent: group -> what its pods had cost at ``times``.
        lives: pods to look at one by one: those that stand out, and a sample of the rest.
        wall_seconds: how long the simulator took, and
        memory: how much it had at most, in MiB; not part of what repeats.
    """

    scenario: str
    description: str
    source: str
    seed: int
    version: str
    nodes: int
    virtual_seconds: float
    measured: dict[str, float]
    expectations: list[Verdict]
    invariants: list[Checked]
    faults: list[Band]
    times: list[float]
    phases: dict[str, list[int]]
    startups: list[float]
    slowest: list[Life]
    event_log_sha256: str
    calls: dict[str, list[int]] = field(default_factory=dict)
    gauges: dict[str, list[float]] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)
    pending: dict[str, int] = field(default_factory=dict)
    group_costs: list[Cost] = field(default_factory=list)
    workload_costs: list[Cost] = field(default_factory=list)
    spent: dict[str, list[float]] = field(default_factory=dict)
    lives: list[Life] = field(default_factory=list)
    wall_seconds: float = field(default=0.0)
    memory: float = field(default=0.0)

    @property
    def passed(self) -> bool:
        """Whether every objective was met and every invariant held."""
        return all(each.met for each in self.expectations) and not any(each.violations for each in self.invariants)

    @property
    def replay(self) -> str:
        """The command that plays this run again."""
        return replay(self.source, self.seed)


def encoded(result: Result) -> bytes:
    """The result as JSON, indented."""
    data = {"passed": result.passed, "replay": result.replay, **msgspec.to_builtins(result)}
    return msgspec.json.format(msgspec.json.encode(data), indent=2) + b"\n"


def replay(source: str, seed: int) -> str:
    """The command that plays a scenario with a seed; the source is as a shell takes it."""
    return f"vksim run {source} --seed {seed}"


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value that so large a share of a sorted, non-empty list does not exceed (nearest rank)."""
    return ordered[percentile_rank(len(ordered), share) - 1]


def percentile_rank(count: int, share: float) -> int:
    """Which of so many sorted values, from 1, so large a share does not exceed."""
    return int(max(1, -(-count * share // 1)))
