"""The kubelet's log options, applied to lines: what every provider whose cloud hands out lines has to do."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from providers.base import LogOptions


class LogLine(NamedTuple):
    """A line of a container's output, without its line end, and when it was written."""

    written: datetime
    text: str


def select(lines: Iterable[LogLine], options: LogOptions) -> list[bytes]:
    """The lines that are wanted, as bytes with their line ends; ``limit_bytes`` is left to ``Limit``."""
    wanted = [line for line in lines if options.since is None or line.written >= options.since]
    if options.tail_lines is not None:
        wanted = wanted[-options.tail_lines :] if options.tail_lines else []
    return [rendered(line, options) for line in wanted]


def rendered(line: LogLine, options: LogOptions) -> bytes:
    """One line as the kubelet sends it."""
    stamp = line.written.strftime("%Y-%m-%dT%H:%M:%S.%f000Z ") if options.timestamps else ""
    return f"{stamp}{line.text}\n".encode()


class Limit:
    """Counts bytes down to ``limit_bytes``; without one it lets everything pass."""

    def __init__(self, options: LogOptions) -> None:
        self._left = options.limit_bytes

    @property
    def reached(self) -> bool:
        """Whether nothing more may pass."""
        return self._left is not None and self._left <= 0

    def take(self, data: bytes) -> bytes:
        """As much of the data as may still pass."""
        if self._left is None:
            return data
        taken = data[: max(self._left, 0)]
        self._left -= len(taken)
        return taken
