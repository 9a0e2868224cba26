"""A work queue over keys: one handler at a time for each key, a bounded number in all, no task for a key that rests.

Of the workers one waits for the next key when there is none; the others end. A task for each key would cost more than
what is done for many of them.

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
        self._workers_now = 0
        self._idle: asyncio.Future[None] | None = None

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
        """Have a worker take what is ready, if another one may work."""
        if self._group is None or not self._ready:
            return
        if self._idle is not None:
            idle, self._idle = self._idle, None
            idle.set_result(None)
        elif self._workers_now < self._workers:
            self._workers_now += 1
            self._group.create_task(self._work())

    async def _work(self) -> None:
        """Handle keys as long as there are any, or no other worker waits for one."""
        try:
            while self._ready or self._idle is None:
                if not self._ready:
                    await self._rest()
                    continue
                key = next(iter(self._ready))
                del self._ready[key]
                self._again[key] = False
                self._dispatch()
                try:
                    with self._observer.working(key):
                        await self._handle(key)
                finally:
                    if self._again.pop(key):
                        self._ready.setdefault(key)
                        self._observer.added(key)
        finally:
            self._workers_now -= 1

    async def _rest(self) -> None:
        """Wait until there is a key."""
        idle = self._idle = asyncio.get_running_loop().create_future()
        try:
            await idle
        finally:
            if self._idle is idle:
                self._idle = None
