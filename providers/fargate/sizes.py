"""The sizes that Fargate has, and which one a pod gets. CPU in units (1024 are a core), memory in MiB.

Source: the Amazon ECS API reference, RegisterTaskDefinition, ``cpu`` and ``memory``.
"""

from typing import NamedTuple


class Size(NamedTuple):
    """What a task has."""

    cpu: int
    memory: int

    def __str__(self) -> str:
        return f"{self.cpu / 1024:g} vCPU and {self.memory / 1024:g} GiB"


def _row(cpu: int, first: int, last: int, step: int) -> list[Size]:
    return [Size(cpu, memory) for memory in range(first, last + 1, step)]


SIZES: tuple[Size, ...] = (
    *(Size(256, memory) for memory in (512, 1024, 2048)),
    *_row(512, 1024, 4096, 1024),
    *_row(1024, 2048, 8192, 1024),
    *_row(2048, 4096, 16384, 1024),
    *_row(4096, 8192, 30720, 1024),
    *_row(8192, 16384, 61440, 4096),
    *_row(16384, 32768, 122880, 8192),
)
"""All there are, the cheapest CPU first."""
LARGEST = SIZES[-1]


def fitting(cpu: int, memory: int) -> Size | None:
    """The smallest size with so much of both; None if there is none."""
    return next((each for each in SIZES if each.cpu >= cpu and each.memory >= memory), None)
