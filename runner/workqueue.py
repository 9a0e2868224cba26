"""A work queue over keys: one handler at a time for each key, a bounded number in all, no task for a key that rests.

A key that is added while it is being handled is handled once more afterwards; one that is queued or delayed is not
queued twice, and of two delays the earlier counts.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from contextlib import AbstractContextManager, nullcontext
from typing import Generic, Protocol, TypeVar

Key = TypeVar("Key", bound=Hashable)


class Observer(Protocol):
    """Is told what a queue does, to measure it."""

    def added(self, key: object) -> None:
        """The key waits for a worker."""
        ...

    def delayed(self, key: object) -> None:
        """The key is to be added later."""
        ...

    def working(self, key: object) -> AbstractContextManager[object]:
        """Around the work on a key."""
        ...


class Unobserved:
    """Measures nothing."""

    def added(self, key: object) -> None:
        """Nothing."""

    def delayed(self, key: object) -> None:
        """Nothing."""

    def working(self, key: object) -> AbstractContextManager[object]:  # noqa: ARG002
        """A block like any other."""
        return _NOTHING


_NOTHING = nullcontext()
UNOBSERVED: Observer = Unobserved()


class WorkQueue(Generic[Key]):
    """Hands keys to a handler.

    Args:
        handle: works on one key. It must not raise: a queue does not know what to do about it, and ends.
        workers: how many keys are handled at once.
        observer: is told what happens.
    """

    def __init__(
        self, handle: Callable[[Key], Awaitable[None]], *, workers: int, observer: Observer = UNOBSERVED
    ) -> None:
        self._handle = handle
        self._workers = workers
        self._observer = observer
        self._group: asyncio.TaskGroup | None = None
        self._ready: dict[Key, None] = {}
        self._again: dict[Key, bool] = {}
        self._timers: dict[Key, asyncio.TimerHandle] = {}

    async def run(self) -> None:
        """Handle keys until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                try:
                    self._dispatch()
                    await asyncio.get_running_loop().create_future()
                finally:
                    self._group = None
        finally:
            for timer in self._timers.values():
                timer.cancel()
            self._timers.clear()

    def add(self, key: Key) -> None:
        """Have the key handled as soon as a worker is free."""
        self.forget_delay(key)
        if key in self._again:
            self._again[key] = True
        elif key not in self._ready:
            self._ready[key] = None
            self._observer.added(key)
            self._dispatch()

    def add_after(self, key: Key, delay: float) -> None:
        """Have the key handled in ``delay`` seconds, unless it is added, or due, before."""
        loop = asyncio.get_running_loop()
        due = loop.time() + max(delay, 0)
        timer = self._timers.get(key)
        if timer is not None:
            if timer.when() <= due:
                return
            timer.cancel()
        self._timers[key] = loop.call_at(due, self._due, key)
        self._observer.delayed(key)

    def forget_delay(self, key: Key) -> None:
        """Drop the key's pending delay."""
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()

    def is_active(self, key: Key) -> bool:
        """Whether the key is being handled right now."""
        return key in self._again

    def __len__(self) -> int:
        """How many keys wait for a worker."""
        return len(self._ready)

    def _due(self, key: Key) -> None:
        del self._timers[key]
        self.add(key)

    def _dispatch(self) -> None:
        while self._group is not None and self._ready and len(self._again) < self._workers:
            key = next(iter(self._ready))
            del self._ready[key]
            self._again[key] = False
            self._group.create_task(self._work(key))

    async def _work(self, key: Key) -> None:
        try:
            with self._observer.working(key):
                await self._handle(key)
        finally:
            if self._again.pop(key):
                self._ready.setdefault(key)
                self._observer.added(key)
            self._dispatch()
