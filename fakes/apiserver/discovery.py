"""What the server serves, told to clients: aggregated discovery, the older lists, and the version. Made once."""

import hashlib
from base64 import b64encode
from typing import Any, NamedTuple

from fakes.apiserver.bodies import encode
from fakes.apiserver.resources import ResourceTable, ResourceType, Subresource

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


class Document(NamedTuple):
    """An answer that does not change."""

    content: bytes
    content_type: str
    etag: str


class Discovery:
    """Answers the discovery paths.

    Args:
        table: what is served.
        version: of Kubernetes, e.g. ``v1.34.0``.
    """

    def __init__(self, table: ResourceTable, version: str) -> None:
        major, minor = version.removeprefix("v").split(".")[:2]
        self.version = {
            "major": major,
            "minor": minor,
            "gitVersion": version,
            "gitCommit": "",
            "gitTreeState": "clean",
            "buildDate": "1970-01-01T00:00:00Z",
            "goVersion": "",
            "compiler": "python",
            "platform": "linux/amd64",
        }
        groups: dict[str, dict[str, list[ResourceType]]] = {}
        for resource in table:
            groups.setdefault(resource.group, {}).setdefault(resource.version, []).append(resource)
        named = {group: versions for group, versions in groups.items() if group}
        self._aggregated = {
            "/api": _document(_aggregated({"": groups.get("", {})}), AGGREGATED),
            "/apis": _document(_aggregated(named), AGGREGATED),
        }
        self._core = groups.get("", {})
        self._plain = {
            "/apis": _document(_group_list(named)),
            **{f"/apis/{group}": _document(_group(group, versions)) for group, versions in named.items()},
            **{
                f"/apis/{group}/{version}" if group else f"/api/{version}": _document(
                    _resource_list(group, version, resources)
                )
                for group, versions in groups.items()
                for version, resources in versions.items()
            },
        }

        self.serve_at("")

    def serve_at(self, address: str) -> None:
        """Tell clients that host and port."""
        self._plain["/api"] = _document(_versions(self._core, address))

    def answer(self, path: str, accept: str) -> Document | None:
        """The document of a path, in the form that the client accepts; None if it is no discovery path."""
        path = path.rstrip("/")
        if path in self._aggregated and "as=APIGroupDiscoveryList" in accept and "v=v2" in accept:
            return self._aggregated[path]
        return self._plain.get(path)


def _document(obj: dict[str, Any], content_type: str = "application/json") -> Document:
    content = encode(obj)
    return Document(content, content_type, f'"{hashlib.sha512(content).hexdigest().upper()}"')


def _aggregated(groups: dict[str, dict[str, list[ResourceType]]]) -> dict[str, Any]:
    items = [
        {
            "metadata": {"name": group} if group else {},
            "versions": [
                {"version": version, "freshness": "Current", "resources": [_discovered(each) for each in resources]}
                for version, resources in versions.items()
            ],
        }
        for group, versions in groups.items()
    ]
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}


def _discovered(resource: ResourceType) -> dict[str, Any]:
    subresources = [
        {
            "subresource": each.name,
            "responseKind": {"group": each.group, "version": each.version, "kind": each.kind},
            "verbs": list(each.verbs),
        }
        for each in resource.subresources
    ]
    return {
        "resource": resource.plural,
        "responseKind": {"group": "", "version": "", "kind": resource.kind},
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": list(resource.verbs),
        **({"shortNames": list(resource.short_names)} if resource.short_names else {}),
        **({"categories": list(resource.categories)} if resource.categories else {}),
        **({"subresources": subresources} if subresources else {}),
    }


def _versions(core: dict[str, list[ResourceType]], address: str) -> dict[str, Any]:
    everywhere = [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]
    return {"kind": "APIVersions", "versions": list(core), "serverAddressByClientCIDRs": everywhere}


def _group(name: str, versions: dict[str, list[ResourceType]]) -> dict[str, Any]:
    return {"kind": "APIGroup", "apiVersion": "v1", **_group_entry(name, versions)}


def _group_entry(name: str, versions: dict[str, list[ResourceType]]) -> dict[str, Any]:
    known = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": known, "preferredVersion": known[0]}


def _group_list(groups: dict[str, dict[str, list[ResourceType]]]) -> dict[str, Any]:
    entries = [_group_entry(name, versions) for name, versions in groups.items()]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": entries}


def _resource_list(group: str, version: str, resources: list[ResourceType]) -> dict[str, Any]:
    entries: list[dict[str, Any]] = []
    for resource in resources:
        entries.append(
            {
                "name": resource.plural,
                "singularName": resource.singular,
                "namespaced": resource.namespaced,
                "kind": resource.kind,
                "verbs": list(resource.verbs),
                **({"shortNames": list(resource.short_names)} if resource.short_names else {}),
                **({"categories": list(resource.categories)} if resource.categories else {}),
                **({} if resource.computed else {"storageVersionHash": _storage_version(resource)}),
            }
        )
        entries += [_subresource_entry(resource, each) for each in resource.subresources]
    group_version = f"{group}/{version}" if group else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": entries}


def _storage_version(resource: ResourceType) -> str:
    """A hash of the version that its objects are stored in."""
    stored = resource if resource.conversion is None else resource.conversion.stored
    named = f"{stored.group}/{stored.version}/{stored.kind}"
    return b64encode(hashlib.sha256(named.encode()).digest()[:8]).decode()


def _subresource_entry(resource: ResourceType, part: Subresource) -> dict[str, Any]:
    return {
        "name": f"{resource.plural}/{part.name}",
        "singularName": "",
        "namespaced": resource.namespaced,
        "kind": part.kind,
        "verbs": list(part.verbs),
        **({"group": part.group} if part.group else {}),
        **({"version": part.version} if part.version else {}),
    }
