"""Virtual time: the order of things, no waiting, deadlocks told, the real world refused, no failure lost."""

import asyncio
import contextlib
import gc
import itertools
import math
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import UTC, datetime, timedelta
from random import Random
from time import perf_counter
from typing import Any

import pytest

from vksim.loop import EPOCH, Deadlock, NotInVirtualTime, VirtualClock, VirtualLoop, cancel_all, pause, ports, run


def virtual_loop() -> VirtualLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    return loop


# --- time and order ---------------------------------------------------------------------------------------------------


def test_a_year_passes_in_no_time() -> None:
    async def main() -> float:
        for _ in range(365):
            await asyncio.sleep(86400)
        return asyncio.get_running_loop().time()

    before = perf_counter()
    assert run(main()) == 365 * 86400
    assert perf_counter() - before < 1


def test_a_pause_leaves_nothing_to_the_cyclic_collector() -> None:
    """Millions are made, and it is set to look seldom."""

    async def main() -> int:
        await pause(1)
        gc.collect()
        gc.disable()
        try:
            for _ in range(100):
                await pause(1)
            return gc.collect()
        finally:
            gc.enable()

    assert run(main()) < 10


def test_timers_fire_in_the_order_of_their_times() -> None:
    async def main() -> list[float]:
        fired: list[float] = []
        for delay in (3.0, 1.0, 2.0):
            asyncio.get_running_loop().call_later(delay, fired.append, delay)
        await asyncio.sleep(4)
        return fired

    assert run(main()) == [1.0, 2.0, 3.0]


def test_timers_of_one_time_fire_in_the_order_they_were_set() -> None:
    async def main() -> list[int]:
        fired: list[int] = []
        for number in range(1000):
            asyncio.get_running_loop().call_at(5.0, fired.append, number)
        await asyncio.sleep(5)
        return fired

    assert run(main()) == list(range(1000))


def test_what_is_ready_goes_before_time_passes() -> None:
    async def main() -> list[str]:
        seen: list[str] = []
        loop = asyncio.get_running_loop()
        loop.call_later(1e-9, seen.append, "timer")
        loop.call_soon(loop.call_soon, loop.call_soon, seen.append, "ready")
        await asyncio.sleep(1)
        return seen

    assert run(main()) == ["ready", "timer"]


def test_a_cancelled_timer_does_not_fire_and_moves_no_time() -> None:
    async def main() -> tuple[list[int], float]:
        fired: list[int] = []
        asyncio.get_running_loop().call_later(5, fired.append, 1).cancel()
        await asyncio.sleep(2)
        return fired, asyncio.get_running_loop().time()

    assert run(main()) == ([], 2.0)


def test_cancelled_timers_do_not_pile_up() -> None:
    async def main() -> int:
        loop = virtual_loop()
        for _ in range(50_000):
            loop.call_later(1e9, print).cancel()
        return len(loop._timers)

    assert run(main()) < 25_000


def test_timers_that_have_fired_do_not_count_as_cancelled() -> None:
    async def main() -> int:
        for _ in range(10):
            await asyncio.sleep(1)
        return virtual_loop()._cancelled_timers

    assert run(main()) == 0


# --- what asyncio offers ----------------------------------------------------------------------------------------------


def test_a_timeout_fires_at_its_time() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.sleep(50)
        return asyncio.get_running_loop().time()

    assert run(main()) == 5.0


def test_wait_for_gives_up_at_its_time() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 7)
        return asyncio.get_running_loop().time()

    assert run(main()) == 7.0


def test_a_queue_hands_over_in_order() -> None:
    async def main() -> list[int]:
        queue: asyncio.Queue[int] = asyncio.Queue(maxsize=2)

        async def produce() -> None:
            for number in range(10):
                await queue.put(number)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(produce())
            return [await queue.get() for _ in range(10)]

    assert run(main()) == list(range(10))


def test_a_cancelled_task_may_clean_up_in_virtual_time() -> None:
    async def main() -> float:
        async def work() -> None:
            try:
                await asyncio.sleep(100)
            finally:
                await asyncio.sleep(3)

        task = asyncio.create_task(work())
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return asyncio.get_running_loop().time()

    assert run(main()) == 4.0


