"""All kinds of faults, and how one is played."""

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Union

from vksim.faults import api, clouds, nodes, pods, runners
from vksim.faults.base import Fault, World

CLASSES: tuple[type[Fault], ...] = (
    *runners.RUNNER_FAULTS,
    *nodes.NODE_FAULTS,
    *pods.POD_FAULTS,
    *api.API_FAULTS,
    *clouds.CLOUD_FAULTS,
)

KINDS: dict[str, type[Fault]] = {str(each.__struct_config__.tag): each for each in CLASSES}
"""``kind`` in a file -> its class."""

if TYPE_CHECKING:
    AnyFault = Fault
else:
    AnyFault = Union[CLASSES]  # noqa: UP007  (of a table)


class Player:
    """Plays a scenario's faults.

    Args:
        faults: what breaks.
        world: where.
        until: no fault begins anew that would not be over by then, in seconds.

    Attributes:
        fired: number of the fault -> how often it did something to somebody.
        active: how many are at work.
        last: when the last one was over.
    """

    def __init__(self, faults: list[Fault], world: World, until: float) -> None:
        self.fired: Counter[int] = Counter()
        self.active = 0
        self.last = 0.0
        self._faults = faults
        self._world = world
        self._until = until

    async def run(self) -> None:
        """Break and mend everything in its time."""
        async with asyncio.TaskGroup() as tasks:
            for number in range(len(self._faults)):
                tasks.create_task(self._play(number))

    async def _play(self, number: int) -> None:
        fault, loop = self._faults[number], asyncio.get_running_loop()
        due = fault.at.seconds
        while True:
            await asyncio.sleep(max(0.0, due - loop.time()))
            if fault.probability >= 1 or self._world.random.random() < fault.probability:
                await self._once(number, fault)
            if fault.every is None:
                return
            due += fault.every.seconds
            if due + fault.during.seconds > self._until:
                return

    async def _once(self, number: int, fault: Fault) -> None:
        """Meanwhile those whom it troubles make every heartbeat, and see what they see."""

        def hit() -> None:
            self.fired[number] += 1

        self.active += 1
        try:
            with self._world.calm.troubles(fault.near(self._world)):
                async with fault.broken(self._world, hit):
                    await asyncio.sleep(fault.during.seconds)
        finally:
            self.active -= 1
            self.last = asyncio.get_running_loop().time()
