"""What a URL asks for: its path as a target, its query as options. Pure; every mistake is a ``StatusError``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fakes.apiserver import errors
from fakes.apiserver.causes import Causes, forbidden, required, too_long, unsupported
from fakes.apiserver.errors import bad_request
from fakes.apiserver.options import DeleteOptions, ListOptions, WriteOptions
from fakes.apiserver.resources import ResourceTable, ResourceType
from fakes.apiserver.subresources import parse_delete_options

LONGEST_MANAGER = 128
"""Bytes of the name of a field manager."""
FIELD_VALIDATIONS = ("", "Ignore", "Strict", "Warn")
LARGEST_NUMBER = 2**63 - 1
FALSE = ("", "0", "false", "False", "FALSE", "f", "F")


class NoSuchPath(Exception):
    """The path is under no API at all: answered by plain text, as kube-apiserver does."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a path names.

    Attributes:
        resource: the kind of object.
        namespace: None for all, or for what lives in none.
        name: empty for the collection.
        subresource: empty for the object itself.
        watch: the path has the old ``/watch/`` prefix.
    """

    resource: ResourceType
    namespace: str | None
    name: str = ""
    subresource: str = ""
    watch: bool = False


def target(path: str, table: ResourceTable) -> Target:
    """What the path of a resource request names.

    Raises:
        NoSuchPath: no group or version of ours.
        StatusError: 404 for a resource that the group does not have.
    """
    group, version, parts = _api(path)
    if not any(each.group == group and each.version == version for each in table):
        raise NoSuchPath(path) if group else errors.no_such_resource()
    watch = parts[:1] == ["watch"]
    if watch:
        parts = parts[1:]
    if not parts or not all(parts):  # an empty segment, or nothing after the prefix
        raise errors.no_such_resource()
    namespace: str | None = None
    if parts[0] == "namespaces" and len(parts) > 2 and parts[2] not in ("status", "finalize"):
        namespace, parts = parts[1], parts[2:]
    resource = table.find(group, version, parts[0])
    if resource is None:
        raise errors.no_such_resource()
    if namespace is not None and not resource.namespaced:
        raise errors.no_such_resource()
    name, subresource = [*parts[1:], "", ""][:2]
    if name and resource.namespaced and namespace is None:
        raise errors.no_such_resource()
    if len(parts) > 3 and subresource != "proxy":
        raise errors.no_such_resource()
    return Target(resource, namespace, name, subresource, watch)


def _api(path: str) -> tuple[str, str, list[str]]:
    """The group and version of a path, and what follows."""
    parts = path.strip("/").split("/")
    if parts[0] == "api" and len(parts) > 1:
        return "", parts[1], parts[2:]
    if parts[0] == "apis" and len(parts) > 2:
        return parts[1], parts[2], parts[3:]
    raise NoSuchPath(path)


def verb(method: str, target: Target, query: Mapping[str, str]) -> str:
    """What a request does, in Kubernetes' words: get, list, watch, create, update, patch, delete, deletecollection."""
    if method in ("GET", "HEAD"):
        if target.watch or is_watch(query):
            return "watch"
        return "get" if target.name else "list"
    if method == "DELETE":
        return "delete" if target.name else "deletecollection"
    return {"POST": "create", "PUT": "update", "PATCH": "patch"}.get(method, method.lower())


def is_watch(query: Mapping[str, str]) -> bool:
    """Whether a list is to be a watch: anything but a false value says so."""
    return query.get("watch", "") not in FALSE


def list_options(query: Mapping[str, str]) -> ListOptions:
    """The parameters of a list, a watch or a deletecollection."""
    timeout = _number(query, "timeoutSeconds")
    initial = query.get("sendInitialEvents")
    return ListOptions(
        label_selector=query.get("labelSelector", ""),
        field_selector=query.get("fieldSelector", ""),
        limit=max(_number(query, "limit") or 0, 0),
        continue_token=query.get("continue", ""),
        resource_version=query.get("resourceVersion", ""),
        resource_version_match=query.get("resourceVersionMatch", ""),
        timeout_seconds=float(timeout) if timeout else None,
        allow_watch_bookmarks=query.get("allowWatchBookmarks", "") not in FALSE,
        send_initial_events=None if initial is None else initial not in FALSE,
    )


