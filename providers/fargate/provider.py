"""The Fargate provider: the provider interface on top of the tasks of an ECS cluster."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from providers import pods
from providers.base import AttachIO, Finding, LogOptions, Provider, ProviderContext
from providers.data import NO_DATA, PodData
from providers.errors import InvalidConfig, NotFound, ProviderError, Retryable, Unsupported
from providers.fargate import check, launcher, logs, names, status, task_definition
from providers.fargate.client import FargateClient
from providers.fargate.commands import Commands, Connect
from providers.fargate.config import FargateConfig
from providers.fargate.containers import LOG_PREFIX
from providers.fargate.events import Events
from providers.fargate.failures import Denied
from providers.fargate.inventory import Inventory, Known
from providers.fargate.launcher import Launcher
from providers.fargate.shelf import Shelf
from providers.fargate.sweeper import Sweeper
from providers.pods import PodRef
from providers.types import Pod, ResourceList

AT_REST = timedelta(seconds=5)
"""Between two looks while no task is starting or ending, at least."""
FULL_LOOK = timedelta(minutes=1)
"""Between two looks while events tell what changes."""
SHORTEST_REST = timedelta(seconds=1)
FAR = datetime.max.replace(tzinfo=UTC)
LONGEST_PAUSE = timedelta(seconds=20)
"""Between two looks while the cloud does not answer."""
PATIENCE = timedelta(minutes=1)
"""Before the cloud is told again to end a task."""
FIRST_BACKOFF, LONGEST_BACKOFF = 10, 300
"""Seconds between the end of a task and the next one of its pod; doubled each time, as a kubelet does."""
FORGETS_AFTER = timedelta(minutes=10)
"""A task that ran as long begins the back-off anew."""


class FargateProvider(Provider):
    """Runs a node's pods as tasks; pushes their status, and runs another task where the restart policy says so.

    Args:
        context: the core's.
        config: what the operator decided.
        client: the way to the cloud.
        shelf: what this process has put there.
        connect: opens the sockets of commands.
    """

    def __init__(
        self, context: ProviderContext, config: FargateConfig, client: FargateClient, shelf: Shelf, connect: Connect
    ) -> None:
        super().__init__(context)
        self._config = config
        self._client = client
        self._commands = Commands(client, connect, context.clock, context.random)
        self._launcher = Launcher(client, shelf, context.node_name, context.random)
        self._inventory = Inventory(client, context.node_name, context.clock)
        self._woken = asyncio.Event()
        self._sweeper = Sweeper(client, shelf, context.clock, config.cluster, config.secrets_path)
        self._events: Events | None = None
        if config.event_queue:
            self._events = Events(client, config.event_queue, config.cluster, self._told)
        self._looked = context.clock.now()
        self._unknown = False
        self._working: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """See that there is a cluster, and begin to follow what becomes of the tasks.

        Raises:
            InvalidConfig: the cloud does not let these credentials do anything.
        """
        await self._check_cluster()
        work = {"tasks": self._follow_forever(), "sweeper": self._sweeper.sweep_forever(self.context.log)}
        if self._events is not None:
            work["events"] = self._events.read_forever(self.context.log)
        for name, each in work.items():
            self._working.append(asyncio.create_task(each, name=f"fargate {self.context.node_name} {name}"))

    async def close(self) -> None:
        """Stop following. The tasks go on."""
        for each in self._working:
            each.cancel()
        await asyncio.gather(*self._working, return_exceptions=True)
        self._working.clear()

    # --- pods -------------------------------------------------------------------------------------------------------

    async def create_pod(self, pod: Pod, data: PodData = NO_DATA) -> None:
        """Run the pod's first task. The token makes a second call harmless."""
        ref = pods.ref(pod)
        built = task_definition.build(pod, data, self._config)
        known = self._inventory.get(ref.uid)
        if known is not None and not known.is_over:
            return
        self._inventory.wanted_again(ref.uid)
        self._made(await self._launcher.launch(ref, 0, built), built.run["networkConfiguration"])

    async def update_pod(self, pod: Pod, data: PodData = NO_DATA) -> None:
        """Another image means another task: the old one ends when the new one is accepted."""
        known = await self._inventory.look(pods.ref(pod))
        there = {each["name"]: each.get("image") for each in known.task.get("containers") or []}
        spec = [*pods.containers(pod), *(pod["spec"].get("initContainers") or [])]
        if all(there.get(each["name"], each["image"]) == each["image"] for each in spec):
            return
        built = task_definition.build(pod, data, self._config)
        new = await self._launcher.launch(known.whose.ref, known.whose.run + 1, built)
        self._made(new, built.run["networkConfiguration"])
        with suppress(NotFound):
            await self._client.stop(known.arn, "virtual-kubelet: replaced by another image")

    async def delete_pod(self, pod: Pod) -> None:
        """End the pod's task: its containers get the grace that it was defined with, at most 120 s."""
        ref = pods.ref(pod)
        self._inventory.deleted(ref.uid)
        known = await self._inventory.find(ref)
        if known.is_over:
            known.told_to_end = self.context.clock.now()
            raise NotFound(f"the task of pod {ref} has stopped")
        now = self.context.clock.now()
        if known.told_to_end is not None and now - known.told_to_end < PATIENCE:
            return
        try:
            await self._client.stop(known.arn, "virtual-kubelet: the pod is deleted")
        except NotFound:
            self._inventory.forget(known)
            raise
        known.told_to_end = now
        self._woken.set()

    async def get_pod(self, ref: PodRef) -> Pod:
        """The pod as the cloud has it."""
        return (await self._inventory.look(ref)).pod()

    async def get_pods(self) -> Sequence[Pod]:
        """The pods of this node."""
        return await self._inventory.all_pods()

    async def capacity(self) -> ResourceList:
        """What the configuration says."""
        own = self._config
        return {"cpu": own.cpu, "memory": own.memory, "ephemeral-storage": own.storage, "pods": own.pods}

    # --- optional parts ---------------------------------------------------------------------------------------------

    def notify_pods(self, notify: Callable[[Pod], None]) -> None:
        """Every change that the following of the tasks finds is pushed."""
        self._inventory.changed = notify

    def approximations(self, pod: Pod, data: PodData) -> Sequence[str]:
        """What Fargate does only nearly."""
        return task_definition.build(pod, data, self._config).approximations

    async def ping(self) -> None:
        """Whether the cloud answers, and the cluster is there."""
        found = await self._client.cluster_status()
        if found != "ACTIVE":
            raise Retryable(f"the cluster {self._config.cluster} is {found}")

    async def check(self) -> Sequence[Finding]:
        """What the cloud says of the configuration."""
        return await check.findings(self._client, self._config)

    async def container_logs(self, ref: PodRef, container: str, options: LogOptions) -> AsyncIterator[bytes]:
        """What a container has written."""
        if not self._config.log_group:
            raise Unsupported("there are no logs without a log group; set CloudWatchLogGroupName")
        known = await self._inventory.look(ref)
        arn = known.arn
        if container not in {each["name"] for each in known.task.get("containers") or []}:
            raise NotFound(f"pod {ref} has no container {container!r}")
        over = known.is_over and not known.runs_again
        if options.previous and not known.runs_again:
            if known.before is None:
                raise NotFound(f"container {container!r} of pod {ref} has no run before")
            arn, over = str(known.before["taskArn"]), True
        stream = f"{LOG_PREFIX}/{container}/{names.task_id(arn)}"

        async def is_over() -> bool:
            return over or await self._is_over(ref, arn, container)

        async for piece in logs.read(self._client, self._config.log_group, stream, options, is_over):
            yield piece

    async def exec_in_container(self, ref: PodRef, container: str, command: Sequence[str], io: AttachIO) -> int:
        """Run a command by ECS Exec, with its exit code, and its errors among its output."""
        known = await self._inventory.look(ref)
        if container not in {each["name"] for each in known.task.get("containers") or []}:
            raise NotFound(f"pod {ref} has no container {container!r}")
        if not status.runs(known.task, container) or known.is_over:
            raise NotFound(f"container {container!r} of pod {ref} does not run")
        if not known.task.get("enableExecuteCommand"):
            raise Unsupported("the task was not started with ECS Exec; set EnableExec, and create the pod anew")
        return await self._commands.run(known.arn, container, command, io)

    # --- helpers ----------------------------------------------------------------------------------------------------

    async def _is_over(self, ref: PodRef, arn: str, container: str) -> bool:
        """Whether a container of a task writes no more."""
        try:
            known = await self._inventory.look(ref)
        except NotFound:
            return True
        return known.arn != arn or known.is_over or not status.runs(known.task, container)

    def _made(self, task: launcher.Task, network: dict[str, object]) -> None:
        self._inventory.made(task, dict(network["awsvpcConfiguration"]))  # type: ignore[call-overload]  # wire form
        self._woken.set()

    async def _check_cluster(self) -> None:
        source, cluster = self.context.config_source, self._config.cluster
        try:
            found = await self._client.cluster_status()
            if found != "ACTIVE":
                self.context.log.info("cluster %s is %s: making it", cluster, found)
                await self._client.make_cluster()
        except Denied as error:
            raise InvalidConfig(f"{source}: AWS refuses these credentials: {error}") from error
        except ProviderError as error:
            self.context.log.warning("AWS does not tell how cluster %s is: %s", cluster, error)

    def _told(self, task: dict[str, Any] | None) -> None:
        """An event has come, or will not."""
        self._unknown = task is None or not self._inventory.told(task) or self._unknown
        self._woken.set()

    async def _follow_forever(self) -> None:
        """Look at the tasks again and again: often while one is starting or ending."""
        pause = timedelta(0)
        while True:
            look = await self._wait(pause)
            try:
                if look:
                    self._looked, self._unknown = self.context.clock.now(), False
                    await self._inventory.follow()
                for known in self._inventory.known():
                    await self._tend(known)
                for arn in list(self._inventory.surplus):
                    with suppress(NotFound):
                        await self._client.stop(arn, "virtual-kubelet: the pod has another task, or none")
                    self._inventory.surplus.pop(arn, None)
            except ProviderError as error:
                pause = min(max(2 * pause, self._config.poll_interval), LONGEST_PAUSE)
                self.context.log.warning("AWS does not tell how the tasks are: %s", error)
            except Exception:
                self.context.log.exception("looking at the tasks failed")
                pause = LONGEST_PAUSE
            else:
                pause = timedelta(0)

    async def _tend(self, known: Known) -> None:
        """End a task in which only our helper runs; run the next one when it is time."""
        if known.told_to_end is None and not known.is_over and status.only_ours_run(known.task, known.whose):
            with suppress(NotFound):
                await self._client.stop(known.arn, status.ALL_ENDED)
            return
        now = self.context.clock.now()
        if not known.runs_again or self._inventory.is_deleted(known.whose.ref.uid):
            return
        if known.due is None:
            ended, began = known.task.get("stoppedAt") or now, known.task.get("startedAt") or now
            known.in_a_row = 1 if ended - began >= FORGETS_AFTER else known.in_a_row + 1
            seconds = min(FIRST_BACKOFF * 2 ** min(known.in_a_row - 1, 10), LONGEST_BACKOFF)
            known.due = max(now, ended + timedelta(seconds=seconds))
        if now < known.due:
            return
        network = known.network or {
            "subnets": list(self._config.subnets),
            "securityGroups": list(self._config.security_groups),
            "assignPublicIp": "ENABLED" if self._config.public_ip else "DISABLED",
        }
        try:
            task = await self._launcher.again(
                known.whose.ref, known.whose.run + 1, launcher.request_of(known.task, network)
            )
        except ProviderError as error:
            self.context.log.warning("the next task of pod %s has to wait: %s", known.whose.ref, error)
            shortest = FIRST_BACKOFF if isinstance(error, Retryable) else LONGEST_BACKOFF
            known.due = now + (getattr(error, "delay", None) or timedelta(seconds=shortest))
            return
        self._inventory.made(task, network)

    async def _wait(self, pause: timedelta) -> bool:
        """Until there is something to do: whether that is to look at all tasks."""
        interval = self._config.poll_interval
        if not pause and self._events is not None and self._events.work:
            until = min(self._next_due(), self._looked + FULL_LOOK)
            await self._rest(max(until - self.context.clock.now(), SHORTEST_REST))
            return self._unknown or self.context.clock.now() - self._looked >= FULL_LOOK
        if pause or not self._inventory.at_rest:
            await asyncio.sleep(max(pause, interval).total_seconds())
            self._woken.clear()
        elif await self._rest(max(AT_REST, interval)):
            await asyncio.sleep(interval.total_seconds())
        return True

    async def _rest(self, time: timedelta) -> bool:
        """Wait so long; less, if somebody wakes us: whether somebody has."""
        with suppress(TimeoutError):
            async with asyncio.timeout(max(time.total_seconds(), 0.0)):
                await self._woken.wait()
        woken = self._woken.is_set()
        self._woken.clear()
        return woken

    def _next_due(self) -> datetime:
        """When the next task that follows another one is to be run."""
        return min(
            (each.due for each in self._inventory.known() if each.due is not None and each.runs_again), default=FAR
        )
