"""The work queue's promises (``runner.workqueue``)."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from runner.workqueue import WorkQueue

Scene = Callable[[WorkQueue[str]], Awaitable[None]]


def play(scene: Scene, *, takes: float = 0.01, workers: int = 2) -> tuple[list[str], int]:
    """Run a scene against a queue whose handler takes a while; what was handled, and how many at once at most."""
    handled: list[str] = []
    most = 0
    active = 0

    async def handle(key: str) -> None:
        nonlocal most, active
        active += 1
        most = max(most, active)
        await asyncio.sleep(takes)
        handled.append(key)
        active -= 1

    async def main() -> None:
        queue: WorkQueue[str] = WorkQueue(handle, workers=workers)
        running = asyncio.create_task(queue.run())
        await asyncio.sleep(0)
        await scene(queue)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(main())
    return handled, most


def test_a_key_that_waits_is_not_queued_twice() -> None:
    async def scene(queue: WorkQueue[str]) -> None:
        for key in ("a", "b", "c", "c", "c"):
            queue.add(key)
        await asyncio.sleep(0.05)

    assert play(scene, workers=1)[0] == ["a", "b", "c"]


def test_a_key_added_while_it_is_handled_is_handled_once_more() -> None:
    async def scene(queue: WorkQueue[str]) -> None:
        queue.add("a")
        await asyncio.sleep(0.005)
        queue.add("a")
        queue.add("a")
        await asyncio.sleep(0.05)

    assert play(scene) == (["a", "a"], 1)


def test_no_more_keys_than_workers_are_handled_at_once() -> None:
    async def scene(queue: WorkQueue[str]) -> None:
        for number in range(10):
            queue.add(str(number))
        await asyncio.sleep(0.1)

    handled, most = play(scene, workers=3)
    assert (len(handled), most) == (10, 3)


def test_of_two_delays_the_earlier_counts() -> None:
    async def scene(queue: WorkQueue[str]) -> None:
        queue.add_after("a", 60)
        queue.add_after("a", 0.01)
        queue.add_after("a", 60)
        await asyncio.sleep(0.05)

    assert play(scene)[0] == ["a"]


def test_adding_a_delayed_key_handles_it_now_and_not_again() -> None:
    async def scene(queue: WorkQueue[str]) -> None:
        queue.add_after("a", 0.02)
        queue.add("a")
        await asyncio.sleep(0.08)

    assert play(scene)[0] == ["a"]


def test_keys_added_before_it_runs_are_not_lost() -> None:
    async def scene() -> list[str]:
        handled: list[str] = []

        async def handle(key: str) -> None:
            handled.append(key)

        queue: WorkQueue[str] = WorkQueue(handle, workers=1)
        queue.add("a")
        task = asyncio.create_task(queue.run())
        await asyncio.sleep(0.01)
        task.cancel()
        return handled

    assert asyncio.run(scene()) == ["a"]
