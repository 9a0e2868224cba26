"""JSON patch and JSON merge patch keep to their RFCs, and share what does not change."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.apiserver import patches
from fakes.apiserver.errors import StatusError
from fakes.apiserver.frozen import freeze
from fakes.apiserver.schema import of_kind

SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=2)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc~/"), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return value


@pytest.mark.parametrize(  # the examples of RFC 7386, appendix A
    ("target", "patch", "expected"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"a": "foo"}, None, None),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_a_merge_patch_merges(target: Any, patch: Any, expected: Any) -> None:
    assert patches.merge(target, patch) == expected


@given(OBJECTS, OBJECTS)
def test_a_merge_patch_leaves_its_target_as_it_was(target: Any, patch: Any) -> None:
    frozen = freeze(target)
    patched = patches.merge(frozen, patch)
    assert frozen == target
    assert patches.merge(patched, patch) is patched


@given(OBJECTS)
def test_a_merge_patch_onto_nothing_is_the_patch_less_its_nulls(patch: Any) -> None:
    assert patches.merge({}, patch) == without_nulls(patch)


def test_a_merge_patch_shares_what_it_does_not_name() -> None:
    target = {"a": {"b": 1}, "c": {"d": 1}}
    patched = patches.merge(target, {"c": {"d": 2}})
    assert patched["a"] is target["a"]


def test_true_is_not_one() -> None:
    assert patches.merge({"a": 1}, {"a": True})["a"] is True
    assert patches.merge({"a": [1]}, {"a": [True]})["a"] == [True]


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ({"op": "add", "path": "/x", "value": 1}, {"l": [1, 2], "m": {"k": "v"}, "x": 1}),
        ({"op": "add", "path": "/l/1", "value": 9}, {"l": [1, 9, 2], "m": {"k": "v"}}),
        ({"op": "add", "path": "/l/-", "value": 9}, {"l": [1, 2, 9], "m": {"k": "v"}}),
        ({"op": "remove", "path": "/l/0"}, {"l": [2], "m": {"k": "v"}}),
        ({"op": "remove", "path": "/m/k"}, {"l": [1, 2], "m": {}}),
        ({"op": "replace", "path": "/m/k", "value": None}, {"l": [1, 2], "m": {"k": None}}),
        ({"op": "replace", "path": "", "value": {"new": 1}}, {"new": 1}),
        ({"op": "move", "from": "/m/k", "path": "/l/0"}, {"l": ["v", 1, 2], "m": {}}),
        ({"op": "copy", "from": "/l", "path": "/m/l"}, {"l": [1, 2], "m": {"k": "v", "l": [1, 2]}}),
        ({"op": "test", "path": "/m", "value": {"k": "v"}}, {"l": [1, 2], "m": {"k": "v"}}),
    ],
)
def test_a_json_patch_operates(operation: dict[str, Any], expected: Any) -> None:
    assert patches.json_patch({"l": [1, 2], "m": {"k": "v"}}, [operation]) == expected


def test_a_json_patch_replaces_what_is_not_there_and_takes_no_value_for_a_null() -> None:
    assert patches.json_patch({}, [{"op": "replace", "path": "/a", "value": 1}]) == {"a": 1}
    assert patches.json_patch({}, [{"op": "add", "path": "/a"}]) == {"a": None}


def test_a_json_pointer_unescapes() -> None:
    assert patches.json_patch({"a/b": {"c~d": 1}}, [{"op": "remove", "path": "/a~1b/c~0d"}]) == {"a/b": {}}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "/nope"},
        {"op": "replace", "path": "/nope/x", "value": 1},
        {"op": "add", "path": "/nope/x", "value": 1},
        {"op": "add", "path": "/l/3", "value": 1},
        {"op": "remove", "path": "/l/-"},
        {"op": "remove", "path": "/l/01"},
        {"op": "test", "path": "/l/0", "value": True},
        {"op": "move", "from": "/m", "path": "/m/x"},
        {"op": "add", "path": "no-slash", "value": 1},
        {"op": "dance", "path": "/x"},
        {"path": "/x"},
        "add",
    ],
)
def test_a_json_patch_that_does_not_fit_is_refused(operation: Any) -> None:
    with pytest.raises(StatusError) as caught:
        patches.json_patch({"l": [1, 2], "m": {"k": "v"}}, [operation])
    assert caught.value.code == 422


@given(OBJECTS, st.sampled_from("abc"), VALUES)
def test_what_is_added_can_be_taken_away_again(target: dict[str, Any], key: str, value: Any) -> None:
    target.pop(key, None)
    before = deepcopy(target)
    path = f"/{key}"
    operations = [{"op": "add", "path": path, "value": value}, {"op": "remove", "path": path}]
    assert patches.json_patch(freeze(target), operations) == before


@pytest.mark.parametrize(
    ("patch", "patch_type", "code"),
    [
        ({}, patches.JSON, 400),
        ([], patches.MERGE, 400),
        ([], patches.STRATEGIC, 400),
        ({}, "application/apply-patch+yaml", 415),
        ([{"op": "replace", "path": "/metadata", "value": 1}], patches.JSON, 422),
        ({"metadata": 1}, patches.MERGE, 422),
    ],
)
def test_a_patch_of_the_wrong_form_is_refused(patch: Any, patch_type: str, code: int) -> None:
    with pytest.raises(StatusError) as caught:
        patches.apply({"metadata": {"name": "a"}}, patch, patch_type, of_kind("v1", "Pod"))
    assert caught.value.code == code


def test_a_kind_without_a_published_schema_has_no_strategic_merge() -> None:
    with pytest.raises(StatusError) as caught:
        patches.apply({"metadata": {"name": "a"}}, {}, patches.STRATEGIC, None)
    assert caught.value.code == 415
