"""How long events are kept: an hour after they were last written, as kube-apiserver keeps them."""

from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from fakes.apiserver.objects import Object, key_of

EVENT_TTL = timedelta(hours=1)


class _Group(NamedTuple):
    """The events of a namespace that were written within a second.

    Attributes:
        second: when.
        namespace: where.
        versions: of these writes; the last one is the highest.
        names: of the events.
    """

    second: datetime
    namespace: str
    versions: "array[int]"
    names: list[str]


class EventAges:
    """Knows which stored events are too old.

    Args:
        find: the event of a namespace and a name.
    """

    def __init__(self, find: Callable[[str, str], Object | None]) -> None:
        self._find = find
        self._waiting: deque[_Group] = deque()

    def note(self, events: Iterable[Object], now: datetime) -> None:
        """These have just been written."""
        second = now.replace(microsecond=0)
        for event in events:
            namespace, name = key_of(event)
            last = self._waiting[-1] if self._waiting else None
            if last is None or last.second != second or last.namespace != namespace:
                last = _Group(second, namespace, array("Q"), [])
                self._waiting.append(last)
            last.names.append(name)
            last.versions.append(int(event["metadata"]["resourceVersion"]))

    def expired(self, now: datetime) -> Iterator[Object]:
        """Those whose time is over, each once; what was written within a second goes together."""
        waiting = self._waiting
        while waiting and waiting[0].second + EVENT_TTL <= now:
            group = waiting.popleft()
            for name, version in zip(group.names, group.versions, strict=True):
                event = self._find(group.namespace, name)
                if event is not None and event["metadata"]["resourceVersion"] == str(version):
                    yield event  # else it has gone, or has been written again
