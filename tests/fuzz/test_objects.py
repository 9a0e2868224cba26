"""What clients do to objects, beside a dict that says what must have come of it; and what a watch tells of it."""

import json
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from fakes.apiserver.options import ListOptions
from fakes.apiserver.resources import CONFIG_MAPS
from tests.fuzz.door import Door
from tests.fuzz.effort import EFFORTS

NAMES = st.sampled_from(["a", "b", "c", "d", "e"])
NAMESPACES = st.sampled_from(["default", "team"])
DATA = st.dictionaries(st.sampled_from(["k", "l", "m"]), st.text(alphabet="xyz", max_size=3), max_size=2)
LABELLED = st.booleans()
Key = tuple[str, str]


class Objects(RuleBasedStateMachine):
    """Config maps come, change and go; nobody else writes them."""

    versions = Bundle("versions")

    @initialize()
    def start(self) -> None:
        self.door = Door()
        self.door.made("/api/v1/namespaces", {"metadata": {"name": "team"}})
        self.model: dict[Key, dict[str, Any]] = {}
        self.past: dict[str, dict[Key, dict[str, Any]]] = {}

    def teardown(self) -> None:
        if hasattr(self, "door"):
            self.door.loop.close()

    def path(self, key: Key, query: str = "") -> str:
        return f"/api/v1/namespaces/{key[0]}/configmaps/{key[1]}?{query}"

    def remember(self, key: Key, obj: dict[str, Any]) -> None:
        self.model = {**self.model, key: obj}

    @rule(namespace=NAMESPACES, name=NAMES, data=DATA, labelled=LABELLED, held=st.booleans())
    def create(self, namespace: str, name: str, data: dict[str, str], labelled: bool, held: bool) -> None:
        metadata: dict[str, Any] = {"name": name}
        if labelled:
            metadata["labels"] = {"on": "yes"}
        if held:
            metadata["finalizers"] = ["example.org/held"]
        answer = self.door.send(
            "POST", f"/api/v1/namespaces/{namespace}/configmaps", {"metadata": metadata, "data": data}
        )
        key = namespace, name
        assert answer.status == (409 if key in self.model else 201), answer.content
        if answer.status == 201:
            self.remember(key, answer.body)

    @rule(namespace=NAMESPACES, name=NAMES, data=DATA, stale=st.booleans())
    def replace(self, namespace: str, name: str, data: dict[str, str], stale: bool) -> None:
        key = namespace, name
        known = self.model.get(key)
        obj = {**(known or {"metadata": {"name": name}}), "data": data}
        if stale:
            obj = {**obj, "metadata": {**obj["metadata"], "resourceVersion": "1"}}
        answer = self.door.send("PUT", self.path(key), obj)
        assert answer.status == (404 if known is None else 409 if stale else 200), answer.content
        if answer.status == 200:
            assert answer.body.get("data", {}) == data
            self.remember(key, answer.body)

    @rule(namespace=NAMESPACES, name=NAMES, data=DATA, dry=st.booleans())
    def patch(self, namespace: str, name: str, data: dict[str, str], dry: bool) -> None:
        key = namespace, name
        query = "dryRun=All" if dry else ""
        answer = self.door.send("PATCH", self.path(key, query), {"data": data}, "application/merge-patch+json")
        assert answer.status == (200 if key in self.model else 404), answer.content
        if answer.status == 200:
            assert answer.body.get("data", {}) == {**self.model[key].get("data", {}), **data}
            if not dry:
                self.remember(key, answer.body)

    @rule(namespace=NAMESPACES, name=NAMES, labelled=LABELLED)
    def label(self, namespace: str, name: str, labelled: bool) -> None:
        key = namespace, name
        wanted = {"metadata": {"labels": {"on": "yes" if labelled else None}}}
        answer = self.door.send("PATCH", self.path(key), wanted, "application/merge-patch+json")
        if answer.status == 200:
            self.remember(key, answer.body)

    @rule(namespace=NAMESPACES, name=NAMES)
    def let_go(self, namespace: str, name: str) -> None:
        key = namespace, name
        wanted = {"metadata": {"finalizers": None}}
        answer = self.door.send("PATCH", self.path(key), wanted, "application/merge-patch+json")
        if answer.status != 200:
            assert key not in self.model
        elif "deletionTimestamp" in answer.body["metadata"]:
            self.model = {each: obj for each, obj in self.model.items() if each != key}
        else:
            self.remember(key, answer.body)

    @rule(namespace=NAMESPACES, name=NAMES)
    def delete(self, namespace: str, name: str) -> None:
        self.deleted((namespace, name))

    @rule(namespace=NAMESPACES)
    def delete_all(self, namespace: str) -> None:
        before = self.model
        answer = self.door.send("DELETE", f"/api/v1/namespaces/{namespace}/configmaps")
        assert answer.status == 200, answer.content
        for key in [each for each in before if each[0] == namespace]:
            self.gone(key)

    def deleted(self, key: Key) -> None:
        answer = self.door.send("DELETE", self.path(key))
        assert answer.status == (200 if key in self.model else 404), answer.content
        if answer.status == 200:
            self.gone(key)

    def gone(self, key: Key) -> None:
        """What a finalizer holds is still there, and says that it is to go."""
        if self.model[key]["metadata"].get("finalizers"):
            found = self.door.send("GET", self.path(key)).body
            assert "deletionTimestamp" in found["metadata"]
            self.remember(key, found)
        else:
            self.model = {each: obj for each, obj in self.model.items() if each != key}

    @rule(target=versions)
    def note_the_version(self) -> str:
        version = str(self.door.server.version)
        self.past[version] = self.model
        return version

    @rule(version=versions)
    def list_the_past(self, version: str) -> None:
        listed = self.door.items(f"/api/v1/configmaps?resourceVersion={version}&resourceVersionMatch=Exact")
        assert keyed(listed) == self.past[version]

    @rule(version=versions, labelled=LABELLED)
    def watch_from_then_until_now(self, version: str, labelled: bool) -> None:
        options = ListOptions(resource_version=version, label_selector="on=yes" if labelled else "")
        watcher = self.door.server.watch(CONFIG_MAPS, None, options)
        watcher.end()
        seen = chosen(self.past[version], labelled)
        while event := self.door.loop.run_until_complete(watcher.next()):
            kind, obj = event
            key = obj["metadata"]["namespace"], obj["metadata"]["name"]
            assert (kind == "ADDED") == (key not in seen), (kind, key)
            seen = {each: known for each, known in seen.items() if each != key}
            if kind != "DELETED":
                seen[key] = json.loads(json.dumps(obj))
        assert seen == chosen(self.model, labelled)

    @invariant()
    def nothing_is_lost_and_nothing_is_left(self) -> None:
        if not hasattr(self, "door"):
            return
        assert keyed(self.door.items("/api/v1/configmaps")) == self.model


def chosen(objects: dict[Key, dict[str, Any]], labelled: bool) -> dict[Key, dict[str, Any]]:
    return {
        key: obj
        for key, obj in objects.items()
        if not labelled or (obj["metadata"].get("labels") or {}).get("on") == "yes"
    }


def keyed(items: list[dict[str, Any]]) -> dict[Key, dict[str, Any]]:
    """A list's items as objects of their own, with the kind that a list says once."""
    return {
        (each["metadata"]["namespace"], each["metadata"]["name"]): {"kind": "ConfigMap", "apiVersion": "v1", **each}
        for each in items
    }


@pytest.mark.parametrize("effort", EFFORTS)
def test_no_object_is_lost_and_watches_tell_all(effort: settings) -> None:
    run_state_machine_as_test(
        Objects, settings=settings(effort, max_examples=effort.max_examples // 2, stateful_step_count=20)
    )
