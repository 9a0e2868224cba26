"""What the containers of the mock cloud use while they run, for the kubelet's stats and metrics: a little, and growing.

All follow from when a container started, so nothing has to be counted meanwhile.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from providers import pods
from providers.base import Metric
from providers.mock.record import CloudPod
from providers.mock.status import stamp

CORES = 0.01
"""CPU of a running container."""

MEMORY = 16 * 1024 * 1024
"""Bytes of memory of a container that has run for long; it starts with half of them."""

WARM_UP = timedelta(minutes=10)
"""How long its memory grows."""


class Use(NamedTuple):
    """What something uses: cores right now, CPU seconds so far, bytes right now."""

    cores: float = 0.0
    seconds: float = 0.0
    memory: int = 0


def use_after(age: timedelta) -> Use:
    """What a container uses that has run for so long."""
    warm = min(age / WARM_UP, 1.0)
    return Use(CORES, CORES * age.total_seconds(), round(MEMORY * (1 + warm) / 2))


def summary(node: str, cloud_pods: Iterable[CloudPod], now: datetime) -> dict[str, Any]:
    """The kubelet's ``/stats/summary``."""
    listed: list[dict[str, Any]] = []
    uses: list[Use] = []
    time = stamp(now)
    for cloud_pod in cloud_pods:
        ref, each = pods.ref(cloud_pod.pod), _each(cloud_pod, now)
        shown = {"startTime": stamp(cloud_pod.run.started or now), **_shown(each, time)}
        uses.append(_times(each, len(_running(cloud_pod))))
        listed.append(
            {
                "podRef": {"name": ref.name, "namespace": ref.namespace, "uid": ref.uid},
                "startTime": stamp(cloud_pod.accepted),
                "containers": [{"name": name, **shown} for name in _running(cloud_pod)],
                **_shown(uses[-1], time),
            }
        )
    return {"node": {"nodeName": node, **_shown(_total(uses), time)}, "pods": listed}


def metrics(cloud_pods: Iterable[CloudPod], now: datetime) -> list[Metric]:
    """The kubelet's ``/metrics/resource``, with the label names that metrics-server reads."""
    samples: list[Metric] = []
    uses: list[Use] = []
    for cloud_pod in cloud_pods:
        ref, each, names = pods.ref(cloud_pod.pod), _each(cloud_pod, now), _running(cloud_pod)
        started = cloud_pod.run.started
        if not names or started is None:
            continue
        of_pod = {"namespace": ref.namespace, "pod": ref.name}
        for name in names:
            labels = {"container": name, **of_pod}
            samples += _samples("container", labels, each)
            samples.append(Metric("container_start_time_seconds", "gauge", labels, started.timestamp()))
        uses.append(_times(each, len(names)))
        samples += _samples("pod", of_pod, uses[-1])
    return [*_samples("node", {}, _total(uses)), *samples]


def _running(cloud_pod: CloudPod) -> list[str]:
    return [each["name"] for each in pods.containers(cloud_pod.pod)] if cloud_pod.run.running else []


def _each(cloud_pod: CloudPod, now: datetime) -> Use:
    """What each running container of a pod uses: they all started together."""
    return use_after(now - (cloud_pod.run.started or now))


def _times(use: Use, count: int) -> Use:
    return Use(use.cores * count, use.seconds * count, use.memory * count)


def _total(uses: Iterable[Use]) -> Use:
    cores = seconds = 0.0
    memory = 0
    for use in uses:
        cores, seconds, memory = cores + use.cores, seconds + use.seconds, memory + use.memory
    return Use(cores, seconds, memory)


def _samples(what: str, labels: dict[str, str], use: Use) -> list[Metric]:
    return [
        Metric(f"{what}_cpu_usage_seconds_total", "counter", labels, use.seconds),
        Metric(f"{what}_memory_working_set_bytes", "gauge", labels, float(use.memory)),
    ]


def _shown(use: Use, time: str) -> dict[str, Any]:
    return {
        "cpu": {
            "time": time,
            "usageNanoCores": round(use.cores * 1e9),
            "usageCoreNanoSeconds": round(use.seconds * 1e9),
        },
        "memory": {"time": time, "usageBytes": use.memory, "workingSetBytes": use.memory},
    }
