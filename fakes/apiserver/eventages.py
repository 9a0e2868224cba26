"""How long events are kept: an hour after they were last written, as kube-apiserver keeps them."""

from collections import deque
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from fakes.apiserver.objects import Object

EVENT_TTL = timedelta(hours=1)


class EventAges:
    """Knows which stored events are too old."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[datetime, Object]] = deque()

    def note(self, events: Iterable[Object], now: datetime) -> None:
        """These have just been written."""
        self._waiting.extend((now + EVENT_TTL, event) for event in events)

    def expired(self, now: datetime) -> Iterator[Object]:
        """Those whose time is over, each once. They lie in the order in which they expire."""
        waiting = self._waiting
        while waiting and waiting[0][0] <= now:
            yield waiting.popleft()[1]
