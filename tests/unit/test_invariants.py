"""Each invariant is tripped by a fault that is put into the code that it watches over (``vksim.checker``)."""

import ast
import asyncio
import io
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from fakes.apiserver import writes
from fakes.apiserver.garbage import GarbageCollector
from fakes.apiserver.resources import PODS as POD_TYPE
from fakes.apiserver.watch import Watcher
from providers.errors import NotFound
from providers.mock.provider import MockProvider
from runner import lifecycle
from runner.agent import Agent
from runner.events import EventRecorder
from runner.kube import PODS, PatchType
from vksim import cluster, invariants, scenario, scheduler
from vksim.invariants import INVARIANTS, End, InCloud, Invariant
from vksim.result import Checked, Result
from vksim.simulation import play
from vksim.template import Template


def played(**changes: Any) -> Result:
    data = {
        "apiVersion": "vksim/v1",
        "kind": "Scenario",
        "metadata": {"name": "broken"},
        "duration": "2m",
        "cluster": {"nodes": [{"name": "n", "count": 2}]},
        "workloads": [{"name": "w", "pods": 4, "runFor": "60s", "deleteAfter": "40s"}],
        **changes,
    }
    return play(scenario.decode(data), "broken.yaml", io.BytesIO())


def violated(result: Result) -> Checked:
    """The one invariant that was violated, which the run must have stopped at."""
    found = [each for each in result.invariants if each.violations]
    assert [each.name for each in found][1:] == []
    assert found, "nothing was violated"
    assert not result.passed
    return found[0]


Rogue = Callable[[Agent], Awaitable[None]]


@pytest.fixture
def rogue(monkeypatch: pytest.MonkeyPatch) -> Callable[[Rogue], None]:
    """Has every runner do something that it should not, besides its work."""

    def put_in(act: Rogue) -> None:
        serve = cluster._serve

        async def misbehaving(agent: Agent, provider: Any) -> None:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(act(agent))
                await serve(agent, provider)

        monkeypatch.setattr(cluster, "_serve", misbehaving)

    return put_in


async def write(agent: Agent, number: int, status: dict[str, Any]) -> None:
    """Write a status of one of the runner's pods, past all its rules."""
    pods = [record.pod for record in agent.records.values()]
    if len(pods) > number:
        meta = pods[number]["metadata"]
        await agent._kube.patch(
            PODS, meta["name"], {"status": status}, meta["namespace"], patch_type=PatchType.MERGE, subresource="status"
        )


def test_a_healthy_run_violates_nothing() -> None:
    result = played()
    assert [each.violations for each in result.invariants] == [[]] * len(INVARIANTS)
    assert len(INVARIANTS) >= 12


def test_every_invariant_is_tripped_here() -> None:
    tests = [each for each in ast.parse(Path(__file__).read_text()).body if isinstance(each, ast.FunctionDef)]
    named = {
        constant.value
        for test in tests
        if any(isinstance(each, ast.Name) and each.id == "violated" for each in ast.walk(test))
        for constant in ast.walk(test)
        if isinstance(constant, ast.Constant)
    }
    assert [each.name for each in INVARIANTS if each.name not in named] == []


def test_a_runner_that_deletes_what_runs_loses_a_pod(rogue: Callable[[Rogue], None]) -> None:
    async def act(agent: Agent) -> None:
        await asyncio.sleep(20)
        for record in list(agent.records.values())[:1]:
            meta = record.pod["metadata"]
            await agent._kube.delete(PODS, meta["name"], meta["namespace"], grace_period_seconds=0)

    rogue(act)
    found = violated(played())
    assert found.name == "no pod lost"
    assert "runs, and n-" in found.violations[0]
    assert any("write  n-" in line and "removed" in line for line in found.chain)


def test_a_runner_that_calls_running_what_has_vanished_loses_a_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle.statuses, "vanished", lambda pod, now: pod["status"])
    vanish = {"kind": "cloud-vanish", "at": "30s", "share": 1.0}
    assert violated(played(faults=[vanish], workloads=[{"name": "w", "pods": 2}])).name == "no pod lost"


