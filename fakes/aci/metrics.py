"""What Azure Monitor tells of a container group: averages a minute, made up from what its containers request."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from fakes.aci import shapes
from fakes.aci.errors import invalid
from fakes.aci.group import Group
from fakes.aci.life import Container, second

UNITS = {
    "CpuUsage": "Count",
    "MemoryUsage": "Bytes",
    "NetworkBytesReceivedPerSecond": "Bytes",
    "NetworkBytesTransmittedPerSecond": "Bytes",
}
IN_USE = 0.5
"""Part of its requests that a container uses."""
NETWORK = 1000.0
"""Bytes per second that a group sends, and receives."""
MILLICORES, GB = 1000.0, 1e9
MOST_MINUTES = 24 * 60


def answer(group: Group, query: Mapping[str, str], now: datetime) -> dict[str, Any]:
    """The metrics that a query asks for; its names are in lower case.

    Raises:
        ArmError: a parameter cannot be read, or names no metric.
    """
    names = [each for each in query.get("metricnames", "").split(",") if each]
    unknown = [each for each in names if each not in UNITS]
    if unknown or not names:
        known = ",".join(UNITS)
        raise invalid("BadRequest", f"Failed to find metric configuration for '{','.join(unknown)}'. Valid: {known}")
    if query.get("interval", "PT1M") != "PT1M":
        raise invalid("BadRequest", f"The interval '{query['interval']}' is not supported. Valid: PT1M")
    begin, end = _timespan(query.get("timespan"), now)
    split = "containername" in query.get("$filter", "").lower()
    return {
        "cost": 0,
        "timespan": f"{second(begin)}/{second(end)}",
        "interval": "PT1M",
        "namespace": "Microsoft.ContainerInstance/containerGroups",
        "value": [_metric(group, each, begin, end, split=split) for each in names],
    }


def _metric(group: Group, name: str, begin: datetime, end: datetime, *, split: bool) -> dict[str, Any]:
    if split and name in ("CpuUsage", "MemoryUsage"):
        series = [
            {
                "metadatavalues": [
                    {"name": {"value": "containername", "localizedValue": "containername"}, "value": each.name}
                ],
                "data": _data([each], name, begin, end),
            }
            for each in group.containers
        ]
    else:
        series = [{"metadatavalues": [], "data": _data(group.containers, name, begin, end)}]
    return {
        "id": f"{group.place.id}/providers/Microsoft.Insights/metrics/{name}",
        "type": "Microsoft.Insights/metrics",
        "name": {"value": name, "localizedValue": name},
        "unit": UNITS[name],
        "timeseries": series,
        "errorCode": "Success",
    }


def _data(containers: list[Container], name: str, begin: datetime, end: datetime) -> list[dict[str, Any]]:
    data: list[dict[str, Any]] = []
    minute = begin.replace(second=0, microsecond=0)
    while minute < end and len(data) < MOST_MINUTES:
        running = [each for each in containers if _ran_in(each, minute)]
        point: dict[str, Any] = {"timeStamp": second(minute)}
        if running:
            point["average"] = NETWORK if name.startswith("Network") else sum(_used(each, name) for each in running)
        data.append(point)
        minute += timedelta(minutes=1)
    return data


def _ran_in(container: Container, minute: datetime) -> bool:
    state = container.state
    if state.started is None or state.started >= minute + timedelta(minutes=1):
        return False
    return state.finished is None or state.finished > minute


def _used(container: Container, name: str) -> float:
    properties = container.spec.properties
    resources = properties.resources if isinstance(properties, shapes.ContainerProperties) else None
    if resources is None:
        return 0.0
    requests = resources.requests
    return IN_USE * ((requests.cpu or 0) * MILLICORES if name == "CpuUsage" else (requests.memory or 0) * GB)


def _timespan(text: str | None, now: datetime) -> tuple[datetime, datetime]:
    if text is None:
        return now - timedelta(hours=1), now
    try:
        begin, end = (datetime.fromisoformat(each.strip().replace(" ", "+")) for each in text.split("/"))
    except ValueError:
        raise invalid("BadRequest", f"The timespan '{text}' is invalid.") from None
    return tuple(each if each.tzinfo else each.replace(tzinfo=UTC) for each in (begin, end))  # type: ignore[return-value]  # two of them
