"""The mock provider: the provider interface on top of the mock cloud."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from providers import pods
from providers.base import AttachIO, LogOptions, Metric, Provider, ProviderContext
from providers.data import NO_DATA, PodData
from providers.errors import Invalid, NotFound, Permanent, ProviderError, Retryable
from providers.loglines import Writer, select
from providers.mock import usage
from providers.mock.cloud import MockCloud
from providers.mock.config import MockConfig
from providers.mock.files import Files
from providers.mock.output import Output, output_of
from providers.mock.record import KILLED, CloudPod, End
from providers.mock.script import Script, from_annotations
from providers.mock.shell import Shell
from providers.pods import PodRef
from providers.types import Pod, PodStatus, ResourceList

T = TypeVar("T")

_ERRORS: dict[str, Callable[[str], ProviderError]] = {
    "retryable": Retryable,
    "permanent": Permanent,
    "invalid": Invalid,
}


class MockProvider(Provider):
    """Pushes status; has all that a kubelet API can ask for.

    Args:
        context: the core's.
        config: what the operator decided.
        cloud: where the pods are; several providers may share it.
    """

    def __init__(self, context: ProviderContext, config: MockConfig, cloud: MockCloud) -> None:
        super().__init__(context)
        self._config = config
        self._cloud = cloud
        self._node = context.node_name

    async def start(self) -> None:
        """Take up the pods of an earlier process, if the configuration names a folder."""
        self._cloud.restore()

    async def create_pod(self, pod: Pod, data: PodData = NO_DATA) -> None:
        """The cloud accepts the pod at once and answers when its script says so."""
        self._cloud.check("create", self._node)
        script = self._script(pod)
        kind = script.failing_create
        if kind and self._cloud.fails_again("create", pods.uid(pod), script.create_errors):
            raise _ERRORS[kind](f"the mock was told to fail the create of {pods.ref(pod)}")
        self._cloud.create(pod, self._node, script, self.context.internal_ip, data)
        takes = script.create_takes.draw(self.context.random)
        if takes:
            await asyncio.sleep(takes)

    async def update_pod(self, pod: Pod, data: PodData = NO_DATA) -> None:
        """A changed image restarts the containers."""
        self._cloud.check("update", self._node)
        self._cloud.update(pod, data)

    async def delete_pod(self, pod: Pod) -> None:
        """The containers end as the pod's script says, at the latest after the grace."""
        self._cloud.check("delete", self._node)
        uid = pods.uid(pod)
        if self._cloud.fails_again("delete", uid, self._cloud.find(uid).script.delete_errors):
            raise Retryable(f"the mock was told to fail the delete of {pods.ref(pod)}")
        self._cloud.delete(uid, pods.grace_seconds(pod))

    async def get_pod(self, ref: PodRef) -> Pod:
        """The pod, with its status."""
        self._cloud.check("get", self._node)
        return self._cloud.get(ref.uid)

    async def get_pod_status(self, ref: PodRef) -> PodStatus:
        """The status alone."""
        self._cloud.check("get", self._node)
        return self._cloud.status(ref.uid)

    async def get_pods(self) -> Sequence[Pod]:
        """The pods of this node."""
        self._cloud.check("list", self._node)
        return self._cloud.list(self._node)

    def provider_id(self) -> str:
        """What ``spec.providerID`` of the node is to be; empty for none."""
        return self._config.provider_id

    async def capacity(self) -> ResourceList:
        """What the configuration says."""
        return self._config.capacity

    # --- optional parts ---------------------------------------------------------------------------------------------

    def notify_pods(self, notify: Callable[[Pod], None]) -> None:
        """Every change is pushed."""
        self._cloud.listen(self._node, notify)

    async def update_volumes(self, pod: Pod, data: PodData) -> None:
        """The files are exchanged under the running containers."""
        self._cloud.check("update", self._node)
        self._cloud.find(pods.uid(pod)).data = data

    async def pod_ip(self, pod: Pod) -> str:
        """The address is set aside."""
        return self._cloud.reserved_address(pods.uid(pod))

    async def ping(self) -> None:
        """Fails while the cloud is in trouble."""
        self._cloud.check("ping", self._node)

    async def container_logs(self, ref: PodRef, container: str, options: LogOptions) -> AsyncIterator[bytes]:
        """What the script makes the containers write. A container that never ran has written nothing."""
        self._cloud.check("logs", self._node)
        cloud_pod = self._cloud.find(ref.uid)
        if container not in [each["name"] for each in pods.containers(cloud_pod.pod)]:
            raise NotFound(f"container {container!r} is not in pod {ref}")
        number = _wanted_run(cloud_pod, ref, container, previous=options.previous)
        output = self._output(cloud_pod, container, number)
        if output is None:
            return
        writer = Writer(options)
        for piece in writer.write(select(output, options)):
            yield piece
        while options.follow and not writer.full and self._cloud.is_in_run(cloud_pod, number):
            shown = len(output)
            await self._cloud.changes(cloud_pod, output.next_after(self.context.clock.now()))
            output = self._output(cloud_pod, container, number) or output
            for piece in writer.write(output[shown:]):
                yield piece

    async def exec_in_container(self, ref: PodRef, container: str, command: Sequence[str], io: AttachIO) -> int:
        """A little shell, see ``providers.mock.shell``; it ends with its container."""
        self._cloud.check("exec", self._node)
        cloud_pod, number = self._running(ref, container)
        if cloud_pod.files is None:
            cloud_pod.files = {}
        files = cloud_pod.files.setdefault((container, number), Files())
        files.mount(_mounted(cloud_pod, container))
        shell = Shell(files, _variables(cloud_pod.pod, container), ref.name, io)
        code = await self._while_running(cloud_pod, number, shell.run(command))
        return KILLED if code is None else code

    async def attach_to_container(self, ref: PodRef, container: str, io: AttachIO) -> None:
        """What the container writes from now on; it reads nothing."""
        self._cloud.check("attach", self._node)
        self._running(ref, container)
        options = LogOptions(tail_lines=0, follow=True)
        async for piece in self.container_logs(ref, container, options):
            await io.write_stdout(piece)

    async def port_forward(
        self, ref: PodRef, port: int, incoming: AsyncIterator[bytes], send: Callable[[bytes], Awaitable[None]]
    ) -> None:
        """Every port answers HTTP, with the pod's name, as long as the pod runs."""
        self._cloud.check("port-forward", self._node)
        cloud_pod, number = self._running(ref)
        await self._while_running(cloud_pod, number, _answer(ref, port, incoming, send))

    async def stats_summary(self) -> Mapping[str, Any]:
        """A constant use of each container that runs."""
        return usage.summary(self._node, self._cloud.of_node(self._node), self.context.clock.now())

    async def resource_metrics(self) -> Sequence[Metric]:
        """The same use, for metrics-server."""
        return usage.metrics(self._cloud.of_node(self._node), self.context.clock.now())

    # --- helpers ----------------------------------------------------------------------------------------------------

    def _running(self, ref: PodRef, container: str = "") -> tuple[CloudPod, int]:
        """The pod, and the number of its containers' run. Raises NotFound if they do not run."""
        cloud_pod = self._cloud.find(ref.uid)
        if container and container not in [each["name"] for each in pods.containers(cloud_pod.pod)]:
            raise NotFound(f"container {container!r} is not in pod {ref}")
        if not cloud_pod.run.running:
            raise NotFound(f"the containers of pod {ref} do not run")
        return cloud_pod, cloud_pod.run.restarts

    async def _while_running(self, cloud_pod: CloudPod, number: int, work: Coroutine[Any, Any, T]) -> T | None:
        """What the work comes to, or None if the containers' run of that number ends before."""
        task = asyncio.ensure_future(work)
        end = asyncio.ensure_future(self._ended(cloud_pod, number))
        try:
            await asyncio.wait((task, end), return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else None
        finally:
            task.cancel()
            end.cancel()
            await asyncio.gather(task, end, return_exceptions=True)

    async def _ended(self, cloud_pod: CloudPod, number: int) -> None:
        while self._cloud.is_in_run(cloud_pod, number):
            await self._cloud.changes(cloud_pod, None)

    def _script(self, pod: Pod) -> Script:
        return from_annotations(pod["metadata"].get("annotations") or {}, self._config.script)

    def _output(self, cloud_pod: CloudPod, container: str, number: int) -> Output | None:
        """What a container has written in its run of that number; None if the cloud has forgotten, or it never ran."""
        run = cloud_pod.run
        end = _end(cloud_pod, number)
        if end is not None:
            return output_of(cloud_pod.script, container, end.started, end.finished)
        if run.restarts == number and run.started is not None:
            return output_of(cloud_pod.script, container, run.started, self.context.clock.now())
        return None


async def _answer(
    ref: PodRef, port: int, incoming: AsyncIterator[bytes], send: Callable[[bytes], Awaitable[None]]
) -> None:
    """Be an HTTP server for one connection."""
    text = f"{ref.namespace}/{ref.name} port {port}\n".encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(text)}\r\n\r\n".encode()
    rest = b""
    async for piece in incoming:
        *requests, rest = (rest + piece).split(b"\r\n\r\n")
        for _ in requests:
            await send(head + text)


