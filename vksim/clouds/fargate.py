"""AWS Fargate in a simulation: the production provider and boto3, on the fake in-process.

What is not production's: the way out of the SDK (``fakes.fargate.sdk``), and what opens the sockets of commands.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import cache
from random import Random
from typing import Any
from urllib.parse import urlsplit

import boto3

from fakes.cloud.settings import CloudSettings
from fakes.fargate.defaults import REGION
from fakes.fargate.sdk import InProcess
from fakes.fargate.service import FargateService
from fakes.fargate.tasks import Task
from providers.base import Clock, Provider, ProviderContext
from providers.fargate import config as configuration
from providers.fargate import factory, names
from providers.fargate.client import FargateClient, Services
from providers.fargate.commands import Socket
from providers.fargate.provider import FargateProvider
from providers.fargate.shelf import Shelf
from providers.fargate.traffic import Traffic
from vksim.clouds.base import CloudPod

CONFIG = {
    "Region": REGION,
    "Subnets": ["subnet-a", "subnet-b"],
    "SecurityGroups": ["sg-vksim"],
    "ExecutionRoleArn": "arn:aws:iam::123456789012:role/vksim",
    "CloudWatchLogGroupName": "vksim",
    "CPU": "1000",
    "Memory": "4Ti",
    "Storage": "20Ti",
    "Pods": "1000",
}
"""What the operator of a simulated node has decided, unless the scenario says otherwise."""


def make(settings: CloudSettings | None, clock: Clock, random: Random) -> "FargateBackend":
    """A region of AWS, for one account."""
    return FargateBackend(FargateService(clock.now, random, settings), clock, random)


class FargateBackend:
    """The provider on a fake cloud; see ``vksim.clouds.base.CloudBackend``.

    Args:
        service: the fake.
        clock: the wall clock.
        random: of the providers' pauses.

    Attributes:
        service: the fake.
        model: its latencies, quotas, rates and faults.
        config: what the operator of each node has decided.
        door: the SDK's way to the fake.
    """

    def __init__(self, service: FargateService, clock: Clock, random: Random) -> None:
        self.service = service
        self.model = service.model
        self.config: dict[str, Any] = dict(CONFIG)
        self.door = InProcess(service)
        self._clock = clock
        self._traffic = Traffic(random)
        self._shelf = Shelf(clock)
        self._services: Services | None = None

    def provider(self, context: ProviderContext) -> Provider:
        """The production provider; several nodes keep one pace, as in one process they do."""
        config = configuration.parse({**self.config, **context.config}, source=context.config_source)
        if self._services is None:
            self._services = Services(lambda name: self.door.attach(factory.client(_session(), config, name)))
        client = FargateClient(self._services, config.cluster, context.blocking, self._traffic)
        return FargateProvider(context, config, client, self._shelf, self._connect)

    def pods(self) -> Iterator[CloudPod]:
        """All tasks that have not stopped and carry a pod's identity."""
        now = self._clock.now()
        for task in self.tasks():
            whose = names.identity(task.constant)
            if whose is not None:
                running, ref = task.status(now) == "RUNNING", whose.ref
                node = str(task.constant["startedBy"]).removeprefix(f"{names.PREFIX}/")
                tags = {each["key"]: each["value"] for each in task.request.get("tags") or []}
                node = tags.get("virtual-kubelet/node", node)
                yield CloudPod(ref.uid, ref.namespace, ref.name, node, task.arn, running)

    def tasks(self) -> list[Task]:
        """All tasks that have not stopped."""
        return self.service.account.alive()

    def interrupt(self, share: float) -> int:
        """The cloud takes back this share of the tasks on spot capacity."""
        return self.service.account.interrupt(share)

    @asynccontextmanager
    async def _connect(self, url: str) -> AsyncIterator[Socket]:
        socket = _Socket()
        running = asyncio.ensure_future(self._run(urlsplit(url).path.rpartition("/")[2], socket))
        try:
            yield socket
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def _run(self, session: str, socket: "_Socket") -> None:
        try:
            await self.service.sessions.run(session, socket.received(), socket.answer)
        finally:
            await socket.hang_up()


class _Socket:
    """Both ends of a WebSocket."""

    def __init__(self) -> None:
        self._there: asyncio.Queue[bytes | str | None] = asyncio.Queue()
        self._here: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def send(self, data: bytes | str) -> None:
        """The provider says something."""
        await self._there.put(data)

    async def messages(self) -> AsyncIterator[bytes]:
        """What the cloud says."""
        while (message := await self._here.get()) is not None:
            yield message

    async def answer(self, data: bytes) -> None:
        """The cloud says something."""
        await self._here.put(data)

    async def received(self) -> AsyncIterator[bytes | str]:
        """What the provider says."""
        while (message := await self._there.get()) is not None:
            yield message

    async def hang_up(self) -> None:
        """The cloud is done."""
        await self._here.put(None)


@cache
def _session() -> Any:
    """boto3's, which reads AWS's descriptions of the services only once."""
    return boto3.session.Session(aws_access_key_id="fake", aws_secret_access_key="fake")  # noqa: S106  (a fake's)
