"""A run in virtual time is the same in every process: over hash seeds, and over the addresses of objects."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from random import Random

from vksim.loop import run

ROOT = Path(__file__).parents[2]


async def busy() -> list[str]:
    """Uses what asyncio keeps in sets: ``wait``, ``as_completed``, task groups, ``all_tasks``. Tells what happened."""
    random = Random(7)
    seen: list[str] = []

    async def work(name: str, seconds: float) -> str:
        try:
            await asyncio.sleep(seconds)
        finally:
            seen.append(name)
        return name

    def some(kind: str, count: int = 40) -> list[asyncio.Task[str]]:
        return [asyncio.create_task(work(f"{kind}-{n}", random.choice((1.0, 2.0, 3.0)))) for n in range(count)]

    done, pending = await asyncio.wait(some("wait"), timeout=2)
    seen += [f"done {task.result()}" for task in done] + [f"pending {task.get_name()}" for task in pending]
    seen += [f"alive {task.get_name()}" for task in asyncio.all_tasks()]
    for task in pending:
        task.cancel()
    done, _ = await asyncio.wait(some("first"), return_when=asyncio.FIRST_COMPLETED)
    seen += [f"first {task.result()}" for task in done]
    for each in asyncio.as_completed(some("completed")):
        seen.append(f"completed {await each}")
    try:
        async with asyncio.TaskGroup() as tasks:
            for number in range(40):
                tasks.create_task(work(f"group-{number}", 5.0))
            tasks.create_task(asyncio.wait_for(asyncio.Event().wait(), 1.0))
    except* TimeoutError:
        seen.append(f"aborted at {asyncio.get_running_loop().time()}")
    futures = [asyncio.get_running_loop().create_future() for _ in range(40)]
    numbers = {future: number for number, future in enumerate(futures)}
    for future in futures:
        asyncio.get_running_loop().call_later(1.0, future.set_result, None)
    finished, _ = await asyncio.wait(futures)
    return seen + [f"future {numbers[future]}" for future in finished]


def in_another_process(hash_seed: str) -> str:
    """What happened there, after some memory was used up so that objects lie elsewhere."""
    program = (
        f"ballast = [object() for _ in range({1000 + int(hash_seed)})]\n"
        "from tests.unit.test_loop_determinism import busy, run; print(*run(busy()), sep='\\n')"
    )
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    return subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    ).stdout


def test_a_run_is_the_same_over_hash_seeds_and_addresses() -> None:
    here = "\n".join(run(busy())) + "\n"
    assert [in_another_process(seed) for seed in ("0", "1", "4242")] == [here] * 3


def test_a_run_is_the_same_twice_in_one_process() -> None:
    assert run(busy()) == run(busy())