def test_a_task_group_cancels_the_others_in_the_order_they_began() -> None:
    ended: list[int] = []

    async def work(number: int) -> None:
        try:
            await asyncio.sleep(100)
        finally:
            ended.append(number)

    async def fail() -> None:
        await asyncio.sleep(1)
        raise ValueError

    async def main() -> None:
        async with asyncio.TaskGroup() as tasks:
            for number in range(50):
                tasks.create_task(work(number))
            tasks.create_task(fail())

    with pytest.raises(ExceptionGroup):
        run(main())
    assert ended == list(range(50))


def test_an_executor_job_runs_here_and_now() -> None:
    async def main() -> tuple[int, float]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(None, max, 1, 2), loop.time()

    assert run(main()) == (2, 0.0)


def test_an_executor_job_that_fails_fails_for_its_caller() -> None:
    async def main() -> None:
        await asyncio.get_running_loop().run_in_executor(None, int, "x")

    with pytest.raises(ValueError, match="invalid literal"):
        run(main())


# --- the end of a run -------------------------------------------------------------------------------------------------


def test_the_main_coroutines_exception_comes_out() -> None:
    async def main() -> None:
        await asyncio.sleep(1)
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        run(main())


def test_tasks_that_are_left_over_are_cancelled_the_oldest_first() -> None:
    ended: list[int] = []

    async def work(number: int) -> None:
        try:
            await asyncio.sleep(100)
        finally:
            ended.append(number)

    async def main() -> list[asyncio.Task[None]]:
        tasks = [asyncio.create_task(work(number)) for number in range(50)]
        await asyncio.sleep(1)
        return tasks

    run(main())
    assert ended == list(range(50))


def test_generators_that_are_left_over_are_closed_the_oldest_first() -> None:
    closed: list[int] = []

    async def numbers(number: int) -> AsyncIterator[int]:
        try:
            while True:
                yield number
        finally:
            closed.append(number)

    async def main() -> list[AsyncIterator[int]]:
        generators = [numbers(number) for number in range(50)]
        for each in generators:
            await anext(each)
        return generators

    run(main())
    assert closed == list(range(50))


def test_a_run_may_have_a_limit() -> None:
    async def main() -> None:
        for _ in itertools.repeat(None):
            await asyncio.sleep(1)

    with pytest.raises(TimeoutError):
        run(main(), until=timedelta(hours=1))


# --- failures ---------------------------------------------------------------------------------------------------------


async def fail() -> None:
    raise LookupError("nobody looked")


def test_a_failed_task_that_is_forgotten_ends_the_run() -> None:
    async def main() -> None:
        asyncio.create_task(fail())  # noqa: RUF006  (forgetting it is the point)
        await asyncio.sleep(1)
        gc.collect()
        await asyncio.sleep(100)
        pytest.fail("the run went on")

    with pytest.raises(LookupError, match="nobody looked"):
        run(main())


def test_a_failed_task_that_somebody_keeps_and_never_looks_at_fails_the_run() -> None:
    kept: list[asyncio.Task[None]] = []

    async def main() -> None:
        kept.append(asyncio.create_task(fail(), name="keeper"))
        await asyncio.sleep(1)

    with pytest.raises(LookupError, match="nobody looked") as raised:
        run(main())
    assert "keeper" in raised.value.__notes__[0]


def test_a_failed_task_that_somebody_has_looked_at_is_no_failure_of_the_run() -> None:
    kept: list[asyncio.Task[None]] = []

    async def main() -> str:
        kept.append(asyncio.create_task(fail()))
        await asyncio.sleep(1)
        return str(kept[0].exception())

    assert run(main()) == "nobody looked"


def test_a_callback_that_fails_ends_the_run() -> None:
    async def main() -> None:
        asyncio.get_running_loop().call_later(1, int, "x")
        await asyncio.sleep(100)

    with pytest.raises(ValueError, match="invalid literal"):
        run(main())


def test_a_failure_while_the_run_is_ending_does_not_hide_the_first_one() -> None:
    async def stubborn() -> None:
        try:
            await asyncio.sleep(100)
        finally:
            raise LookupError("second")

    async def main() -> None:
        kept = asyncio.create_task(stubborn())
        await asyncio.sleep(1)
        assert not kept.done()
        raise ValueError("first")

    with pytest.raises(ValueError, match="first") as raised:
        run(main())
    assert "second" in raised.value.__notes__[0]


# --- deadlock ---------------------------------------------------------------------------------------------------------


async def wait_for_ever() -> None:
    await asyncio.Event().wait()


