"""How fast the virtual-time loop is: timers and queue hand-overs a second, beside asyncio's own loop.

Each figure is the median of some runs with the two loops by turns. The timers of asyncio's own loop are due at once, as
it would really wait otherwise: the ratio shows the cost of the loop, not of the waiting.
"""

import argparse
import asyncio
import gc
import statistics
from collections.abc import Callable, Coroutine
from random import Random
from time import perf_counter
from typing import Any

from vksim import loop as virtual

Work = Callable[[int, float], Coroutine[Any, Any, None]]


async def callbacks(count: int, longest: float) -> None:
    """``call_later``, all pending at once."""
    loop, random, fired = asyncio.get_running_loop(), Random(1), asyncio.Event()
    for _ in range(count):
        loop.call_later(random.random() * longest, int)
    loop.call_later(longest, fired.set)
    await fired.wait()


async def sleeps(count: int, longest: float) -> None:
    """Tasks that sleep three times each, all alive at once."""
    random = Random(1)

    async def sleeper() -> None:
        for _ in range(3):
            await asyncio.sleep(random.random() * longest or 1e-9)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(count // 3):
            tasks.create_task(sleeper())


async def timeouts(count: int, longest: float) -> None:
    """``asyncio.timeout`` that is left before it fires: the heap has to get rid of it."""
    for _ in range(count):
        async with asyncio.timeout(longest + 1000):
            await asyncio.sleep(0)


async def hand_overs(count: int, _: float) -> None:
    """One task puts, another gets, with no room between them."""
    queue: asyncio.Queue[int] = asyncio.Queue(maxsize=1)

    async def produce() -> None:
        for number in range(count):
            await queue.put(number)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(produce())
        for _ in range(count):
            await queue.get()


WORK: dict[str, Work] = {
    "callbacks after a time": callbacks,
    "sleeps of tasks": sleeps,
    "timeouts set and left": timeouts,
    "queue hand-overs": hand_overs,
}


def seconds(run: Callable[[Coroutine[Any, Any, None]], None], work: Coroutine[Any, Any, None]) -> float:
    gc.collect()
    before = perf_counter()
    run(work)
    return perf_counter() - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=60_000, help="how many of each")
    parser.add_argument("--runs", type=int, default=3, help="runs of each, of which the median counts")
    options = parser.parse_args()
    print(f"{'':24}{'virtual/s':>12}{'asyncio/s':>12}{'ratio':>8}")
    for name, work in WORK.items():
        in_virtual, in_real = [], []
        for _ in range(options.runs):
            in_virtual.append(seconds(virtual.run, work(options.count, 3600.0)))
            in_real.append(seconds(asyncio.run, work(options.count, 0.0)))
        fast, stock = (options.count / statistics.median(each) for each in (in_virtual, in_real))
        print(f"{name:24}{fast:12,.0f}{stock:12,.0f}{fast / stock:8.2f}")


if __name__ == "__main__":
    main()
