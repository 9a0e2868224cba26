"""What a request is about, as authorization, audit and flow control see it: read from method, path and query. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from fakes.apiserver.requests import FALSE

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete", "GET": "get", "HEAD": "get"}


@dataclass(frozen=True, slots=True)
class Attributes:
    """What somebody wants to do.

    Attributes:
        verb: get, list, watch, create, update, patch, delete, deletecollection; or the method, for a path.
        path: from the root; all there is for what is no resource.
        group: the API group, "" for core.
        version: of the API.
        resource: the plural; "" for what is no resource.
        subresource: "" for the object itself.
        namespace: "" for none, or for all.
        name: "" for a collection.
    """

    verb: str
    path: str = ""
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""

    @property
    def whole_resource(self) -> str:
        """The resource, with the subresource."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


def of_request(method: str, path: str, query: Mapping[str, str]) -> Attributes:
    """What a request is about; served or not."""
    parts = path.strip("/").split("/")
    if parts[0] == "api" and len(parts) > 2:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return Attributes(method.lower(), path)
    verb = _VERBS.get(method, "")
    if rest[0] in ("watch", "proxy") and len(rest) > 1:
        verb, rest = rest[0], rest[1:]
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        if len(rest) > 2 and rest[2] not in ("status", "finalize"):
            rest = rest[2:]
    resource, name, subresource = [*rest, "", ""][:3]
    if verb == "get" and not name:
        verb = "list" if query.get("watch", "") in FALSE else "watch"
        name = _pinned(query.get("fieldSelector", ""))
    if verb == "delete" and not name:
        verb = "deletecollection"
    return Attributes(verb, path, group, version, resource, subresource, namespace, name)


def _pinned(field_selector: str) -> str:
    """The only name that a list or a watch can have."""
    terms = [each.partition("=") for each in field_selector.split(",")]
    return next((value.lstrip("=") for key, _, value in terms if key == "metadata.name"), "")
