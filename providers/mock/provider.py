"""The mock provider: the provider interface on top of the mock cloud."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from providers import pods
from providers.base import LogOptions, Metric, Provider, ProviderContext
from providers.errors import Invalid, NotFound, Permanent, ProviderError, Retryable
from providers.loglines import Limit, LogLine, rendered, select
from providers.mock.cloud import CloudPod, MockCloud
from providers.mock.config import MockConfig
from providers.mock.script import Script, from_annotations
from providers.mock.status import Run
from providers.pods import PodRef
from providers.types import Pod, PodStatus, ResourceList

_ERRORS: dict[str, Callable[[str], ProviderError]] = {
    "retryable": Retryable,
    "permanent": Permanent,
    "invalid": Invalid,
}

_GLANCE = 0.5
"""Seconds between two looks at a log that is followed and does not write at a known pace."""


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

    async def create_pod(self, pod: Pod) -> None:
        """The cloud accepts the pod at once and answers when its script says so."""
        self._cloud.check("create", self._node)
        script = self._script(pod)
        if self._cloud.counted_error("create", pods.uid(pod), script.create_errors):
            raise _ERRORS[script.create_error](f"the mock was told to fail the create of {pods.ref(pod)}")
        self._cloud.create(pod, self._node, script, self.context.internal_ip)
        takes = script.create_takes.draw(self.context.random)
        if takes:
            await asyncio.sleep(takes)

    async def update_pod(self, pod: Pod) -> None:
        """A changed image restarts the containers."""
        self._cloud.check("update", self._node)
        self._cloud.update(pod)

    async def delete_pod(self, pod: Pod) -> None:
        """The containers end as the pod's script says, at the latest after the grace."""
        self._cloud.check("delete", self._node)
        if self._cloud.counted_error("delete", pods.uid(pod), self._script(pod).delete_errors):
            raise Retryable(f"the mock was told to fail the delete of {pods.ref(pod)}")
        self._cloud.delete(pods.uid(pod), pods.grace_seconds(pod))

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
        """What the script makes the containers write."""
        cloud_pod, run = self._cloud.run_of(ref.uid)
        if container not in [each["name"] for each in pods.containers(cloud_pod.pod)]:
            raise NotFound(f"container {container!r} is not in pod {ref}")
        if options.previous and run.last is None:
            raise NotFound(f"previous terminated container {container!r} in pod {ref} not found")
        limit = Limit(options)
        lines = self._lines(cloud_pod, run, container, previous=options.previous)
        for piece in select(lines, options):
            yield limit.take(piece)
        shown = len(lines)
        while options.follow and not options.previous and not limit.reached and self._cloud_has(ref, run):
            await asyncio.sleep(cloud_pod.script.log_every.low or _GLANCE)
            lines = self._lines(cloud_pod, cloud_pod.run if cloud_pod.run.running else run, container, previous=False)
            for line in lines[shown:]:
                yield limit.take(rendered(line, options))
            shown = len(lines)

    async def stats_summary(self) -> Mapping[str, Any]:
        """Constant use: 10 millicores and 16 MiB a container."""
        stamp = _stamp(self.context.clock.now())
        return {
            "node": {"nodeName": self._node, "startTime": stamp},
            "pods": [_pod_stats(pod, stamp) for pod in self._cloud.list(self._node)],
        }

    async def resource_metrics(self) -> Sequence[Metric]:
        """The same use, for metrics-server, with the label names that it reads."""
        metrics: list[Metric] = []
        for pod in self._cloud.list(self._node):
            ref = pods.ref(pod)
            for each in pods.containers(pod):
                labels = {"container": each["name"], "pod": ref.name, "namespace": ref.namespace}
                metrics.append(Metric("container_cpu_usage_seconds_total", "counter", labels, 100.0))
                metrics.append(Metric("container_memory_working_set_bytes", "gauge", labels, float(_MEMORY)))
        return metrics

    # --- helpers ----------------------------------------------------------------------------------------------------

    def _script(self, pod: Pod) -> Script:
        return from_annotations(pod["metadata"].get("annotations") or {}, self._config.script)

    def _cloud_has(self, ref: PodRef, run: Run) -> bool:
        try:
            now = self._cloud.run_of(ref.uid)[1]
        except NotFound:
            return False
        return now.running and now.started == run.started

    def _lines(self, cloud_pod: CloudPod, run: Run, container: str, *, previous: bool) -> list[LogLine]:
        """All that a run has written up to now."""
        started, finished = run.started, self.context.clock.now()
        if (previous or started is None) and run.last is not None:
            started, finished = run.last.started, run.last.finished
        if started is None:
            return []
        text = cloud_pod.script.log or f"{container} started"
        lines = [LogLine(started, line) for line in text.split("\n")]
        every = cloud_pod.script.log_every.low
        if every:
            count = int((finished - started) / timedelta(seconds=every))
            lines += [LogLine(started + timedelta(seconds=every * n), f"line {n}") for n in range(1, count + 1)]
        return lines


_MEMORY = 16 * 1024 * 1024


def _pod_stats(pod: Pod, stamp: str) -> dict[str, Any]:
    ref = pods.ref(pod)
    containers = [
        {
            "name": each["name"],
            "startTime": stamp,
            "cpu": {"time": stamp, "usageNanoCores": 10_000_000},
            "memory": {"time": stamp, "workingSetBytes": _MEMORY},
        }
        for each in pods.containers(pod)
    ]
    return {
        "podRef": {"name": ref.name, "namespace": ref.namespace, "uid": ref.uid},
        "startTime": stamp,
        "containers": containers,
        "cpu": {"time": stamp, "usageNanoCores": 10_000_000 * len(containers)},
        "memory": {"time": stamp, "workingSetBytes": _MEMORY * len(containers)},
    }


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
