"""The documents below ``/openapi/``: what kubectl reads for explain, create and apply.

They are put together from the published types when somebody asks for them. A document of version 3 is of one API
version, and its URL carries a hash: kubectl keeps it on disk for as long as the hash stays. kubectl leaves the
validation of fields to a server whose PATCH operations name the parameter ``fieldValidation``.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fakes.apiserver import openapi_protobuf
from fakes.apiserver.bodies import encode
from fakes.apiserver.resources import ResourceTable, ResourceType
from fakes.apiserver.schema import archive

SCHEMAS = "#/components/schemas/"
META = "io.k8s.apimachinery.pkg.apis.meta.v1"
VERBS_OF_ONE = {"get": "get", "update": "put", "patch": "patch", "delete": "delete"}
VERBS_OF_ALL = {"list": "get", "create": "post", "deletecollection": "delete"}
ACTIONS = {"create": "post", "update": "put"}
"""The verbs that OpenAPI calls by their HTTP method."""
PATCHES = ("json-patch+json", "merge-patch+json", "strategic-merge-patch+json", "apply-patch+yaml")


@dataclass(frozen=True, slots=True)
class Document:
    """An answer: its content, and the tag by which a client can ask whether it has changed."""

    content: bytes
    etag: str
    content_type: str = "application/json"


class OpenApi:
    """The documents of a server's resources, each made at most once."""

    def __init__(self, table: ResourceTable) -> None:
        # what is not Kubernetes' own (metrics) is described by whoever serves it there
        self._table = [each for each in table if not each.computed or each.schema is not None]
        self._documents: dict[str, Document] = {}

    def answer(self, path: str, accepted: str) -> Document | None:
        """The document at a path, as JSON, or if the client accepts only that in protobuf; None if there is none."""
        path = path.rstrip("/")
        if path == "/openapi/v2" and openapi_protobuf.ACCEPTED in accepted:
            return self._in_protobuf()
        if path not in self._documents:
            roots = self._roots()
            if path == "/openapi/v3":
                content: Any = {"paths": {root: {"serverRelativeURL": _url(root, roots[root])} for root in roots}}
            elif path == "/openapi/v2":
                content = _document_v2(self._table)
            elif path.removeprefix("/openapi/v3/") in roots:
                content = _document(roots[path.removeprefix("/openapi/v3/")])
            else:
                return None
            encoded = encode(content)
            self._documents[path] = Document(encoded, f'"{_hash(encoded)}"')
        return self._documents[path]

    def _in_protobuf(self) -> Document:
        name = openapi_protobuf.CONTENT_TYPE
        if name not in self._documents:
            encoded = openapi_protobuf.encode(_document_v2(self._table))
            self._documents[name] = Document(encoded, f'"{_hash(encoded)}"', name)
        return self._documents[name]

    def _roots(self) -> dict[str, list[ResourceType]]:
        """``api/v1``, ``apis/apps/v1``, ... -> the resources there."""
        roots: dict[str, list[ResourceType]] = {}
        for resource in self._table:
            roots.setdefault(_root(resource), []).append(resource)
        return roots


def _url(root: str, resources: Iterable[ResourceType]) -> str:
    """Where the document of a root is. The hash is of what the document is made from: it need not be made for it."""
    made_from = f"{archive.version()} {' '.join(f'{each.plural} {each.subresources}' for each in resources)}"
    return f"/openapi/v3/{root}?hash={_hash(made_from.encode())}"


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest().upper()


def _root(resource: ResourceType) -> str:
    return f"apis/{resource.api_version}" if resource.group else f"api/{resource.version}"


def _document(resources: list[ResourceType]) -> dict[str, Any]:
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": f"v{archive.version()}"},
        "paths": _paths(resources),
        "components": {"schemas": _schemas(resources)},
    }


def _document_v2(resources: list[ResourceType]) -> dict[str, Any]:
    """The same for all resources in the older form: other references, and bodies are parameters."""
    version_3 = _document(resources)
    return {
        "swagger": "2.0",
        "info": version_3["info"],
        "paths": {path: _swagger_item(item) for path, item in version_3["paths"].items()},
        "definitions": _swagger(version_3["components"]["schemas"]),
    }


# --- types ----------------------------------------------------------------------------------------------------------


def _schemas(resources: Iterable[ResourceType]) -> dict[str, Any]:
    """The types of the resources with their lists, and all that they refer to."""
    found: dict[str, Any] = {}
    waiting = [f"{META}.{name}" for name in ("DeleteOptions", "Patch", "Status")]
    for resource in resources:
        name = _type_name(resource)
        if resource.schema is None:
            found[name] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True, **_is_a(resource)}
        else:
            waiting += [name, f"{name}List", *_of_subresources(resource)]
    texts: dict[str, Mapping[str, Any]] = {}
    while waiting:
        name = waiting.pop()
        package, _, short = name.rpartition(".")
        if name in found or short not in archive.types(package):
            continue
        if package not in texts:
            texts[package] = archive.descriptions(package)
        bare = archive.types(package)[short]
        found[name] = _described(bare, texts[package].get(short, {}))
        waiting += [reference.removeprefix(SCHEMAS) for reference in _references(bare)]
    return dict(sorted(found.items()))