def _variables(pod: Pod, container: str) -> dict[str, str]:
    """The container's environment, which the core has resolved."""
    found = next(each for each in pods.containers(pod) if each["name"] == container)
    return {each["name"]: each.get("value", "") for each in found.get("env") or []}


def _mounted(cloud_pod: CloudPod, container: str) -> dict[str, bytes]:
    """The files that the cluster gives, where the container has mounted their volumes."""
    found = next(each for each in pods.containers(cloud_pod.pod) if each["name"] == container)
    mounts = {each["name"]: each["mountPath"].rstrip("/") for each in found.get("volumeMounts") or []}
    return {
        f"{mounts[volume]}/{file.path}": file.data
        for volume, files in cloud_pod.data.files.items()
        if volume in mounts
        for file in files
    }


def _wanted_run(cloud_pod: CloudPod, ref: PodRef, container: str, *, previous: bool) -> int:
    """The number of the run whose log is asked for. While it waits for a restart, the run before is the latest one.

    Raises:
        NotFound: there was no previous one.
    """
    run = cloud_pod.run
    if not previous:
        return run.restarts
    last = run.last if run.running or run.is_over else run.ended
    if last is None:
        raise NotFound(f"previous terminated container {container!r} in pod {ref} not found")
    return last.number


def _end(cloud_pod: CloudPod, number: int) -> End | None:
    return next((end for end in (cloud_pod.run.ended, cloud_pod.run.last) if end and end.number == number), None)
