"""What groups use while they run: a little, and growing. All follows from when a container started."""

from datetime import datetime
from typing import Any

from fakes.eci.groups import Group
from fakes.eci.views import stamp

CORES = 0.01
MEMORY = 16 * 1024 * 1024
WARM_UP = 600.0
"""Seconds in which a container's memory grows to that."""


def records(group: Group, now: datetime) -> list[dict[str, Any]]:
    """The group's measurements: the latest; none before it runs."""
    used = []
    for each, seen in zip(group.containers, group.look(now).containers, strict=True):
        if seen.started is not None:
            age = (now - seen.started).total_seconds()
            used.append((each["Name"], age, round(MEMORY * (1 + min(age / WARM_UP, 1.0)) / 2)))
    if not used:
        return []
    containers = [{"Name": name, "CPU": _cpu([age]), "Memory": _memory(memory)} for name, age, memory in used]
    total = {"CPU": _cpu([age for _, age, _ in used]), "Memory": _memory(sum(memory for _, _, memory in used))}
    return [{"Timestamp": stamp(now), **total, "Containers": containers}]


def _cpu(ages: list[float]) -> dict[str, int]:
    return {
        "Load": 0,
        "Limit": 1000,
        "UsageNanoCores": round(CORES * 1e9 * len(ages)),
        "UsageCoreNanoSeconds": round(sum(ages) * CORES * 1e9),
    }


def _memory(used: int) -> dict[str, int]:
    return {"AvailableBytes": MEMORY * 64 - used, "UsageBytes": used, "Cache": 0, "WorkingSet": used, "Rss": used}
