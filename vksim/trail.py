"""What has happened lately, so that a violation can be told with what led to it: pod, writes, cloud calls, events.

Only references are kept, and only of the last few thousand happenings: what is not asked for costs next to nothing.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from fakes.apiserver.watch import Change
from providers.types import KubeObject

REMEMBERED = 10_000
"""As many as the API server's history has, so that it costs no further memory."""
LONGEST = 40
"""So many lines of a chain are shown: the last ones."""


class Write(NamedTuple):
    """A change of a pod, when, and who made it."""

    at: float
    actor: str
    change: Change


class CloudCall(NamedTuple):
    """Something that a cloud did, when, for whom."""

    at: float
    cloud: str
    what: str
    about: str


class Trail:
    """The last writes and the last calls to clouds."""

    def __init__(self) -> None:
        self._writes: deque[Write] = deque(maxlen=REMEMBERED)
        self._calls: deque[CloudCall] = deque(maxlen=REMEMBERED)
        self.wrote = self._writes.append
        self.called = self._calls.append

    def chain(self, uid: str, names: Iterable[str], events: Iterable[tuple[float, KubeObject]]) -> list[str]:
        """All that is known of a pod, in order, a line each.

        Args:
            uid: the pod's.
            names: what clouds may call it.
            events: those about it, and when they were written.
        """
        lines = [(each.at, 1, _write(each)) for each in self._writes if each.change.object["metadata"]["uid"] == uid]
        known = (uid, *names)
        lines += [
            (each.at, 0, f"cloud  {each.cloud}: {each.what} {each.about}")
            for each in self._calls
            if any(name in each.about for name in known)
        ]
        lines += [(at, 2, f"event  {event.get('reason', '')}: {event.get('message', '')}") for at, event in events]
        lines.sort(key=lambda each: each[:2])
        return [f"{at:10.3f} s  {text}" for at, _, text in lines[-LONGEST:]]


def _write(write: Write) -> str:
    change = write.change
    metadata = change.object["metadata"]
    what = ", ".join(_differences(change)) or {"ADDED": "created", "DELETED": "removed"}.get(change.type, "changed")
    who = write.actor or "API server"
    return f"write  {who}: {metadata.get('namespace')}/{metadata['name']} {what} (version {change.version})"


def _differences(change: Change) -> Iterator[str]:
    """What matters of a change, in words."""
    if change.old is None or change.type == "DELETED":
        return
    old, new = _facts(change.old), _facts(change.object)
    for name, value in new.items():
        if old.get(name) != value:
            yield f"{name} {old.get(name) or 'none'} -> {value or 'none'}"


def _facts(pod: KubeObject) -> dict[str, Any]:
    status, metadata = pod.get("status") or {}, pod["metadata"]
    containers = status.get("containerStatuses") or ()
    return {
        "node": pod["spec"].get("nodeName"),
        "phase": status.get("phase"),
        "reason": status.get("reason"),
        "address": status.get("podIP"),
        "ready": ",".join(each["name"] for each in containers if each.get("ready")),
        "restarts": sum(each.get("restartCount", 0) for each in containers),
        "deletion": metadata.get("deletionTimestamp"),
        "finalizers": ",".join(metadata.get("finalizers") or ()),
    }
