"""Patches of all four forms, right and wrong, on objects of several kinds."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.door import Door, open_door
from tests.fuzz.effort import EFFORTS

NS = "/api/v1/namespaces/default"
CONTAINER = {"name": "c", "image": "app:1", "ports": [{"containerPort": 80}], "env": [{"name": "A", "value": "b"}]}
POD = {"spec": {"containers": [CONTAINER], "tolerations": [{"operator": "Exists"}], "volumes": [{"name": "v"}]}}
TEMPLATE = {"metadata": {"labels": {"app": "x"}}, **POD}
OBJECTS: dict[str, dict[str, Any]] = {
    f"{NS}/pods": POD,
    f"{NS}/configmaps": {"data": {"k": "v"}, "binaryData": {"b": "AAAA"}},
    f"{NS}/services": {"spec": {"ports": [{"name": "a", "port": 80}, {"name": "b", "port": 81}]}},
    "/api/v1/nodes": {"spec": {"taints": [{"key": "a", "effect": "NoSchedule"}]}},
    "/apis/apps/v1/namespaces/default/deployments": {
        "spec": {"selector": {"matchLabels": {"app": "x"}}, "template": TEMPLATE}
    },
}
METADATA = {"name": "x", "labels": {"l": "1", "m": "2"}, "annotations": {"a": "b"}, "finalizers": ["example.org/f"]}
KNOWN = [
    "metadata", "labels", "annotations", "finalizers", "name", "namespace", "uid", "resourceVersion", "spec", "status",
    "containers", "ports", "env", "image", "containerPort", "protocol", "value", "taints", "key", "effect", "data",
    "template", "selector", "replicas", "tolerations", "volumes", "nodeName", "phase", "conditions", "type",
    "managedFields", "ownerReferences", "deletionTimestamp", "generation", "kind", "apiVersion", "strategy",
    "$patch", "$setElementOrder/containers", "$deleteFromPrimitiveList/finalizers", "$retainKeys", "l", "a", "k",
]  # fmt: skip
TEXTS = st.sampled_from(["", "x", "c", "app:1", "TCP", "delete", "replace", "merge", "1", "Running", "é", "a/b", "80"])
LEAVES = st.none() | st.booleans() | st.integers(-1, 99) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
KEYS = st.sampled_from(KNOWN) | st.text(max_size=4)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)
POINTERS = st.lists(
    st.sampled_from([*KNOWN, "0", "1", "-", "-1", "00", "~0", "~1", "", "99999999999999999999"]), max_size=5
).map(lambda parts: "".join(f"/{part}" for part in parts))
OPERATIONS = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test", "nonsense"])},
    optional={"path": POINTERS, "from": POINTERS, "value": VALUES},
)
MERGES = st.dictionaries(KEYS, VALUES, max_size=4)
PATCHES = st.one_of(
    st.tuples(st.just("application/json-patch+json"), st.lists(OPERATIONS, max_size=4) | VALUES),
    st.tuples(st.just("application/merge-patch+json"), MERGES | VALUES),
    st.tuples(st.just("application/strategic-merge-patch+json"), MERGES | VALUES),
    st.tuples(st.just("application/apply-patch+yaml"), MERGES | VALUES),
)
QUERIES = st.sampled_from(["", "fieldManager=me", "fieldManager=me&force=true", "fieldManager=me&dryRun=All"])


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    with open_door() as opened:
        for path, obj in OBJECTS.items():
            opened.made(path, {"metadata": METADATA, **obj})
        yield opened


@pytest.mark.parametrize("effort", EFFORTS)
def test_a_patch_is_taken_or_refused_and_the_object_stays_one(door: Door, effort: settings) -> None:
    @effort
    @given(st.sampled_from(sorted(OBJECTS)), st.sampled_from(["", "/status", "/scale"]), PATCHES, QUERIES)
    def patched(path: str, part: str, patch: tuple[str, Any], query: str) -> None:
        form, content = patch
        before = door.send("GET", f"{path}/x").body
        answer = door.send("PATCH", f"{path}/x{part}?{query}", content, form)
        found = door.send("GET", f"{path}/x")
        if found.status == 404:  # it has lost its last finalizer
            assert "deletionTimestamp" in before["metadata"]
            door.made(path, {"metadata": METADATA, **OBJECTS[path]})
            return
        after = found.body
        assert after["metadata"]["name"] == "x"
        assert after["metadata"]["uid"] == before["metadata"]["uid"]
        if answer.status >= 400 or "dryRun" in query:
            assert after == before
        versions = [each["metadata"]["resourceVersion"] for each in (before, after)]
        assert (before == after) == (versions[0] == versions[1])
        assert door.items(path) == [{name: each for name, each in after.items() if name not in ("kind", "apiVersion")}]

    patched()
