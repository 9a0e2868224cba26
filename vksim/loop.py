"""Virtual time: an asyncio event loop whose clock jumps to the next timer as soon as nothing else is left to do.

A run on it is a function of its inputs. Timers that are due together fire in the order they were set; sets of tasks and
futures, which asyncio keeps in ``wait``, ``TaskGroup`` and ``all_tasks`` and CPython would order by address, iterate in
the order of their first use; threads, sockets, signals and subprocesses, which bring in the real world, are refused.
When everybody waits and no timer is set, ``Deadlock`` says who waits for what. An exception that nobody looked at ends
the run: when its task is forgotten, or at the latest when the loop is closed.
"""

import asyncio
import heapq
import itertools
import math
from asyncio import base_events, events
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator
from contextvars import Context, copy_context
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, NoReturn, TypeVar
from weakref import WeakSet, WeakValueDictionary

from runner.ports import Ports
from vksim.blocking import Inline
from vksim.deadlock import Deadlock

T = TypeVar("T")

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""When virtual time begins, unless a scenario says otherwise."""

_COMPACT = 10_000
"""So many cancelled timers are kept before the heap is rebuilt without them."""

_REFUSED = {
    "a socket": (
        *("sock_accept", "sock_connect", "sock_recv", "sock_recv_into", "sock_recvfrom", "sock_recvfrom_into"),
        *("sock_sendall", "sock_sendfile", "sock_sendto", "sendfile"),
    ),
    "a connection": (
        *("create_connection", "create_datagram_endpoint", "create_unix_connection", "connect_accepted_socket"),
        "start_tls",
    ),
    "a server": ("create_server", "create_unix_server"),
    "a name look-up": ("getaddrinfo", "getnameinfo"),
    "a subprocess": ("subprocess_exec", "subprocess_shell"),
    "a pipe": ("connect_read_pipe", "connect_write_pipe"),
    "a file descriptor": ("add_reader", "add_writer", "remove_reader", "remove_writer"),
    "a signal": ("add_signal_handler", "remove_signal_handler"),
}
"""What belongs to the real world, and the loop's methods that ask for it."""


class NotInVirtualTime(RuntimeError):
    """Something asked for the real world: a socket, a thread, a signal, a process."""


class _Ordered:
    """Makes sets iterate in a repeatable order: hashed by the order of first use on the loop, not by address."""

    __slots__ = ()
    _order: int

    def __hash__(self) -> int:
        try:
            return self._order
        except AttributeError:
            loop: VirtualLoop = self.get_loop()  # type: ignore[attr-defined]  # tasks and futures have it
            self._order = order = loop.next_order()  # type: ignore[misc]  # its subclasses have the slot
            return order


class VirtualTask(_Ordered, asyncio.Task[T]):
    """A task of a virtual loop."""

    __slots__ = ("_order",)


class VirtualFuture(_Ordered, asyncio.Future[T]):
    """A future of a virtual loop."""

    __slots__ = ("_order",)


def _nothing() -> None:
    """What is called back in the place of a callback that was cancelled: never."""


class _Call(asyncio.Handle):
    """A callback that is due. Dozens are made in a pod's life, and asyncio's own also keep what debugging needs."""

    __slots__ = ()
    _cancelled: bool

    def __init__(self, callback: Callable[..., object], args: tuple[Any, ...], context: Context | None) -> None:
        self._callback = callback
        self._args = args
        self._context = copy_context() if context is None else context
        self._cancelled = False
        self._repr = self._source_traceback = None

    def cancel(self) -> None:
        """Let it not be called."""
        self._cancelled = True
        self._callback, self._args = _nothing, ()


