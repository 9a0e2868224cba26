"""The mock provider: the provider interface on top of the mock cloud."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from providers import pods
from providers.base import LogOptions, Metric, Provider, ProviderContext
from providers.data import NO_DATA, PodData
from providers.errors import Invalid, NotFound, Permanent, ProviderError, Retryable
from providers.loglines import Writer, select
from providers.mock import usage
from providers.mock.cloud import MockCloud
from providers.mock.config import MockConfig
from providers.mock.output import Output, output_of
from providers.mock.record import CloudPod, End
from providers.mock.script import Script, from_annotations
from providers.pods import PodRef
from providers.types import Pod, PodStatus, ResourceList

_ERRORS: dict[str, Callable[[str], ProviderError]] = {
    "retryable": Retryable,
    "permanent": Permanent,
    "invalid": Invalid,
}


class MockProvider(Provider):
    """Pushes status; has logs, stats and metrics.

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

    async def create_pod(self, pod: Pod, data: PodData = NO_DATA) -> None:  # noqa: ARG002  (nothing mounts it here)
        """The cloud accepts the pod at once and answers when its script says so."""
        self._cloud.check("create", self._node)
        script = self._script(pod)
        kind = script.failing_create
        if kind and self._cloud.fails_again("create", pods.uid(pod), script.create_errors):
            raise _ERRORS[kind](f"the mock was told to fail the create of {pods.ref(pod)}")
        self._cloud.create(pod, self._node, script, self.context.internal_ip)
        takes = script.create_takes.draw(self.context.random)
        if takes:
            await asyncio.sleep(takes)

    async def update_pod(self, pod: Pod, data: PodData = NO_DATA) -> None:  # noqa: ARG002  (as in create_pod)
        """A changed image restarts the containers."""
        self._cloud.check("update", self._node)
        self._cloud.update(pod)

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

    async def stats_summary(self) -> Mapping[str, Any]:
        """A constant use of each container that runs."""
        return usage.summary(self._node, self._cloud.of_node(self._node), self.context.clock.now())

    async def resource_metrics(self) -> Sequence[Metric]:
        """The same use, for metrics-server."""
        return usage.metrics(self._cloud.of_node(self._node), self.context.clock.now())

    # --- helpers ----------------------------------------------------------------------------------------------------

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
