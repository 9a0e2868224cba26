"""What a container has written, computed from when it ran: nothing is kept."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fakes.fargate.tasks import Task

MOST = 10_000


def page(task: Task, container: str, given: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """A page of GetLogEvents, with the tokens for the next one in both directions."""
    each = next(each for each in task.containers if each.name == container)
    limit = int(given.get("limit") or MOST)
    total, every = 0, each.script.log_every
    until = min(now, each.ends)
    if until >= each.begins:
        total = 1 if every is None else 1 + int((until - each.begins).total_seconds() // every)
    first_line = each.script.log if each.script.log is not None else f"{container} started"

    def event(number: int) -> dict[str, Any]:
        at = each.begins.timestamp() + number * (every or 0.0)
        message = first_line if number == 0 else f"{container} line {number}"
        return {"timestamp": int(at * 1000), "ingestionTime": int(at * 1000), "message": message}

    since = int(given.get("startTime") or 0)
    token = given.get("nextToken")
    if token:
        first = int(token.partition("/")[2])
    elif given.get("startFromHead"):
        first = 0
    else:
        first = max(0, total - limit)
    events = [
        made for number in range(first, min(total, first + limit)) if (made := event(number))["timestamp"] >= since
    ]
    following = min(total, first + limit) if total > first else first
    return {"events": events, "nextForwardToken": f"f/{following}", "nextBackwardToken": f"b/{first}"}
