"""Where container groups are kept: found by name, listed page by page in a stable order."""

import heapq
from bisect import bisect_right, insort
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from fakes.aci.group import Group, Place


class Page(NamedTuple):
    """Part of a list, and where the next part begins; None after the last."""

    groups: list[Group]
    after: int | None


class Store:
    """All groups of a subscription."""

    def __init__(self) -> None:
        self._groups: dict[str, Group] = {}
        self._by_ordinal: dict[int, Group] = {}
        self._ordinals: dict[str, list[int]] = {"": []}
        self._going: list[tuple[datetime, int]] = []
        self._last = 0

    def __iter__(self) -> Iterator[Group]:
        """All of them, the oldest first; what goes meanwhile does no harm."""
        return iter(tuple(self._groups.values()))

    def __len__(self) -> int:
        """How many there are."""
        return len(self._groups)

    def find(self, place: Place) -> Group | None:
        """The group at that place."""
        return self._groups.get(place.id.lower())

    def new(self, place: Place) -> Group:
        """A new group there; it is not in the store yet."""
        self._last += 1
        return Group(place, self._last)

    def add(self, group: Group) -> None:
        """Keep a group."""
        self._groups[group.place.id.lower()] = self._by_ordinal[group.ordinal] = group
        for scope in ("", group.place.resource_group.lower()):
            insort(self._ordinals.setdefault(scope, []), group.ordinal)

    def remove(self, group: Group) -> None:
        """Forget a group."""
        del self._groups[group.place.id.lower()], self._by_ordinal[group.ordinal]
        for scope in ("", group.place.resource_group.lower()):
            ordinals = self._ordinals[scope]
            del ordinals[bisect_right(ordinals, group.ordinal) - 1]

    def going(self, group: Group, at: datetime) -> None:
        """A group will be gone at that moment."""
        heapq.heappush(self._going, (at, group.ordinal))

    def gone(self, now: datetime) -> Iterator[Group]:
        """The groups whose moment has come; they are still kept."""
        while self._going and self._going[0][0] <= now:
            group = self._by_ordinal.get(heapq.heappop(self._going)[1])
            if group is not None:
                yield group

    def page(self, resource_group: str, after: int, count: int) -> Page:
        """Groups of a resource group (none: of all) that come after one in order."""
        ordinals = self._ordinals.get(resource_group.lower(), [])
        first = bisect_right(ordinals, after)
        part = ordinals[first : first + count]
        more = first + count < len(ordinals)
        return Page([self._by_ordinal[each] for each in part], part[-1] if more else None)
