"""What a cluster that is up for long holds: the objects that are there, and nothing of those that were."""

import asyncio
import gc
from random import Random

import pytest

from fakes.apiserver import sharing
from fakes.apiserver.resources import EVENTS, PODS
from fakes.apiserver.sharing import Sharing
from providers.mock import cloud
from vksim import loop
from vksim.cluster import Cluster

PODS_AT_A_TIME = 40
ROUNDS = 5
HOURS = 2
"""Between one round and the next: events are kept for one."""


def test_pods_that_come_and_go_leave_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "GENERATION", 64)  # what is remembered is full at once
    monkeypatch.setattr(cloud, "GONE", PODS_AT_A_TIME)

    async def scene() -> list[int]:
        ports = loop.ports(asyncio.get_running_loop(), Random(1))
        cluster = Cluster(ports.clock, lambda _: Random(1), sharing=Sharing())
        cluster.add_node("n", settings={}, tainted=False)
        work = asyncio.ensure_future(cluster.run())
        held = []
        for number in range(ROUNDS):
            names = [f"p-{number}-{each}" for each in range(PODS_AT_A_TIME)]
            for name in names:
                spec = {"containers": [{"name": "c", "image": "i"}]}
                cluster.server.create(PODS, "default", {"metadata": {"name": name}, "spec": spec})
            await asyncio.sleep(60)
            assert {each["status"]["phase"] for each in cluster.server.list(PODS, None)["items"]} == {"Running"}
            for name in names:
                cluster.server.delete(PODS, "default", name)
            await asyncio.sleep(HOURS * 3600)
            assert not cluster.server.list(PODS, None)["items"]
            assert not cluster.server.list(EVENTS, None)["items"]
            cluster.server.compact()
            gc.collect()
            held.append(len(gc.get_objects()))
            assert len(cluster.cloud.starts) <= PODS_AT_A_TIME
        work.cancel()
        return held

    held = loop.run(scene())
    grown = (held[-1] - held[1]) / (PODS_AT_A_TIME * (ROUNDS - 2))
    assert grown < 0.5, f"{grown:.1f} objects are kept of each pod that was: {held}"
