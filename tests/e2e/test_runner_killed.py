"""``kill -9`` of the real process, a hundred times, at random moments, while pods come and go.

The same in virtual time, with many seeds and at every call, is ``tests/unit/test_killed_runner.py``.
"""

import asyncio
import json
from pathlib import Path
from random import Random

import pytest

from runner.kube import PODS, NotFound
from tests.e2e.processes import Cluster, cluster_in, pod_object, running, until_running

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

KILLS = 100
LONGEST_LIFE = 2.5
"""Seconds; a runner needs about one to begin its work."""


@pytest.mark.parametrize("seed", [1])
def test_killed_a_hundred_times_it_loses_nothing_and_runs_nothing_twice(tmp_path: Path, seed: int) -> None:
    random = Random(seed)

    async def go() -> None:
        async with cluster_in(tmp_path) as cluster:
            wanted: set[str] = set()
            owners = asyncio.create_task(come_and_go(cluster, random, wanted))
            for _ in range(KILLS):
                async with running(tmp_path, *cluster.arguments):
                    await asyncio.sleep(random.uniform(0.0, LONGEST_LIFE))
            owners.cancel()
            await asyncio.wait([owners])
            async with running(tmp_path, *cluster.arguments):
                await settled(cluster, wanted)

    asyncio.run(asyncio.wait_for(go(), KILLS * LONGEST_LIFE + 120))


async def come_and_go(cluster: Cluster, random: Random, wanted: set[str]) -> None:
    """Create pods and delete pods, for ever; ``wanted`` holds the names of those that are to stay."""
    number = 0
    while True:
        await asyncio.sleep(random.uniform(0.0, 1.0))
        name = f"pod-{number}"
        number += 1
        wanted.add(name)
        await cluster.kube.create(PODS, pod_object(name), "default")
        if len(wanted) > 5:
            name = random.choice(sorted(wanted))
            wanted.discard(name)
            try:
                await cluster.kube.delete(PODS, name, "default", grace_period_seconds=random.choice([None, 0]))
            except NotFound:
                raise AssertionError(f"{name} is gone, and nobody deleted it") from None


async def settled(cluster: Cluster, wanted: set[str]) -> None:
    """The API has the wanted pods and no other, all of them running; so has the provider, each started once."""
    for name in sorted(wanted):
        await until_running(cluster.kube, name)
    await until_there_are(cluster, wanted)
    records = [json.loads(path.read_text()) for path in cluster.cloud.rglob("*.json")]
    assert sorted(each["pod"]["metadata"]["name"] for each in records) == sorted(wanted)
    assert {each["starts"] for each in records} == {1}


async def until_there_are(cluster: Cluster, wanted: set[str]) -> None:
    while True:
        listed = (await cluster.kube.list(PODS))["items"]
        if {each["metadata"]["name"] for each in listed} == wanted:
            return
        await asyncio.sleep(0.05)
