"""The ECI provider: the provider interface on top of the account's container groups."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from providers import pods, quantity
from providers.base import AttachIO, Finding, LogOptions, Metric, Provider, ProviderContext
from providers.data import NO_DATA, PodData
from providers.eci import commands, containers, group, logs, stats, status
from providers.eci.client import EciClient
from providers.eci.commands import Connect
from providers.eci.config import EciConfig
from providers.eci.failures import Denied, Mismatch
from providers.eci.inventory import Inventory, Known
from providers.eci.names import Owner
from providers.errors import InvalidConfig, NotFound, ProviderError, Retryable
from providers.pods import PodRef
from providers.types import Pod, ResourceList

AT_REST = timedelta(seconds=5)
"""Between two looks while no group is starting or ending, at least."""
LONGEST_PAUSE = timedelta(seconds=20)
"""Between two looks while the cloud does not answer."""
PATIENCE = timedelta(minutes=1)
"""Before the cloud is told again to end a group."""
OVERLAP = timedelta(seconds=10)
"""So much earlier than the last look begins what is asked for, as clocks differ."""
LONGEST_SINCE = timedelta(minutes=10)
"""After so long a silence everything is looked at."""


class EciProvider(Provider):
    """Runs a node's pods as container groups; pushes their status.

    Args:
        context: the core's.
        config: what the operator decided.
        client: the way to the cloud.
        connect: opens the sockets of commands.
    """

    def __init__(self, context: ProviderContext, config: EciConfig, client: EciClient, connect: Connect) -> None:
        super().__init__(context)
        self._config = config
        self._client = client
        self._connect = connect
        self._owner = Owner(config.cluster, context.node_name)
        self._inventory = Inventory(client, self._owner, context.clock)
        self._woken = asyncio.Event()
        self._following: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to follow what becomes of the groups.

        Raises:
            InvalidConfig: the cloud knows neither the key nor the region, or does not let the key do anything.
        """
        await self._check_account()
        self._following = asyncio.create_task(self._follow_forever(), name=f"eci {self.context.node_name}")

    async def close(self) -> None:
        """Stop following. The groups go on."""
        if self._following is not None:
            self._following.cancel()
            with suppress(asyncio.CancelledError):
                await self._following

    # --- pods -------------------------------------------------------------------------------------------------------

    async def create_pod(self, pod: Pod, data: PodData = NO_DATA) -> None:
        """Make the pod's group. The token makes a second call harmless."""
        ref = pods.ref(pod)
        parameters = self._built(pod, data).parameters
        try:
            group_id = await self._client.create(parameters)
        except Mismatch:
            group_id = await self._created_before(ref, parameters)
        self._inventory.made(ref, group_id)
        self._woken.set()

    def _built(self, pod: Pod, data: PodData) -> group.Group:
        return group.build(pod, data, self._config, self._owner, self.context.cluster_domain)

    async def _created_before(self, ref: PodRef, parameters: dict[str, Any]) -> str:
        """The pod was sent before, with other data (a Secret has changed meanwhile): its group, or a new one."""
        try:
            return (await self._inventory.find(ref)).id
        except NotFound:
            token = f"{parameters['ClientToken'][:50]}-{self.context.random.getrandbits(32):08x}"
            return await self._client.create({**parameters, "ClientToken": token})

    async def update_pod(self, pod: Pod, data: PodData = NO_DATA) -> None:  # noqa: ARG002  (files cannot be exchanged)
        """Bring the images in line; all else that the API lets change needs nothing of the cloud."""
        known = await self._inventory.look(pods.ref(pod))
        there = status.images(known.group or {})
        if all(there.get(name, image) == image for name, image in group.images(pod).items()):
            return
        await self._client.update(group.update(pod, known.id, self._config.region))
        self._woken.set()

    async def delete_pod(self, pod: Pod) -> None:
        """End the pod's group: its containers get the grace that it was created with."""
        known = await self._inventory.find(pods.ref(pod))
        await self._end(known)
        self._woken.set()

    async def _end(self, known: Known) -> None:
        """Tell the cloud, unless it has just been told: it cannot end a group sooner than by its own grace."""
        now = self.context.clock.now()
        if known.told_to_end is not None and now - known.told_to_end < PATIENCE:
            return
        try:
            await self._client.delete(known.id)
        except NotFound:
            self._inventory.forget(known)
            raise
        known.told_to_end = now

    async def get_pod(self, ref: PodRef) -> Pod:
        """The pod as the cloud has it."""
        known = await self._inventory.look(ref)
        return status.pod_of(known.group or {}, known.ref)

    async def get_pods(self) -> Sequence[Pod]:
        """The pods of this node."""
        return await self._inventory.all_pods()

    async def capacity(self) -> ResourceList:
        """What the configuration says."""
        offered = {"cpu": self._config.cpu, "memory": self._config.memory, "pods": self._config.pods}
        return {**offered, **({containers.GPU: str(self._config.gpus)} if self._config.gpus else {})}

    # --- optional parts ---------------------------------------------------------------------------------------------

    def notify_pods(self, notify: Callable[[Pod], None]) -> None:
        """Every change that the following of the groups finds is pushed."""
        self._inventory.changed = notify

    def approximations(self, pod: Pod, data: PodData) -> Sequence[str]:
        """What ECI does only nearly."""
        return self._built(pod, data).approximations

    async def ping(self) -> None:
        """Whether the cloud answers."""
        await self._client.ping()

    async def check(self) -> Sequence[Finding]:
        """What the account says of the configuration."""
        findings = [Finding("region", "ok", self._config.region)]
        if not self._config.vswitches:
            remedy = "none: ECI takes the default one; name some in VSwitches, in several zones"
            findings.append(Finding("vSwitches", "warning", remedy))
        if not self._config.cluster_dns:
            remedy = "none: pods do not find Services by name; set ClusterDNS to the cluster's DNS server"
            findings.append(Finding("ClusterDNS", "warning", remedy))
        quotas = await self._client.quotas()
        most = float(quotas.get("MaxCpu") or 0)
        if most and most < float(quantity.parse(self._config.cpu)):
            told = f"the account has {most:g}, the node offers {self._config.cpu}: set CPU, or have the quota raised"
            findings.append(Finding("vCPU", "warning", told))
        return findings

    async def container_logs(self, ref: PodRef, container: str, options: LogOptions) -> AsyncIterator[bytes]:
        """What a container has written."""
        known = await self._inventory.look(ref)
        source = logs.Source(self._client, known.id, container, lambda: self._is_over(ref, container))
        async for piece in source.read(options, self.context.clock.now()):
            yield piece

    async def exec_in_container(self, ref: PodRef, container: str, command: Sequence[str], io: AttachIO) -> int:
        """Run a command over its socket."""
        known = await self._inventory.look(ref)
        if not status.runs(known.group or {}, container):
            raise NotFound(f"container {container!r} of pod {ref} does not run")
        uri = await self._client.command(known.id, container, command, tty=io.tty)
        return await commands.carry(self._connect, uri, io)

    async def stats_summary(self) -> Mapping[str, Any]:
        """What the running groups use."""
        return stats.summary(self.context.node_name, await self._usage(), self.context.clock.now())

    async def resource_metrics(self) -> Sequence[Metric]:
        """The same, for metrics-server."""
        return stats.metrics(await self._usage())

    # --- helpers ----------------------------------------------------------------------------------------------------

    async def _usage(self) -> list[tuple[Known, Mapping[str, Any]]]:
        running = self._inventory.running()
        used = await self._client.usage_of([each.id for each in running])
        return [(each, used[each.id]) for each in running if each.id in used]

    async def _is_over(self, ref: PodRef, container: str) -> bool:
        """Whether a container writes no more."""
        try:
            known = await self._inventory.look(ref)
        except NotFound:
            return True
        return known.is_over or not status.runs(known.group or {}, container)

    async def _check_account(self) -> None:
        source = self.context.config_source
        try:
            regions = await self._client.regions()
        except Denied as error:
            raise InvalidConfig(f"{source}: the cloud refuses the access key: {error}") from error
        except ProviderError as error:
            self.context.log.warning("the cloud does not tell its regions: %s", error)
            return
        if self._config.region not in regions:
            raise InvalidConfig(f"{source}: Region: {self._config.region!r} is none of {', '.join(sorted(regions))}")

    async def _follow_forever(self) -> None:
        """Look at the groups again and again: often while one is starting or ending."""
        last, pause = self.context.clock.now(), timedelta(0)
        left_behind = list(self._config.former_nodes)
        while True:
            await self._wait(pause)
            now = self.context.clock.now()
            try:
                if now - last > LONGEST_SINCE:
                    await self._inventory.all_pods()
                else:
                    await self._inventory.follow(now - last + OVERLAP)
                await self._end_surplus()
                while left_behind:
                    await self._end_all_of(left_behind[-1])
                    left_behind.pop()
            except Retryable as error:
                pause = min(max(2 * pause, self._config.poll_interval), LONGEST_PAUSE)
                self.context.log.warning("the cloud does not tell how the groups are: %s", error)
            except Exception:
                self.context.log.exception("looking at the groups failed")
                pause = LONGEST_PAUSE
            else:
                last, pause = now, timedelta(0)

    async def _wait(self, pause: timedelta) -> None:
        interval = self._config.poll_interval
        if pause or not self._inventory.at_rest:
            await asyncio.sleep(max(pause, interval).total_seconds())
            self._woken.clear()
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(max(AT_REST, interval).total_seconds()):
                await self._woken.wait()
        if self._woken.is_set():
            self._woken.clear()
            await asyncio.sleep(interval.total_seconds())

    async def _end_all_of(self, node: str) -> None:
        """End what a node that is gone for good has left behind."""
        former = Inventory(self._client, Owner(self._config.cluster, node), self.context.clock)
        for pod in await former.all_pods():
            self.context.log.warning("pod %s was of node %s, which is gone: ending it", pods.ref(pod), node)
            with suppress(NotFound):
                await self._client.delete((await former.find(pods.ref(pod))).id)

    async def _end_surplus(self) -> None:
        for known in self._inventory.surplus():
            self.context.log.warning("pod %s has a second container group, %s: ending it", known.ref, known.id)
            with suppress(NotFound):
                await self._end(known)
