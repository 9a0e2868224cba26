"""Equal parts of objects are kept once (``fakes.apiserver.sharing``)."""

from datetime import UTC, datetime
from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.apiserver.resources import PODS
from fakes.apiserver.server import ApiServer
from fakes.apiserver.sharing import GENERATION, Sharing

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 10) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


def copy(obj: Any) -> Any:
    """As if it had come over the wire again."""
    return orjson.loads(orjson.dumps(obj))


def pod(number: int) -> dict[str, Any]:
    containers = [{"name": "main", "image": "app:1", "env": [{"name": "COLOUR", "value": "blue"}]}]
    return {
        "metadata": {"name": f"p-{number}", "generateName": "p-", "labels": {"app": "it"}},
        "spec": {"nodeName": f"n-{number}", "containers": containers},
    }


def test_pods_of_a_template_share_what_is_the_same() -> None:
    server = ApiServer(now=lambda: datetime(2026, 1, 1, tzinfo=UTC), random=Random(1), sharing=Sharing())
    *_, third, fourth = [server.create(PODS, "default", copy(pod(number))) for number in range(4)]
    assert third["spec"]["containers"] is fourth["spec"]["containers"]
    assert third["metadata"]["labels"] is fourth["metadata"]["labels"]
    assert third["spec"]["nodeName"] != fourth["spec"]["nodeName"]


@given(st.lists(st.fixed_dictionaries({"metadata": st.fixed_dictionaries({"a": JSON}), "spec": JSON}), max_size=6))
def test_what_is_shared_is_what_was_written(objects: list[dict[str, Any]]) -> None:
    sharing = Sharing()
    for obj in [*objects, *objects, *objects]:
        assert orjson.dumps(sharing.shared(copy(obj), None)) == orjson.dumps(obj)


def test_what_the_old_object_had_is_left_alone() -> None:
    old = {"metadata": {"labels": {"a": "b"}}, "spec": {"x": [1]}}
    new = Sharing().shared({**old, "metadata": {**old["metadata"], "resourceVersion": "2"}}, old)
    assert new["spec"] is old["spec"]
    assert new["metadata"]["labels"] is old["metadata"]["labels"]


@pytest.mark.parametrize("between", [0, 3 * GENERATION])
def test_what_has_not_occurred_for_long_is_forgotten(between: int) -> None:
    sharing = Sharing()

    def occur() -> Any:
        return sharing.shared({"spec": {"known": ["well"]}}, None)["spec"]

    occur()
    before = occur()
    for number in range(between):
        sharing.shared({"spec": [number]}, None)
    assert (occur() is before) == (between == 0)
