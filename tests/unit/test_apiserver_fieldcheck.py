"""Fields that a type does not have, and keys that come twice."""

from typing import Any

import pytest

from fakes.apiserver import decoding, fieldcheck
from fakes.apiserver.errors import StatusError
from fakes.apiserver.resources import CONFIG_MAPS, PODS
from fakes.apiserver.schema import Schema, of_kind

JSON = "application/json"
STRATEGIC = "application/strategic-merge-patch+json"


def pods() -> Schema:
    found = of_kind("v1", "Pod")
    assert found is not None
    return found


def test_an_object_of_known_fields_is_handed_back_as_it_is() -> None:
    pod = {
        "metadata": {"labels": {"any": "label"}, "managedFields": [{"fieldsV1": {"f:spec": {}}}]},
        "spec": {"containers": [{"name": "a", "resources": {"limits": {"cpu": "1"}}}]},
    }
    known, problems = fieldcheck.known(pod, pods())
    assert known is pod
    assert problems == []


@pytest.mark.parametrize(
    ("pod", "problem"),
    [
        ({"no": 1}, 'unknown field "no"'),
        ({"spec": {"no": 1}}, 'unknown field "spec.no"'),
        ({"spec": {"containers": [{"name": "a"}, {"no": 1}]}}, 'unknown field "spec.containers[1].no"'),
        ({"spec": {"Containers": []}}, 'unknown field "spec.Containers"'),
    ],
)
def test_an_unknown_field_is_named_by_its_path(pod: dict[str, Any], problem: str) -> None:
    assert fieldcheck.known(pod, pods())[1] == [problem]


def test_an_unknown_field_is_dropped_and_the_rest_shared() -> None:
    pod = {"metadata": {"name": "a"}, "spec": {"nodeName": "n", "no": 1}}
    known, _ = fieldcheck.known(pod, pods())
    assert known == {"metadata": {"name": "a"}, "spec": {"nodeName": "n"}}
    assert known["metadata"] is pod["metadata"]


def test_directives_of_a_patch_are_no_fields() -> None:
    patch = {
        "spec": {"$setElementOrder/containers": [{"name": "a"}], "containers": [{"$patch": "delete", "name": "b"}]}
    }
    assert fieldcheck.known(patch, pods()) == (patch, [])


def test_doubled_keys_are_named_before_the_last_value_holds() -> None:
    content = b'{"metadata":{"name":"a","name":"b"},"data":{"k":"1","k":"2"}}'
    sent = decoding.received(content, JSON, CONFIG_MAPS, "", "Warn")
    assert sent.body == {"metadata": {"name": "b"}, "data": {"k": "2"}}
    assert sent.warnings == ('duplicate field "metadata.name"', 'duplicate field "data.k"')
    assert sent.headers[0] == ("Warning", '299 - "duplicate field \\"metadata.name\\""')


def test_strict_validation_refuses_and_names_all_problems() -> None:
    with pytest.raises(StatusError) as caught:
        decoding.received(b'{"spec":{"x":1},"y":2}', JSON, PODS, "", "Strict")
    assert caught.value.code == 400
    assert caught.value.status["message"] == (
        'Pod in version "v1" cannot be handled as a Pod: strict decoding error: '
        'unknown field "spec.x", unknown field "y"'
    )


def test_who_ignores_problems_is_not_warned() -> None:
    sent = decoding.received(b'{"y":1,"y":2}', JSON, PODS, "", "Ignore")
    assert (sent.body, sent.warnings) == ({}, ())


def test_a_strict_patch_is_refused_as_invalid() -> None:
    with pytest.raises(StatusError) as caught:
        decoding.received_patch(b'{"spec":{"x":[1,null]}}', STRATEGIC, PODS, "Strict")
    assert caught.value.code == 422
    assert caught.value.status["message"] == (
        ' "" is invalid: patch: Invalid value: "map[spec:map[x:[1 <nil>]]]": '
        'strict decoding error: unknown field "spec.x"'
    )


def test_what_a_json_patch_adds_is_checked() -> None:
    operations = [
        {"op": "add", "path": "/spec/containers/0/no", "value": 1},
        {"op": "replace", "path": "/metadata", "value": {"no": 1}},
        {"op": "remove", "path": "/whatever"},
    ]
    assert fieldcheck.in_operations(operations, pods()) == [
        'unknown field "spec.containers[0].no"',
        'unknown field "metadata.no"',
    ]


def test_a_subresource_is_held_to_its_own_type() -> None:
    sent = decoding.received(b'{"target":{"kind":"Node","name":"n"},"spec":{}}', JSON, PODS, "binding", "Warn")
    assert sent.body == {"target": {"kind": "Node", "name": "n"}}
    assert sent.warnings == ('unknown field "spec"',)