def test_a_provider_that_forgets_what_it_made_starts_a_pod_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    create = MockProvider.create_pod

    async def forgetful(self: MockProvider, pod: Any, data: Any) -> None:
        await create(self, pod, data)
        self._cloud.vanish(pod["metadata"]["uid"])
        await create(self, pod, data)

    monkeypatch.setattr(MockProvider, "create_pod", forgetful)
    found = violated(played())
    assert found.name == "none running twice"
    assert sum("mock: create" in line for line in found.chain) == 2


def test_a_provider_that_deletes_nothing_leaks(monkeypatch: pytest.MonkeyPatch) -> None:
    async def gone(self: MockProvider, pod: Any) -> None:
        raise NotFound("there is no such pod, I say")

    monkeypatch.setattr(MockProvider, "delete_pod", gone)
    delete = {"kind": "pod-delete", "at": "20s", "count": 2, "gracePeriod": "1s"}
    found = violated(played(faults=[delete], workloads=[{"name": "w", "pods": 4}]))
    assert (found.name, len(found.violations)) == ("nothing leaked", 2)


@pytest.mark.parametrize(
    ("status", "name", "text"),
    [
        (
            {"phase": "Pending", "conditions": [], "containerStatuses": []},
            "phases go forward",
            "was Running and became Pending",
        ),
        (
            {"containerStatuses": [{"name": "main", "ready": True, "restartCount": 0, "state": {"waiting": {}}}]},
            "ready means running",
            "has the container main ready that does not run",
        ),
        ({"podIP": "10.0.0.1"}, "addresses are unique", "has the address 10.0.0.1 of another"),
    ],
)
def test_a_runner_that_writes_nonsense_is_found(
    rogue: Callable[[Rogue], None], status: dict[str, Any], name: str, text: str
) -> None:
    async def act(agent: Agent) -> None:
        await asyncio.sleep(20)
        await write(agent, 0, status)

    rogue(act)
    found = violated(played())
    assert found.name == name
    assert text in found.violations[0]
    assert found.chain


def test_a_pod_that_leaves_a_terminal_phase_is_found(rogue: Callable[[Rogue], None]) -> None:
    async def act(agent: Agent) -> None:
        await asyncio.sleep(80)
        await write(agent, 0, {"phase": "Failed"})

    rogue(act)
    assert violated(played()).name == "terminal is terminal"


def test_a_restart_count_that_falls_is_found(rogue: Callable[[Rogue], None]) -> None:
    async def act(agent: Agent) -> None:
        await asyncio.sleep(20)
        for count in (4, 2):
            running = {"name": "main", "ready": True, "restartCount": count, "state": {"running": {}}}
            await write(agent, 0, {"containerStatuses": [running]})

    rogue(act)
    found = violated(played())
    assert (found.name, "had 4 restarts of main, and has 2" in found.violations[0]) == ("restarts are counted", True)


def test_a_runner_that_writes_for_ever_is_found(rogue: Callable[[Rogue], None]) -> None:
    async def act(agent: Agent) -> None:
        await asyncio.sleep(10)
        for number in range(400):
            await write(agent, 0, {"message": str(number)})
            await asyncio.sleep(0.1)

    rogue(act)
    assert violated(played()).name == "quiet"


