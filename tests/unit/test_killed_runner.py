"""The runner is killed a hundred times, between any two of its calls, while pods come and go.

At rest the API and the provider agree, nothing is lost, and nothing ran twice that must not. A killed process does
nothing more: from the moment of its death all its calls fail, whatever its tasks still try.
"""

import asyncio
import io
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from fakes.apiserver import resources
from fakes.apiserver.server import ApiServer
from fakes.apiserver.watch import Change
from features.factories import a_pod
from providers import pods
from providers.errors import Retryable
from providers.mock.cloud import MockCloud
from providers.mock.config import OUR_CAPACITY, MockConfig
from providers.mock.provider import MockProvider
from providers.mock.script import PREFIX, Script
from runner import kube
from runner.agent import Agent
from runner.config import RunnerConfig
from runner.context import provider_context
from vksim import loop as virtual
from vksim.checker import in_mock, not_at_rest
from vksim.invariants import End, status_violations
from vksim.kube import InProcessKube
from vksim.observer import Observer

NODE = "vk"
KILLS = 100
CALLS_OF_A_LIFE = 40
"""A runner dies at one of its first so many calls, or of old age ..."""
AGE = 20.0
"""... within so many seconds."""
PODS = 120
REST = 600.0
"""Seconds without a kill, after which all must be settled; longer than any back-off or grace here."""


