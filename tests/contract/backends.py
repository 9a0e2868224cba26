"""What the contract suite runs over: each back end starts an API server and yields a client of it.

To add one, write a function like ``in_process`` and name it in ``BACKENDS``.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from random import Random

from fakes.apiserver.server import ApiServer
from runner.kube import KubeApi
from vksim.kube import InProcessKube

WATCH_CACHE = 50
"""How many changes of a resource the servers remember: little, so that a test can be too late."""

Backend = Callable[[], AbstractAsyncContextManager[KubeApi]]


def fake_server() -> ApiServer:
    """A fake API server whose objects nobody may change."""
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    return ApiServer(now=lambda: moment, random=Random(1), checked=True, watch_cache=WATCH_CACHE)


@asynccontextmanager
async def in_process() -> AsyncIterator[KubeApi]:
    """The fake API server by direct calls."""
    yield InProcessKube(fake_server())


BACKENDS: Mapping[str, Backend] = {"in-process": in_process}
