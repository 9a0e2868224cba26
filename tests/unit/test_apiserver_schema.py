"""The published types: found by kind, and what they say about lists and maps."""

import pytest

from fakes.apiserver.catalog import BUILT_IN
from fakes.apiserver.resources import METRICS
from fakes.apiserver.schema import Form, Schema, archive, of_kind


def schema_of(api_version: str, kind: str, *path: str) -> Schema:
    found = of_kind(api_version, kind)
    assert found is not None
    for part in path:
        found = found.items if part == "[]" else found.child(part)
    return found


def test_every_resource_has_a_published_type() -> None:
    assert [each.kind for each in BUILT_IN if each.schema is None] == [each.kind for each in METRICS]


def test_a_kind_of_nobody_has_none() -> None:
    assert of_kind("example.org/v1", "Pod") is None
    assert of_kind("v1", "Widget") is None


@pytest.mark.parametrize(
    ("path", "form"),
    [
        (("spec",), Form.STRUCT),
        (("spec", "containers"), Form.LIST),
        (("metadata", "labels"), Form.MAP),
        (("metadata", "name"), Form.SCALAR),
        (("metadata", "creationTimestamp"), Form.SCALAR),
        (("spec", "containers", "[]", "resources", "limits", "cpu"), Form.SCALAR),
        (("metadata", "managedFields", "[]", "fieldsV1"), Form.ANY),
        (("no", "such", "field"), Form.ANY),
    ],
)
def test_the_form_of_a_value_is_known(path: tuple[str, ...], form: Form) -> None:
    assert schema_of("v1", "Pod", *path).form is form


@pytest.mark.parametrize(
    ("path", "key"),
    [
        (("spec", "containers"), "name"),
        (("spec", "containers", "[]", "ports"), "containerPort"),
        (("metadata", "finalizers"), ""),
        (("metadata", "ownerReferences"), "uid"),
        (("spec", "tolerations"), None),
    ],
)
def test_lists_merge_by_the_published_key(path: tuple[str, ...], key: str | None) -> None:
    assert schema_of("v1", "Pod", *path).merge_key == key


@pytest.mark.parametrize(
    ("path", "kind", "keys"),
    [
        (("spec", "containers", "[]", "ports"), "map", ("containerPort", "protocol")),
        (("metadata", "finalizers"), "set", ()),
        (("spec", "tolerations"), "atomic", ()),
    ],
)
def test_an_apply_tells_elements_apart_by_the_published_keys(
    path: tuple[str, ...], kind: str, keys: tuple[str, ...]
) -> None:
    found = schema_of("v1", "Pod", *path)
    assert (found.list_type, found.list_keys) == (kind, keys)


def test_a_default_is_told() -> None:
    assert schema_of("v1", "Pod", "spec", "containers", "[]", "ports", "[]").default("protocol") == "TCP"


def test_a_recursive_type_can_be_descended_for_ever() -> None:
    schema = schema_of("apiextensions.k8s.io/v1", "CustomResourceDefinition", "spec", "versions", "[]", "schema")
    schema = schema.child("openAPIV3Schema")
    for _ in range(50):
        schema = schema.child("not")
    assert schema.form is Form.STRUCT


def test_the_archive_is_small() -> None:
    assert archive.ARCHIVE.stat().st_size < 300 * 1024