def test_a_runner_that_does_not_listen_tells_lies(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(self: Agent) -> None:
        await asyncio.get_running_loop().create_future()

    monkeypatch.setattr(MockProvider, "notify_pods", lambda self, notify: None)
    monkeypatch.setattr(Agent, "_compare_forever", never)
    found = violated(played(workloads=[{"name": "w", "pods": 2}]))
    assert found.name == "the API tells the truth"
    assert "is Running in the cloud and Pending in the API" in found.violations[0]


def test_a_pod_whose_delete_hangs_is_not_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(self: MockProvider, pod: Any) -> None:
        await asyncio.get_running_loop().create_future()

    monkeypatch.setattr(MockProvider, "delete_pod", hang)
    delete = {"kind": "pod-delete", "at": "5s", "count": 1, "gracePeriod": "1s"}
    found = violated(played(duration="10m", workloads=[{"name": "p", "pods": 2}], faults=[delete]))
    assert found.name == "deleted means gone"
    assert "is there 120 s after its grace" in found.violations[0]


def test_a_deletion_that_is_taken_back_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    with_rest = writes.PARTS[""]

    def forgiving(resource: Any, current: Any, wanted: Any) -> Any:
        new = with_rest(resource, current, wanted)
        return {**new, "metadata": {k: v for k, v in new["metadata"].items() if k != "deletionTimestamp"}}

    monkeypatch.setitem(writes.PARTS, "", forgiving)
    held = {"kind": "pod-finalizer", "at": "20s", "for": "20s", "count": 1}
    found = violated(played(faults=[held]))
    assert found.name == "a deletion is final"


def test_a_scheduler_that_does_not_count_overfills_a_node(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "refusal", lambda need, node: "")
    found = violated(played(workloads=[{"name": "w", "pods": 40, "requests": {"cpu": "3"}}]))
    assert found.name == "capacity is kept"
    assert "has not so much cpu left" in found.violations[0]
    assert any("node none -> n-" in line for line in found.chain)


def test_a_pod_that_changes_its_node_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    with_status = writes.PARTS["status"]

    def moving(resource: Any, current: Any, wanted: Any) -> Any:
        new = with_status(resource, current, wanted)
        if resource is not POD_TYPE or not new["spec"].get("nodeName"):
            return new
        return {**new, "spec": {**new["spec"], "nodeName": "elsewhere"}}

    monkeypatch.setitem(writes.PARTS, "status", moving)
    found = violated(played())
    assert (found.name, "and now to elsewhere" in found.violations[0]) == ("one node for a pod", True)


def test_a_watch_that_delivers_twice_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    push = Watcher.push

    def stammering(self: Watcher, event: Any) -> None:
        push(self, event)
        push(self, event)

    monkeypatch.setattr(Watcher, "push", stammering)
    assert violated(played()).name == "versions rise"


def test_an_event_about_nothing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    record = EventRecorder.tell

    def lying(self: EventRecorder, about: Any, *more: Any, **named: Any) -> None:
        record(self, {**about, "metadata": {**about["metadata"], "uid": "made-up"}}, *more, **named)

    monkeypatch.setattr(EventRecorder, "tell", lying)
    assert violated(played()).name == "events have objects"


def test_a_pod_without_its_owner_is_an_orphan(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Template.pod

    def owned(self: Template, name: str, **more: Any) -> dict[str, Any]:
        pod = made(self, name, **more)
        owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "r", "uid": "gone", "controller": True}
        return {**pod, "metadata": {**pod["metadata"], "ownerReferences": [owner]}}

    monkeypatch.setattr(Template, "pod", owned)
    monkeypatch.setattr(GarbageCollector, "note", lambda self, resource, change: None)
    found = violated(played(workloads=[{"name": "w", "pods": 1}]))
    assert (found.name, found.violations[0][:41]) == ("no orphans", "pod w-0 has outlived its ReplicaSet r (at")


# --- at rest --------------------------------------------------------------------------------------------------------


def not_at_rest(end: End) -> list[Invariant]:
    return [invariant for invariant, check in invariants.AT_REST if list(check(end))]


def pod(**more: Any) -> dict[str, Any]:
    metadata = {"name": "p", "uid": "u", **more.pop("metadata", {})}
    return {"metadata": metadata, "spec": {"nodeName": "n"}, "status": {"phase": "Running"}, **more}


HERE = InCloud("u", "p", "n", "Running")


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        (End({"u": pod()}, (HERE,)), []),
        (End({"u": pod()}, ()), [invariants.LOST]),
        (End({"u": pod()}, (HERE, InCloud("u", "p", "m", "Running"))), [invariants.TWICE]),
        (End({}, (HERE,)), [invariants.LEAKED]),
        (End({"u": pod(status={"phase": "Pending"})}, (HERE,)), [invariants.TRUTH]),
        (End({"u": pod(metadata={"deletionTimestamp": "t"})}, (HERE,)), [invariants.GONE]),
        (End({"u": pod(metadata={"deletionTimestamp": "t", "finalizers": ["f"]})}, (HERE,)), []),
        (End({"u": pod(metadata={"deletionTimestamp": "t"})}, (), frozenset({"n"})), []),
        (End({}, (HERE,), frozenset({"n"})), []),
    ],
)
def test_what_must_hold_at_rest(end: End, expected: list[Invariant]) -> None:
    assert not_at_rest(end) == expected
