"""As much OpenAPI as kubectl needs to create and apply: that the server itself validates fields.

kubectl looks for the parameter ``fieldValidation`` at the PATCH operation of the kind's path; with it, it leaves
validation to the server.
"""

import hashlib
from typing import Any

from fakes.apiserver.bodies import encode
from fakes.apiserver.resources import ResourceTable, ResourceType


class OpenApi:
    """The documents below ``/openapi/``, made once.

    Their URLs carry a hash of their content: kubectl keeps a document on disk for as long as its URL is the same.
    """

    def __init__(self, table: ResourceTable) -> None:
        roots: dict[str, list[ResourceType]] = {}
        for resource in table:
            roots.setdefault(_root(resource), []).append(resource)
        documents = {root: encode(_document(resources)) for root, resources in roots.items()}
        index = {
            root: {"serverRelativeURL": f"/openapi/v3/{root}?hash={hashlib.sha256(content).hexdigest().upper()}"}
            for root, content in documents.items()
        }
        self._documents = {f"/openapi/v3/{root}": content for root, content in documents.items()}
        self._documents["/openapi/v3"] = encode({"paths": index})

    def answer(self, path: str) -> bytes | None:
        """The document at a path, as JSON; None if there is none (v2 is one)."""
        return self._documents.get(path.rstrip("/"))


def _document(resources: list[ResourceType]) -> dict[str, Any]:
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "v1"},
        "paths": {path: item for each in resources for path, item in _paths(each).items()},
        "components": {"schemas": {_schema_name(each): _schema(each) for each in resources}},
    }


def _root(resource: ResourceType) -> str:
    return f"apis/{resource.api_version}" if resource.group else f"api/{resource.version}"


def _paths(resource: ResourceType) -> dict[str, Any]:
    scope = "/namespaces/{namespace}" if resource.namespaced else ""
    collection = f"/{_root(resource)}{scope}/{resource.plural}"
    kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    parameters = [
        {"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}}
        for name in ("dryRun", "fieldManager", "fieldValidation")
    ]
    reference = {"schema": {"$ref": f"#/components/schemas/{_schema_name(resource)}"}}
    answers = {"200": {"description": "OK", "content": {"application/json": reference}}}

    def operation(action: str) -> dict[str, Any]:
        return {
            "x-kubernetes-action": action,
            "x-kubernetes-group-version-kind": kind,
            "parameters": parameters,
            "responses": answers,
        }

    return {
        collection: {"get": operation("list"), "post": operation("post")},
        f"{collection}/{{name}}": {"get": operation("get"), "put": operation("put"), "patch": operation("patch")},
    }


def _schema_name(resource: ResourceType) -> str:
    group = ".".join(reversed(resource.group.split("."))) if resource.group else "io.k8s.api.core"
    return f"{group}.{resource.version}.{resource.kind}"


def _schema(resource: ResourceType) -> dict[str, Any]:
    kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    return {"type": "object", "x-kubernetes-group-version-kind": [kind], "x-kubernetes-preserve-unknown-fields": True}
