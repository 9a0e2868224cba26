"""What to say when everybody waits and no timer is set: who waits, and where."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SHOWN = 20
"""How many tasks a deadlock names."""

_ASYNCIO = str(Path(asyncio.__file__).parent)


class Deadlock(RuntimeError):
    """Nothing can happen any more, and somebody still waits. The message names the tasks and where they wait.

    Args:
        time: the virtual time in seconds.
        waiting: the tasks, the oldest first.
    """

    def __init__(self, time: float, waiting: Sequence[asyncio.Task[Any]]) -> None:
        lines = [f"  {task.get_name()}: {_where(task)}" for task in waiting[:SHOWN]]
        if len(waiting) > SHOWN:
            lines.append(f"  and {len(waiting) - SHOWN} more")
        message = f"at {time:g} s nothing can happen any more; {len(waiting)} tasks wait:"
        super().__init__("\n".join([message, *lines]))


def _where(task: asyncio.Task[Any]) -> str:
    """The task's coroutine, the innermost line outside asyncio that it has come to, and what it awaits there."""
    coro: Any = task.get_coro()
    name, place, awaited = _name(coro), "", ""
    while coro is not None:
        frame = getattr(coro, "cr_frame", None) or getattr(coro, "ag_frame", None)
        if frame is not None and frame.f_code.co_filename.startswith(_ASYNCIO):
            awaited = awaited or f" in {_name(coro)}"
        elif frame is not None:
            place, awaited = f" at {frame.f_code.co_filename}:{frame.f_lineno}", ""
        coro = getattr(coro, "cr_await", None) or getattr(coro, "ag_await", None)
    return f"{name}{place}{awaited}"


def _name(coro: object) -> str:
    return getattr(coro, "__qualname__", None) or repr(coro)
