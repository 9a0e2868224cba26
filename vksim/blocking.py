"""Blocking calls in virtual time: no thread, which would make a run unrepeatable, and yet they may take their time."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from fakes.cloud import elapsed

P = ParamSpec("P")
T = TypeVar("T")


class Inline:
    """Runs a blocking call where it stands, then lets pass the time that a fake cloud says it took."""

    async def __call__(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """What the function returns or raises."""
        with elapsed.measured() as call:
            try:
                return function(*args, **kwargs)
            finally:
                if call.seconds:
                    await asyncio.sleep(call.seconds)
