"""The runner's own Prometheus metrics: what the work queues, the API server and the providers take.

Names are Kubernetes' where it has one for the thing (``workqueue_*``, ``rest_client_*``, ``kubelet_*``), so that its
dashboards work; each metric of a node carries the label ``node``, since a process may run several.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from providers import pods
from providers.errors import ProviderError
from runner.gate import Gate
from runner.lifecycle import Presence, Record

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

QUICK = (0.0001, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Seconds that work and requests take; the last ones are time-outs."""
STARTS = (0.5, 1, 2, 3, 4, 5, 6, 8, 10, 20, 30, 45, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700, 3600)
"""Seconds until a pod runs: the buckets of a kubelet."""

disable_created_metrics()  # type: ignore[no-untyped-call]  # the only function of theirs without types


class Metrics:
    """All metrics of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.api_requests = self._counter("rest_client_requests", "Requests to the API server.", "verb resource code")
        self.api_seconds = self._histogram(
            "rest_client_request_duration_seconds", "How long the API server took.", "verb resource", QUICK
        )
        self.provider_calls = self._counter(
            "kubelet_runtime_operations", "Calls to the provider.", "node operation_type"
        )
        self.provider_errors = self._counter(
            "kubelet_runtime_operations_errors", "Calls to the provider that failed.", "node operation_type reason"
        )
        self.provider_seconds = self._histogram(
            "kubelet_runtime_operations_duration_seconds", "How long the provider took.", "node operation_type", QUICK
        )
        self.provider_up = Gauge(
            "virtual_kubelet_provider_up", "Whether the last ping succeeded.", ["node"], registry=self.registry
        )
        self.pod_start_seconds = self._histogram(
            "kubelet_pod_start_total_duration_seconds",
            "From a pod's creation in the API until it is told to be running there.",
            "node",
            STARTS,
        )
        self.queue_adds = self._counter("workqueue_adds", "Pods queued for work.", "node name")
        self.queue_retries = self._counter("workqueue_retries", "Pods put back for a later try.", "node name")
        self.queue_wait_seconds = self._histogram(
            "workqueue_queue_duration_seconds", "How long a pod waited for a worker.", "node name", QUICK
        )
        self.queue_work_seconds = self._histogram(
            "workqueue_work_duration_seconds", "How long a worker was busy with a pod.", "node name", QUICK
        )
        info = Gauge("kubernetes_build_info", "The runner's version.", ["git_version"], registry=self.registry)
        info.labels(metadata.version("vksim")).set(1)
        ProcessCollector(registry=self.registry)
        self._asked = _Asked()
        self.registry.register(self._asked)

    def text(self) -> bytes:
        """The page that Prometheus reads."""
        return generate_latest(self.registry)

    def watch(self, node: str, records: Mapping[str, Record], depth: Callable[[], int]) -> None:
        """Show, of this node, how many pods there are and how many wait for a worker at the time of the reading."""
        self._asked.nodes[node] = _Watched(records, depth)

    def watch_gate(self, gate: Gate) -> None:
        """Show how hard the API server is asked at the time of the reading."""
        self._asked.gates.append(gate)

    def _counter(self, name: str, help_: str, labels: str = "") -> Counter:
        return Counter(name, help_, labels.split(), registry=self.registry)

    def _histogram(self, name: str, help_: str, labels: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(name, help_, labels.split(), buckets=buckets, registry=self.registry)


class QueueMetrics:
    """Times the work of one queue (``runner.workqueue.Observer``).

    Args:
        metrics: where to.
        node: whose pods are in the queue.
        name: the queue's.
        time: seconds that only go up.
    """

    def __init__(self, metrics: Metrics, node: str, name: str, time: Callable[[], float]) -> None:
        self._adds = metrics.queue_adds.labels(node, name)
        self._retries = metrics.queue_retries.labels(node, name)
        self._waited = metrics.queue_wait_seconds.labels(node, name)
        self._worked = metrics.queue_work_seconds.labels(node, name)
        self._time = time
        self._added_at: dict[object, float] = {}
        self._began_at: dict[object, float] = {}

    def added(self, key: object) -> None:
        """The key waits for a worker."""
        self._adds.inc()
        self._added_at.setdefault(key, self._time())

    def delayed(self, key: object) -> None:  # noqa: ARG002  (counted, not named)
        """The key is to be looked at later."""
        self._retries.inc()

    def began(self, key: object) -> None:
        """A worker has taken the key."""
        now = self._began_at[key] = self._time()
        self._waited.observe(now - self._added_at.pop(key, now))

    def ended(self, key: object) -> None:
        """The worker is done with the key."""
        self._worked.observe(self._time() - self._began_at.pop(key))


def reason(error: BaseException) -> str:
    """The kind of a provider's failure, as a label: few values, whatever the provider raises."""
    if isinstance(error, ProviderError):
        return type(error).__name__
    return "Cancelled" if isinstance(error, asyncio.CancelledError) else "Unexpected"


@dataclass(frozen=True, slots=True)
class _Watched:
    records: Mapping[str, Record]
    depth: Callable[[], int]


class _Asked(Collector):
    """What is counted when it is asked for, not when it changes."""

    def __init__(self) -> None:
        self.nodes: dict[str, _Watched] = {}
        self.gates: list[Gate] = []

    def collect(self) -> Iterable[Metric]:
        """The samples."""
        desired = GaugeMetricFamily("kubelet_desired_pods", "Pods bound to the node.", labels=["node"])
        running = GaugeMetricFamily("kubelet_running_pods", "Pods that the provider runs.", labels=["node"])
        depth = GaugeMetricFamily("workqueue_depth", "Pods that wait for a worker.", labels=["node", "name"])
        for node, watched in self.nodes.items():
            records = watched.records.values()
            desired.add_metric([node], sum(1 for each in records if each.in_api))
            running.add_metric([node], sum(1 for each in records if _runs(each)))
            depth.add_metric([node, "pods"], watched.depth())
        yield from (desired, running, depth)
        for gate in self.gates:
            window, throttled = "rest_client_concurrency_limit", "rest_client_throttled"
            yield GaugeMetricFamily(window, "How many requests may be under way.", value=int(gate.window))
            yield CounterMetricFamily(throttled, "How often the server had us wait.", value=gate.throttled)


def _runs(record: Record) -> bool:
    return record.presence is Presence.PRESENT and pods.phase(record.pod) == "Running"
