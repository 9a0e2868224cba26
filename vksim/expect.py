"""Objectives: ``pods.succeeded == 200``, ``pod.startup.p99 <= 30s``. Parsed and judged; pure."""

import difflib
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from providers.durations import parse_seconds

SERIES: dict[str, str] = {
    "pods.created": "pods that the API server accepted",
    "pods.pending": "pods that were Pending at the end",
    "pods.running": "pods that were Running at the end",
    "pods.succeeded": "pods that succeeded, deleted ones included",
    "pods.failed": "pods that failed, deleted ones included",
    "pods.deleted": "pods that were deleted and are gone",
    "pod.startup.p50": "time from a pod's creation to Running, median",
    "pod.startup.p90": "time from a pod's creation to Running, 90th percentile",
    "pod.startup.p99": "time from a pod's creation to Running, 99th percentile",
    "pod.startup.max": "time from a pod's creation to Running, slowest pod",
    "pod.startup.queue.p99": "time from a pod's creation until the scheduler took it up last, 99th percentile",
    "pod.startup.schedule.p99": "time from then until it was bound to a node, 99th percentile",
    "pod.startup.watch.p99": "time from then until its runner asked the provider for it, 99th percentile",
    "pod.startup.provider.p99": "time from then until the cloud had accepted it, 99th percentile",
    "pod.startup.cloud.p99": "time from then until its containers had started, 99th percentile",
    "pod.startup.report.p99": "time from then until the API said Running, 99th percentile",
    "pod.retries.mean": "times that a provider was asked again to create a pod, on average",
    "pod.retries.max": "times that a provider was asked again to create a pod, at most",
    "provider.errors": "provider calls that failed",
    "api.writes": "writes that changed something in the API server",
    "api.calls": "calls of the API server, watches not counted",
    "api.errors": "calls of the API server that were refused or got no answer",
    "api.mutating.p99": "time of a call that writes, 99th percentile of the worst verb and resource in five minutes",
    "api.reading.p99": "time of a call that reads, 99th percentile of the worst verb and resource in five minutes",
    "cloud.calls": "calls of the fake clouds",
    "cloud.throttled": "calls that a fake cloud turned away because there were too many",
    "cloud.failed": "calls of a fake cloud that failed otherwise",
    "queue.scheduler.max": "pods without a node, at most; looked at 400 times in a run",
    "queue.runners.max": "pods that wait for a worker of their runner, of all runners, at most; looked at as often",
    "requested.cpu.max": "share of the CPU of all nodes that pods request, at most; 1 is all of it",
    "requested.memory.max": "share of the memory of all nodes that pods request, at most",
    "cost.total": "what all pods cost that run where there are prices",
}
"""What can be measured, and what it means; and ``cost.GROUP`` for each group of nodes with prices."""
COST = "cost."

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_FORM = re.compile(r"\s*([a-z0-9.-]+?)\s*(==|!=|<=|>=|<|>)\s*(\S+)\s*")


@dataclass(frozen=True, slots=True)
class Objective:
    """A measured series, and the bound that it is to keep."""

    text: str
    series: str
    operator: str
    bound: float

    def holds(self, value: float) -> bool:
        """Whether the value keeps the bound."""
        return _OPERATORS[self.operator](value, self.bound)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How an objective came out.

    Attributes:
        measured: None if nothing was there to measure.
        by: how far from the bound it was in the end, if it was missed.
        since: from when on it was missed, in seconds of virtual time; None if it was met, or nobody knows.
    """

    text: str
    measured: float | None
    met: bool
    by: float | None = None
    since: float | None = None


def parse(text: str) -> Objective:
    """The objective that a line states.

    Raises:
        ValueError: saying what is wrong and what could be meant.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no objective; write a series, a comparison and a number: pods.failed == 0")
    series, comparison, number = match.groups()
    if series not in SERIES and not (series.startswith(COST) and series != COST):
        close = difflib.get_close_matches(series, SERIES, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(SERIES)}"
        raise ValueError(f"unknown series {series!r}; {hint}")
    return Objective(text.strip(), series, comparison, parse_seconds(number))


def meaning(series: str) -> str:
    """What a series is, in words."""
    return SERIES.get(series) or f"what the pods on {series.removeprefix(COST)} cost"


def judge(
    objectives: list[str], measured: Mapping[str, float], since: Mapping[str, float] | None = None
) -> list[Verdict]:
    """How each objective came out; a series without a value misses it.

    Args:
        objectives: their texts.
        measured: series -> value.
        since: text of an objective -> from when on it was missed.
    """
    verdicts = []
    for text in objectives:
        objective = parse(text)
        value = measured.get(objective.series)
        if value is not None and objective.holds(value):
            verdicts.append(Verdict(objective.text, value, met=True))
            continue
        by = None if value is None else round(abs(value - objective.bound), 6)
        began = None if since is None else since.get(text)
        verdicts.append(Verdict(objective.text, value, met=False, by=by, since=began))
    return verdicts
