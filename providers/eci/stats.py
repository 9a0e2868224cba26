"""What the pods use, by the cloud's measurements, in the kubelet's two forms. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from providers.base import Metric
from providers.eci.inventory import Known

Used = Sequence[tuple[Known, Mapping[str, Any]]]
"""Groups, and their latest measurements."""


def summary(node: str, used: Used, now: datetime) -> dict[str, Any]:
    """The kubelet's ``/stats/summary``. The node is the sum of its pods."""
    shown = [_pod(known, record) for known, record in used]
    time = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    total = {
        "cpu": {
            "time": time,
            "usageNanoCores": sum(each["cpu"]["usageNanoCores"] for each in shown),
            "usageCoreNanoSeconds": sum(each["cpu"]["usageCoreNanoSeconds"] for each in shown),
        },
        "memory": {
            "time": time,
            "usageBytes": sum(each["memory"]["usageBytes"] for each in shown),
            "workingSetBytes": sum(each["memory"]["workingSetBytes"] for each in shown),
        },
    }
    return {"node": {"nodeName": node, **total}, "pods": shown}


def metrics(used: Used) -> list[Metric]:
    """The kubelet's ``/metrics/resource``."""
    samples: list[Metric] = []
    total = [0.0, 0.0]
    for known, record in used:
        labels = {"namespace": known.ref.namespace, "pod": known.ref.name}
        for each in record.get("Containers") or []:
            samples += _samples("container", {"container": each.get("Name", ""), **labels}, each)
        samples += _samples("pod", labels, record)
        for index, sample in enumerate(samples[-2:]):
            total[index] += sample.value
    node = [
        Metric("node_cpu_usage_seconds_total", "counter", {}, total[0]),
        Metric("node_memory_working_set_bytes", "gauge", {}, total[1]),
    ]
    return node + samples


def _pod(known: Known, record: Mapping[str, Any]) -> dict[str, Any]:
    ref, group, time = known.ref, known.group or {}, record.get("Timestamp", "")
    started = {
        each.get("Name"): (each.get("CurrentState") or {}).get("StartTime") for each in group.get("Containers") or []
    }
    return {
        "podRef": {"name": ref.name, "namespace": ref.namespace, "uid": ref.uid},
        "startTime": group.get("CreationTime"),
        "containers": [
            {"name": each.get("Name"), "startTime": started.get(each.get("Name")), **_shown(each, time)}
            for each in record.get("Containers") or []
        ],
        **_shown(record, time),
    }


def _shown(record: Mapping[str, Any], time: str) -> dict[str, Any]:
    cpu, memory = record.get("CPU") or {}, record.get("Memory") or {}
    return {
        "cpu": {
            "time": time,
            "usageNanoCores": int(cpu.get("UsageNanoCores") or 0),
            "usageCoreNanoSeconds": int(cpu.get("UsageCoreNanoSeconds") or 0),
        },
        "memory": {
            "time": time,
            "usageBytes": int(memory.get("UsageBytes") or 0),
            "workingSetBytes": int(memory.get("WorkingSet") or 0),
            "rssBytes": int(memory.get("Rss") or 0),
            "availableBytes": int(memory.get("AvailableBytes") or 0),
        },
    }


def _samples(what: str, labels: dict[str, str], record: Mapping[str, Any]) -> list[Metric]:
    cpu, memory = record.get("CPU") or {}, record.get("Memory") or {}
    seconds = int(cpu.get("UsageCoreNanoSeconds") or 0) / 1e9
    return [
        Metric(f"{what}_cpu_usage_seconds_total", "counter", labels, seconds),
        Metric(f"{what}_memory_working_set_bytes", "gauge", labels, float(memory.get("WorkingSet") or 0)),
    ]
