"""A container's log from ECI, which hands out at most 2,000 lines at a time and cannot follow.

To follow is to ask again from the last line's time on. What was shown before is known by its time and by how many lines
of that time there were, so no line is lost or doubled as long as fewer than 2,000 come between two questions.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from providers.base import LogOptions
from providers.loglines import LogLine, Writer, select

POLL, LONGEST_POLL, CALM = 2.0, 10.0, 1.5
"""Seconds between two questions; longer by this factor each time one brings nothing."""
MOST_LINES = 2000
MOST_BYTES = 1 << 20


class Client(Protocol):
    """What gives logs."""

    async def log(self, group_id: str, container: str, **options: Any) -> str:
        """Lines, each with its time."""
        ...


class Source:
    """The log of one container.

    Args:
        client: what gives logs.
        group_id: the container group.
        container: the container.
        is_over: whether the container will write no more.
    """

    def __init__(self, client: Client, group_id: str, container: str, is_over: Callable[[], Awaitable[bool]]) -> None:
        self._client = client
        self._group_id = group_id
        self._container = container
        self._is_over = is_over

    async def read(self, options: LogOptions, now: datetime) -> AsyncIterator[bytes]:
        """The log in pieces, the options applied."""
        writer = Writer(options)
        over = not options.follow or await self._is_over()
        asked: dict[str, Any] = {"LastTime": True} if options.previous else {}
        if options.since is not None:
            asked["SinceSeconds"] = max(1, round((now - options.since).total_seconds()))
        if options.tail_lines is not None and options.tail_lines <= MOST_LINES and not options.follow:
            asked["Tail"] = max(1, options.tail_lines)
        lines = await self._lines(**asked)
        for piece in writer.write(select(lines, options)):
            yield piece
        seen, pause = _Seen(lines), POLL
        while not over and not writer.full:
            await asyncio.sleep(pause)
            over = await self._is_over()  # before the last question, so that the last lines are not missed
            fresh = seen.new(await self._lines(**seen.question()))
            pause = POLL if fresh else min(pause * CALM, LONGEST_POLL)
            for piece in writer.write(fresh):
                yield piece

    async def _lines(self, **asked: Any) -> list[LogLine]:
        options = {"Tail": MOST_LINES, "LimitBytes": MOST_BYTES, "Timestamps": True, **asked}
        text = await self._client.log(self._group_id, self._container, **options)
        return parsed(text)


class _Seen:
    """What was shown: the time of the last line, and how many lines had that time."""

    def __init__(self, lines: Sequence[LogLine]) -> None:
        self._last: datetime | None = None
        self._count = 0
        self.new(lines)

    def question(self) -> dict[str, Any]:
        """What asks for the last line and all after it."""
        if self._last is None:
            return {}
        return {"StartTime": self._last.strftime("%Y-%m-%dT%H:%M:%S.%fZ")}

    def new(self, lines: Sequence[LogLine]) -> list[LogLine]:
        """Those of the lines that were not shown; from now on they were."""
        if self._last is not None:
            last = self._last
            same = [each for each in lines if each.written == last]
            lines = same[self._count :] + [each for each in lines if each.written > last]
        for each in lines:
            if self._last is None or each.written > self._last:
                self._last, self._count = each.written, 0
            self._count += 1
        return list(lines)


def parsed(text: str) -> list[LogLine]:
    """Lines with their times; one without a time (a part of a broken line) has that of the line before."""
    result: list[LogLine] = []
    last = datetime.min.replace(tzinfo=UTC) + timedelta(days=1)
    for line in text.removesuffix("\n").split("\n") if text else []:
        stamp, _, rest = line.partition(" ")
        try:
            last = datetime.fromisoformat(stamp).astimezone(UTC)
        except ValueError:
            rest = line
        result.append(LogLine(last, rest))
    return result
