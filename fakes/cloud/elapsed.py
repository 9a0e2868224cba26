"""How long a blocking call took, in a time that nobody waits for.

A fake cloud that answers a synchronous SDK in the same process cannot sleep: the loop whose time it would wait for is
standing still meanwhile. It says here what the call cost, and who runs blocking calls lets that time pass afterwards.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Elapsed:
    """Seconds that have been spent so far."""

    def __init__(self) -> None:
        self.seconds = 0.0


_CURRENT: ContextVar[Elapsed | None] = ContextVar("elapsed", default=None)


def spend(seconds: float) -> None:
    """Let the call that is being made take so much longer; nothing happens where nobody measures."""
    elapsed = _CURRENT.get()
    if elapsed is not None:
        elapsed.seconds += seconds


@contextmanager
def measured() -> Iterator[Elapsed]:
    """What is spent in this block."""
    elapsed = Elapsed()
    token = _CURRENT.set(elapsed)
    try:
        yield elapsed
    finally:
        _CURRENT.reset(token)
