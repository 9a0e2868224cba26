"""The OpenAPI documents: what kubectl looks for in them is there."""

from typing import Any

import orjson
import pytest

from fakes.apiserver import openapi_protobuf
from fakes.apiserver.catalog import BUILT_IN
from fakes.apiserver.openapi import OpenApi
from fakes.apiserver.resources import PODS, ResourceTable, ResourceType
from fakes.apiserver.varints import length_delimited

WIDGETS = ResourceType("example.org", "v1", "widgets", "Widget")


def document(path: str, *resources: ResourceType) -> Any:
    found = OpenApi(ResourceTable(resources or BUILT_IN)).answer(path, "application/json")
    assert found is not None
    return orjson.loads(found.content)


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*map(references, value.values()))
    return set().union(*map(references, value)) if isinstance(value, list) else set()


def test_the_index_names_each_api_version_with_a_hash() -> None:
    paths = document("/openapi/v3")["paths"]
    assert "api/v1" in paths
    assert paths["apis/coordination.k8s.io/v1"]["serverRelativeURL"].startswith(
        "/openapi/v3/apis/coordination.k8s.io/v1?hash="
    )


def test_the_hash_changes_with_the_resources() -> None:
    one = document("/openapi/v3", PODS)["paths"]["api/v1"]
    assert one != document("/openapi/v3")["paths"]["api/v1"]


@pytest.mark.parametrize("path", ["/openapi/v3/api/v1", "/openapi/v2"])
def test_every_reference_leads_somewhere(path: str) -> None:
    found = document(path)
    prefix = "#/definitions/" if path == "/openapi/v2" else "#/components/schemas/"
    types = found["definitions"] if path == "/openapi/v2" else found["components"]["schemas"]
    assert {each.removeprefix(prefix) for each in references(found)} <= types.keys()


def test_a_field_is_described() -> None:
    schemas = document("/openapi/v3/api/v1")["components"]["schemas"]
    spec = schemas["io.k8s.api.core.v1.PodSpec"]["properties"]
    assert spec["nodeName"]["description"].startswith("NodeName indicates")
    assert spec["containers"]["x-kubernetes-patch-merge-key"] == "name"


@pytest.mark.parametrize("path", ["/openapi/v3/api/v1", "/openapi/v2"])
def test_a_patch_says_that_the_server_validates_fields(path: str) -> None:
    patch = document(path)["paths"]["/api/v1/namespaces/{namespace}/pods/{name}"]["patch"]
    assert "fieldValidation" in [each["name"] for each in patch["parameters"]]
    assert patch["x-kubernetes-group-version-kind"] == {"group": "", "version": "v1", "kind": "Pod"}


def test_a_custom_resource_takes_any_field() -> None:
    schemas = document("/openapi/v3/apis/example.org/v1", WIDGETS)["components"]["schemas"]
    assert schemas["org.example.v1.Widget"]["x-kubernetes-preserve-unknown-fields"] is True


def test_what_is_not_served_has_no_document() -> None:
    assert OpenApi(ResourceTable(BUILT_IN)).answer("/openapi/v3/apis/example.org/v1", "*/*") is None
    assert OpenApi(ResourceTable(BUILT_IN)).answer("/openapi", "*/*") is None


def test_version_2_comes_in_protobuf_for_a_client_that_accepts_only_that() -> None:
    api = OpenApi(ResourceTable(BUILT_IN))
    found = api.answer("/openapi/v2", openapi_protobuf.ACCEPTED)
    assert found is not None
    assert found.content_type == openapi_protobuf.CONTENT_TYPE
    assert api.answer("/openapi/v2", "application/json") != found
    definitions = parts(parts(found.content)[9][0])[1]
    types = {parts(each)[1][0].decode(): parts(parts(each)[2][0]) for each in definitions}
    assert types.keys() == document("/openapi/v2")["definitions"].keys()
    pod = types["io.k8s.api.core.v1.Pod"]
    extension = parts(pod[31][0])
    assert extension[1] == [b"x-kubernetes-group-version-kind"]
    assert orjson.loads(parts(extension[2][0])[2][0]) == [{"group": "", "version": "v1", "kind": "Pod"}]
    fields = {parts(each)[1][0].decode(): parts(parts(each)[2][0]) for each in parts(pod[25][0])[1]}
    assert fields["spec"][1] == [b"#/definitions/io.k8s.api.core.v1.PodSpec"]
    assert parts(fields["kind"][22][0])[1] == [b"string"]


def parts(message: bytes) -> dict[int, list[bytes]]:
    """The fields of a message, by number."""
    found: dict[int, list[bytes]] = {}
    for number, start, stop in length_delimited(message):
        found.setdefault(number, []).append(message[start:stop])
    return found
