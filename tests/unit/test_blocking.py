import asyncio

import pytest

from fakes.cloud import elapsed
from vksim import loop
from vksim.blocking import Inline


def slow_call(seconds: float) -> str:
    elapsed.spend(seconds)
    return "done"


def failing_call() -> None:
    elapsed.spend(7)
    raise ConnectionError("no answer")


def test_a_blocking_call_takes_the_time_that_the_cloud_says():
    async def main() -> tuple[str, float]:
        return await Inline()(slow_call, 2.5), asyncio.get_running_loop().time()

    assert loop.run(main()) == ("done", 2.5)


def test_a_call_that_fails_takes_its_time_too():
    async def main() -> float:
        with pytest.raises(ConnectionError):
            await Inline()(failing_call)
        return asyncio.get_running_loop().time()

    assert loop.run(main()) == 7


def test_calls_at_the_same_time_do_not_add_up():
    async def main() -> float:
        await asyncio.gather(*(Inline()(slow_call, 3) for _ in range(5)))
        return asyncio.get_running_loop().time()

    assert loop.run(main()) == 3


def test_time_is_spent_only_where_it_is_measured():
    elapsed.spend(5)
    with elapsed.measured() as call:
        pass
    assert call.seconds == 0