class Play:
    """A cluster, a cloud, pods that come and go, and a runner that does not live long."""

    def __init__(self, seed: int) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, virtual.VirtualLoop)
        self.random = Random(seed)
        self.ports = virtual.ports(loop, Random(seed + 1))
        self.server = ApiServer(now=self.ports.clock.now, random=Random(seed + 2), checked=True)
        self.user = InProcessKube(self.server)
        self.cloud = MockCloud(self.ports.clock, Random(seed + 3))
        self.wanted: dict[str, dict[str, Any]] = {}
        self.deleted: set[str] = set()
        self.deaths = 0
        self.observer = Observer(loop.time, io.BytesIO(), lambda pod: None, lambda kind, version: None)
        self.wrong: list[str] = []
        self.server.observe(resources.PODS, self.wrote)

    def wrote(self, change: Change) -> None:
        """Look at each write of a pod."""
        if change.type == "MODIFIED" and change.old is not None:
            statuses = (each.get("status") or {} for each in (change.old, change.object))
            self.wrong += [f"{invariant.name}: {text}" for invariant, text in status_violations(*statuses)]

    async def live_and_die(self, calls: int | None) -> None:
        """One life of the runner: to its ``calls``-th call at the most, or ``AGE``; None lives on until cancelled."""
        death = asyncio.Event()
        left = calls

        def one_call() -> None:
            nonlocal left
            if left is None:
                return
            left -= 1
            if left <= 0:
                death.set()
                raise ConnectionResetError("killed")

        def to_api(verb: str, resource: kube.Resource) -> None:
            try:
                one_call()
            except ConnectionResetError as error:
                raise kube.Unavailable(f"{verb} {resource}: {error}") from error

        def to_cloud(operation: str, node: str) -> None:
            try:
                one_call()
            except ConnectionResetError as error:
                raise Retryable(f"{operation} of {node}: {error}") from error

        api = InProcessKube(self.server, latency=lambda: self.random.uniform(0.0, 0.05), before=to_api)
        self.cloud.trouble = to_cloud
        config = RunnerConfig(node_name=NODE, resync_interval=timedelta(seconds=10))
        context = provider_context(api, config, self.ports, {}, "test")
        provider = MockProvider(context, MockConfig(OUR_CAPACITY, Script()), self.cloud)
        life = asyncio.create_task(Agent(api, provider, config, self.ports).run())
        try:
            if calls is None:
                await life
            async with asyncio.timeout(self.random.uniform(0.0, AGE)):
                await death.wait()
                self.deaths += 1
        except TimeoutError:
            left = 0
        finally:
            life.cancel()
            await asyncio.wait([life])

    async def create_and_delete(self) -> None:
        """What the pods' owners do meanwhile."""
        for number in range(PODS):
            await asyncio.sleep(self.random.expovariate(1 / 5))
            pod = await self.user.create(kube.PODS, self.a_pod(number), "default")
            self.wanted[pods.uid(pod)] = pod  # type: ignore[arg-type]  # a pod in wire form
            alive = [uid for uid in self.wanted if uid not in self.deleted]
            if alive and self.random.random() < 0.5:
                await self.delete(self.random.choice(alive))

    async def delete(self, uid: str) -> None:
        self.deleted.add(uid)
        grace = self.random.choice([None, None, 0, 5])
        name = self.wanted[uid]["metadata"]["name"]
        try:
            await self.user.delete(kube.PODS, name, "default", grace_period_seconds=grace, uid=uid)
        except (kube.NotFound, kube.Conflict):
            return

    def a_pod(self, number: int) -> dict[str, Any]:
        random = self.random
        pod = a_pod()
        script = {
            "create-takes": f"{random.choice([0, 0, 2])}s",
            "start-after": f"{random.randint(0, 3)}s",
            "end-after": f"{random.choice([0, 1, 60])}s",
            "create-errors": str(random.choice([0, 0, 0, 1])),
            "delete-errors": str(random.choice([0, 0, 1])),
        }
        if random.random() < 0.4:
            script |= {"run-for": f"{random.randint(1, 60)}s", "exit-code": str(random.choice([0, 3]))}
        spec = {
            **pod["spec"],
            "nodeName": NODE,
            "restartPolicy": random.choice(["Always", "OnFailure", "Never"]),
            "terminationGracePeriodSeconds": random.choice([1, 30]),
        }
        metadata = {"name": f"pod-{number % 40}-{number}", "annotations": {PREFIX + k: v for k, v in script.items()}}
        return {**pod, "metadata": metadata, "spec": spec}

    async def run(self) -> list[str]:
        """Play; what is not as it has to be at rest."""
        observer = asyncio.create_task(self.observer.run(self.user))
        owners = asyncio.create_task(self.create_and_delete())
        for _ in range(KILLS):
            await self.live_and_die(self.random.randint(1, CALLS_OF_A_LIFE))
            await asyncio.sleep(self.random.choice([0.0, 0.5, 3.0]))
        await owners
        last = asyncio.create_task(self.live_and_die(None))
        await asyncio.sleep(REST)
        found = await self.complaints()
        for task in (last, observer):
            assert not task.done(), task
            task.cancel()
            await asyncio.wait([task])
        return found

    async def complaints(self) -> list[str]:
        """Violated invariants, and pods that are not where their owners want them."""
        listed = (await self.user.list(kube.PODS))["items"]
        api_pods = {each["metadata"]["uid"]: each for each in listed}
        end = End(api_pods, tuple(in_mock(self.cloud)))
        found = self.wrong + [f"{invariant.name}: {text}" for invariant, _, text in not_at_rest(end)]
        found += [f"{uid} was started {count} times" for uid, count in self.cloud.starts.items() if count > 1]
        for uid, pod in self.wanted.items():
            name, shown = pod["metadata"]["name"], api_pods.get(uid)
            if uid in self.deleted:
                found += [f"{name} was deleted and is there"] if shown else []
            elif shown is None:
                found.append(f"{name} is gone, and nobody deleted it")
            elif shown["status"]["phase"] == "Pending":
                found.append(f"{name} is still Pending: {shown['status']}")
        return found


@pytest.mark.parametrize("seed", range(5))
def test_killed_a_hundred_times_it_loses_nothing_and_runs_nothing_twice(seed: int) -> None:
    async def play() -> tuple[Play, list[str]]:
        it = Play(seed)
        return it, await it.run()

    it, complaints = virtual.run(play())
    assert complaints == []
    assert len(it.wanted) == PODS
    assert it.deaths >= KILLS / 3, "too few died at work"
