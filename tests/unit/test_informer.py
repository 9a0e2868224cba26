"""A view that stays right when the watch does not (``runner.informer``)."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest

from runner import kube
from runner.informer import Informer
from runner.kube import WatchEvent
from vksim import loop as virtual


def obj(name: str, version: int) -> dict[str, Any]:
    return {"metadata": {"name": name, "uid": f"uid-{name}", "resourceVersion": str(version)}}


class Cluster:
    """Plays prepared lists and watches, then waits for ever."""

    def __init__(self, lists: list[Any], watches: list[Any]) -> None:
        self.lists, self.watches = lists, watches
        self.watched_from: list[str] = []
        self.listed = 0

    async def list(self, *_: Any, continue_token: str = "", **__: Any) -> dict[str, Any]:
        self.listed += 1
        page = self.lists.pop(0)
        if isinstance(page, Exception):
            raise page
        return page  # type: ignore[no-any-return]

    @asynccontextmanager
    async def watch(self, *_: Any, resource_version: str, **__: Any) -> AsyncIterator[AsyncIterator[WatchEvent]]:
        self.watched_from.append(resource_version)
        script = self.watches.pop(0) if self.watches else None

        async def events() -> AsyncIterator[WatchEvent]:
            if script is None:
                await asyncio.Event().wait()
            for each in script or []:
                if isinstance(each, Exception):
                    raise each
                yield each

        yield events()


def page(version: int, *items: dict[str, Any], token: str = "") -> dict[str, Any]:
    return {"metadata": {"resourceVersion": str(version), **({"continue": token} if token else {})}, "items": items}


def follow(cluster: Cluster, seconds: float = 100) -> list[str]:
    seen: list[str] = []

    async def main() -> None:
        informer = Informer(
            cluster,  # type: ignore[arg-type]
            kube.PODS,
            changed=lambda each: seen.append(f"+{each['metadata']['name']}"),
            deleted=lambda each: seen.append(f"-{each['metadata']['name']}"),
            random=Random(0),
            log=logging.getLogger("test"),
        )
        try:
            async with asyncio.timeout(seconds):
                await informer.run()
        except TimeoutError:
            pass

    virtual.run(main())
    return seen


def test_all_pages_are_listed_and_the_watch_begins_at_the_first_pages_version() -> None:
    cluster = Cluster([page(5, obj("a", 1), token="t"), page(5, obj("b", 2))], [])
    assert follow(cluster) == ["+a", "+b"]
    assert cluster.watched_from == ["5"]


def test_a_watch_that_ends_is_resumed_where_it_ended() -> None:
    events = [WatchEvent("ADDED", obj("a", 6)), WatchEvent("BOOKMARK", {"metadata": {"resourceVersion": "9"}})]
    cluster = Cluster([page(5)], [events])
    assert follow(cluster) == ["+a"]
    assert cluster.watched_from == ["5", "9"]


def test_what_was_deleted_while_nobody_watched_is_told_after_a_new_list() -> None:
    lists = [page(5, obj("a", 1), obj("b", 2)), page(20, obj("b", 2), obj("c", 3))]
    assert follow(Cluster(lists, [[kube.Gone("too old", code=410)]])) == ["+a", "+b", "-a", "+c"]


def test_a_deletion_seen_in_the_watch_is_told_once() -> None:
    lists = [page(5, obj("a", 1)), page(20)]
    watches = [[WatchEvent("DELETED", obj("a", 6)), kube.Gone("too old", code=410)]]
    assert follow(Cluster(lists, watches)) == ["+a", "-a"]


@pytest.mark.parametrize("error", [kube.Unavailable("down"), kube.Forbidden("no", code=403)])
def test_a_server_in_trouble_is_asked_less_and_less_often(error: Exception) -> None:
    cluster = Cluster([error] * 100, [])
    follow(cluster, seconds=300)
    assert 5 <= cluster.listed <= 20


def test_a_server_that_ends_every_watch_at_once_is_not_hammered() -> None:
    cluster = Cluster([page(5)], [[] for _ in range(1000)])
    follow(cluster, seconds=50)
    assert len(cluster.watched_from) <= 51


def test_a_server_that_asks_for_patience_gets_it() -> None:
    cluster = Cluster([kube.Unavailable("busy", retry_after=60.0)] * 10, [])
    follow(cluster, seconds=100)
    assert cluster.listed == 2


def shown(*objects: dict[str, Any]) -> list[dict[str, Any]]:
    """What the informer hands on of an object that changes like this."""
    seen: list[dict[str, Any]] = []

    async def main() -> None:
        events = [[WatchEvent("MODIFIED", each) for each in objects[1:]]]
        informer = Informer(
            Cluster([page(5, objects[0])], events),  # type: ignore[arg-type]
            kube.PODS,
            changed=seen.append,
            deleted=seen.append,
            random=Random(0),
            log=logging.getLogger("test"),
        )
        try:
            async with asyncio.timeout(5):
                await informer.run()
        except TimeoutError:
            pass

    virtual.run(main())
    return seen


def test_a_spec_that_did_not_change_is_kept_once() -> None:
    first, second, third = shown(
        {**obj("a", 1), "spec": {"containers": ["x"]}},
        {**obj("a", 2), "spec": {"containers": ["x"]}, "status": {}},
        {**obj("a", 3), "spec": {"containers": ["y"]}, "status": {}},
    )
    assert second["spec"] is first["spec"]
    assert second["metadata"]["resourceVersion"] == "2"
    assert third["spec"] == {"containers": ["y"]}


def test_managed_fields_are_not_kept_and_nothing_is_changed_in_place() -> None:
    given = {**obj("a", 1), "spec": {}}
    given["metadata"]["managedFields"] = [{"manager": "kubectl"}]
    [kept] = shown(given)
    assert kept["metadata"] == {"name": "a", "uid": "uid-a", "resourceVersion": "1"}
    assert "managedFields" in given["metadata"]
