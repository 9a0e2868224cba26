"""Watches of single objects (``runner.object_watches``), over a fake API server in virtual time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from random import Random

from fakes.apiserver.server import ApiServer
from runner.kube import CONFIG_MAPS
from runner.object_watches import ObjectWatches, Watched
from vksim import loop as virtual
from vksim.kube import InProcessKube

SETTINGS = Watched(CONFIG_MAPS, "default", "settings")


def play(scene: Callable[[InProcessKube, ObjectWatches, list[str]], Awaitable[None]]) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, virtual.VirtualLoop)
        api = InProcessKube(ApiServer(now=virtual.ports(loop, Random(0)).clock.now, random=Random(0)))
        heard: list[str] = []
        watches = ObjectWatches(api, heard.append, Random(0), logging.getLogger("test"))
        await scene(api, watches, heard)
        watches.close()
        await asyncio.sleep(0)

    virtual.run(main())


async def change(api: InProcessKube, value: str) -> None:
    await api.patch(CONFIG_MAPS, "settings", {"data": {"a": value}}, "default")
    await asyncio.sleep(1)


def test_whoever_wants_an_object_hears_that_it_comes_changes_and_goes() -> None:
    async def scene(api: InProcessKube, watches: ObjectWatches, heard: list[str]) -> None:
        watches.want("one", [SETTINGS])
        await asyncio.sleep(1)
        assert heard == []
        await api.create(CONFIG_MAPS, {"metadata": {"name": "settings"}}, "default")
        await change(api, "1")
        await api.delete(CONFIG_MAPS, "settings", "default")
        await asyncio.sleep(1)
        assert heard == ["one"] * 3

    play(scene)


def test_an_object_is_watched_once_however_many_want_it() -> None:
    async def scene(api: InProcessKube, watches: ObjectWatches, heard: list[str]) -> None:
        for number in range(1000):
            watches.want(str(number), [SETTINGS, SETTINGS])
        assert len(watches) == 1
        await asyncio.sleep(1)
        await api.create(CONFIG_MAPS, {"metadata": {"name": "settings"}}, "default")
        await asyncio.sleep(1)
        assert len(heard) == 1000

    play(scene)


def test_it_is_watched_until_the_last_one_lets_go() -> None:
    async def scene(api: InProcessKube, watches: ObjectWatches, heard: list[str]) -> None:
        await api.create(CONFIG_MAPS, {"metadata": {"name": "settings"}}, "default")
        watches.want("one", [SETTINGS])
        watches.want("two", [SETTINGS])
        await asyncio.sleep(1)
        heard.clear()
        watches.want("one", [])
        await change(api, "1")
        assert heard == ["two"]
        watches.want("two", [])
        assert len(watches) == 0
        await change(api, "2")
        assert heard == ["two"]

    play(scene)


def test_an_immutable_object_is_read_once_and_not_watched() -> None:
    async def scene(api: InProcessKube, watches: ObjectWatches, heard: list[str]) -> None:
        await api.create(CONFIG_MAPS, {"metadata": {"name": "settings"}, "immutable": True}, "default")
        watches.want("one", [SETTINGS])
        await asyncio.sleep(1)
        await api.delete(CONFIG_MAPS, "settings", "default")
        await asyncio.sleep(1)
        assert heard == ["one"]
        watches.want("one", [])
        assert len(watches) == 0

    play(scene)
