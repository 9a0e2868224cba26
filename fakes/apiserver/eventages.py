"""How long events are kept: an hour after they were last written, as kube-apiserver keeps them."""

from collections import deque
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from fakes.apiserver.objects import Object

EVENT_TTL = timedelta(hours=1)


class EventAges:
    """Knows which stored events are too old."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[datetime, list[Object]]] = deque()

    def note(self, events: Iterable[Object], now: datetime) -> None:
        """These have just been written."""
        waiting, second = self._waiting, now.replace(microsecond=0)
        if not waiting or waiting[-1][0] != second:
            waiting.append((second, []))
        waiting[-1][1].extend(events)

    def expired(self, now: datetime) -> Iterator[Object]:
        """Those whose time is over, each once; what was written within a second goes together."""
        waiting = self._waiting
        while waiting and waiting[0][0] + EVENT_TTL <= now:
            yield from waiting.popleft()[1]
