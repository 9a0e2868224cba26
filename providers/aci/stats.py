"""What the pods use, from Azure Monitor: averages a minute, two reads for each pod.

So they are asked for at most once a minute, and only as many as the subscription's reads allow, the oldest first. A pod
that Azure tells nothing of is left out; the others are told all the same.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from providers import pods
from providers.aci.account import Account
from providers.aci.client import AciClient
from providers.aci.tracker import Known
from providers.base import Clock, Metric
from providers.errors import ProviderError

FRESH = timedelta(minutes=1)
AT_ONCE = 10
_READS = 2
"""For each pod."""

CPU, MEMORY = "CpuUsage", "MemoryUsage"
RECEIVED, SENT = "NetworkBytesReceivedPerSecond", "NetworkBytesTransmittedPerSecond"
_NANOS = 1_000_000_000
_NANOS_IN_MILLI = 1_000_000


@dataclass(slots=True)
class _Use:
    """What a container uses: millicores and bytes now, and core seconds since it was first looked at."""

    millicores: float = 0.0
    memory: float = 0.0
    seconds: float = 0.0


@dataclass(slots=True)
class _Sample:
    """What a pod uses. The sums grow from look to look: Azure tells rates only."""

    at: datetime
    containers: dict[str, _Use] = field(default_factory=dict)
    received: float = 0.0
    sent: float = 0.0


class Usage:
    """The samples of a node's pods.

    Args:
        node: the node's name.
        client: the way to Azure.
        account: how many reads there are.
        clock: the wall clock.
    """

    def __init__(self, node: str, client: AciClient, account: Account, clock: Clock) -> None:
        self._node = node
        self._client = client
        self._account = account
        self._clock = clock
        self._samples: dict[str, _Sample] = {}

    async def summary(self, running: Sequence[Known]) -> dict[str, Any]:
        """The kubelet's ``/stats/summary``."""
        await self._refresh(running)
        shown = [(each, self._samples[pods.uid(each.pod)]) for each in running if pods.uid(each.pod) in self._samples]
        return {"node": {"nodeName": self._node}, "pods": [_pod(known, sample) for known, sample in shown]}

    async def metrics(self, running: Sequence[Known]) -> list[Metric]:
        """The samples of ``/metrics/resource``."""
        await self._refresh(running)
        found: list[Metric] = []
        for known in running:
            sample = self._samples.get(pods.uid(known.pod))
            if sample is not None:
                found += _metrics(known, sample)
        return found

    async def _refresh(self, running: Sequence[Known]) -> None:
        now = self._clock.now()
        there = {pods.uid(each.pod) for each in running}
        self._samples = {uid: sample for uid, sample in self._samples.items() if uid in there}
        due = (
            sorted(
                (sample.at if sample else now - FRESH * 2, uid, known)
                for known in running
                for uid in [pods.uid(known.pod)]
                for sample in [self._samples.get(uid)]
                if sample is None or now - sample.at >= FRESH
            )
            if running
            else []
        )
        waiting = iter(due[: self._account.spare_reads(now) // _READS])

        async def work() -> None:
            for _, uid, known in waiting:
                try:
                    await self._sample(uid, known.name)
                except ProviderError:
                    continue

        async with asyncio.TaskGroup() as tasks:
            for _ in range(AT_ONCE):
                tasks.create_task(work())

    async def _sample(self, uid: str, group: str) -> None:
        """Ask for one pod."""
        used = await self._client.metrics(group, (CPU, MEMORY), by_container=True)
        carried = await self._client.metrics(group, (RECEIVED, SENT), by_container=False)
        now = self._clock.now()
        sample = self._samples.setdefault(uid, _Sample(now))
        passed = (now - sample.at).total_seconds()
        cpu, memory = _latest(used, CPU), _latest(used, MEMORY)
        for name in cpu.keys() | memory.keys():
            use = sample.containers.setdefault(name, _Use())
            use.millicores, use.memory = cpu.get(name, 0.0), memory.get(name, 0.0)
            use.seconds += use.millicores / 1000 * passed
        sample.received += sum(_latest(carried, RECEIVED).values()) * passed
        sample.sent += sum(_latest(carried, SENT).values()) * passed
        sample.at = now


def _latest(answer: Mapping[str, Any], metric: str) -> dict[str, float]:
    """The last average of a metric, for each container; under an empty name for all together."""
    found: dict[str, float] = {}
    for each in answer.get("value") or []:
        if (each.get("name") or {}).get("value") != metric:
            continue
        for series in each.get("timeseries") or []:
            averages = [point["average"] for point in series.get("data") or [] if point.get("average") is not None]
            labels = [label.get("value") for label in series.get("metadatavalues") or []]
            if averages:
                found[str(labels[0]) if labels else ""] = float(averages[-1])
    return found


def _pod(known: Known, sample: _Sample) -> dict[str, Any]:
    ref, time = pods.ref(known.pod), sample.at.strftime("%Y-%m-%dT%H:%M:%SZ")
    begun = {"startTime": started} if (started := pods.status(known.pod).get("startTime")) else {}
    total = _Use(
        sum(each.millicores for each in sample.containers.values()),
        sum(each.memory for each in sample.containers.values()),
        sum(each.seconds for each in sample.containers.values()),
    )
    network = {"name": "eth0", "rxBytes": round(sample.received), "txBytes": round(sample.sent)}
    return {
        "podRef": {"name": ref.name, "namespace": ref.namespace, "uid": ref.uid},
        **begun,
        "containers": [{"name": name, **begun, **_shown(use, time)} for name, use in sorted(sample.containers.items())],
        **_shown(total, time),
        "network": {"time": time, **network, "interfaces": [network]},
    }


def _shown(use: _Use, time: str) -> dict[str, Any]:
    memory = round(use.memory)
    return {
        "cpu": {
            "time": time,
            "usageNanoCores": round(use.millicores * _NANOS_IN_MILLI),
            "usageCoreNanoSeconds": round(use.seconds * _NANOS),
        },
        "memory": {"time": time, "usageBytes": memory, "workingSetBytes": memory},
    }


def _metrics(known: Known, sample: _Sample) -> list[Metric]:
    ref = pods.ref(known.pod)
    of_pod = {"namespace": ref.namespace, "pod": ref.name}
    found: list[Metric] = []
    begun = pods.status(known.pod).get("startTime")
    for name, use in sorted(sample.containers.items()):
        labels = {"container": name, **of_pod}
        found.append(Metric("container_cpu_usage_seconds_total", "counter", labels, use.seconds))
        found.append(Metric("container_memory_working_set_bytes", "gauge", labels, use.memory))
        if begun:
            since = datetime.fromisoformat(begun).timestamp()
            found.append(Metric("container_start_time_seconds", "gauge", labels, since))
    uses = sample.containers.values()
    found.append(Metric("pod_cpu_usage_seconds_total", "counter", of_pod, sum(each.seconds for each in uses)))
    found.append(Metric("pod_memory_working_set_bytes", "gauge", of_pod, sum(each.memory for each in uses)))
    return found
