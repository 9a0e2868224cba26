"""What runs a group's pods: the mock, a profile, or the production provider on a fake cloud (``vksim.node_groups``)."""

import io
from typing import Any

import pytest

from vksim import scenario
from vksim.profiles import PROFILES
from vksim.result import Result
from vksim.scenario_file import find, load
from vksim.simulation import play

QUICK = {"provision": {"median": "2s"}, "write": {"median": "0.1s"}, "transition": {"median": "0s"}}


def played(*nodes: dict[str, Any], **changes: Any) -> Result:
    data = {
        "apiVersion": "vksim/v1",
        "kind": "Scenario",
        "metadata": {"name": "clouds"},
        "duration": "6m",
        "cluster": {"nodes": list(nodes)},
        "workloads": [{"name": "w", "pods": 12, "over": "60s", "runFor": "20s", "deleteAfter": "10s"}],
        **changes,
    }
    return play(scenario.decode(data), "clouds.yaml", io.BytesIO())


def broken(result: Result) -> list[str]:
    return [line for each in result.invariants for line in each.violations]


@pytest.mark.parametrize("name", ["aci", "eci"])
def test_the_production_provider_runs_pods_on_its_cloud(name: str) -> None:
    group = {"name": "c", "count": 1, "provider": name, "cloud": "west"}
    result = played(group, clouds={"west": {"provider": name}}, expect=["pods.succeeded == 12", "pods.deleted == 12"])
    assert result.passed, [*broken(result), *result.expectations]
    assert result.startups[0] > 3


def test_what_a_scenario_says_of_a_cloud_holds_and_the_rest_is_as_in_reality() -> None:
    group = {"name": "c", "count": 1, "provider": "aci", "cloud": "west"}
    fast = played(group, clouds={"west": {"provider": "aci", "latencies": QUICK}})
    assert fast.passed
    assert fast.startups[-1] < 12
    small = played(group, clouds={"west": {"provider": "aci", "latencies": QUICK, "quotas": {"ContainerGroups": 2}}})
    assert broken(small) == []
    assert small.startups[-1] > 20


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "cloud-outage", "for": "30s"},
        {"kind": "cloud-throttle", "for": "30s", "rate": 0.7},
        {"kind": "cloud-lost-answers", "for": "30s", "rate": 0.5},
        {"kind": "cloud-slow", "for": "30s"},
        {"kind": "cloud-slow-start", "for": "30s"},
        {"kind": "network-partition", "for": "30s", "between": "cloud"},
        {"kind": "runner-crash", "for": "20s"},
    ],
    ids=lambda fault: str(fault["kind"]),
)
def test_the_production_provider_gets_over_what_breaks(fault: dict[str, Any]) -> None:
    group = {"name": "c", "count": 1, "provider": "aci", "cloud": "west"}
    result = played(group, clouds={"west": {"provider": "aci", "latencies": QUICK}}, faults=[{"at": "20s", **fault}])
    assert broken(result) == []
    assert result.faults[0].fired > 0
    assert result.measured["pods.deleted"] == 12


def test_fidelity_is_a_choice_for_each_group() -> None:
    exact = {"name": "exact", "count": 1, "provider": "aci", "cloud": "west", "labels": {"fidelity": "exact"}}
    profiled = {"name": "many", "count": 5, "profile": "aci"}
    workloads = [
        {"name": "few", "pods": 5, "over": "30s", "runFor": "20s", "nodeSelector": {"group": "exact"}},
        {"name": "many", "pods": 50, "over": "30s", "runFor": "20s", "nodeSelector": {"group": "many"}},
    ]
    result = played(exact, profiled, clouds={"west": {"provider": "aci"}}, workloads=workloads)
    assert result.passed, broken(result)
    assert result.measured["pods.succeeded"] == 55
    assert 15 < result.measured["pod.startup.p50"] < 45


def test_a_run_on_a_cloud_is_repeated_to_the_byte() -> None:
    group = {"name": "c", "count": 1, "provider": "aci", "cloud": "west"}
    first, second = (played(group, clouds={"west": {"provider": "aci"}}) for _ in range(2))
    assert first.event_log_sha256 == second.event_log_sha256


def test_the_burst_to_aci_passes_with_fewer_pods() -> None:
    small = load(find("aci-burst"), {"pods": "80", "creates": "30"})
    result = play(small, "aci-burst", io.BytesIO())
    assert result.passed, broken(result)


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_is_a_script_that_the_mock_understands(name: str) -> None:
    assert played({"name": "n", "count": 2, "profile": name}).passed
