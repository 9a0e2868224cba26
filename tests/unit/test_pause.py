"""A pause in virtual time: as asyncio.sleep, for tasks, timeouts and cancellation."""

import asyncio

import pytest

from vksim.loop import pause, run


def test_a_pause_takes_its_time_and_no_longer() -> None:
    async def main() -> list[float]:
        loop = asyncio.get_running_loop()
        times = []
        for seconds in (1.5, 0.25):
            await pause(seconds)
            times.append(loop.time())
        return times

    assert run(main()) == [1.5, 1.75]


def test_pauses_that_end_together_end_in_the_order_in_which_they_began() -> None:
    ended = []

    async def sleeper(name: str) -> None:
        await pause(1)
        ended.append(name)

    async def main() -> None:
        await asyncio.gather(*(sleeper(each) for each in "abc"))

    run(main())
    assert ended == ["a", "b", "c"]


def test_a_timeout_ends_a_pause() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2):
                await pause(60)
        return asyncio.get_running_loop().time()

    assert run(main()) == 2.0


@pytest.mark.parametrize("after", [0.0, 1.0])
def test_a_task_that_pauses_can_be_cancelled(after: float) -> None:
    seen = []

    async def sleeper() -> None:
        try:
            await pause(60)
        except asyncio.CancelledError as error:
            seen.append(error.args)
            raise

    async def main() -> float:
        task = asyncio.get_running_loop().create_task(sleeper())
        await asyncio.sleep(after)
        task.cancel("enough")
        with pytest.raises(asyncio.CancelledError):
            await task
        return asyncio.get_running_loop().time()

    assert run(main()) == after
    assert len(seen) == 1


def test_a_task_that_is_cancelled_just_when_its_pause_ends_is_cancelled() -> None:
    async def main() -> bool:
        task = asyncio.get_running_loop().create_task(_twice())
        asyncio.get_running_loop().call_later(1, task.cancel)
        await asyncio.wait([task])
        return task.cancelled()

    async def _twice() -> None:
        await pause(1)
        await pause(1)

    assert run(main())


def test_in_real_time_it_is_an_ordinary_sleep() -> None:
    asyncio.run(asyncio.wait_for(_short(), 5))


async def _short() -> None:
    await pause(0.001)
