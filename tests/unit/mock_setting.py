"""A mock provider on a mock cloud in virtual time, and pods for it."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from random import Random
from typing import Any

from features.factories import BoundPodFactory
from providers import pods
from providers.base import Clock, ProviderContext
from providers.errors import NotFound
from providers.mock.cloud import MockCloud
from providers.mock.config import OUR_CAPACITY, MockConfig
from providers.mock.provider import MockProvider
from providers.mock.script import PREFIX, Script
from providers.types import Pod
from vksim.blocking import Inline
from vksim.loop import VirtualClock, VirtualLoop, run


def virtual_clock() -> VirtualClock:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    return VirtualClock(loop)


def context(clock: Clock, node: str = "vk", **config: Any) -> ProviderContext:
    """What a provider for that node is told, in a cluster without objects."""
    return ProviderContext(
        node_name=node,
        operating_system="linux",
        internal_ip="192.0.2.1",
        daemon_port=10250,
        clock=clock,
        random=Random(2),
        blocking=Inline(),
        log=logging.getLogger("test"),
        read_secret=no_object,
        read_config_map=no_object,
        request_token=no_object,
        config=config,
        config_source="mock.yaml",
    )


async def no_object(namespace: str, name: str, *_: object) -> Mapping[str, Any]:
    raise NotFound(f"{namespace}/{name}")


class Setting:
    """A provider on a cloud, and all that it has pushed."""

    def __init__(self) -> None:
        self.clock = virtual_clock()
        self.cloud = MockCloud(self.clock, Random(1))
        self.pushed: list[Pod] = []
        self.provider = self.new_provider("vk")

    def new_provider(self, node: str) -> MockProvider:
        provider = MockProvider(context(self.clock, node), MockConfig(OUR_CAPACITY, Script()), self.cloud)
        provider.notify_pods(self.pushed.append)
        return provider

    async def status(self, pod: Pod) -> Any:
        return await self.provider.get_pod_status(pods.ref(pod))


def run_with_mock(test: Callable[[Setting], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Runs a test in virtual time."""

    async def play() -> None:
        await test(Setting())

    def wrapper() -> None:
        run(play())

    wrapper.__name__ = wrapper.__qualname__ = test.__name__
    return wrapper


def pod_with(restart_policy: str = "Always", image: str = "app:1", **settings: str) -> Any:
    """A pod with annotations, e.g. ``run_for="30s"``."""
    pod = BoundPodFactory(spec={"containers": [{"name": "main", "image": image}], "restartPolicy": restart_policy})
    annotations = {PREFIX + name.replace("_", "-"): value for name, value in settings.items()}
    return {**pod, "metadata": {**pod["metadata"], "annotations": annotations}}
