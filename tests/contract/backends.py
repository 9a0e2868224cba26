"""What the contract suite runs over: each back end starts an API server and yields a client of it.

To add one, write a function like ``in_process`` and name it in ``BACKENDS``.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from random import Random

from fakes.apiserver.http import HttpDoor
from fakes.apiserver.server import ApiServer
from runner.kube import KubeApi
from runner.kube_config import Connection
from runner.kube_http import HttpKube
from vksim.kube import InProcessKube

WATCH_CACHE = 50
"""How many changes of a resource the servers remember: little, so that a test can be too late."""

Backend = Callable[[], AbstractAsyncContextManager[KubeApi]]


def now() -> datetime:
    """The servers' clock, which stands still."""
    return datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def fake_server() -> ApiServer:
    """A fake API server whose objects nobody may change."""
    return ApiServer(now=now, random=Random(1), checked=True, watch_cache=WATCH_CACHE)


@asynccontextmanager
async def in_process() -> AsyncIterator[KubeApi]:
    """The fake API server by direct calls."""
    yield InProcessKube(fake_server())


@asynccontextmanager
async def over_http() -> AsyncIterator[KubeApi]:
    """The fake API server through its HTTP door, asked by the client that the runner uses on a real cluster."""

    async def authorization() -> str:
        return "Bearer secret"

    door = HttpDoor(fake_server(), now=now, token="secret")
    await door.start()
    try:
        async with HttpKube.over(Connection(f"http://127.0.0.1:{door.port}", authorization), Random(1)) as kube:
            yield kube
    finally:
        await door.stop()


BACKENDS: Mapping[str, Backend] = {"in-process": in_process, "http": over_http}
