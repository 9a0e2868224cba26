"""What a provider is handed of the cluster (``runner.context``)."""

import asyncio
import dataclasses
from random import Random

from fakes.apiserver.server import ApiServer
from runner.config import RunnerConfig
from runner.context import provider_context
from vksim import loop as virtual
from vksim.kube import InProcessKube


def test_a_provider_is_not_handed_the_kubernetes_api() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, virtual.VirtualLoop)
        ports = virtual.ports(loop, Random(0))
        api = InProcessKube(ApiServer(now=ports.clock.now, random=Random(0)))
        context = provider_context(api, RunnerConfig(), ports, {}, "test")
        handed = {each.name: getattr(context, each.name) for each in dataclasses.fields(context)}
        assert [name for name, value in handed.items() if value is api or hasattr(value, "watch")] == []

    virtual.run(main())