def test_a_deadlock_names_each_task_and_the_line_where_it_waits() -> None:
    async def main() -> None:
        kept = asyncio.create_task(wait_for_ever(), name="the-waiter")
        await asyncio.sleep(3)
        await asyncio.shield(kept)

    with pytest.raises(Deadlock) as raised:
        run(main())
    message = str(raised.value)
    line = wait_for_ever.__code__.co_firstlineno + 1
    assert "at 3 s" in message
    assert "2 tasks wait" in message
    assert f"the-waiter: wait_for_ever at {__file__}:{line} in Event.wait" in message


def test_a_deadlock_of_many_names_some_and_counts_the_rest() -> None:
    async def main() -> None:
        async with asyncio.TaskGroup() as tasks:
            for number in range(100):
                tasks.create_task(wait_for_ever(), name=f"waiter-{number:03}")

    with pytest.raises(Deadlock) as raised:
        run(main())
    message = str(raised.value)
    assert "101 tasks wait" in message
    assert "waiter-000" in message
    assert "and 81 more" in message


def test_a_sleep_for_ever_is_a_deadlock() -> None:
    with pytest.raises(Deadlock):
        run(asyncio.sleep(math.inf))


# --- the real world ---------------------------------------------------------------------------------------------------


REAL_WORLD: dict[str, Callable[[], Coroutine[Any, Any, Any]]] = {
    "a connection": lambda: asyncio.open_connection("localhost", 1),
    "a server": lambda: asyncio.start_server(print, "localhost", 0),
    "a subprocess": lambda: asyncio.create_subprocess_exec("true"),
}


@pytest.mark.parametrize("what", REAL_WORLD)
def test_the_real_world_is_refused(what: str) -> None:
    with pytest.raises(NotInVirtualTime, match=f"{what} was asked for in virtual time"):
        run(REAL_WORLD[what]())


@pytest.mark.parametrize(
    "method", ["add_reader", "add_signal_handler", "sock_recv", "create_datagram_endpoint", "getaddrinfo"]
)
def test_the_loops_own_doors_to_the_real_world_are_closed(method: str) -> None:
    loop = VirtualLoop()
    with contextlib.closing(loop), pytest.raises(NotInVirtualTime):
        getattr(loop, method)(0, print)


def test_a_call_from_another_thread_is_refused() -> None:
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415  (no other test has threads)

    async def main() -> None:
        with ThreadPoolExecutor() as pool:
            pool.submit(asyncio.get_running_loop().call_soon_threadsafe, print).result()

    with pytest.raises(NotInVirtualTime, match="another thread"):
        run(main())


def test_a_threadsafe_call_from_the_loops_own_thread_is_an_ordinary_one() -> None:
    async def main() -> list[int]:
        seen: list[int] = []
        asyncio.get_running_loop().call_soon_threadsafe(seen.append, 1)
        await asyncio.sleep(0)
        return seen

    assert run(main()) == [1]


# --- the clock --------------------------------------------------------------------------------------------------------


def test_the_clock_begins_at_its_start_and_follows_the_loop() -> None:
    async def main() -> list[datetime]:
        clock = VirtualClock(virtual_loop(), datetime(2030, 1, 1, tzinfo=UTC))
        first = clock.now()
        await asyncio.sleep(90)
        return [first, clock.now()]

    assert run(main()) == [datetime(2030, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, 0, 1, 30, tzinfo=UTC)]


def test_the_clock_shows_no_drift_of_floats() -> None:
    async def main() -> datetime:
        clock = VirtualClock(virtual_loop())
        for _ in range(10):
            await asyncio.sleep(0.1)
        assert virtual_loop().time() < 1.0
        return clock.now()

    assert run(main()) == EPOCH + timedelta(seconds=1)


def test_the_ports_call_inline_and_tell_virtual_time() -> None:
    async def main() -> tuple[int, datetime]:
        seams = ports(virtual_loop(), Random(1))
        return await seams.blocking(max, 1, 2), seams.clock.now()

    assert run(main()) == (2, EPOCH)


def test_a_loop_may_run_in_steps() -> None:
    loop = VirtualLoop()
    beats: list[float] = []

    async def beat() -> None:
        while True:
            beats.append(loop.time())
            await asyncio.sleep(1)

    task = loop.create_task(beat())
    loop.run_until_complete(asyncio.sleep(1.5))
    assert beats == [0.0, 1.0]
    loop.run_until_complete(asyncio.sleep(1))
    assert beats == [0.0, 1.0, 2.0]
    cancel_all(loop)
    assert task.cancelled()
    loop.close()
