"""What the containers of the mock cloud use: so much each, as long as they run. For the kubelet's stats and metrics."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from providers import pods
from providers.base import Metric
from providers.mock.record import CloudPod
from providers.mock.status import stamp

CORES = 0.01
"""CPU of a running container."""

MEMORY = 16 * 1024 * 1024
"""Bytes of memory of a running container."""


def summary(node: str, cloud_pods: Iterable[CloudPod], now: datetime) -> dict[str, Any]:
    """The kubelet's ``/stats/summary``."""
    listed = [_pod_stats(each, now) for each in cloud_pods]
    running = sum(len(each["containers"]) for each in listed)
    return {"node": {"nodeName": node, **_use(running, now)}, "pods": listed}


def metrics(cloud_pods: Iterable[CloudPod], now: datetime) -> list[Metric]:
    """The kubelet's ``/metrics/resource``, with the label names that metrics-server reads."""
    samples: list[Metric] = []
    seconds = memory = 0.0
    for cloud_pod in cloud_pods:
        started = cloud_pod.run.started
        if not cloud_pod.run.running or started is None:
            continue
        ref, containers = pods.ref(cloud_pod.pod), pods.containers(cloud_pod.pod)
        used = CORES * (now - started).total_seconds()
        of_pod = {"namespace": ref.namespace, "pod": ref.name}
        for each in containers:
            labels = {"container": each["name"], **of_pod}
            samples += _samples("container", labels, used, MEMORY)
            samples.append(Metric("container_start_time_seconds", "gauge", labels, started.timestamp()))
        samples += _samples("pod", of_pod, used * len(containers), MEMORY * len(containers))
        seconds += used * len(containers)
        memory += MEMORY * len(containers)
    return [*_samples("node", {}, seconds, memory), *samples]


def _samples(what: str, labels: dict[str, str], seconds: float, memory: float) -> list[Metric]:
    return [
        Metric(f"{what}_cpu_usage_seconds_total", "counter", labels, seconds),
        Metric(f"{what}_memory_working_set_bytes", "gauge", labels, float(memory)),
    ]


def _pod_stats(cloud_pod: CloudPod, now: datetime) -> dict[str, Any]:
    ref, run = pods.ref(cloud_pod.pod), cloud_pod.run
    containers = pods.containers(cloud_pod.pod) if run.running else []
    return {
        "podRef": {"name": ref.name, "namespace": ref.namespace, "uid": ref.uid},
        "startTime": stamp(cloud_pod.accepted),
        "containers": [
            {"name": each["name"], "startTime": stamp(run.started or now), **_use(1, now)} for each in containers
        ],
        **_use(len(containers), now),
    }


def _use(running: int, now: datetime) -> dict[str, Any]:
    return {
        "cpu": {"time": stamp(now), "usageNanoCores": round(running * CORES * 1e9)},
        "memory": {"time": stamp(now), "workingSetBytes": running * MEMORY},
    }
