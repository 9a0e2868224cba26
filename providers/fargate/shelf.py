"""What AWS keeps for the pods of all nodes of a process: task definitions and secret values, each put there once."""

import asyncio
from collections.abc import Collection
from datetime import datetime

from providers.base import Clock


class Shelf:
    """Remembers what is there, so that it is neither looked for nor put there twice.

    Args:
        clock: the wall clock.

    Attributes:
        definitions: family -> the ARN of its definition.
        stored: names of values in the Parameter Store and in Secrets Manager.
        swept: cluster -> when it was last swept.
    """

    def __init__(self, clock: Clock) -> None:
        self.definitions: dict[str, str] = {}
        self.stored: dict[str, None] = {}
        self.swept: dict[str, datetime] = {}
        self._clock = clock
        self._used: dict[str, datetime] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    def alone(self, family: str) -> asyncio.Lock:
        """Held by who finds out about a family, or registers it."""
        return self._locks.setdefault(family, asyncio.Lock())

    def use(self, family: str) -> None:
        """A task is started by a definition of this family."""
        self._used[family] = self._clock.now()

    def used(self, family: str) -> datetime | None:
        """When this process last started a task of the family; None if it never has."""
        return self._used.get(family)

    def forget(self, family: str, values: Collection[str] = ()) -> None:
        """A definition is gone, or some values are."""
        self.definitions.pop(family, None)
        for each in values:
            self.stored.pop(each, None)
