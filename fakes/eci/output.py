"""What a container has written, computed from when it ran: nothing is kept."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from fakes.eci import errors
from fakes.eci.groups import Group


@dataclass(frozen=True, slots=True)
class Wanted:
    """What part of a log is wanted."""

    tail: int
    since: datetime | None
    previous: bool
    timestamps: bool


def text(group: Group, index: int, wanted: Wanted, now: datetime) -> str:
    """The lines that are wanted. Raises EciError if there was no previous run."""
    seen = group.look(now).containers[index]
    name, script = group.containers[index]["Name"], group.scripts[index]
    ended = seen.ended
    if wanted.previous:
        last = seen.ended if seen.waits else seen.previous
        if last is None:
            raise errors.EciError(400, "InvalidContainer.NoPrevious", f"The container {name} has no previous run.")
        started, until = last.started, last.finished
    elif seen.started is not None:
        started, until = seen.started, now
    elif ended is not None:
        started, until = ended.started, ended.finished
    else:
        return ""
    first = script.log if script.log is not None else f"{name} started"
    count = 1 if script.log_every is None else 1 + int((until - started).total_seconds() // script.log_every)
    begin = 0
    if wanted.since is not None:
        late = (wanted.since - started).total_seconds()
        begin = 0 if late <= 0 else 1 if script.log_every is None else math.ceil(late / script.log_every)
    begin = max(begin, count - wanted.tail)
    lines = []
    for number in range(begin, count):
        at = started + timedelta(seconds=number * (script.log_every or 0.0))
        prefix = at.strftime("%Y-%m-%dT%H:%M:%S.%f000Z ") if wanted.timestamps else ""
        lines.append(f"{prefix}{first if number == 0 else f'{name} line {number}'}\n")
    return "".join(lines)


def moment(given: str) -> datetime:
    """A time of RFC 3339. Raises ValueError."""
    parsed = datetime.fromisoformat(given)
    if parsed.tzinfo is None:
        raise ValueError(given)
    return parsed
