"""The in-process client: its latency, its faults, and what it does not do unasked."""

import asyncio
from datetime import UTC, datetime
from random import Random

import pytest

from fakes.apiserver import resources
from fakes.apiserver.server import ApiServer
from runner.kube import NODES, PODS, KubeApi, Resource, Unavailable
from vksim import loop as virtual_time
from vksim.kube import InProcessKube


def make_server() -> ApiServer:
    return ApiServer(now=lambda: datetime(2026, 1, 1, tzinfo=UTC), random=Random(1), checked=True)


async def call_everything(api: KubeApi) -> list[str]:
    """Each verb once; says which were refused."""
    refused = []
    meta = {"name": "n1"}
    calls = {
        "create": lambda: api.create(NODES, {"metadata": meta}),
        "get": lambda: api.get(NODES, "n1"),
        "list": lambda: api.list(NODES),
        "update": lambda: api.update(NODES, {"metadata": meta}),
        "patch": lambda: api.patch(NODES, "n1", {}),
        "delete": lambda: api.delete(NODES, "n1"),
    }
    for verb, call in calls.items():
        try:
            await call()
        except Unavailable:
            refused.append(verb)
    try:
        async with api.watch(NODES):
            pass
    except Unavailable:
        refused.append("watch")
    return refused


def test_a_fault_stands_for_the_answer_of_every_verb() -> None:
    seen = []

    def before(verb: str, resource: Resource) -> None:
        seen.append((verb, str(resource)))
        raise Unavailable("brown-out", code=503)

    refused = asyncio.run(call_everything(InProcessKube(make_server(), before=before)))
    assert refused == ["create", "get", "list", "update", "patch", "delete", "watch"]
    assert seen == [(verb, "nodes") for verb in refused]


def test_without_a_fault_every_verb_is_answered() -> None:
    seen = []
    api = InProcessKube(make_server(), before=lambda verb, _resource: seen.append(verb))
    assert asyncio.run(call_everything(api)) == []
    assert len(seen) == 7


@pytest.mark.parametrize("seconds", [None, 0.0])
def test_without_latency_no_call_gives_way_to_others(seconds: float | None) -> None:
    async def steps() -> list[str]:
        api = InProcessKube(make_server(), latency=None if seconds is None else lambda: seconds)
        log = []
        asyncio.get_running_loop().call_soon(log.append, "another")
        await call_everything(api)
        log.append("answered")
        await asyncio.sleep(0)
        return log

    assert asyncio.run(steps()) == ["answered", "another"]


def test_latency_passes_before_the_request_takes_effect() -> None:
    async def created_when() -> list[int]:
        server = make_server()
        api = InProcessKube(server, latency=lambda: 0.01)
        task = asyncio.create_task(api.create(NODES, {"metadata": {"name": "n1"}}))
        await asyncio.sleep(0)
        counts = [len(server.list(resources.NODES, None)["items"])]
        await task
        counts.append(len(server.list(resources.NODES, None)["items"]))
        return counts

    assert asyncio.run(created_when()) == [0, 1]


def test_a_watch_that_is_left_holds_nothing() -> None:
    async def watch_and_leave() -> int:
        server = make_server()
        api = InProcessKube(server)
        async with api.watch(PODS, field_selector="spec.nodeName=n1", timeout_seconds=300):
            pass
        return len(server._collections[resources.PODS].hub._by_index)

    assert asyncio.run(watch_and_leave()) == 0


def test_bookmarks_come_each_minute_and_before_the_end() -> None:
    async def bookmarks_at() -> list[tuple[float, str]]:
        loop = asyncio.get_running_loop()
        server = make_server()
        async with InProcessKube(server).watch(NODES, resource_version="1", timeout_seconds=150) as events:
            return [(loop.time(), event.type) async for event in events] + [(loop.time(), "end")]

    assert virtual_time.run(bookmarks_at()) == [
        (60.0, "BOOKMARK"),
        (120.0, "BOOKMARK"),
        (148.0, "BOOKMARK"),
        (150.0, "end"),
    ]
