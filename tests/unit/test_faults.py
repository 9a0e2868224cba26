"""Every kind of fault does what it says, and the production runner gets over it (``vksim.faults``)."""

import io
from typing import Any

import pytest

from vksim import scenario
from vksim.faults.kinds import KINDS
from vksim.result import Result
from vksim.simulation import play

WORKLOAD = {"name": "w", "pods": 24, "over": "40s", "runFor": ["20s", "40s"], "gracePeriod": "5s"}

PLAYED: dict[str, dict[str, Any]] = {
    "runner-crash": {"node": "n-0"},
    "runner-restarts": {"group": "n", "share": 0.5},
    "runner-hang": {"node": "n-1"},
    "runner-slow": {"by": "2s"},
    "network-partition": {"node": "n-0", "between": "both"},
    "network-latency": {"by": ["1s", "3s"]},
    "node-lease-lost": {"node": "n-0"},
    "node-cordon": {"node": "n-0"},
    "node-drain": {"node": "n-0"},
    "node-taint": {"node": "n-0", "effect": "NoSchedule"},
    "node-deleted": {"node": "n-0"},
    "node-leave": {"node": "n-0"},
    "pod-kill": {"count": 3, "workload": "w"},
    "pod-oom": {"share": 0.3},
    "pod-evict": {"count": 2, "group": "n"},
    "pod-delete": {"count": 2, "gracePeriod": "3s"},
    "pod-finalizer": {"count": 2},
    "api-latency": {"by": "3s", "verbs": ["patch", "create"]},
    "api-errors": {"code": 503, "rate": 0.5, "resources": ["pods"]},
    "api-throttle": {"retryAfter": "2s", "rate": 0.7},
    "api-outage": {},
    "api-lost-answers": {"rate": 0.5},
    "api-stale-reads": {},
    "watch-drop": {"every": "25s"},
    "watch-lag": {"by": "4s", "resources": ["pods"]},
    "watch-compaction": {},
    "provider-errors": {"operation": "all", "rate": 0.5},
    "cloud-outage": {},
    "cloud-throttle": {"rate": 0.8},
    "cloud-no-capacity": {},
    "cloud-lost-answers": {"rate": 0.5, "operations": ["create"]},
    "cloud-lost-requests": {"rate": 0.5},
    "cloud-slow": {"median": "2s", "p99": "6s"},
    "cloud-slow-start": {"factor": 6},
    "cloud-vanish": {"count": 3},
    "cloud-stops-pods": {"share": 0.3},
    "cloud-spot-wave": {"share": 0.5, "group": "n"},
}

AT_ONCE = {"pod-kill", "pod-oom", "pod-evict", "pod-delete", "node-deleted", "watch-drop", "watch-compaction"}
AT_ONCE |= {"cloud-vanish", "cloud-stops-pods", "cloud-spot-wave"}


def played(*faults: dict[str, Any], **more: Any) -> Result:
    data = {
        "apiVersion": "vksim/v1",
        "kind": "Scenario",
        "metadata": {"name": "faults"},
        "duration": "4m",
        "seed": 1,
        "cluster": {"nodes": [{"name": "n", "count": 2}, {"name": "other", "count": 1}]},
        "workloads": [WORKLOAD],
        "faults": list(faults),
        **more,
    }
    return play(scenario.decode(data), "faults.yaml", io.BytesIO())


def broken(result: Result) -> list[str]:
    return [f"{each.name}: {line}" for each in result.invariants for line in each.violations]


def test_every_kind_is_played_here() -> None:
    assert sorted(PLAYED) == sorted(KINDS)


@pytest.mark.parametrize("kind", PLAYED)
def test_a_fault_fires_and_the_runner_gets_over_it(kind: str) -> None:
    lasting = {} if kind in AT_ONCE else {"for": "30s"}
    others = [{"kind": "watch-compaction", "at": "30s"}] if kind == "api-stale-reads" else []  # else nobody lists
    result = played({"kind": kind, "at": "25s", **lasting, **PLAYED[kind]}, *others)
    assert result.faults[0].fired > 0
    assert broken(result) == []
    ended = result.measured["pods.succeeded"] + result.measured["pods.failed"] + result.measured["pods.deleted"]
    assert ended >= 24


@pytest.mark.parametrize(
    ("kind", "series", "least"),
    [
        ("api-latency", "pod.startup.max", 6),
        ("network-partition", "pod.startup.max", 10),
        ("cloud-slow-start", "pod.startup.max", 6),
        ("cloud-no-capacity", "pod.startup.max", 15),
        ("pod-kill", "pods.failed", 3),
        ("cloud-vanish", "pods.failed", 3),
        ("cloud-stops-pods", "pods.failed", 1),
        ("pod-oom", "pods.failed", 1),
        ("pod-delete", "pods.deleted", 2),
        ("pod-finalizer", "pods.deleted", 2),
        ("provider-errors", "provider.errors", 1),
    ],
)
def test_a_fault_shows_in_what_is_measured(kind: str, series: str, least: float) -> None:
    lasting = {} if kind in AT_ONCE else {"for": "30s"}
    assert played({"kind": kind, "at": "5s" if lasting else "45s", **lasting, **PLAYED[kind]}).measured[series] >= least


def test_a_fault_comes_again_and_by_chance() -> None:
    assert (
        played({"kind": "runner-crash", "node": "n-0", "at": "10s", "for": "5s", "every": "30s"}).faults[0].fired == 8
    )
    sometimes = {"kind": "runner-crash", "node": "n-0", "at": "5s", "for": "1s", "every": "5s", "probability": 0.3}
    assert 5 <= played(sometimes).faults[0].fired <= 25


def test_the_same_faults_come_again_with_the_same_seed() -> None:
    storm = [
        {"kind": "runner-restarts", "at": "10s", "for": "60s", "share": 0.5},
        {"kind": "api-errors", "at": "20s", "for": "60s", "rate": 0.3},
        {"kind": "cloud-vanish", "at": "50s", "share": 0.2},
        {"kind": "watch-lag", "at": "30s", "for": "30s"},
    ]
    first, second = played(*storm), played(*storm)
    assert first.event_log_sha256 == second.event_log_sha256
    assert [each.fired for each in first.faults] == [each.fired for each in second.faults]
    assert broken(first) == []


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"kind": "runner-hang", "at": "1s"}, "for: without a length it does nothing"),
        (
            {"kind": "runner-crash", "at": "1s", "for": "9s", "every": "5s"},
            "every: it would come again before it is over",
        ),
        ({"kind": "api-errors", "at": "1s", "for": "9s", "code": 200}, ">= 400"),
        ({"kind": "pod-kill", "at": "1s", "share": 0}, "> 0"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(fault: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        played(fault)
