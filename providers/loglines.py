"""The kubelet's log options, applied to lines: what every provider whose cloud hands out lines has to do."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from providers.base import LogOptions


class LogLine(NamedTuple):
    """A line of a container's output, without its line end, and when it was written (in UTC)."""

    written: datetime
    text: str


def select(lines: Sequence[LogLine], options: LogOptions) -> Sequence[LogLine]:
    """The lines that ``since`` and ``tail_lines`` ask for, of lines in the order of their times.

    Looks only at as many lines as it must: ``lines`` may be a sequence that makes its items when asked.
    """
    first = 0
    if options.since is not None:
        first = bisect_left(lines, options.since, key=lambda line: line.written)
    if options.tail_lines is not None:
        first = max(first, len(lines) - options.tail_lines)
    return lines[first:]


class Writer:
    """Turns lines into the bytes of one answer: with times if they are wanted, and no more than ``limit_bytes``.

    Args:
        options: what was asked for. Times are the kubelet's: RFC 3339 with nine digits; they count as bytes.
    """

    def __init__(self, options: LogOptions) -> None:
        self._timestamps = options.timestamps
        self._left = options.limit_bytes

    @property
    def full(self) -> bool:
        """Whether nothing more may be written."""
        return self._left is not None and self._left <= 0

    def write(self, lines: Iterable[LogLine]) -> Iterator[bytes]:
        """The lines as bytes, one piece a line, until the limit cuts them off."""
        for line in lines:
            if self.full:
                return
            stamp = line.written.strftime("%Y-%m-%dT%H:%M:%S.%f000Z ") if self._timestamps else ""
            data = f"{stamp}{line.text}\n".encode()
            if self._left is not None:
                data = data[: self._left]
                self._left -= len(data)
            yield data
