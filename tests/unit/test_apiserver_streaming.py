"""How a watch goes over HTTP: at once, and in few writes when much happens."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest

from fakes.apiserver import streaming
from fakes.apiserver.http import HttpDoor
from fakes.apiserver.resources import CONFIG_MAPS
from fakes.apiserver.server import ApiServer

PATIENCE_SECONDS = 10.0
EVENTS = 20


def now() -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC)


@asynccontextmanager
async def watching() -> AsyncIterator[tuple[ApiServer, asyncio.StreamReader]]:
    """A server, and what a watch of its config maps brings after the head of the answer."""
    server = ApiServer(now=now, random=Random(1))
    door = HttpDoor(server, now=now)
    reader, writer = await asyncio.open_connection("127.0.0.1", await door.start())
    try:
        since = str(server.version).encode()
        writer.write(b"GET /api/v1/configmaps?watch=1&resourceVersion=%s HTTP/1.1\r\nHost: x\r\n\r\n" % since)
        await reader.readuntil(b"\r\n\r\n")
        async with asyncio.timeout(PATIENCE_SECONDS):
            yield server, reader
    finally:
        writer.close()
        await door.stop()


async def chunk(reader: asyncio.StreamReader) -> list[dict[str, Any]]:
    """The events of one write."""
    size = int(await reader.readline(), 16)
    content = await reader.readexactly(size + 2)
    return [json.loads(line) for line in content.splitlines() if line]


def create(server: ApiServer, number: int) -> None:
    server.create(CONFIG_MAPS, "default", {"metadata": {"name": f"c-{number}"}})


async def changed_one_by_one(server: ApiServer) -> None:
    for number in range(EVENTS):
        create(server, number)
        await asyncio.sleep(0)


def test_events_go_out_at_once() -> None:
    async def scene() -> None:
        async with watching() as (server, reader):
            await changed_one_by_one(server)
            assert [len(await chunk(reader)) for _ in range(EVENTS)] == [1] * EVENTS

    asyncio.run(scene())


def test_where_there_are_many_writes_events_go_out_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "MANY_WRITES", 0)

    async def scene() -> None:
        async with watching() as (server, reader):
            await changed_one_by_one(server)
            assert [len(await chunk(reader)) for _ in range(2)] == [1, EVENTS - 1]

    asyncio.run(scene())


def test_a_watch_rests_until_the_end_of_a_period_with_many_writes() -> None:
    pace = streaming.Pace()
    rests = [pace.rest(100.0) for _ in range(streaming.MANY_WRITES + 1)]
    assert set(rests[:-1]) == {0.0}
    assert rests[-1] == pytest.approx(streaming.PERIOD_SECONDS)


def test_a_watch_rests_in_the_period_after_one_with_many_writes_too_and_then_no_more() -> None:
    pace = streaming.Pace()
    for _ in range(streaming.MANY_WRITES + 1):
        pace.rest(100.0)
    assert [pace.rest(100.0 + number * streaming.PERIOD_SECONDS) > 0 for number in (1.5, 3)] == [True, False]


def test_a_write_is_not_longer_than_a_limit() -> None:
    async def scene() -> None:
        async with watching() as (server, reader):
            for number in range(streaming.WRITE_EVENTS + 1):
                create(server, number)
            assert [len(await chunk(reader)) for _ in range(2)] == [streaming.WRITE_EVENTS, 1]

    asyncio.run(scene())
