"""What pods cost (``vksim.cost``)."""

import io
from pathlib import Path
from typing import Any

import pytest

from tests.unit.test_report import changed
from vksim import misses, report, scenario, summary
from vksim.cost import Bill
from vksim.observer import PodLife
from vksim.scenario import Prices
from vksim.scenario_file import ScenarioError, load
from vksim.schema import Duration
from vksim.simulation import play

PRICES = {"aci": Prices(vcpu_hour=3.6, gb_hour=0.36), "fargate": Prices(vcpu_hour=3.6, minimum=Duration(60.0))}
GROUPS = {"aci-0": "aci", "fargate-0": "fargate", "own-0": "own"}


def life(node: str, accepted: float | None, ended: float | None = None, **more: Any) -> PodLife:
    return PodLife("p", 0.0, node=node, accepted=accepted, ended=ended, cpu=2.0, gib=10.0, workload="w", **more)


def amounts(*lives: PodLife, until: float = 1000.0) -> dict[str, float]:
    return {each.name: each.amount for each in Bill(lives, GROUPS, PRICES, until).groups}


def test_a_pod_costs_what_it_requests_for_the_time_that_it_has_a_place() -> None:
    assert amounts(life("aci-0", 100.0, 200.0))["aci"] == pytest.approx(100 * (2 * 0.001 + 10 * 0.0001))


def test_a_pod_that_runs_on_is_paid_until_the_end() -> None:
    assert amounts(life("aci-0", 900.0))["aci"] == pytest.approx(100 * 0.003)


def test_a_pod_that_was_deleted_is_paid_until_then() -> None:
    assert amounts(life("aci-0", 900.0, deleted=910.0))["aci"] == pytest.approx(10 * 0.003)


def test_a_short_pod_costs_the_least_time() -> None:
    assert amounts(life("fargate-0", 10.0, 20.0))["fargate"] == pytest.approx(60 * 0.002)


def test_what_no_cloud_has_taken_and_what_has_no_price_costs_nothing() -> None:
    assert amounts(life("aci-0", None), life("own-0", 1.0, 2.0), life("", None)) == {"aci": 0, "fargate": 0}


def test_workloads_are_told_with_their_pods() -> None:
    (found,) = Bill([life("aci-0", 0.0, 10.0), life("fargate-0", 0.0, 100.0)], GROUPS, PRICES, 1000.0).workloads
    assert (found.name, found.pods, found.amount) == ("w", 2, pytest.approx(0.03 + 0.2))


def test_money_is_spent_over_time_and_comes_to_the_whole() -> None:
    bill = Bill([life("aci-0", 100.0, 200.0), life("aci-0", 150.0, 250.0)], GROUPS, PRICES, 1000.0)
    assert bill.spent([0.0, 100.0, 150.0, 200.0, 300.0])["aci"] == pytest.approx([0, 0, 0.15, 0.45, 0.6])
    assert bill.measured() == pytest.approx({"cost.total": 0.6, "cost.aci": 0.6, "cost.fargate": 0.0})


def described(**more: Any) -> dict[str, Any]:
    return {
        "apiVersion": scenario.API_VERSION,
        "kind": "Scenario",
        "metadata": {"name": "money"},
        "duration": "10m",
        "cluster": {"nodes": [{"name": "n", "count": 1, "prices": {"vcpuHour": 36}}], "api": {"latency": "0s"}},
        "workloads": [{"name": "web", "pods": 1, "requests": {"cpu": "1"}}],
        **more,
    }


def test_a_run_says_what_its_pods_cost_and_from_when_that_was_too_much() -> None:
    result = play(scenario.decode(described(expect=["cost.n <= 3"])), "money", io.BytesIO())
    (verdict,) = result.expectations
    assert result.measured["cost.n"] == pytest.approx(6.6, abs=0.1)  # ten minutes, and one to settle
    assert verdict.since == pytest.approx(300, abs=10)
    assert misses.told(verdict) == "by 3.60, since 5:00"
    assert "<h2>Cost</h2>" in report.html(result)
    assert "total 6.60" in summary.text(result, Path("report"))


def test_without_prices_nothing_is_told_of_cost() -> None:
    assert "<h2>Cost</h2>" not in report.html(changed())


@pytest.mark.parametrize(
    ("prices", "objective", "words"),
    [
        ("", "cost.total <= 3", "no group of nodes and no cloud has prices"),
        ("prices: {vcpuHour: 1}", "cost.m <= 3", "there are: cost.total, cost.n"),
    ],
)
def test_an_objective_about_what_has_no_price_is_refused(
    tmp_path: Path, prices: str, objective: str, words: str
) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(
        "apiVersion: vksim/v1\nkind: Scenario\nmetadata: {name: s}\nduration: 1m\n"
        f"cluster:\n  nodes:\n    - name: n\n      count: 1\n      {prices}\nexpect: ['{objective}']\n"
    )
    with pytest.raises(ScenarioError, match=words):
        load(file)