class _Timer(asyncio.TimerHandle):
    """A callback that will be due."""

    __slots__ = ()
    _cancelled: bool
    _scheduled: bool

    def __init__(
        self,
        when: float,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: "VirtualLoop",
        context: Context | None,
    ) -> None:
        self._callback = callback
        self._args = args
        self._context = copy_context() if context is None else context
        self._loop = loop
        self._cancelled = False
        self._when = when
        self._scheduled = True
        self._repr = self._source_traceback = None

    def cancel(self) -> None:
        """Let it not be called."""
        if not self._cancelled:
            self._cancelled = True
            self._callback, self._args = _nothing, ()
            if self._scheduled:
                self._loop.timer_cancelled()


class VirtualLoop(base_events.BaseEventLoop):
    """The event loop of a simulation.

    Attributes:
        now: the virtual time in seconds since the start, as ``time()`` has it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self._timers: list[tuple[float, int, _Timer]] = []
        self._sequence = itertools.count()
        self._orders = itertools.count()
        self._names = itertools.count(1)
        self._cancelled_timers = 0
        self._unhandled: BaseException | None = None
        self._failed: WeakSet[asyncio.Task[Any]] = WeakSet()
        self._generators: WeakValueDictionary[int, AsyncGenerator[Any, Any]] = WeakValueDictionary()
        self.next_order: Callable[[], int] = self._orders.__next__
        self.set_task_factory(_new_task)

    def close(self) -> None:
        """End the loop. Raises the exception of a task that nobody has looked at."""
        super().close()
        for task in sorted(self._failed, key=hash):
            if _is_unseen(task):
                error = task.exception()
                assert error is not None  # noqa: S101  (tells mypy what _is_unseen means)
                error.add_note(f"in virtual time: nobody looked at the failure of {task.get_name()}")
                raise error
        self._raise_unhandled()

    def next_name(self) -> str:
        """A task's name: asyncio's own are counted by the process, so they would differ from run to run."""
        return f"Task-{next(self._names)}"

    def task_ended(self, task: asyncio.Task[Any]) -> None:
        """Remember a failed task until somebody looks at its exception."""
        if _is_unseen(task):
            self._failed.add(task)

    def time(self) -> float:
        """Seconds of virtual time since the start."""
        return self.now

    get_debug = staticmethod(bool)
    """False, always: each new future asks."""

    def create_future(self) -> asyncio.Future[Any]:
        """A future of this loop."""
        return VirtualFuture(loop=self)

    def call_at(  # type: ignore[override]  # without the variadic generics of the stubs
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Call back at a virtual time; of two for the same time the one set first goes first."""
        if self._closed:  # type: ignore[attr-defined]  # BaseEventLoop's own
            self._check_closed()  # type: ignore[attr-defined]  # as above
        handle = _Timer(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, next(self._sequence), handle))
        return handle

    def call_later(  # type: ignore[override]  # without the variadic generics of the stubs
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Call back after some virtual time."""
        return self.call_at(self.now + delay, callback, *args, context=context)

    def call_soon(  # type: ignore[override]  # without the variadic generics of the stubs
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """Call back in this turn or the next, in the order of asking."""
        if self._closed:  # type: ignore[attr-defined]  # BaseEventLoop's own
            self._check_closed()  # type: ignore[attr-defined]  # as above
        handle = _Call(callback, args, context)
        self._ready.append(handle)  # type: ignore[attr-defined]  # as above
        return handle

    def timer_cancelled(self) -> None:
        """Keep the heap from filling up with what ``asyncio.timeout`` leaves behind."""
        self._cancelled_timers += 1
        if self._cancelled_timers > _COMPACT and self._cancelled_timers * 2 > len(self._timers):
            self._timers = [each for each in self._timers if not each[2].cancelled()]
            heapq.heapify(self._timers)
            self._cancelled_timers = 0

    def _run_once(self) -> None:
        """Turn after turn, until somebody stops the loop or an error ends the run."""
        ready = self._ready  # type: ignore[attr-defined]  # BaseEventLoop's own queue
        while True:
            self._collect(ready)
            for _ in range(len(ready)):  # what becomes ready meanwhile waits for the next turn
                handle = ready.popleft()
                if handle._cancelled:  # noqa: SLF001  (its own handles)
                    continue
                try:
                    handle._context.run(handle._callback, *handle._args)  # noqa: SLF001  (as above)
                except (SystemExit, KeyboardInterrupt):
                    raise
                except BaseException as error:  # noqa: BLE001  (a callback may raise anything; it ends the run)
                    self.call_exception_handler({"message": f"Exception in callback {handle!r}", "exception": error})
            if self._unhandled is not None:
                self._raise_unhandled()
            if self._stopping:  # type: ignore[attr-defined]  # BaseEventLoop's own
                return

    def _collect(self, ready: deque[_Call | _Timer]) -> None:
        """Add the timers that are due to what is ready; if nothing is, time jumps to the next one."""
        timers = self._timers
        if not ready and not self._stopping:  # type: ignore[attr-defined]  # BaseEventLoop's own
            while timers and timers[0][2]._cancelled:  # noqa: SLF001  (its own handles)
                heapq.heappop(timers)
                self._cancelled_timers -= 1
            if not timers or timers[0][0] == math.inf:
                raise Deadlock(self.now, _in_order(self))
            self.now = max(self.now, timers[0][0])
        now = self.now
        while timers and timers[0][0] <= now:
            timer = heapq.heappop(timers)[2]
            if timer._cancelled:  # noqa: SLF001  (its own handles)
                self._cancelled_timers -= 1
            else:
                timer._scheduled = False  # noqa: SLF001  (as above)
                ready.append(timer)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """End the run with an exception that nobody else will see."""
        error = context.get("exception") or RuntimeError(str(context.get("message")))
        error.add_note(f"in virtual time: {context.get('message')}")
        if self._unhandled is None:
            self._unhandled = error

    def _raise_unhandled(self) -> None:
        if self._unhandled is not None:
            error, self._unhandled = self._unhandled, None
            raise error

    def _asyncgen_firstiter_hook(self, agen: AsyncGenerator[Any, Any]) -> None:
        """Remember a generator in the order of its first use; the base class keeps a set of addresses."""
        self._generators[next(self._sequence)] = agen

    async def shutdown_asyncgens(self) -> None:
        """Close the generators that nobody has used up, the oldest first."""
        for agen in list(self._generators.values()):
            await agen.aclose()

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

    def _write_to_self(self) -> None:
        """Nobody sleeps in a selector here, so nobody needs waking."""

    def _process_events(self, event_list: Any) -> None:
        """There is no selector, so there are no events."""


def pause(seconds: float) -> Awaitable[None]:
    """As ``asyncio.sleep``; on a virtual loop for half of what that takes."""
    loop = asyncio.get_running_loop()
    return _Pause(loop, seconds) if isinstance(loop, VirtualLoop) else asyncio.sleep(seconds)


class _Pause:
    """What a task waits for while it sleeps: as much of a future as a task asks for.

    When its time has come it is the next step of the task that is called, not a callback that has that called.
    """

    __slots__ = ("_asyncio_future_blocking", "_cancelled", "_context", "_loop", "_seconds", "_timer", "_wake")
    _wake: Callable[["_Pause"], object]
    _context: Context

    def __init__(self, loop: VirtualLoop, seconds: float) -> None:
        self._asyncio_future_blocking = False
        self._cancelled = False
        self._loop = loop
        self._seconds = seconds
        self._timer: asyncio.TimerHandle | None = None

    def __await__(self) -> Generator["_Pause", None, None]:
        self._asyncio_future_blocking = True
        yield self

    def get_loop(self) -> VirtualLoop:
        """The loop of whoever may wait for it."""
        return self._loop

    def add_done_callback(self, wake: Callable[["_Pause"], object], *, context: Context) -> None:
        """The task waits: from now on the time runs."""
        self._wake, self._context = wake, context
        self._timer = self._loop.call_later(self._seconds, wake, self, context=context)

    def cancel(self, msg: object = None) -> bool:  # noqa: ARG002  (the task remembers it)
        """The task is cancelled, and learns of it when it takes its next step."""
        if self._cancelled or self._timer is None or not self._timer._scheduled:  # type: ignore[attr-defined]  # noqa: SLF001
            return False
        self._cancelled = True
        self._timer.cancel()
        self._loop.call_soon(self._wake, self, context=self._context)
        return True

    def result(self) -> None:
        """How it ended; asked once. The timer refers to this object, and a cycle would wait for the collector."""
        self._timer = None
        if self._cancelled:
            raise asyncio.CancelledError


class VirtualClock:
    """The wall clock of a simulation: its start, plus the loop's time."""

    def __init__(self, loop: VirtualLoop, start: datetime = EPOCH) -> None:
        self._loop = loop
        self._start = start
        self._at = -1.0
        self._cached = start

    def now(self) -> datetime:
        """The virtual time, aware, in UTC, to the microsecond."""
        at = self._loop.now
        if at != self._at:
            self._at = at
            self._cached = self._start + timedelta(microseconds=round(at * 1e6))
        return self._cached


def ports(loop: VirtualLoop, random: Random, *, start: datetime = EPOCH) -> Ports:
    """The core's seams, in virtual time."""
    return Ports(VirtualClock(loop, start), random, Inline())


def run(main: Coroutine[Any, Any, T], *, until: timedelta | None = None) -> T:
    """Run a coroutine in virtual time, and end what it leaves running, in order.

    Args:
        main: what to run.
        until: how long it may take. Timers that are set again and again never deadlock, and virtual time costs nothing:
            without a limit such a run does not end.

    Raises:
        Deadlock: everybody waits for somebody else.
        TimeoutError: the limit was reached.
    """
    loop = VirtualLoop()
    try:
        result = loop.run_until_complete(main if until is None else _limited(main, until))
    except BaseException as error:
        try:
            _end(loop)
        except Exception as another:  # noqa: BLE001  (the first error is the one to tell; this one goes with it)
            error.add_note(f"and at the end of the run: {another!r}")
        raise
    _end(loop)
    return result


def cancel_all(loop: VirtualLoop) -> None:
    """Cancel the loop's tasks, the oldest first, and wait for their end. Raises what the first that fails raises."""
    left = _in_order(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.wait(left))
    errors = [error for task in left if not task.cancelled() and (error := task.exception()) is not None]
    loop.run_until_complete(loop.shutdown_asyncgens())
    if errors:
        raise errors[0]


def _end(loop: VirtualLoop) -> None:
    try:
        cancel_all(loop)
    finally:
        loop.close()


async def _limited(main: Coroutine[Any, Any, T], limit: timedelta) -> T:
    async with asyncio.timeout(limit.total_seconds()):
        return await main


def _new_task(loop: Any, coro: Any, *, name: str | None = None, **kwargs: Any) -> asyncio.Task[Any]:
    task: VirtualTask[Any] = VirtualTask(coro, loop=loop, name=name or loop.next_name(), **kwargs)
    task.add_done_callback(loop.task_ended)
    return task


def _is_unseen(task: asyncio.Task[Any]) -> bool:
    """Whether a task has failed and nobody has asked how: what makes asyncio log it when it is forgotten."""
    unseen: bool = task._log_traceback  # noqa: SLF001  (asking would count as looking)
    return unseen


def _in_order(loop: VirtualLoop) -> list[asyncio.Task[Any]]:
    return sorted(asyncio.all_tasks(loop), key=hash)


def _refuse(what: str) -> NoReturn:
    raise NotInVirtualTime(f"{what} was asked for in virtual time; only timers, tasks and queues work here")


def _refuser(what: str) -> Callable[..., NoReturn]:
    def refuse(*_: object, **__: object) -> NoReturn:
        _refuse(what)

    return refuse


for _what, _methods in _REFUSED.items():
    for _method in _methods:
        setattr(VirtualLoop, _method, _refuser(_what))
