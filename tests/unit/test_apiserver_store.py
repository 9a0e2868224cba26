"""The store: order, index, history, snapshots; the hub: who hears of what."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.apiserver.errors import StatusError
from fakes.apiserver.objects import Object, key_of
from fakes.apiserver.paging import Token, cut
from fakes.apiserver.resources import PODS
from fakes.apiserver.selectors import select
from fakes.apiserver.store import Collection, Expired, Scope, after
from fakes.apiserver.watch import Change, Watcher

KEYS = st.tuples(st.sampled_from("xyz"), st.sampled_from("abcdef"))
NODES = st.sampled_from(["", "n1", "n2"])


class Writer:
    """Writes pods into a collection, and remembers what there is."""

    def __init__(self, history: int = 1000) -> None:
        self.pods = Collection(PODS.fields["spec.nodeName"], history)
        self.present: dict[tuple[str, str], Object] = {}
        self.version = 0

    def put(self, key: tuple[str, str], node: str = "", **labels: str) -> Object:
        old = self.present.get(key)
        meta: dict[str, Any] = {"namespace": key[0], "name": key[1], "labels": labels}
        self._apply("MODIFIED" if old else "ADDED", {"metadata": meta, "spec": {"nodeName": node}}, old)
        return self.present[key]

    def remove(self, key: tuple[str, str]) -> None:
        old = self.present[key]
        self._apply("DELETED", old, old)
        del self.present[key]

    def _apply(self, kind: str, obj: Object, old: Object | None) -> None:
        self.version += 1
        obj = {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(self.version)}}
        self.present[key_of(obj)] = obj
        self.pods.apply(Change(self.version, kind, obj, old))

    def expected(self, scope: Scope) -> list[Object]:
        return [
            self.present[key]
            for key in sorted(self.present)
            if scope.namespace in (None, key[0]) and scope.indexed in (None, self.present[key]["spec"]["nodeName"])
        ]


def drained(watcher: Watcher) -> list[tuple[str, str]]:
    """What a watcher has been told, as type and name; nothing if that is nothing."""
    watcher.end()
    return [(kind, obj["metadata"]["name"]) for kind, obj in asyncio.run(watcher.next_batch())]


def watching(writer: Writer, namespace: str | None = None, fields: str = "", labels: str = "") -> Watcher:
    selection = select(PODS, labels, fields)
    watcher = Watcher(namespace, selection, writer.version)
    writer.pods.hub.subscribe(watcher, namespace, selection)
    return watcher


SCOPES = [Scope(), Scope("x"), Scope(None, "n1"), Scope("x", "n1"), Scope("nowhere")]


@given(st.lists(st.tuples(KEYS, NODES | st.none())))
def test_a_scan_is_sorted_and_complete_after_any_writes(writes: list[tuple[tuple[str, str], str | None]]) -> None:
    writer = Writer()
    for key, node in writes:
        if node is not None:
            writer.put(key, node)
        elif key in writer.present:
            writer.remove(key)
        assert list(writer.pods.scan(Scope())) == writer.expected(Scope())
    for scope in SCOPES:
        assert list(writer.pods.scan(scope)) == writer.expected(scope)


@given(st.lists(st.tuples(KEYS, NODES | st.none()), min_size=1), st.data())
def test_a_snapshot_shows_the_past(writes: list[tuple[tuple[str, str], str | None]], data: st.DataObject) -> None:
    writer = Writer()
    past = {scope: {0: list[Object]()} for scope in SCOPES}
    for key, node in writes:
        if node is not None:
            writer.put(key, node)
        elif key in writer.present:
            writer.remove(key)
        for scope in SCOPES:
            past[scope][writer.version] = writer.expected(scope)
    version = data.draw(st.integers(0, writer.version))
    for scope in SCOPES:
        assert writer.pods.snapshot(scope, version) == past[scope][version]


def test_history_has_the_changes_after_a_version() -> None:
    writer = Writer()
    for name in "abc":
        writer.put(("x", name))
    assert [change.version for change in writer.pods.changes_since(1, None)] == [2, 3]


def test_history_forgets_and_says_so() -> None:
    writer = Writer(history=2)
    for name in "abc":
        writer.put(("x", name))
    assert [change.version for change in writer.pods.changes_since(1, None)] == [2, 3]
    with pytest.raises(Expired) as caught:
        writer.pods.changes_since(0, None)
    assert caught.value.oldest == 1


def test_history_of_an_untouched_node_is_empty_without_a_search() -> None:
    writer = Writer()
    writer.put(("x", "a"), "n1")
    since = writer.version
    writer.put(("x", "b"), "n2")
    assert list(writer.pods.changes_since(since, "n1")) == []
    assert [change.version for change in writer.pods.changes_since(since, "n2")] == [2]


def test_leaving_a_node_is_part_of_its_history() -> None:
    writer = Writer()
    writer.put(("x", "a"), "n1")
    writer.put(("x", "a"), "n2")
    assert [change.version for change in writer.pods.changes_since(1, "n1")] == [2]


def test_kept_snapshots_are_few() -> None:
    writer = Writer(history=1)
    for at in range(40):
        writer.put(("x", "a"), str(at))
        writer.pods.keep_snapshot(Scope(), writer.version, writer.expected(Scope()))
    assert writer.pods.snapshot(Scope(), 40)
    with pytest.raises(Expired):
        writer.pods.snapshot(Scope(), 2)


def test_a_token_survives_the_way_to_the_client() -> None:
    for last in (("ns", "name"), ("", "name")):
        token = Token(12, last)
        assert "=" not in token.encode()
        assert Token.decode(token.encode()) == token


@pytest.mark.parametrize("text", ["x", "eyJ2IjoxfQ", "bnVsbA", "ß"])
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(StatusError, match="continue key is not valid"):
        Token.decode(text)


@given(names=st.sets(st.text("abc", min_size=1, max_size=3)), limit=st.integers(1, 4), only_a=st.booleans())
def test_pages_together_are_the_list(names: set[str], limit: int, *, only_a: bool) -> None:
    objects: list[Object] = [{"metadata": {"name": name}} for name in sorted(names)]

    def begins_with_a(obj: Any) -> bool:
        return bool(obj["metadata"]["name"].startswith("a"))

    matches = begins_with_a if only_a else None
    found: list[Object] = []
    start = 0
    while start < len(objects):
        page, end = cut(objects, start, limit, matches)
        assert len(page) == limit or end == len(objects)
        found += page
        if end == len(objects):
            break
        start = after(objects, key_of(page[-1]))
    assert found == [obj for obj in objects if matches is None or matches(obj)]


def test_a_watcher_of_a_node_hears_of_that_node() -> None:
    writer = Writer()
    watcher, other = watching(writer, fields="spec.nodeName=n1"), watching(writer, fields="spec.nodeName=n2")
    writer.put(("x", "a"), "n1")
    writer.put(("x", "a"), "n2")
    writer.remove(("x", "a"))
    assert drained(watcher) == [("ADDED", "a"), ("DELETED", "a")]
    assert drained(other) == [("ADDED", "a"), ("DELETED", "a")]


def test_a_watcher_of_a_node_in_a_namespace_hears_of_both_only() -> None:
    writer = Writer()
    watcher = watching(writer, "x", fields="spec.nodeName=n1")
    writer.put(("y", "a"), "n1")
    writer.put(("x", "b"), "n1")
    assert drained(watcher) == [("ADDED", "b")]


def test_a_write_does_not_touch_the_watchers_of_other_nodes() -> None:
    writer = Writer()
    others = [watching(writer, fields=f"spec.nodeName=other-{at}") for at in range(3)]
    for each in others:
        each._matches = lambda _obj: pytest.fail("asked about a pod of another node")
    writer.put(("x", "a"), "n1")
    assert all(not drained(each) for each in others)


def test_a_label_that_goes_and_comes_is_a_deletion_and_an_addition() -> None:
    writer = Writer()
    watcher = watching(writer, labels="app=web")
    before = writer.put(("x", "a"), app="web")
    writer.put(("x", "a"), app="db")
    writer.put(("x", "a"), app="web")
    watcher.end()
    events = asyncio.run(watcher.next_batch())
    assert [kind for kind, _ in events] == ["ADDED", "DELETED", "ADDED"]
    assert events[1][1]["metadata"] == {**before["metadata"], "resourceVersion": "2"}


def test_a_closed_watcher_is_forgotten() -> None:
    writer = Writer()
    watcher = watching(writer, fields="metadata.name=a")
    watcher.close()
    watcher.close()
    writer.put(("x", "a"))
    assert drained(watcher) == []


def test_a_watcher_that_does_not_read_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fakes.apiserver.watch.MAX_QUEUED", 3)
    writer = Writer()
    watcher, neighbour = watching(writer), watching(writer)
    for name in "abcd":
        writer.put(("x", name))
    (kind, status), *rest = asyncio.run(watcher.next_batch())
    assert (kind, status["code"], rest) == ("ERROR", 410, [])
    assert asyncio.run(watcher.next_batch()) == []
    assert asyncio.run(neighbour.next_batch())[0][0] == "ERROR"
