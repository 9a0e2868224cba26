"""The HTTP door of a fake API server, without sockets: what comes in and what goes out are bytes all the same."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from unittest import mock

from aiohttp import StreamReader, web
from aiohttp.test_utils import make_mocked_request

from fakes.apiserver.controllers import ALL, ROOT_CA
from fakes.apiserver.http import HttpDoor
from fakes.apiserver.server import ApiServer
from fakes.apiserver.sharing import Sharing

BUG = "the fake API server has a bug here"
"""What it says instead of an answer. A 500 alone is no bug: a real server has some, for what nobody thought of."""
PATIENCE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    content: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.content)


@dataclass
class Door:
    """A server of its own, at a time that goes on by a second with each request."""

    moment: datetime = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)

    def __post_init__(self) -> None:
        self.server = ApiServer(
            now=lambda: self.moment, random=Random(1), checked=True, running=ALL - {ROOT_CA}, sharing=Sharing()
        )
        self.http = HttpDoor(self.server, now=lambda: self.moment)

    def send(self, method: str, target: str, body: Any = None, content_type: str = "application/json") -> Answer:
        """Any request but a watch. What is no bytes is sent as JSON. A bug of the server's fails the test."""
        self.moment += timedelta(seconds=1)
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return self.loop.run_until_complete(
            asyncio.wait_for(self._send(method, target, content, content_type), PATIENCE_SECONDS)
        )

    async def _send(self, method: str, target: str, content: bytes, content_type: str) -> Answer:
        payload = StreamReader(mock.Mock(_reading_paused=False), 2**20, loop=self.loop)
        payload.feed_data(content)
        payload.feed_eof()
        headers = {"Content-Type": content_type, "User-Agent": "fuzz/1"}
        response = await self.http._handle(make_mocked_request(method, target, headers, payload=payload))
        assert isinstance(response, web.Response)
        answer = Answer(response.status, bytes(response.body or b""))  # type: ignore[arg-type]
        assert BUG not in answer.content.decode(errors="replace"), (method, target, content)
        return answer

    def made(self, path: str, obj: Any) -> Any:
        """An object that can be created."""
        answer = self.send("POST", path, obj)
        assert answer.status == 201, answer.content
        return answer.body

    def items(self, path: str) -> list[Any]:
        """The objects of a list that can be had."""
        answer = self.send("GET", path)
        assert answer.status == 200, answer.content
        items: list[Any] = answer.body["items"]
        return items


@contextmanager
def open_door() -> Iterator[Door]:
    """A new door."""
    door = Door()
    try:
        yield door
    finally:
        door.loop.close()