def write_options(query: Mapping[str, str], user_agent: str, kind: str) -> WriteOptions:
    """The parameters of a create or an update; who does not name a field manager is known by the user agent.

    Args:
        query: of the URL.
        user_agent: the client's.
        kind: what messages call them: ``CreateOptions`` and so on.
    """
    _refuse(kind, _write_causes(query))
    manager = query.get("fieldManager", "") or user_agent.split("/", 1)[0]
    return WriteOptions(field_manager=manager, dry_run=bool(query.get("dryRun")))


def _write_causes(query: Mapping[str, str]) -> Causes:
    causes = _dry_run_causes([query["dryRun"]]) if query.get("dryRun") else []
    if len(query.get("fieldManager", "").encode()) > LONGEST_MANAGER:
        causes.append(too_long("fieldManager", LONGEST_MANAGER))
    wish = query.get("fieldValidation", "")
    if wish not in FIELD_VALIDATIONS:
        causes.append(unsupported("fieldValidation", wish, FIELD_VALIDATIONS))
    return causes


def _dry_run_causes(values: Sequence[str]) -> Causes:
    return [] if set(values) <= {"All"} else [unsupported("dryRun", list(values), ("All",))]


def _refuse(kind: str, causes: Causes) -> None:
    if causes:
        raise errors.invalid(kind, "", causes, group="meta.k8s.io")


def patch_options(query: Mapping[str, str], user_agent: str, *, applies: bool) -> WriteOptions:
    """The parameters of a patch: only an apply can be forced, and it has to name its manager."""
    manager, force = query.get("fieldManager", ""), query.get("force", "")
    causes = []
    if applies and not manager:
        causes.append(required("fieldManager", "is required for apply patch"))
    if force and not applies:
        causes.append(forbidden("force", "may not be specified for non-apply patch"))
    _refuse("PatchOptions", causes)
    return replace(write_options(query, user_agent, "PatchOptions"), force=force not in FALSE)


def field_validation(query: Mapping[str, str]) -> str:
    """What is to happen to fields that are unknown or doubled: ``Ignore``, ``Warn`` or ``Strict``."""
    return query.get("fieldValidation", "") or "Warn"


def delete_options(query: Mapping[str, str], body: Any) -> DeleteOptions:
    """The parameters of a delete: the body's (a decoded ``DeleteOptions``), if there is one, else the query's."""
    if body is not None:
        _check_delete_options(body)
        return parse_delete_options(body)
    _refuse("DeleteOptions", _dry_run_causes([query["dryRun"]]) if query.get("dryRun") else [])
    return DeleteOptions(
        grace_period_seconds=_number(query, "gracePeriodSeconds"),
        propagation_policy=query.get("propagationPolicy", ""),
        orphan_dependents=None if "orphanDependents" not in query else query["orphanDependents"] not in FALSE,
        dry_run=bool(query.get("dryRun")),
    )


_DELETE_OPTIONS: Mapping[str, type] = {
    "dryRun": list,
    "gracePeriodSeconds": int,
    "orphanDependents": bool,
    "preconditions": dict,
    "propagationPolicy": str,
}


def _check_delete_options(body: Any) -> None:
    """Refuse what would be taken for another wish: a delete cannot be undone."""
    if not isinstance(body, dict):
        raise bad_request("the body of a delete is a DeleteOptions object")
    for field, expected in _DELETE_OPTIONS.items():
        value = body.get(field)
        if value is not None and type(value) is not expected:
            raise bad_request(f"DeleteOptions: {field}: wrong type {type(value).__name__}")
        if isinstance(value, int) and abs(value) > LARGEST_NUMBER:
            raise bad_request(f"DeleteOptions: {field}: {value} is out of range")
    _refuse("DeleteOptions", _dry_run_causes([str(each) for each in body.get("dryRun") or []]))


def _number(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name, "")
    if not text:
        return None
    try:
        number = int(text)
    except ValueError:
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None
    if abs(number) > LARGEST_NUMBER:
        raise bad_request(f'strconv.ParseInt: parsing "{text}": value out of range')
    return number
