"""Dicts that keep their keys once (``fakes.apiserver.compact``)."""

import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from fakes.apiserver.compact import LONGEST, SHAPES, Compactor

COUNT = 1000
LONG = {f"key-{number}": number for number in range(LONGEST + 1)}


def allocated(make: Callable[[], object]) -> int:
    """Bytes that many of them take together."""
    tracemalloc.start()
    try:
        made = [make() for _ in range(COUNT)]
        return tracemalloc.get_traced_memory()[0] if made else 0
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "mapping",
    [{}, {"a": 1, "b": None}, {"": 0}, {"a b/c.d": "é"}, {"__class__": "1", "__dict__": "2"}, {"_x": 1}, LONG],
    ids=["empty", "plain", "empty key", "any text", "Python's own names", "underscore", "many keys"],
)
def test_a_compact_dict_is_a_dict_of_the_same_keys_in_the_same_order(mapping: dict[str, Any]) -> None:
    compactor = Compactor()
    for _ in range(3):
        made = compactor.made(tuple(mapping), mapping.values())
        assert type(made) is dict
        assert list(made.items()) == list(mapping.items())


def test_a_compact_dict_takes_less_memory_than_another() -> None:
    compactor = Compactor()
    plain = dict.fromkeys(("name", "namespace", "uid", "labels", "resourceVersion", "generation"))
    keys, values = tuple(plain), list(plain.values())
    compactor.made(keys, values)
    compact = allocated(lambda: compactor.made(keys, values))
    assert compact < 0.7 * allocated(lambda: dict(plain))


def test_dicts_of_the_same_keys_do_not_share_their_values() -> None:
    compactor = Compactor()
    one, other = (compactor.made(("a", "b"), values) for values in ((1, 2), (3, 4)))
    assert (one, other) == ({"a": 1, "b": 2}, {"a": 3, "b": 4})


def test_keys_without_end_cost_no_memory_without_end() -> None:
    compactor = Compactor()
    for number in range(2 * SHAPES):
        assert compactor.made((f"key-{number}",), (number,)) == {f"key-{number}": number}
    assert len(compactor._shapes) == SHAPES
