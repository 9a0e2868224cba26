"""Objects packed by name (``fakes.apiserver.packed``), and the events that are kept so."""

import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fakes.apiserver.packed import BLOCK, FRESH, PackedObjects
from fakes.apiserver.resources import EVENTS
from fakes.apiserver.server import ApiServer

MANY = 3 * (FRESH + BLOCK)


def event(number: int, **rest: Any) -> dict[str, Any]:
    about = {"kind": "Pod", "namespace": "default", "name": f"p-{number}"}
    return {"metadata": {"name": f"e-{number:04}"}, "involvedObject": about, "reason": "Started", **rest}


def test_what_is_packed_is_found_as_it_was_written() -> None:
    kept = PackedObjects(event(number) for number in range(MANY))
    assert [kept[f"e-{number:04}"] for number in range(MANY)] == [event(number) for number in range(MANY)]


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 3)), max_size=30), st.integers(FRESH, MANY))
def test_it_is_a_dict_whatever_is_done_with_it(writes: list[tuple[int, int]], begin: int) -> None:
    kept = PackedObjects(event(number) for number in range(begin))
    expected = {f"e-{number:04}": event(number) for number in range(begin)}
    for number, count in writes:
        name = f"e-{number:04}"
        if count:
            kept[name] = expected[name] = event(number, count=count)
        elif name in expected:
            del kept[name], expected[name]
    assert dict(kept) == expected
    assert list(kept) == list(expected)


def test_packed_objects_are_sorted_by_name() -> None:
    kept = PackedObjects(event(number) for number in reversed(range(MANY)))
    kept.sort()
    assert list(kept) == [f"e-{number:04}" for number in range(MANY)]


def test_packed_objects_take_a_third_of_the_memory_at_most() -> None:
    def plain() -> object:
        return {f"e-{number:04}": event(number) for number in range(2000)}

    def packed() -> object:
        return PackedObjects(event(number) for number in range(2000))

    assert allocated(packed) < allocated(plain) / 3


def allocated(make: Callable[[], object]) -> int:
    """Bytes that are in use once it is made."""
    tracemalloc.start()
    try:
        made = make()
        return tracemalloc.get_traced_memory()[0] if made else 0
    finally:
        tracemalloc.stop()


def test_a_server_finds_and_lists_events_without_number() -> None:
    server = ApiServer(now=lambda: datetime(2026, 1, 1, tzinfo=UTC), random=Random(1))
    written = [server.create(EVENTS, "default", event(number)) for number in range(MANY)]
    assert server.list(EVENTS, "default")["items"] == written
    assert server.get(EVENTS, "default", "e-0003") == written[3]
    server.delete(EVENTS, "default", "e-0003")
    assert server.list(EVENTS, None)["items"] == [*written[:3], *written[4:]]
