"""Watches: who hears of a change, and the queue of one watcher.

A watcher sits in exactly one bucket, the narrowest that its selectors allow: a name, a value of the indexed field (a
node), a namespace, or everybody. A write looks only into the buckets that it can concern, so its cost does not depend
on how many watchers look at other nodes.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

from fakes.apiserver.errors import expired
from fakes.apiserver.objects import Object, at_version
from fakes.apiserver.selectors import Selection

Event = tuple[str, Object]
"""ADDED, MODIFIED, DELETED, BOOKMARK or ERROR, and the object (for an ERROR: a Status)."""

MAX_QUEUED = 100_000
"""A watcher with more unread events than this is ended with 410; it must list again."""

BOOKMARK_SECONDS = 60.0
LAST_BOOKMARK_SECONDS = 2.0
"""A bookmark comes this long before a watch times out, so that the client can resume close to the present."""


class Change(NamedTuple):
    """One write, as history keeps it.

    Attributes:
        version: the resourceVersion that it made.
        type: ADDED, MODIFIED or DELETED.
        object: the new state; of a DELETED the last one, at the version of its deletion.
        old: the state before; None for an ADDED.
    """

    version: int
    type: str
    object: Object
    old: Object | None


class Watcher:
    """One watch: a queue of events, and a future that wakes whoever waits for them.

    Attributes:
        queued: what has not been read; whoever is in a hurry reads it here, and waits for an ``arrival``.
        ended: nothing more will come.
    """

    __slots__ = (
        "_after",
        "_lag",
        "_late",
        "_loop",
        "_matches",
        "_namespace",
        "_on_end",
        "_timers",
        "_waiter",
        "ended",
        "queued",
    )

    def __init__(self, namespace: str | None, selection: Selection, after: int) -> None:
        self._namespace = namespace
        self._matches = selection.matches
        self._after = after
        self.queued: deque[Event] = deque()
        self._lag = 0.0
        self._late: deque[Event] | None = None  # there is one for each node, and few ever lag
        self._waiter: asyncio.Future[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.ended = False
        self._on_end: Callable[[], None] | None = None
        self._timers: dict[str, asyncio.TimerHandle] = {}

    async def next(self) -> Event | None:
        """The next event, when there is one; None when the watch has ended."""
        while not self.queued:
            if self.ended:
                return None
            await self.arrival()
        return self.queued.popleft()

    async def next_batch(self) -> list[Event]:
        """Everything queued, at least one event; an empty list when the watch has ended."""
        while not self.queued:
            if self.ended:
                return []
            await self.arrival()
        batch = list(self.queued)
        self.queued.clear()
        return batch

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        while not self.queued:
            if self.ended:
                raise StopAsyncIteration
            await self.arrival()
        return self.queued.popleft()

    def close(self) -> None:
        """The client has gone: drop what is queued, and end. Safe to call again."""
        self.queued.clear()
        self.end()

    def end(self) -> None:
        """No more events after those that are queued."""
        self.ended = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        if self._on_end is not None:
            self._on_end()
            self._on_end = None
        self._wake()

    def arrival(self) -> asyncio.Future[None]:
        """Done when there is an event, or the end."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()  # a system call, in CPython 3.11
        waiter = self._waiter = self._loop.create_future()
        return waiter

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    # --- what the server does with it ---

    def offer(self, change: Change) -> None:
        """Queue what the change means to this watcher: by its selectors an object may come, go, or be no concern."""
        kind, obj, matches = change.type, change.object, self._matches
        if change.version <= self._after:
            return
        if self._namespace is not None and (obj["metadata"].get("namespace") or "") != self._namespace:
            return
        if matches is None:
            self.push((kind, obj))
            return
        old = change.old
        was = old is not None and matches(old)
        if kind != "DELETED" and matches(obj):
            self.push(("MODIFIED" if was else "ADDED", obj))
        elif was and old is not None:
            self.push(("DELETED", obj if kind == "DELETED" else at_version(old, change.version)))

    def push(self, event: Event) -> None:
        """Queue an event."""
        if self._lag:
            self._late = deque() if self._late is None else self._late
            self._late.append(event)
            asyncio.get_running_loop().call_later(self._lag, self._arrived)
        else:
            self._push(event)

    def lag(self, seconds: float) -> None:
        """From now on the watch is this far behind."""
        self._lag = seconds

    def _arrived(self) -> None:
        assert self._late is not None  # noqa: S101  (for mypy: what arrives was put there)
        self._push(self._late.popleft())

    def _push(self, event: Event) -> None:
        if self.ended:
            return
        self.queued.append(event)
        if self._waiter is not None:
            self._wake()
        elif len(self.queued) > MAX_QUEUED:
            self.queued.clear()
            self.fail(expired("too old resource version: the client does not keep up with its watch").status)

    def fail(self, status: Object) -> None:
        """End the watch with an ERROR event."""
        self.queued.append(("ERROR", status))
        self.end()

    def schedule(self, bookmark: Callable[[], Event] | None, timeout_seconds: float | None) -> None:
        """Set the timers, in the running loop: bookmarks about every minute and just before the end, and the end."""
        if bookmark is None and timeout_seconds is None:
            return
        loop = asyncio.get_running_loop()
        if timeout_seconds is not None:
            self._timers["end"] = loop.call_later(timeout_seconds, self.end)
        if bookmark is None:
            return
        make_bookmark = bookmark

        def tick() -> None:
            self.push(make_bookmark())
            self._timers["bookmark"] = loop.call_later(BOOKMARK_SECONDS, tick)

        self._timers["bookmark"] = loop.call_later(BOOKMARK_SECONDS, tick)
        if timeout_seconds is not None and timeout_seconds > LAST_BOOKMARK_SECONDS:
            self._timers["last bookmark"] = loop.call_later(
                timeout_seconds - LAST_BOOKMARK_SECONDS, lambda: self.push(make_bookmark())
            )

    def on_end(self, callback: Callable[[], None]) -> None:
        """What to call once, when the watch ends."""
        self._on_end = callback


