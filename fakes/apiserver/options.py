"""What a client may ask of a request beside its object: the query parameters and delete options, parsed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ListOptions:
    """The parameters of a list or a watch; the defaults are those of a request without a query.

    Attributes:
        label_selector: label requirements, AND by comma.
        field_selector: field requirements, AND by comma.
        limit: the most items of a page; 0 for no limit.
        continue_token: where the page before ended.
        resource_version: "" (newest), "0" (any), or a version.
        resource_version_match: "", ``NotOlderThan`` or ``Exact``.
        timeout_seconds: when to end a watch; None for no end.
        allow_watch_bookmarks: the client wants BOOKMARK events.
        send_initial_events: the WatchList protocol; None for a watch of the old style.
    """

    label_selector: str = ""
    field_selector: str = ""
    limit: int = 0
    continue_token: str = ""
    resource_version: str = ""
    resource_version_match: str = ""
    timeout_seconds: float | None = None
    allow_watch_bookmarks: bool = False
    send_initial_events: bool | None = None


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """The parameters of a create, update or patch.

    Attributes:
        field_manager: who writes; "" for somebody whose fields are not tracked.
        force: an apply takes fields from their owners.
        dry_run: do everything but store it (``dryRun=All``).
    """

    field_manager: str = ""
    force: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """The body (or the parameters) of a delete.

    Attributes:
        grace_period_seconds: how long the kubelet may take; None for the object's own period.
        uid: delete only the object with this UID.
        resource_version: delete only this version.
        propagation_policy: "", ``Background``, ``Foreground`` or ``Orphan``.
        orphan_dependents: the older way to say it; None for not at all.
        dry_run: do everything but delete it.
    """

    grace_period_seconds: int | None = None
    uid: str = ""
    resource_version: str = ""
    propagation_policy: str = ""
    orphan_dependents: bool | None = None
    dry_run: bool = False


LIST_ALL = ListOptions()
WRITE = WriteOptions()
DELETE = DeleteOptions()
