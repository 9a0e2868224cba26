"""The provider of docs/providers.md works as it stands there, and keeps the rules that the page gives."""

import asyncio
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest

from features.backends import Simulated
from features.factories import BoundPodFactory
from features.stages.mock import MockStage
from features.world import World
from providers import base, errors, pods
from providers.base import Clock, Provider, ProviderContext
from providers.errors import InvalidConfig, NotFound, ProviderError
from runner.kube import PODS
from tests.unit.mock_setting import context, virtual_clock
from vksim.loop import run

PAGE = (Path(__file__).parents[2] / "docs" / "providers.md").read_text()

Create = Callable[[ProviderContext], Provider]


@pytest.fixture
def create() -> Create:
    """The factory of the page's provider."""
    [code] = re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {"__name__": "folder_provider"}
    exec(compile(code, "docs/providers.md", "exec"), names)
    factory: Create = names["create"]
    return factory


def test_it_keeps_the_rules(create: Create, tmp_path: Path) -> None:
    async def main() -> None:
        provider = create(context(virtual_clock(), folder=str(tmp_path)))
        pod = BoundPodFactory()
        ref = pods.ref(pod)
        await provider.create_pod(pod)
        await asyncio.sleep(60)
        await provider.create_pod(pod)
        assert (await provider.get_pod_status(ref))["startTime"] == "2026-01-01T00:00:00Z"
        after_a_restart = create(context(virtual_clock(), folder=str(tmp_path)))
        assert [pods.ref(each) for each in await after_a_restart.get_pods()] == [ref]
        other_node = create(context(virtual_clock(), "other", folder=str(tmp_path)))
        assert not await other_node.get_pods()
        await provider.delete_pod(pod)
        with pytest.raises(NotFound):
            await provider.get_pod(ref)
        with pytest.raises(NotFound):
            await provider.delete_pod(pod)

    run(main())


def test_a_mistake_in_its_configuration_is_told(create: Create) -> None:
    async def main() -> None:
        create(context(virtual_clock(), folder=5))

    with pytest.raises(InvalidConfig, match=r"mock\.yaml: folder: 5 is no path"):
        run(main())


class FolderStage(MockStage):
    """As much of a stage as this test needs: the provider is the page's, and nobody makes trouble in its cloud."""

    def __init__(self, create: Create, folder: Path, clock: Clock, random: Random) -> None:
        super().__init__(clock, random)
        self._create = create
        self._folder = folder

    def provider(self, context: ProviderContext) -> Provider:
        """The page's provider."""
        return self._create(replace(context, config={"folder": str(self._folder)}))


@pytest.fixture
def world(create: Create, tmp_path: Path) -> Iterator[World]:
    world = World(Simulated(partial(FolderStage, create, tmp_path), seed=0, provider="folder"))
    yield world
    world.close()


def test_the_runner_runs_pods_with_it(world: World, tmp_path: Path) -> None:
    async def phase() -> bool:
        return bool((await world.find() or {}).get("status", {}).get("phase") == "Running")

    async def gone() -> bool:
        return await world.find() is None

    world.backend.start_runner()
    world.write_pod()
    world.create_pod()
    world.eventually("the pod runs", phase)
    world.backend.crash_runner()
    world.backend.start_runner()
    world.passes(120)
    assert len(list(tmp_path.rglob("*.json"))) == 1
    world.do(world.api.delete(PODS, world.name, world.namespace))
    world.eventually("the pod is gone", gone)
    assert not list(tmp_path.rglob("*.json"))


def test_each_error_and_each_optional_part_is_on_the_page() -> None:
    parts = [
        name
        for name, each in vars(base).items()
        if getattr(each, "_is_runtime_protocol", False) and each.__module__ == base.__name__
    ]
    kinds = [each.__name__ for each in ProviderError.__subclasses__() if each.__module__ == errors.__name__]
    named = re.findall(r"^\| `(\w+)", PAGE, flags=re.MULTILINE)
    assert len(parts) > 5
    assert sorted(named) == sorted(parts + kinds)
