"""What a URL asks for: its path as a target, its query as options. Pure; every mistake is a ``StatusError``."""

from collections.abc import Mapping
from dataclasses import dataclass

from fakes.apiserver import errors
from fakes.apiserver.errors import bad_request
from fakes.apiserver.options import DeleteOptions, ListOptions, WriteOptions
from fakes.apiserver.resources import ResourceTable, ResourceType

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
        rest: what follows the subresource (``proxy``).
        watch: the path has the old ``/watch/`` prefix.
    """

    resource: ResourceType
    namespace: str | None
    name: str = ""
    subresource: str = ""
    rest: str = ""
    watch: bool = False


def target(path: str, table: ResourceTable) -> Target:
    """What the path of a resource request names.

    Raises:
        NoSuchPath: no group or version of ours.
        StatusError: 404 for a resource that the group does not have.
    """
    parts = path.strip("/").split("/")
    if parts[0] == "api":
        group, version, parts = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) > 2:
        group, version, parts = parts[1], parts[2], parts[3:]
    else:
        raise NoSuchPath(path)
    if not any(each.group == group and each.version == version for each in table):
        raise NoSuchPath(path)
    watch = parts[:1] == ["watch"]
    if watch:
        parts = parts[1:]
    namespace: str | None = None
    if parts[0] == "namespaces" and len(parts) > 2 and parts[2] not in ("status", "finalize"):
        namespace, parts = parts[1], parts[2:]
    resource = table.find(group, version, parts[0])
    if resource is None:
        raise errors.no_such_resource()
    if namespace is not None and not resource.namespaced:
        raise errors.no_such_resource()
    name, subresource, *rest = [*parts[1:], "", ""][:2] + parts[3:]
    if name and resource.namespaced and namespace is None:
        raise errors.no_such_resource()
    return Target(resource, namespace, name, subresource, "/".join(rest), watch)


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


def write_options(query: Mapping[str, str], user_agent: str) -> WriteOptions:
    """The parameters of a create, update or patch; who does not name a field manager is known by the user agent."""
    validation = query.get("fieldValidation", "")
    if validation not in ("", "Ignore", "Warn", "Strict"):
        raise bad_request(f"fieldValidation: Unsupported value: {validation!r}: supported values: Ignore, Strict, Warn")
    return WriteOptions(
        field_manager=query.get("fieldManager", "") or user_agent.split("/", 1)[0],
        field_validation=validation,
        dry_run=_dry_run(query),
    )


def delete_options(query: Mapping[str, str], body: DeleteOptions | None) -> DeleteOptions:
    """The parameters of a delete: the body's, if there is one, else the query's."""
    if body is not None:
        return body
    return DeleteOptions(
        grace_period_seconds=_number(query, "gracePeriodSeconds"),
        propagation_policy=query.get("propagationPolicy", ""),
        dry_run=_dry_run(query),
    )


def _dry_run(query: Mapping[str, str]) -> bool:
    value = query.get("dryRun", "")
    if value not in ("", "All"):
        raise errors.StatusError(422, "Invalid", f'dryRun: Unsupported value: "{value}": supported values: "All"')
    return value == "All"


def _number(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name, "")
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        raise bad_request(f'{name}: strconv.ParseInt: parsing "{text}": invalid syntax') from None
