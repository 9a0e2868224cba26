"""A flag is waited for until it is set, by everybody."""

import asyncio

from runner.flag import Flag
from vksim.loop import run


def test_all_who_wait_go_on_when_it_is_set() -> None:
    async def main() -> list[str]:
        flag, passed = Flag(), []

        async def waiter(name: str) -> None:
            await flag.wait()
            passed.append(name)

        tasks = [asyncio.create_task(waiter(each)) for each in "abc"]
        await asyncio.sleep(1)
        assert not passed
        assert not flag.is_set()
        tasks[1].cancel()
        await asyncio.sleep(0)
        flag.set()
        await asyncio.sleep(0)
        assert flag.is_set()
        await waiter("late")
        return passed

    assert run(main()) == ["a", "c", "late"]
