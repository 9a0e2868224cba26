"""A whole cluster in virtual time, put together by hand."""

import asyncio
from random import Random

import pytest

from fakes.apiserver.resources import PODS
from vksim import loop
from vksim.cluster import CONTROLLERS, SCHEDULER, Cluster

POD = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}


@pytest.mark.parametrize(("controllers", "node"), [(CONTROLLERS, "n"), (CONTROLLERS - {SCHEDULER}, "")])
def test_pods_are_scheduled_unless_that_is_left_to_others(controllers: frozenset[str], node: str) -> None:
    async def scene() -> str:
        cluster = Cluster(
            loop.ports(asyncio.get_running_loop(), Random(1)).clock, lambda _: Random(1), controllers=controllers
        )
        cluster.add_node("n", settings={}, tainted=False)
        work = asyncio.ensure_future(cluster.run())
        cluster.server.create(PODS, "default", POD)
        await asyncio.sleep(60)
        work.cancel()
        return str(cluster.server.get(PODS, "default", "p")["spec"].get("nodeName", ""))

    assert loop.run(scene()) == node
