"""A mock cloud with a folder outlives its process: what is in the folder is enough to go on."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest

from providers import pods
from providers.errors import InvalidConfig, NotFound
from providers.mock import create
from providers.mock.provider import MockProvider
from tests.unit.mock_setting import context, pod_with, virtual_clock
from vksim.loop import VirtualLoop, run

T = TypeVar("T")


class Process:
    """A process that may be killed: a loop that is dropped where it stands. The next one begins at the same time."""

    def __init__(self, folder: Path, at: float = 0.0) -> None:
        self.loop = VirtualLoop()
        self.do(asyncio.sleep(at))
        self.provider = self.do(self._provider(folder))
        self.told: list[Any] = []
        self.provider.notify_pods(self.told.append)
        self.do(self.provider.start())

    async def _provider(self, folder: Path) -> MockProvider:
        return create(context(virtual_clock(), state=str(folder)))

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def passes(self, seconds: float) -> None:
        self.do(asyncio.sleep(seconds))

    def killed(self) -> float:
        at = self.loop.time()
        self.loop.close()
        return at

    def status(self, pod: Any) -> Any:
        return self.do(self.provider.get_pod_status(pods.ref(pod)))


def test_a_running_pod_is_still_the_same_in_the_next_process(tmp_path: Path) -> None:
    pod = pod_with()
    first = Process(tmp_path)
    first.do(first.provider.create_pod(pod))
    first.passes(5)
    before = first.status(pod)
    second = Process(tmp_path, first.killed())
    assert second.status(pod) == before
    second.do(second.provider.create_pod(pod))
    assert second.provider._cloud.starts[pods.uid(pod)] == 1
    assert [pods.ref(each) for each in second.do(second.provider.get_pods())] == [pods.ref(pod)]
    second.killed()


def test_what_lay_ahead_still_happens_at_its_time(tmp_path: Path) -> None:
    pod = pod_with("Never", run_for="30s..40s", exit_code="3")
    first = Process(tmp_path)
    first.do(first.provider.create_pod(pod))
    first.passes(5)
    due = first.provider._cloud.find(pods.uid(pod)).plan
    assert due is not None
    second = Process(tmp_path, first.killed())
    assert second.provider._cloud.find(pods.uid(pod)).plan == due
    second.passes(60)
    finished = second.status(pod)["containerStatuses"][0]["state"]["terminated"]["finishedAt"]
    assert finished == due.at.strftime("%Y-%m-%dT%H:%M:%SZ")
    second.killed()


def test_what_was_due_meanwhile_has_happened_at_its_time(tmp_path: Path) -> None:
    pod = pod_with("Never", start_after="0", run_for="30s")
    first = Process(tmp_path)
    first.do(first.provider.create_pod(pod))
    first.passes(5)
    second = Process(tmp_path, first.killed() + 1000)
    second.passes(1)
    assert second.status(pod)["phase"] == "Succeeded"
    assert second.status(pod)["containerStatuses"][0]["state"]["terminated"]["finishedAt"] == "2026-01-01T00:00:30Z"
    second.killed()


def test_restarts_and_their_history_are_kept(tmp_path: Path) -> None:
    pod = pod_with(start_after="0", run_for="5s", exit_code="7")
    first = Process(tmp_path)
    first.do(first.provider.create_pod(pod))
    first.passes(5 + 10 + 5 + 1)
    before = first.status(pod)
    assert before["containerStatuses"][0]["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    second = Process(tmp_path, first.killed())
    assert second.status(pod) == before
    second.passes(20)
    assert second.status(pod)["containerStatuses"][0]["restartCount"] == 2
    second.killed()


def test_a_second_start_of_the_provider_changes_nothing(tmp_path: Path) -> None:
    pod = pod_with("Never", start_after="0", run_for="30s")
    process = Process(tmp_path)
    process.do(process.provider.create_pod(pod))
    process.passes(5)
    process.do(process.provider.start())
    process.passes(100)
    assert [pods.phase(each) for each in process.told] == ["Pending", "Running", "Succeeded"]
    process.killed()


def test_a_pod_that_was_ending_still_ends(tmp_path: Path) -> None:
    pod = pod_with(end_after="30s")
    first = Process(tmp_path)
    first.do(first.provider.create_pod(pod))
    first.passes(5)
    first.do(first.provider.delete_pod(pod))
    second = Process(tmp_path, first.killed() + 10)
    second.passes(21)
    with pytest.raises(NotFound):
        second.status(pod)
    second.killed()


def test_a_pod_that_is_gone_leaves_no_file(tmp_path: Path) -> None:
    pod = pod_with()
    process = Process(tmp_path)
    process.do(process.provider.create_pod(pod))
    assert len(list(tmp_path.rglob("*.json"))) == 1
    process.do(process.provider.delete_pod(pod))
    assert not list(tmp_path.rglob("*.json"))
    process.killed()


def test_a_new_pod_gets_no_address_that_is_in_use(tmp_path: Path) -> None:
    old, new = pod_with(start_after="0"), pod_with(start_after="0")
    first = Process(tmp_path)
    first.do(first.provider.create_pod(old))
    first.passes(1)
    second = Process(tmp_path, first.killed())
    second.do(second.provider.create_pod(new))
    second.passes(1)
    assert second.status(new)["podIP"] != second.status(old)["podIP"]
    second.killed()


async def started(folder: Path) -> None:
    await create(context(virtual_clock(), state=str(folder))).start()


def test_a_damaged_file_is_told_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "vk").mkdir()
    (tmp_path / "vk" / "x.json").write_text("{")
    with pytest.raises(InvalidConfig, match=r"x\.json is damaged .*; delete it to go on without the pod"):
        run(started(tmp_path))


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidConfig, match=r"state: cannot write to .*; name another folder"):
        run(started(tmp_path / "file"))
