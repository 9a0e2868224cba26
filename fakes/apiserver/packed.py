"""Objects by name, all but the newest packed: for what is written once, in great numbers, and hardly ever read.

An event takes as much memory as the pod that it is about. Packed together in blocks they take an eighth of that, for
4 µs each; the first look at an object of a block takes some 300 µs, the next ones nothing.
"""

import zlib
from collections.abc import Iterable, Iterator, MutableMapping

import orjson

from fakes.apiserver.objects import Object, name_of

BLOCK = 64
"""Objects of a block. More would pack better, and take longer to look at."""
FRESH = 128
"""So many of the newest are kept as they are: a repeated event is written again soon."""
QUICK = 1
"""zlib's level: a higher one gains next to nothing here."""


class PackedObjects(MutableMapping[str, Object]):
    """A dict of objects by name, in the order in which the names came, or were last sorted.

    Args:
        objects: to begin with.
    """

    def __init__(self, objects: Iterable[Object] = ()) -> None:
        self._places: dict[str, bytes | None] = {}
        """Name -> the block that has it; None for one that is not packed."""
        self._fresh: dict[str, Object] = {}
        self._open: tuple[bytes, dict[str, Object]] = b"", {}
        for each in objects:
            self[name_of(each)] = each

    def __getitem__(self, name: str) -> Object:
        block = self._places[name]
        return self._fresh[name] if block is None else self._opened(block)[name]

    def __setitem__(self, name: str, obj: Object) -> None:
        self._places[name] = None
        self._fresh.pop(name, None)
        self._fresh[name] = obj
        if len(self._fresh) >= FRESH + BLOCK:
            self._pack()

    def __delitem__(self, name: str) -> None:
        if self._places.pop(name) is None:
            del self._fresh[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def sort(self) -> None:
        """Put the names in order; nothing is unpacked for it."""
        self._places = dict(sorted(self._places.items()))

    def _pack(self) -> None:
        """Pack those that were written longest ago. What a block has of objects that are gone, goes with it."""
        oldest = list(self._fresh)[:BLOCK]
        block = zlib.compress(orjson.dumps([self._fresh.pop(name) for name in oldest]), QUICK)
        for name in oldest:
            self._places[name] = block

    def _opened(self, block: bytes) -> dict[str, Object]:
        """What is in a block. The last one is remembered: who looks at one object looks at its neighbours too."""
        if self._open[0] is not block:
            self._open = block, {name_of(each): each for each in orjson.loads(zlib.decompress(block))}
        return self._open[1]
