"""A container's log from ACI, which hands out the whole of it, or its last lines, each time it is asked.

To follow is to ask again and again. What was shown before is found by the overlap of two answers, so that no line is
lost or doubled: if the last lines do not reach back to what was shown, the whole log is asked for.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol

from providers.base import LogOptions
from providers.errors import NotFound, Retryable
from providers.loglines import LogLine, Writer, select

POLL, LONGEST_POLL, CALM = 3.0, 15.0, 1.5
"""Seconds between two questions while a log is followed; longer by this factor each time it brings nothing."""

WINDOW = 1000
"""Lines that are asked for while a log is followed."""


class Client(Protocol):
    """What gives logs."""

    async def logs(self, name: str, container: str, tail: int | None) -> str:
        """The last lines, each with its time; None means all."""
        ...


class Source:
    """The log of one container.

    Args:
        client: what gives logs.
        name: the container group.
        container: the container.
        is_over: whether the container will write no more. Raises NotFound.
    """

    def __init__(self, client: Client, name: str, container: str, is_over: Callable[[], Awaitable[bool]]) -> None:
        self._client = client
        self._name = name
        self._container = container
        self._is_over = is_over

    async def read(self, options: LogOptions) -> AsyncIterator[bytes]:
        """The log in pieces, the options applied. Who follows does not hear of what may pass: an outage, throttling."""
        writer = Writer(options)
        seen: Sequence[str] = ()
        try:
            over = not options.follow or await self._is_over()
            seen = await self._lines(options.tail_lines if options.since is None and not options.follow else None)
        except Retryable:
            if not options.follow:
                raise
            over = False
        for piece in writer.write(select(_parsed(seen), options)):
            yield piece
        pause = POLL
        while not over and not writer.full:
            await asyncio.sleep(pause)
            try:
                over, fresh = await self._further(seen)
            except Retryable as error:
                pause = max(LONGEST_POLL, error.delay.total_seconds() if error.delay else 0.0)
                continue
            pause = POLL if fresh else min(pause * CALM, LONGEST_POLL)
            seen = [*seen, *fresh][-WINDOW:]
            for piece in writer.write(_parsed(fresh)):
                yield piece

    async def _further(self, seen: Sequence[str]) -> tuple[bool, Sequence[str]]:
        """Whether that is all, and what was written after the lines that were seen."""
        fresh = await self._news(seen)
        if fresh or not await self._has_ended():
            return False, fresh
        return True, await self._news(seen)

    async def _news(self, seen: Sequence[str]) -> Sequence[str]:
        """What was written after the lines that were seen."""
        lines = await self._lines(WINDOW)
        overlap = overlapping(seen, lines)
        if lines and not overlap and (seen or len(lines) == WINDOW):
            lines = await self._lines(None)
            return lines[_end_of(seen, lines) :]
        return lines[overlap:]

    async def _has_ended(self) -> bool:
        try:
            return await self._is_over()
        except NotFound:
            return True

    async def _lines(self, tail: int | None) -> list[str]:
        """The log's last lines; none if the container has not written yet."""
        if tail == 0:
            return []
        try:
            text = await self._client.logs(self._name, self._container, tail)
        except NotFound:
            return []
        return text.removesuffix("\n").split("\n") if text else []


def overlapping(seen: Sequence[str], lines: Sequence[str]) -> int:
    """How many of the lines are the end of what was seen: the most that can be (Knuth, Morris and Pratt)."""
    prefix = [0] * len(lines)
    length = 0
    for index in range(1, len(lines)):
        while length and lines[index] != lines[length]:
            length = prefix[length - 1]
        length += lines[index] == lines[length]
        prefix[index] = length
    length = 0
    for line in seen:
        while length and (length == len(lines) or line != lines[length]):
            length = prefix[length - 1]
        length += bool(lines) and line == lines[length]
    return length


def _end_of(seen: Sequence[str], lines: Sequence[str]) -> int:
    """Where in the whole log what was seen ends; its beginning, if ACI has dropped that part."""
    last = seen[-1] if seen else None
    return next((index for index in range(len(lines), 0, -1) if lines[index - 1] == last), 0)


def _parsed(lines: Sequence[str]) -> list[LogLine]:
    """Lines with their times; one without a time (part of a broken line) has that of the line before."""
    result: list[LogLine] = []
    last = datetime.min.replace(tzinfo=UTC)
    for line in lines:
        stamp, _, text = line.partition(" ")
        try:
            last = datetime.fromisoformat(stamp).astimezone(UTC)
        except ValueError:
            text = line
        result.append(LogLine(last, text))
    return result
