"""The ACI provider: the provider interface on top of container groups.

It keeps nothing that Azure does not have. What it knows (``tracker``) is a cache, filled by the core's regular question
for all pods: that one question makes a list and as many looks at single groups as the subscription's limits leave.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from providers import pods
from providers.aci import exec as commands
from providers.aci import group as groups
from providers.aci import logs, names, stats, tags, volumes
from providers.aci.account import Account
from providers.aci.check import Checker
from providers.aci.client import AciClient
from providers.aci.config import AciConfig
from providers.aci.exec import Connect
from providers.aci.failures import Unclear
from providers.aci.tracker import Known, Tracker
from providers.base import AttachIO, Finding, LogOptions, Metric, Provider, ProviderContext
from providers.data import NO_DATA, PodData
from providers.errors import Invalid, NotFound, ProviderError, Retryable, Unsupported
from providers.pods import PodRef
from providers.types import Pod, ResourceList

LOOKS_AT_ONCE = 16
"""Groups that are looked at in parallel."""

MOST_LOOKS = 200
"""Groups that are looked at before the core gets its answer; the rest is next."""

LIST_SHARE = LOOK_SHARE = 0.5
"""Part of the reads for lists, when there are many pages; and for looks at groups that stay as they are."""

FRESH = timedelta(seconds=10)
"""So old may Azure's last answer be to count as a sign of life."""

CAPACITY: ResourceList = {"cpu": "10000", "memory": "4Ti", "pods": "5000"}
"""What a node offers if neither the operator nor the subscription's quotas say: Virtual Kubelet's."""