Buckets = dict[str, dict[Watcher, None]]
"""Watchers by what they look at, in the order in which they came."""


class Hub:
    """The watchers of one resource."""

    def __init__(self) -> None:
        self._everybody: Buckets = {}
        self._by_namespace: Buckets = {}
        self._by_name: Buckets = {}
        self._by_index: Buckets = {}

    def subscribe(self, watcher: Watcher, namespace: str | None, selection: Selection) -> None:
        """From now on the watcher hears of the changes that concern it, until it ends."""
        if selection.name is not None:
            buckets, key = self._by_name, selection.name
        elif selection.indexed is not None:
            buckets, key = self._by_index, selection.indexed
        elif namespace is not None:
            buckets, key = self._by_namespace, namespace
        else:
            buckets, key = self._everybody, ""
        buckets.setdefault(key, {})[watcher] = None

        def unsubscribe() -> None:
            bucket = buckets[key]
            del bucket[watcher]
            if not bucket:
                del buckets[key]

        watcher.on_end(unsubscribe)

    def publish(self, change: Change, value: str, before: str) -> None:
        """Offer a change to the watchers that it can concern.

        Args:
            change: what has changed.
            value: what the indexed field says now,
            before: and what it said.
        """
        metadata = change.object["metadata"]
        if self._everybody:
            _offer(self._everybody, "", change)
        if self._by_namespace:
            _offer(self._by_namespace, metadata.get("namespace") or "", change)
        if self._by_name:
            _offer(self._by_name, metadata["name"], change)
        if self._by_index:
            _offer(self._by_index, value, change)
            if before != value:
                _offer(self._by_index, before, change)


def _offer(buckets: Buckets, key: str, change: Change) -> None:
    bucket = buckets.get(key)
    if bucket:
        for watcher in tuple(bucket):  # a watcher that overflows leaves the bucket
            watcher.offer(change)
