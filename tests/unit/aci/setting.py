"""The provider on a fake ACI in virtual time, and pods for it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import replace
from random import Random
from typing import Any

from fakes.aci.group import Group
from fakes.cloud.settings import CloudSettings, Latency
from features.factories import BoundPodFactory
from providers import pods
from providers.aci.provider import AciProvider
from providers.base import TerminalSize
from providers.types import Pod
from tests.unit.mock_setting import context, virtual_clock
from vksim.clouds.aci import make
from vksim.loop import run

QUICK = {
    "provision": Latency(5.0),
    "transition": Latency(0.0),
    "write": Latency(0.1),
    "delete": Latency(0.1),
    "read": Latency(0.02),
}


class Azure:
    """A region of ACI, and providers in front of it."""

    def __init__(self, settings: CloudSettings | None = None, **config: Any) -> None:
        self.clock = virtual_clock()
        self.backend = make(settings or CloudSettings(latencies=QUICK), self.clock, Random(1))
        self.cloud = self.backend.cloud
        self.model = self.backend.model
        self.config = config
        self.provider = self.new_provider()

    def new_provider(self, node: str = "vk", secrets: Mapping[str, Mapping[str, Any]] | None = None) -> AciProvider:
        """As after a restart of the runner."""

        async def read_secret(namespace: str, name: str) -> Mapping[str, Any]:
            return (secrets or {})[f"{namespace}/{name}"]

        given = replace(context(self.clock, node, **self.config), config_source="aci.toml", read_secret=read_secret)
        return self.backend.provider(given)

    def groups(self) -> list[Group]:
        """Those that there are."""
        return list(self.backend.groups())

    async def running(self, pod: Pod) -> Pod:
        """Create a pod, and wait until it runs."""
        await self.provider.create_pod(pod)
        await asyncio.sleep(10)
        await self.provider.get_pods()
        found = await self.provider.get_pod(pods.ref(pod))
        assert pods.phase(found) == "Running", pods.status(found)
        return found

    def calls(self, operation: str) -> int:
        """How often something was asked for."""
        return sum(count for (name, _), count in self.model.counts.items() if name == operation)


def play(
    story: Callable[[Azure], Coroutine[Any, Any, None]], settings: CloudSettings | None = None, **config: Any
) -> None:
    """Run a story in virtual time."""

    async def _played() -> None:
        await story(Azure(settings, **config))

    run(_played())


def a_pod(**fields: Any) -> Pod:
    """A pod that is bound to the node."""
    pod: Pod = BoundPodFactory(**fields)
    return pod


class Terminal:
    """A user without a terminal, who may type something."""

    def __init__(self, *typed: bytes, tty: bool = False) -> None:
        self.tty = tty
        self.output = b""
        self._typed = typed

    async def stdin(self) -> AsyncIterator[bytes]:
        for each in self._typed:
            yield each

    async def write_stdout(self, data: bytes) -> None:
        self.output += data

    async def write_stderr(self, data: bytes) -> None:
        self.output += data

    async def resizes(self) -> AsyncIterator[TerminalSize]:
        yield TerminalSize(100, 40)