class AciProvider(Provider):
    """Each pod is a container group.

    Args:
        context: the core's.
        config: what the operator decided.
        client: the way to Azure.
        account: what may be asked there, shared with others.
        connect: opens WebSockets.
    """

    def __init__(
        self, context: ProviderContext, config: AciConfig, client: AciClient, account: Account, connect: Connect
    ) -> None:
        super().__init__(context)
        self._config = config
        self._client = client
        self._account = account
        self._connect = connect
        looks = account.reads.per_second * LOOK_SHARE
        self._tracker = Tracker(context.node_name, config.cluster, config.former_nodes, context.internal_ip, looks)
        self._checker = Checker(config, client)
        self._usage = stats.Usage(context.node_name, client, account, context.clock)
        self._capacity: ResourceList = {**CAPACITY, **config.capacity}
        self._unanswered: set[str] = set()
        self._next_list = context.clock.now()
        self._heard = context.clock.now() - FRESH

    async def start(self) -> None:
        """Ask Azure for the region, and for quotas where the operator names no capacity.

        Raises:
            InvalidConfig: the region has no ACI.
        """
        await self._checker.start(self.context.log)
        self._capacity = await self._checker.capacity(CAPACITY, self.context.log)

    async def close(self) -> None:
        """Hang up; the groups go on."""
        await self._client.close()

    # --- pods -------------------------------------------------------------------------------------------------------

    async def create_pod(self, pod: Pod, data: PodData = NO_DATA) -> None:
        """Make the pod's group. If an answer may have been lost, Azure is asked first whether it has the group."""
        ref = pods.ref(pod)
        if self._tracker.find(ref.uid) is not None:
            return
        group = await self._group(pod, data)
        self._await_turn("create", ref)
        name = names.group(ref)
        if ref.uid in self._unanswered and await self._look(ref, name):
            self._unanswered.discard(ref.uid)
            return
        self._unanswered.add(ref.uid)
        try:
            await self._client.create(name, groups.encoded(group))
        except ProviderError as error:
            if not isinstance(error, Unclear):
                self._unanswered.discard(ref.uid)
            raise
        self._unanswered.discard(ref.uid)
        self._heard_now()
        self._tracker.made(name, pod, group["tags"][tags.SPEC], self.context.clock.now())

    async def update_pod(self, pod: Pod, data: PodData = NO_DATA) -> None:
        """Send the group again, if it is made of something else now; Azure then restarts its containers."""
        ref = pods.ref(pod)
        known = self._tracker.find(ref.uid)
        if known is None:
            raise NotFound(f"there is no container group for pod {ref}")
        group = await self._group(pod, data)
        digest = group["tags"][tags.SPEC]
        if digest == known.digest:
            return
        if not known.digest:
            raise Unsupported(f"pod {ref} was made by another Virtual Kubelet; create it anew to change it")
        self._await_turn("create", ref)
        await self._client.create(known.name, groups.encoded(group))
        known.digest = digest
        self._tracker.changed(ref.uid, self.context.clock.now())

    async def delete_pod(self, pod: Pod) -> None:
        """Delete the group. ACI grants no grace."""
        ref = pods.ref(pod)
        self._unanswered.discard(ref.uid)
        wait = self._account.deletes.wait(ref.uid, self.context.clock.now())
        if wait:
            raise Retryable(_waits("delete", wait), delay=wait)
        known = self._tracker.find(ref.uid)
        try:
            await self._client.delete(known.name if known else names.group(ref))
        except NotFound:
            if known is not None:
                self._tracker.lost(known)
            raise
        self._heard_now()
        self._tracker.changed(ref.uid, self.context.clock.now())

    async def get_pod(self, ref: PodRef) -> Pod:
        """The pod, as a look at its group shows it."""
        known = await self._look(ref, self._name(ref))
        if known is None:
            raise NotFound(f"there is no container group for pod {ref}")
        return known.pod

    async def get_pods(self) -> Sequence[Pod]:
        """All pods of the node. See the module's docstring for what this costs."""
        now = self.context.clock.now()
        if now >= self._next_list:
            await self._list()
        due = self._tracker.due(self.context.clock.now(), min(MOST_LOOKS, self._account.spare_reads(now)))
        await self._look_at(due)
        return self._tracker.pods()

    async def capacity(self) -> ResourceList:
        """What the operator says, then the subscription's quotas."""
        return self._capacity

    async def ping(self) -> None:
        """Whether Azure answers. Its answers to other questions count, and so does being told to wait."""
        if self.context.clock.now() - self._heard < FRESH or self._account.throttle.wait("GET"):
            return
        try:
            await self._client.resource_group()
        except Unclear:
            raise
        except ProviderError as error:  # it answers, even if it does not let everybody see the resource group
            self.context.log.debug("ping: %s", error)
        self._heard_now()

    # --- of one container -------------------------------------------------------------------------------------------

    async def container_logs(self, ref: PodRef, container: str, options: LogOptions) -> AsyncIterator[bytes]:
        """What a container has written since it last started."""
        if options.previous:
            raise Unsupported("ACI keeps no log of a container's previous run")
        source = logs.Source(self._client, self._name(ref), container, lambda: self._is_over(ref, container))
        async for piece in source.read(options):
            yield piece

    async def exec_in_container(self, ref: PodRef, container: str, command: Sequence[str], io: AttachIO) -> int:
        """Run a command, see ``providers.aci.exec``."""
        runner = commands.Commands(self._client, self._connect, self.context.random)
        windows = self._config.operating_system == "Windows"
        return await runner.run(self._name(ref), container, command, io, windows=windows)

    async def attach_to_container(self, ref: PodRef, container: str, io: AttachIO) -> None:
        """Follow what a container writes; ACI takes no input there."""
        session = await self._client.attach(self._name(ref), container)
        async with self._connect(session.url) as socket:
            await socket.send(session.password)
            async for data in socket.messages():
                await io.write_stdout(data)

    # --- measures and checks ----------------------------------------------------------------------------------------

    async def stats_summary(self) -> Mapping[str, Any]:
        """What Azure Monitor tells of the pods, a minute old or more."""
        return await self._usage.summary(self._running())

    async def resource_metrics(self) -> Sequence[Metric]:
        """The same, for metrics-server."""
        return await self._usage.metrics(self._running())

    async def check(self) -> Sequence[Finding]:
        """What ``runner check`` wants to know of Azure."""
        return await self._checker.findings()

    # --- help -------------------------------------------------------------------------------------------------------

    async def _group(self, pod: Pod, data: PodData) -> dict[str, Any]:
        storage = {}
        for key in volumes.storage_secrets(pod):
            try:
                storage[key] = volumes.storage_of(key, await self.context.read_secret(*key))
            except NotFound as error:
                raise Retryable(
                    f"secret {key[0]}/{key[1]}, which has the key of an Azure Files share: {error}"
                ) from error
        node, domain = self.context.node_name, self.context.cluster_domain
        return groups.container_group(pod, data, self._config, node=node, domain=domain, storage=storage)

    def _running(self) -> list[Known]:
        return [each for each in self._tracker.all() if pods.phase(each.pod) == "Running"]

    def _await_turn(self, what: str, ref: PodRef) -> None:
        """Raise Retryable unless it is the pod's turn by ACI's limits."""
        wait = self._account.creates.wait(ref.uid, self.context.clock.now())
        if wait:
            raise Retryable(_waits(what, wait), delay=wait)

    def _name(self, ref: PodRef) -> str:
        known = self._tracker.find(ref.uid)
        return known.name if known else names.group(ref)

    async def _list(self) -> None:
        begun = self.context.clock.now()
        found: list[dict[str, Any]] = []
        pages = 0
        async for page in self._client.pages():
            found += page
            pages += 1
        self._heard_now()
        self._tracker.listed(found, begun, self.context.clock.now())
        self._next_list = begun + timedelta(seconds=(pages - 1) / (self._account.reads.per_second * LIST_SHARE))

    async def _look_at(self, due: Sequence[Known]) -> None:
        """Look at groups, some at a time. One that cannot be looked at is none the worse for it."""
        waiting = iter(due)

        async def work() -> None:
            for known in waiting:
                try:
                    await self._look(pods.ref(known.pod), known.name)
                except ProviderError as error:
                    self.context.log.info("cannot look at container group %s: %s", known.name, error)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(min(LOOKS_AT_ONCE, len(due))):
                tasks.create_task(work())

    async def _look(self, ref: PodRef, name: str) -> Known | None:
        """The group of that name as Azure shows it now, if it is there and the pod's.

        Raises:
            Invalid: a group of that name belongs to somebody else.
        """
        try:
            group = await self._client.get(name)
        except NotFound:
            known = self._tracker.find(ref.uid)
            if known is not None:
                self._tracker.lost(known)
            return None
        self._heard_now()
        known = self._tracker.looked(group, self.context.clock.now())
        if known is None or pods.uid(known.pod) != ref.uid:
            raise Invalid(f"container group {name} is there already, and by its tags not pod {ref}'s; delete it")
        return known

    async def _is_over(self, ref: PodRef, container: str) -> bool:
        """Whether a container will write no more."""
        pod = await self.get_pod(ref)
        shown = pods.status(pod)
        if pods.is_terminal(pod):
            return True
        every = [*(shown.get("initContainerStatuses") or []), *pods.container_statuses(shown)]
        states = [each.get("state") or {} for each in every if each["name"] == container]
        return bool(states) and "terminated" in states[0]

    def _heard_now(self) -> None:
        self._heard = self.context.clock.now()


def _waits(what: str, wait: timedelta) -> str:
    return (
        f"its turn to {what} a container group comes in {wait.total_seconds():.0f} s: ACI allows only so many an hour"
    )
