"""As much OpenAPI as kubectl needs to create and apply: that the server itself validates fields.

kubectl looks for the parameter ``fieldValidation`` at the PATCH operation of the kind's path; with it, it leaves
validation to the server.
"""

from typing import Any

from fakes.apiserver.resources import ResourceTable, ResourceType

HASH = "1"
"""The documents do not change while the server runs."""


def document(path: str, table: ResourceTable) -> dict[str, Any] | None:
    """The document at a path below ``/openapi/``; None if there is none (v2 is one)."""
    if path.rstrip("/") == "/openapi/v3":
        roots = {_root(each): {"serverRelativeURL": f"/openapi/v3/{_root(each)}?hash={HASH}"} for each in table}
        return {"paths": roots}
    root = path.removeprefix("/openapi/v3/")
    resources = [each for each in table if _root(each) == root]
    if not resources:
        return None
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
