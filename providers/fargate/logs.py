"""A container's log from CloudWatch: read forwards by its own tokens, so that nothing is lost and nothing doubled."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from providers.base import LogOptions
from providers.errors import NotFound
from providers.fargate.client import LOG_PAGE, FargateClient
from providers.loglines import LogLine, Writer

POLL, LONGEST_POLL, CALM = 2.0, 10.0, 1.5
"""Seconds between two questions; longer by this factor each time one brings nothing."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


async def read(
    client: FargateClient, group: str, stream: str, options: LogOptions, is_over: Callable[[], Awaitable[bool]]
) -> AsyncIterator[bytes]:
    """The log in pieces, the options applied."""
    writer = Writer(options)
    since: dict[str, Any] = {}
    if options.since is not None:
        since = {"startTime": int((options.since - _EPOCH) / timedelta(milliseconds=1))}
    over = not options.follow or await is_over()
    lines, token = await _first(client, group, stream, options, since)
    for piece in writer.write(lines):
        yield piece
    pause = 0.0
    while not writer.full:
        ask = {"nextToken": token, "startFromHead": True} if token else {"startFromHead": True, **since}
        fresh, following = await _page(client, group, stream, limit=LOG_PAGE, **ask)
        for piece in writer.write(fresh):
            yield piece
        at_end, token = not fresh and following in ("", token), following or token
        if not at_end:
            pause = POLL
            continue
        if over:
            return
        pause = min(max(pause * CALM, POLL), LONGEST_POLL)
        await asyncio.sleep(pause)
        over = await is_over()  # before the last question, so that the last lines are not missed


async def _first(
    client: FargateClient, group: str, stream: str, options: LogOptions, since: dict[str, Any]
) -> tuple[list[LogLine], str]:
    """The last lines, as many as are wanted, and where to go on; nothing if all are."""
    if options.tail_lines is None:
        return [], ""
    lines, token = await _page(client, group, stream, limit=min(max(options.tail_lines, 1), LOG_PAGE), **since)
    return (lines[-options.tail_lines :] if options.tail_lines else []), token


async def _page(client: FargateClient, group: str, stream: str, **options: Any) -> tuple[list[LogLine], str]:
    try:
        answer = await client.log_events(group, stream, **options)
    except NotFound:  # the container has not written anything yet
        return [], ""
    lines = [LogLine(_EPOCH + timedelta(milliseconds=each["timestamp"]), each["message"]) for each in answer["events"]]
    return lines, str(answer.get("nextForwardToken") or "")
