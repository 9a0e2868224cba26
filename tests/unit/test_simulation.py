"""Whole runs in virtual time (``vksim.simulation``): what a scenario does, and that it does it the same way again."""

import hashlib
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from vksim import scenario
from vksim.node_groups import ZONE
from vksim.result import Result
from vksim.scenario_file import find, load
from vksim.simulation import play

QUICKSTART = find("quickstart")


def small(**changes: Any) -> dict[str, Any]:
    return {
        "apiVersion": "vksim/v1",
        "kind": "Scenario",
        "metadata": {"name": "small"},
        "duration": "2m",
        "cluster": {"nodes": [{"name": "n", "count": 2}]},
        "workloads": [{"name": "w", "pods": 4, "runFor": "10s"}],
        **changes,
    }


def played(data: dict[str, Any]) -> tuple[Result, bytes]:
    log = io.BytesIO()
    result = play(scenario.decode(data), "small.yaml", log)
    return result, log.getvalue()


def test_pods_run_and_succeed() -> None:
    result, _ = played(small(expect=["pods.succeeded == 4", "pod.startup.max <= 5s"]))
    assert result.passed
    assert result.measured["pods.succeeded"] == 4
    assert result.measured["pod.retries.max"] == 0


def test_a_missed_objective_fails_the_run() -> None:
    result, _ = played(small(expect=["pods.succeeded == 5"]))
    assert not result.passed
    assert [each.met for each in result.expectations] == [False]


def test_provider_errors_delay_pods_and_lose_none() -> None:
    fault = {"kind": "provider-errors", "at": "0s", "for": "30s", "operation": "create"}
    result, _ = played(small(faults=[fault], expect=["pods.succeeded == 4"]))
    assert result.passed
    assert result.measured["provider.errors"] >= 4
    assert result.measured["pod.retries.mean"] == result.measured["provider.errors"] / 4
    assert result.measured["pod.retries.max"] == max(each.tries for each in result.lives) - 1 > 0
    assert result.measured["pod.startup.p50"] > 30


def test_a_life_says_when_the_scheduler_took_the_pod_up_and_when_the_provider_was_asked() -> None:
    cluster = {**small()["cluster"], "api": {"latency": "100ms"}}
    result, _ = played(small(cluster=cluster, workloads=[{"name": "w", "pods": 4, "at": "10s", "runFor": "10s"}]))
    life = result.lives[0]
    moments = [life.created, life.taken, life.scheduled, life.asked, life.accepted, life.started, life.running]
    assert None not in moments
    assert moments == sorted(moments)  # type: ignore[type-var]  # none is None
    means = {each.name: each.mean for each in result.parts}
    assert means["queue"] == 0
    assert means["schedule"] == pytest.approx(0.1)


def test_a_crashed_runner_loses_nothing() -> None:
    crash = {"kind": "runner-crash", "at": "3s", "for": "20s", "node": "n-0"}
    result, _ = played(small(faults=[crash], expect=["pods.succeeded == 4"]))
    assert result.passed
    assert result.startups[-1] < 60


def test_pods_that_fit_nowhere_wait_until_there_is_room() -> None:
    nodes = [{"name": "n", "count": 1, "capacity": {"cpu": "1", "memory": "8Gi", "pods": "10"}}]
    workloads = [{"name": "w", "pods": 6, "runFor": "10s", "requests": {"cpu": "500m"}}]
    result, _ = played(small(cluster={"nodes": nodes}, workloads=workloads, expect=["pods.succeeded == 6"]))
    assert result.passed
    assert result.startups[-1] > 20


def test_finished_pods_are_deleted_where_the_workload_asks_for_it() -> None:
    workloads = [{"name": "w", "pods": 3, "runFor": "5s", "deleteAfter": "5s"}]
    result, _ = played(small(workloads=workloads, expect=["pods.deleted == 3", "pods.succeeded == 3"]))
    assert result.passed


def test_the_phases_are_counted_over_time() -> None:
    result, _ = played(small())
    assert max(result.phases["Running"]) == 4
    assert result.phases["Succeeded"][-1] == 4
    assert all(len(counts) == len(result.times) for counts in result.phases.values())


def test_another_seed_is_another_run() -> None:
    poisson = [{"name": "w", "pods": 4, "over": "30s", "arrival": "poisson"}]
    assert played(small(workloads=poisson))[1] != played(small(workloads=poisson, seed=2))[1]


def test_a_run_is_repeated_to_the_byte() -> None:
    logs = []
    for _ in range(2):
        log = io.BytesIO()
        result = play(load(QUICKSTART), "quickstart", log)
        assert result.event_log_sha256 == hashlib.sha256(log.getvalue()).hexdigest()
        logs.append(log.getvalue())
    assert logs[0] == logs[1]


@pytest.mark.parametrize("hash_seed", ["1", "2", "3", "4"])
def test_a_run_does_not_depend_on_the_hash_seed(hash_seed: str) -> None:
    code = (
        "import io; from vksim.scenario_file import find, load; from vksim.simulation import play;"
        "print(play(load(find('quickstart')), 'quickstart', io.BytesIO()).event_log_sha256)"
    )
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    other = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, cwd=Path.cwd()
    )
    assert other.stdout.strip() == play(load(QUICKSTART), "quickstart", io.BytesIO()).event_log_sha256


def test_nodes_join_and_leave_and_lose_no_pod() -> None:
    nodes = [{"name": "n", "count": 1, "scale": [{"at": "10s", "to": 3}, {"at": "60s", "to": 1, "over": "5s"}]}]
    workloads = [
        {"name": "w", "pods": 30, "over": "50s", "runFor": "20s", "requests": {"cpu": "1"}},
        {"name": "late", "pods": 6, "at": "80s", "runFor": "10s"},
    ]
    result, log = played(small(cluster={"nodes": nodes}, workloads=workloads))
    assert result.passed
    assert b'"type":"DELETED","kind":"Node","name":"n-2"' in log
    assert result.measured["pods.succeeded"] + result.measured["pods.failed"] == 36


def test_a_group_joins_late_with_its_zones_and_taints() -> None:
    nodes = [
        {
            "name": "n",
            "count": 4,
            "joinAt": "20s",
            "joinOver": "6s",
            "zones": ["a", "b"],
            "taints": [{"key": "spot", "effect": "NoSchedule"}],
        }
    ]
    spot = {"tolerations": [{"key": "spot", "operator": "Exists"}], "nodeSelector": {ZONE: "b"}}
    workloads = [{"name": "w", "pods": 4, "runFor": "10s", **spot}, {"name": "not", "pods": 1}]
    result, _ = played(small(cluster={"nodes": nodes}, workloads=workloads))
    assert result.measured["pods.succeeded"] == 4
    assert result.measured["pods.pending"] == 1
    assert result.startups[0] > 20


def test_a_run_ends_as_soon_as_its_goal_is_reached() -> None:
    result, _ = played(small(until=["pods.succeeded == 4"], settle="5s", expect=["pods.succeeded == 4"]))
    assert result.passed
    assert result.virtual_seconds < 30
