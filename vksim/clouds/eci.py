"""Elastic Container Instance in a simulation: the production provider and Alibaba's SDK, on the fake in-process.

What is not production's: the way out of the SDK (``fakes.eci.sdk``), and what opens the sockets of commands.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any
from urllib.parse import parse_qs, urlsplit

from fakes.cloud.settings import CloudSettings
from fakes.eci.errors import EciError
from fakes.eci.groups import PENDING, SCHEDULING, Group
from fakes.eci.sdk import READ_TIMEOUT, InProcessClient
from fakes.eci.service import EciService
from providers.base import Clock, Provider, ProviderContext
from providers.data import NO_DATA, PodData
from providers.eci import config as configuration
from providers.eci import names
from providers.eci.client import EciClient
from providers.eci.commands import PROTOCOLS, Socket
from providers.eci.names import Owner
from providers.eci.provider import EciProvider
from providers.eci.traffic import Traffic
from providers.errors import Retryable
from providers.types import Pod
from vksim.clouds.base import CloudPod
from vksim.clouds.scripted import with_script

CONFIG = {"VSwitches": ["vsw-b", "vsw-h"], "SecurityGroup": "sg-vksim", "ClusterDNS": ["172.21.0.10"]}
"""What the operator of a simulated node has decided, unless the scenario says otherwise: two zones."""


def make(settings: CloudSettings | None, clock: Clock, random: Random) -> "EciBackend":
    """A region of ECI, for one account."""
    return EciBackend(EciService(clock.now, random, settings), clock, random)


class EciBackend:
    """The provider on a fake cloud; see ``vksim.clouds.base.CloudBackend``.

    Args:
        service: the fake.
        clock: the wall clock.
        random: of the providers' pauses.

    Attributes:
        service: the fake.
        model: its latencies, quotas, rates and faults.
        config: what the operator of each node has decided.
        patience: seconds after which the SDK gives up on an answer.
    """

    def __init__(self, service: EciService, clock: Clock, random: Random) -> None:
        self.service = service
        self.model = service.model
        self.config: dict[str, Any] = dict(CONFIG)
        self.patience = READ_TIMEOUT
        self._clock = clock
        self._traffic = Traffic(random)

    def provider(self, context: ProviderContext) -> Provider:
        """The production provider; several nodes keep one pace, as in one process they do."""
        config = configuration.parse({**self.config, **context.config}, {}, source=context.config_source)
        sdk = InProcessClient(self.service, self.patience)
        client = EciClient(sdk, config.region, context.blocking, self._traffic)
        return _Scripted(context, config, client, self._connect)

    def pods(self) -> Iterator[CloudPod]:
        """All groups that have not ended and carry a pod's tags."""
        for group in self.service.region.alive():
            tags = {each["Key"]: each.get("Value", "") for each in group.parameters.get("Tag") or []}
            owner = Owner(tags.get("vk-cluster", ""), tags.get("vk-node", "") + tags.get("vk-node.2", ""))
            ref = names.ref_of(group.parameters.get("Tag") or [], owner)
            if ref is not None:
                started = group.look(self._clock.now()).status not in (SCHEDULING, PENDING)
                yield CloudPod(ref.uid, ref.namespace, ref.name, owner.node, group.id, started)

    def groups(self) -> list[Group]:
        """All groups that have not ended."""
        return self.service.region.alive()

    def interrupt(self, share: float) -> int:
        """The cloud takes back this share of the groups on spare capacity."""
        return self.service.region.interrupt(share)

    @asynccontextmanager
    async def _connect(self, uri: str) -> AsyncIterator[Socket]:
        key = parse_qs(urlsplit(uri).query).get("s", [""])[0]
        try:
            session = self.service.sessions.take(key)
        except EciError as error:
            raise Retryable(str(error)) from error
        socket = _Socket()
        running = asyncio.ensure_future(self._run(session, socket))
        try:
            yield socket
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def _run(self, session: Any, socket: "_Socket") -> None:
        try:
            await self.service.sessions.run(session, socket.received(), socket.answer)
        finally:
            await socket.hang_up()


class _Scripted(EciProvider):
    """The production provider; what the scenario says of a pod goes along with it."""

    async def create_pod(self, pod: Pod, data: PodData = NO_DATA) -> None:
        """Make the pod's group, with its script."""
        await super().create_pod(with_script(pod), data)


class _Socket:
    """Both ends of a WebSocket."""

    protocol = PROTOCOLS[0]

    def __init__(self) -> None:
        self._there: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._here: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def send(self, data: bytes) -> None:
        """The provider says something."""
        await self._there.put(data)

    async def messages(self) -> AsyncIterator[bytes]:
        """What the cloud says."""
        while (message := await self._here.get()) is not None:
            yield message

    async def answer(self, data: bytes) -> None:
        """The cloud says something."""
        await self._here.put(data)

    async def received(self) -> AsyncIterator[bytes]:
        """What the provider says."""
        while (message := await self._there.get()) is not None:
            yield message

    async def hang_up(self) -> None:
        """The cloud is done."""
        await self._here.put(None)
