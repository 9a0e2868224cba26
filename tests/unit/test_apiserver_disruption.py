"""The disruption controller where the recorded cases cannot look: time, restarts, many pods, odd objects."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from fakes.apiserver import budgets, controllers
from fakes.apiserver.catalog import BUDGETS
from fakes.apiserver.errors import StatusError
from fakes.apiserver.options import DELETE, WRITE
from fakes.apiserver.patches import MERGE
from fakes.apiserver.resources import PODS
from fakes.apiserver.server import ApiServer
from fakes.apiserver.storage import Storage

READY = {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}


class Setting:
    """A server with a clock to turn."""

    def __init__(self, **options: Any) -> None:
        self.moment = datetime(2026, 1, 2, tzinfo=UTC)
        self.server = ApiServer(now=lambda: self.moment, random=Random(7), checked=True, **options)

    def budget(self, name: str = "b", **spec: Any) -> None:
        body = {"metadata": {"name": name}, "spec": {"selector": {"matchLabels": {"app": "a"}}, **spec}}
        self.server.create(BUDGETS, "default", body)

    def pod(self, name: str, **metadata: Any) -> None:
        spec = {"nodeName": "n1", "containers": [{"name": "c", "image": "app:1"}]}
        self.server.create(
            PODS, "default", {"metadata": {"name": name, "labels": {"app": "a"}, **metadata}, "spec": spec}
        )
        self.server.patch(PODS, "default", name, READY, MERGE, subresource="status")

    def evict(self, name: str) -> None:
        self.server.create(
            PODS, "default", {"metadata": {"name": name}}, name=name, subresource="eviction", options=WRITE
        )

    def status(self, name: str = "b") -> dict[str, Any]:
        found: dict[str, Any] = self.server.get(BUDGETS, "default", name)["status"]
        return found

    def allowed(self) -> int:
        count: int = self.status()["disruptionsAllowed"]
        return count


def test_a_budget_follows_its_pods() -> None:
    setting = Setting()
    setting.budget(minAvailable=1)
    for number, allowed in enumerate([0, 1, 2]):
        setting.pod(f"p{number}")
        assert setting.allowed() == allowed
    setting.server.delete(PODS, "default", "p0", DELETE)
    assert setting.allowed() == 1
    setting.server.patch(PODS, "default", "p1", {"status": {"conditions": []}}, MERGE, subresource="status")
    assert setting.allowed() == 0


def test_a_pod_that_is_not_covered_changes_nothing() -> None:
    setting = Setting()
    setting.budget(minAvailable=0)
    version = setting.server.get(BUDGETS, "default", "b")["metadata"]["resourceVersion"]
    setting.pod("p", labels={"app": "b"})
    assert setting.server.get(BUDGETS, "default", "b")["metadata"]["resourceVersion"] == version


def test_a_change_of_a_pod_is_not_looked_for_in_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    setting = Setting()
    setting.budget(minAvailable=0)
    for number in range(100):
        setting.pod(f"p{number}")
    looked = []
    ready = budgets.is_ready
    monkeypatch.setattr(budgets, "is_ready", lambda pod: looked.append(pod) or ready(pod))
    setting.server.patch(PODS, "default", "p7", {"status": {"conditions": []}}, MERGE, subresource="status")
    assert setting.allowed() == 99
    assert len(looked) == 1


def test_an_evicted_pod_that_stays_counts_as_healthy_again_after_two_minutes() -> None:
    setting = Setting()
    for name in ("p", "q"):
        setting.pod(name)
    setting.budget(minAvailable=1)
    spent = budgets.spend(setting.server.get(BUDGETS, "default", "b"), "p", "2026-01-02T00:00:00Z")
    setting.server.update(BUDGETS, "default", "b", spent, subresource="status")
    assert setting.status()["currentHealthy"] == 1
    setting.moment += timedelta(seconds=121)
    setting.server.patch(BUDGETS, "default", "b", {"metadata": {"labels": {"a": "b"}}}, MERGE)
    assert setting.status()["currentHealthy"] == 2
    assert "disruptedPods" not in setting.status()


def test_the_next_process_goes_on_counting(tmp_path: Path) -> None:
    storage = Storage(tmp_path)
    before = Setting(storage=storage)
    before.budget(minAvailable=1)
    before.pod("p")
    after = Setting(storage=storage)
    after.pod("q")
    assert after.allowed() == 1


def test_without_the_controller_the_status_is_somebody_elses_and_evictions_ask_it_to_come() -> None:
    setting = Setting(running=controllers.ALL - {controllers.DISRUPTION})
    setting.pod("p")
    setting.budget(minAvailable=0)
    with pytest.raises(StatusError, match="disruption budget") as caught:
        setting.evict("p")
    assert caught.value.status["details"] == {
        "causes": [
            {"reason": "DisruptionBudget", "message": "The disruption budget b is still being processed by the server."}
        ],
        "retryAfterSeconds": 10,
    }


def test_the_status_of_a_budget_is_only_as_good_as_who_wrote_it() -> None:
    budget = {
        "metadata": {"name": "b", "generation": 1},
        "status": {"observedGeneration": 1, "disruptionsAllowed": -1},
    }
    with pytest.raises(StatusError, match="pdb disruptions allowed is negative"):
        budgets.spend(budget, "p", "")
    many = {f"p{number}": "" for number in range(budgets.MOST_DISRUPTED + 1)}
    budget["status"] = {"observedGeneration": 1, "disruptionsAllowed": 1, "disruptedPods": many}
    with pytest.raises(StatusError, match="DisruptedPods map too big"):
        budgets.spend(budget, "p", "")


@pytest.mark.parametrize(
    ("spec", "expected", "desired"),
    [
        ({"minAvailable": 3}, 10, 3),
        ({"minAvailable": "31%"}, 10, 4),
        ({"maxUnavailable": "31%"}, 10, 6),
        ({"maxUnavailable": 11}, 10, 0),
        ({}, 10, 0),
    ],
)
def test_shares_are_rounded_up(spec: dict[str, Any], expected: int, desired: int) -> None:
    assert budgets.desired(spec, expected) == desired


@pytest.mark.parametrize(
    ("owner", "message"),
    [
        ({"apiVersion": "apps/v1", "kind": "ReplicaSet"}, 'found no controllers for pod "p"'),
        ({"apiVersion": "batch/v1", "kind": "Job"}, "jobs.batch does not implement the scale subresource"),
        ({"apiVersion": "example.org/v1", "kind": "Thing"}, 'no matches for kind "Thing" in version "example.org/v1"'),
    ],
)
def test_a_controller_that_tells_no_scale_fails_the_budget(owner: dict[str, Any], message: str) -> None:
    setting = Setting(running=controllers.ALL - {controllers.GARBAGE_COLLECTOR})
    setting.pod("p", ownerReferences=[{**owner, "name": "x", "uid": "1-2-3", "controller": True}])
    setting.budget(maxUnavailable=1)
    [condition] = setting.status()["conditions"]
    assert (condition["reason"], condition["message"]) == ("SyncFailed", message)
    assert setting.allowed() == 0


def test_a_deleted_budget_is_forgotten() -> None:
    setting = Setting()
    setting.budget(minAvailable=1)
    setting.pod("p")
    setting.server.delete(BUDGETS, "default", "b")
    setting.evict("p")
    assert "deletionTimestamp" in setting.server.get(PODS, "default", "p")["metadata"]
