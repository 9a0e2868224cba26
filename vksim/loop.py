"""Virtual time: an asyncio event loop whose clock jumps to the next timer as soon as nothing else is left to do.

A run on it is a function of its inputs. Timers that are due together fire in the order they were set; sets of tasks and
futures, which asyncio keeps in ``wait``, ``TaskGroup`` and ``all_tasks`` and CPython would order by address, iterate in
the order of their first use; threads, sockets, signals and subprocesses, which bring in the real world, are refused.
When everybody waits and no timer is set, ``Deadlock`` says who waits for what. An exception that nobody looked at ends
the run.
"""

import asyncio
import heapq
import itertools
from asyncio import base_events, events
from collections.abc import Callable, Coroutine
from contextvars import Context
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, NoReturn, TypeVar

from runner.ports import Inline, Ports

T = TypeVar("T")

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""When virtual time begins, unless a scenario says otherwise."""

_SHOWN = 20
"""How many tasks a deadlock names."""

_COMPACT = 10_000
"""So many cancelled timers are kept before the heap is rebuilt without them."""


class Deadlock(RuntimeError):
    """Nothing can happen any more, and somebody still waits. The message names the tasks and where they wait."""


class NotInVirtualTime(RuntimeError):
    """Something asked for the real world: a socket, a thread, a signal, a process."""


class _Ordered:
    """Makes sets iterate in a repeatable order: hashed by the order of first use on the loop, not by address."""

    _order: int

    def __hash__(self) -> int:
        try:
            return self._order
        except AttributeError:
            loop: VirtualLoop = self.get_loop()  # type: ignore[attr-defined]  # tasks and futures have it
            self._order = order = loop.next_order()
            return order


class VirtualTask(_Ordered, asyncio.Task[T]):
    """A task of a virtual loop."""


class VirtualFuture(_Ordered, asyncio.Future[T]):
    """A future of a virtual loop."""


class VirtualLoop(base_events.BaseEventLoop):
    """The event loop of a simulation. ``time()`` is the virtual time in seconds since the start."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._sequence = itertools.count()
        self._orders = itertools.count()
        self._cancelled_timers = 0
        self._unhandled: BaseException | None = None
        self.next_order: Callable[[], int] = self._orders.__next__
        self.set_task_factory(_new_task)

    def time(self) -> float:
        """Seconds of virtual time since the start."""
        return self._now

    def create_future(self) -> asyncio.Future[Any]:
        """A future of this loop."""
        return VirtualFuture(loop=self)

    def call_at(  # type: ignore[override]  # without the variadic generics of the stubs
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Call back at a virtual time; of two for the same time the one set first goes first."""
        self._check_closed()  # type: ignore[attr-defined]  # BaseEventLoop's own
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        handle._scheduled = True  # type: ignore[attr-defined]  # noqa: SLF001  (so that cancel() tells the loop)
        heapq.heappush(self._timers, (when, next(self._sequence), handle))
        return handle

    def _timer_handle_cancelled(self, _handle: asyncio.TimerHandle) -> None:
        """Keep the heap from filling up with what ``asyncio.timeout`` leaves behind."""
        self._cancelled_timers += 1
        if self._cancelled_timers > _COMPACT and self._cancelled_timers * 2 > len(self._timers):
            self._timers = [each for each in self._timers if not each[2].cancelled()]
            heapq.heapify(self._timers)
            self._cancelled_timers = 0

    def _run_once(self) -> None:
        """One turn: the timers that are due, then all that was ready before they ran."""
        ready = self._ready  # type: ignore[attr-defined]  # BaseEventLoop's own queue
        timers = self._timers
        if not ready and not self._stopping:  # type: ignore[attr-defined]  # as above
            while timers and timers[0][2].cancelled():
                heapq.heappop(timers)
                self._cancelled_timers -= 1
            if not timers:
                raise Deadlock(_deadlock(self))
            self._now = max(self._now, timers[0][0])
        now = self._now
        while timers and timers[0][0] <= now:
            handle = heapq.heappop(timers)[2]
            if handle.cancelled():
                self._cancelled_timers -= 1
            else:
                handle._scheduled = False  # type: ignore[attr-defined]  # noqa: SLF001  (it left the heap)
                ready.append(handle)
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle.cancelled():
                handle._run()  # noqa: SLF001  (what a loop does with a handle)
        if self._unhandled is not None:
            error, self._unhandled = self._unhandled, None
            raise error

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """End the run with an exception that nobody else will see."""
        error = context.get("exception") or RuntimeError(str(context.get("message")))
        error.add_note(f"in virtual time: {context.get('message')}")
        if self._unhandled is None:
            self._unhandled = error

    # --- the real world ---------------------------------------------------------------------------------------------

    def run_in_executor(  # type: ignore[override]  # without the variadic generics of the stubs
        self, _executor: Any, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """Call the function here and now: a thread would make the run unrepeatable."""
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001  (whatever it raises belongs to whoever awaits it)
            future.set_exception(error)
        return future

    def call_soon_threadsafe(  # type: ignore[override]  # without the variadic generics of the stubs
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> events.Handle:
        """Refused from another thread; from this one it is ``call_soon``."""
        if self.is_running() and events._get_running_loop() is not self:  # noqa: SLF001  (tells threads apart)
            _refuse("a call from another thread")
        return self.call_soon(callback, *args, context=context)

    async def getaddrinfo(self, *_: Any, **__: Any) -> NoReturn:
        """Refused."""
        _refuse("a name look-up")

    async def sock_connect(self, *_: Any) -> NoReturn:
        """Refused."""
        _refuse("a socket")

    async def create_connection(self, *_: Any, **__: Any) -> NoReturn:
        """Refused."""
        _refuse("a connection")

    async def create_server(self, *_: Any, **__: Any) -> NoReturn:
        """Refused."""
        _refuse("a server")

    async def subprocess_exec(self, *_: Any, **__: Any) -> NoReturn:
        """Refused."""
        _refuse("a subprocess")

    async def subprocess_shell(self, *_: Any, **__: Any) -> NoReturn:
        """Refused."""
        _refuse("a subprocess")

    def add_reader(self, *_: Any) -> NoReturn:  # type: ignore[override]  # refuses whatever it is given
        """Refused."""
        _refuse("a file descriptor")

    def add_signal_handler(self, *_: Any) -> NoReturn:  # type: ignore[override]  # refuses whatever it is given
        """Refused."""
        _refuse("a signal")

    def _write_to_self(self) -> None:
        """Nobody sleeps in a selector here, so nobody needs waking."""

    def _process_events(self, event_list: Any) -> None:
        """There is no selector, so there are no events."""


class VirtualClock:
    """The wall clock of a simulation: its start, plus the loop's time."""

    def __init__(self, loop: VirtualLoop, start: datetime = EPOCH) -> None:
        self._loop = loop
        self._start = start
        self._at = -1.0
        self._cached = start

    def now(self) -> datetime:
        """The virtual time, aware, in UTC, to the microsecond."""
        at = self._loop.time()
        if at != self._at:
            self._at = at
            self._cached = self._start + timedelta(microseconds=round(at * 1e6))
        return self._cached


def ports(loop: VirtualLoop, random: Random, *, start: datetime = EPOCH) -> Ports:
    """The core's seams, in virtual time."""
    return Ports(VirtualClock(loop, start), random, Inline())


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in virtual time, and end what it leaves running, in order.

    Raises:
        Deadlock: everybody waits for somebody else.
    """
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(main)
    finally:
        try:
            cancel_all(loop)
        finally:
            loop.close()


def cancel_all(loop: VirtualLoop) -> None:
    """Cancel the loop's tasks, the oldest first, and wait for their end."""
    left = _in_order(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.wait(left))
    for task in left:
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error
    loop.run_until_complete(loop.shutdown_asyncgens())


def _new_task(loop: asyncio.AbstractEventLoop, coro: Any, **kwargs: Any) -> asyncio.Task[Any]:
    return VirtualTask(coro, loop=loop, **kwargs)


def _in_order(loop: VirtualLoop) -> list[asyncio.Task[Any]]:
    return sorted(asyncio.all_tasks(loop), key=hash)


def _refuse(what: str) -> NoReturn:
    raise NotInVirtualTime(f"{what} was asked for in virtual time; only timers, tasks and queues work here")


def _deadlock(loop: VirtualLoop) -> str:
    waiting = _in_order(loop)
    lines = [f"  {task.get_name()}: {_where(task)}" for task in waiting[:_SHOWN]]
    if len(waiting) > _SHOWN:
        lines.append(f"  and {len(waiting) - _SHOWN} more")
    return "\n".join([f"at {loop.time():g} s nothing can happen any more; {len(waiting)} tasks wait:", *lines])


def _where(task: asyncio.Task[Any]) -> str:
    """The task's coroutine, and the line of the innermost await that it has come to."""
    coro: Any = task.get_coro()
    name = getattr(coro, "__qualname__", repr(coro))
    place = ""
    while coro is not None:
        frame = getattr(coro, "cr_frame", None) or getattr(coro, "ag_frame", None)
        if frame is not None:
            place = f"{frame.f_code.co_filename}:{frame.f_lineno}"
        coro = getattr(coro, "cr_await", None) or getattr(coro, "ag_await", None)
    return f"{name} at {place}" if place else name
