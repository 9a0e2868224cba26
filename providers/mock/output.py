"""What the containers of the mock cloud write: computed from script and time, so that a log costs nothing to keep."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import overload

from providers.loglines import LogLine
from providers.mock.script import Script


@dataclass(frozen=True, slots=True)
class Output(Sequence[LogLine]):
    """The lines of one run of a container, made when they are asked for.

    Attributes:
        first: the lines of the start.
        started: when they were written.
        every: how often a numbered line follows; None for never.
        numbered: how many of those there are.
    """

    first: tuple[str, ...]
    started: datetime
    every: timedelta | None
    numbered: int

    def __len__(self) -> int:
        return len(self.first) + self.numbered

    @overload
    def __getitem__(self, index: int) -> LogLine: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[LogLine]: ...
    def __getitem__(self, index: int | slice) -> LogLine | Sequence[LogLine]:
        if isinstance(index, slice):
            return [self._line(each) for each in range(*index.indices(len(self)))]
        return self._line(range(len(self))[index])

    def _line(self, index: int) -> LogLine:
        number = index - len(self.first) + 1
        if number <= 0 or self.every is None:
            return LogLine(self.started, self.first[index])
        return LogLine(self.started + number * self.every, f"line {number}")

    def next_after(self, now: datetime) -> float | None:
        """How many seconds after ``now`` the next line comes; None if there is none to come."""
        if self.every is None:
            return None
        return (self.started + (self.numbered + 1) * self.every - now).total_seconds()


def output_of(script: Script, container: str, started: datetime, until: datetime) -> Output:
    """What a container that started then has written by ``until``."""
    first = tuple((script.log or f"{container} started").splitlines())
    every = timedelta(seconds=script.log_every.low) if script.log_every else None
    return Output(first, started, every, (until - started) // every if every else 0)
