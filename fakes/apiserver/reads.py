"""What the options of a list or a watch mean: which versions and objects it is about, and which are refused. Pure."""

from collections.abc import Mapping
from typing import Any

from fakes.apiserver import errors, paging
from fakes.apiserver.causes import Cause, Causes, forbidden, unsupported
from fakes.apiserver.errors import StatusError, bad_request
from fakes.apiserver.options import ListOptions
from fakes.apiserver.resources import ResourceType
from fakes.apiserver.selectors import Selection
from fakes.apiserver.store import Scope
from fakes.apiserver.watch import Event

INITIAL_EVENTS_END = {"k8s.io/initial-events-end": "true"}
"""The annotation of the bookmark after which a watch tells of changes only."""


def scope(namespace: str | None, selection: Selection) -> Scope:
    """The part of a collection that can hold what is asked for."""
    return Scope(namespace or selection.namespace, selection.indexed)


def list_version(options: ListOptions, newest: int) -> tuple[int, bool]:
    """The version that a list is to have, and whether exactly that one is asked for; raises ``StatusError``."""
    wanted, match = options.resource_version, options.resource_version_match
    if match or options.send_initial_events is not None:
        _refuse(_list_causes(options))
    if options.continue_token:
        if wanted not in ("", "0"):
            raise bad_request("specifying resource version is not allowed when using continue")
        return paging.Token.decode(options.continue_token).version, True
    if not wanted:
        return newest, False
    if not (wanted.isascii() and wanted.isdigit()):
        raise bad_request(f"invalid resource version: {unreadable_version(wanted)}")
    if int(wanted) > newest:
        raise errors.version_too_large(int(wanted), newest)
    return (int(wanted), True) if match == "Exact" else (newest, False)


def watch_version(options: ListOptions, newest: int) -> tuple[int, bool]:
    """The version after which a watch begins, and whether the present objects come first; raises ``StatusError``."""
    version, match, initial = options.resource_version, options.resource_version_match, options.send_initial_events
    if initial is None and match:
        why = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
        _refuse([forbidden("resourceVersionMatch", why)])
    if initial is not None and match != "NotOlderThan":
        why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        path = "resourceVersionMatch"
        _refuse([forbidden(path, why), *([unsupported(path, match, ("NotOlderThan",))] if match else [])])
    if version and not (version.isascii() and version.isdigit()):
        raise errors.internal(unreadable_version(version))
    from_now = version in ("", "0")
    if initial is None:
        initial = from_now
    return (newest, initial) if initial or from_now else (int(version), False)


def expired(options: ListOptions, newest: int) -> StatusError:
    """410; for a paged list with a token to go on from the present state, inconsistent with the pages before."""
    if not options.continue_token:
        return errors.expired("The resourceVersion for the provided list is too old.")
    error = errors.expired(
        "The provided continue parameter is too old to display a consistent list result. Start a new list without it,"
        " or use the continue token in this response to get the rest: objects that have changed since the first page"
        " may then be missing or show up twice."
    )
    last = paging.Token.decode(options.continue_token).last
    error.status["metadata"] = {"continue": paging.Token(newest, last).encode()}
    return error


def unreadable_version(version: str) -> str:
    """What is said of a resourceVersion that is no number."""
    return f'resourceVersion: Invalid value: "{version}": strconv.ParseUint: parsing "{version}": invalid syntax'


def _list_causes(options: ListOptions) -> list[Cause]:
    wanted, match, path = options.resource_version, options.resource_version_match, "resourceVersionMatch"
    causes = []
    if match and not wanted:
        causes.append(forbidden(path, "resourceVersionMatch is forbidden unless resourceVersion is provided"))
    if match and options.continue_token:
        causes.append(forbidden(path, "resourceVersionMatch is forbidden when continue is provided"))
    if match not in ("", "Exact", "NotOlderThan"):
        causes.append(unsupported(path, match, ("Exact", "NotOlderThan", "")))
    if match == "Exact" and wanted == "0":
        causes.append(forbidden(path, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'))
    if options.send_initial_events is not None:
        causes.append(forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"))
    return causes


def _refuse(causes: Causes) -> None:
    if causes:
        raise errors.invalid("ListOptions", "", causes, group="meta.k8s.io")


def bookmark(resource: ResourceType, version: int, annotations: Mapping[str, str] | None = None) -> Event:
    """The event that tells a watcher how far it has seen."""
    metadata: dict[str, Any] = {"resourceVersion": str(version)}
    if annotations:
        metadata["annotations"] = dict(annotations)
    return "BOOKMARK", {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}