def _of_subresources(resource: ResourceType) -> Iterator[str]:
    """The types of what the subresources are sent (a Binding, say), where they are not the object itself."""
    for each in resource.subresources:
        api_version = f"{each.group}/{each.version}" if each.group else resource.api_version
        package = archive.packages().get(api_version)
        if package and each.kind != resource.kind:
            yield f"{package}.{each.kind}"


def _type_name(resource: ResourceType) -> str:
    package = archive.packages().get(resource.api_version)
    if package is None:
        package = ".".join([*reversed(resource.group.split(".")), resource.version])
    return f"{package}.{resource.kind}"


def _described(bare: Mapping[str, Any], texts: Mapping[str, str]) -> dict[str, Any]:
    described = dict(bare)
    if "" in texts:
        described["description"] = texts[""]
    if "properties" in bare:
        described["properties"] = {
            field: {"description": texts[field], **raw} if field in texts else raw
            for field, raw in bare["properties"].items()
        }
    return described


def _references(value: Any) -> Iterator[str]:
    """All the references in a schema."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


def _swagger(value: Any) -> Any:
    """A schema as version 2 has it: references to definitions, without a list of one around them."""
    if isinstance(value, list):
        return [_swagger(item) for item in value]
    if not isinstance(value, dict):
        return value
    new = {key: _swagger(item) for key, item in value.items() if key != "allOf"}
    if isinstance(new.get("$ref"), str):
        new["$ref"] = new["$ref"].replace(SCHEMAS, "#/definitions/")
    for each in value.get("allOf", ()):
        new |= _swagger(each)
        new.pop("default", None)
    if "oneOf" in new:  # int or string, a quantity: version 2 says string
        del new["oneOf"]
        new["type"] = "string"
    return new


# --- paths ----------------------------------------------------------------------------------------------------------


def _paths(resources: Iterable[ResourceType]) -> dict[str, Any]:
    parameters = archive.parameters()
    paths: dict[str, Any] = {}
    for resource in resources:
        scope = "/namespaces/{namespace}" if resource.namespaced else ""
        collection = f"/{_root(resource)}{scope}/{resource.plural}"
        one = f"{collection}/{{name}}"
        paths[collection] = _item(resource, VERBS_OF_ALL, resource.verbs, parameters)
        paths[one] = _item(resource, VERBS_OF_ONE, resource.verbs, parameters)
        for each in resource.subresources:
            if each.kind == resource.kind and each.name != "log":
                paths[f"{one}/{each.name}"] = _item(resource, VERBS_OF_ONE, each.verbs, parameters)
    return paths


def _item(
    resource: ResourceType, methods: Mapping[str, str], verbs: Iterable[str], parameters: Mapping[str, list[Any]]
) -> dict[str, Any]:
    """The operations of one path."""
    item: dict[str, Any] = {}
    for verb in verbs:
        if verb not in methods:
            continue
        action = ACTIONS.get(verb, verb)
        reference = {"schema": {"$ref": SCHEMAS + _type_name(resource) + ("List" if verb == "list" else "")}}
        item[methods[verb]] = {
            "operationId": f"{verb}_{resource.plural}",
            "x-kubernetes-action": action,
            "x-kubernetes-group-version-kind": _is_a(resource)["x-kubernetes-group-version-kind"][0],
            "parameters": parameters.get(action, []),
            "responses": {"200": {"description": "OK", "content": {"application/json": reference}}},
        }
        if verb in ("create", "update"):
            item[methods[verb]]["requestBody"] = {"content": {"*/*": reference}, "required": True}
        elif verb == "patch":
            patch = {"schema": {"$ref": f"{SCHEMAS}{META}.Patch"}}
            content = {f"application/{form}": patch for form in PATCHES}
            item["patch"]["requestBody"] = {"content": content, "required": True}
    return item


def _is_a(resource: ResourceType) -> dict[str, Any]:
    kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    return {"x-kubernetes-group-version-kind": [kind]}


def _swagger_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """The operations of a path in version 2."""
    swagger = {}
    for method, operation in item.items():
        parameters = [{**each, **each["schema"]} for each in operation["parameters"]]
        for each in parameters:
            del each["schema"]
        if body := operation.get("requestBody"):
            schema = _swagger(next(iter(body["content"].values()))["schema"])
            parameters.append({"name": "body", "in": "body", "required": True, "schema": schema})
        answer = _swagger(operation["responses"]["200"]["content"]["application/json"]["schema"])
        swagger[method] = {
            **{key: value for key, value in operation.items() if key != "requestBody"},
            "parameters": parameters,
            "consumes": list(body["content"]) if body else ["*/*"],
            "produces": ["application/json"],
            "responses": {"200": {"description": "OK", "schema": answer}},
        }
    return swagger
