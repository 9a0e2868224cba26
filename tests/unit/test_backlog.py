"""Pods that wait for workers of runners, counted over all of them."""

import asyncio

from runner.workqueue import WorkQueue
from vksim.backlog import Backlog
from vksim.loop import run


def test_counts_what_waits_and_not_what_is_being_worked_on() -> None:
    backlog = Backlog()
    seen: list[int] = []

    async def handle(_key: int) -> None:
        seen.append(backlog.waiting)
        await asyncio.sleep(1)

    async def main() -> None:
        queues = [WorkQueue(handle, workers=1, observer=backlog.of_runner()) for _ in range(2)]
        tasks = [asyncio.ensure_future(each.run()) for each in queues]
        for each in queues:
            for key in (1, 2, 2, 3):
                each.add(key)
        assert backlog.waiting == 6
        await asyncio.sleep(10)
        assert backlog.waiting == 0
        for each in tasks:
            each.cancel()

    run(main())
    assert seen == [5, 4, 3, 2, 1, 0]


def test_a_dead_runner_s_pods_wait_for_nobody() -> None:
    async def main() -> None:
        backlog = Backlog()
        mine, other = backlog.of_runner(), backlog.of_runner()
        for each in (mine, mine, other):
            each.added("pod")
        mine.dead()
        assert backlog.waiting == 1
        mine.added("while it is torn down")
        assert backlog.waiting == 1

    run(main())
