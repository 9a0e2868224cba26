"""``metadata.managedFields``: who owns which field, kept up with each write of somebody who has a name. Pure.

docs/decisions/0007-managed-fields.md tells which writes are tracked.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from fakes.apiserver import apply, fieldsets
from fakes.apiserver.fieldsets import NONE, Fields
from fakes.apiserver.objects import Object, without
from fakes.apiserver.schema import Schema

MOST_UPDATERS = 10
"""So many managers that do not apply have entries of their own; the oldest ones beyond share one."""
ANCIENT = "ancient-changes"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

_OF_SERVER: Fields = {
    "f:apiVersion": {},
    "f:kind": {},
    "f:metadata": {
        f"f:{field}": {}
        for field in (
            "name",
            "namespace",
            "creationTimestamp",
            "selfLink",
            "uid",
            "clusterName",
            "generation",
            "managedFields",
            "resourceVersion",
        )
    },
}
"""What nobody owns."""
_KEPT_FROM_STATUS = ("f:spec",)


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes, and when.

    Attributes:
        manager: its name.
        api_version: of the objects that it sends.
        subresource: "" for the object itself.
        time: the write's timestamp.
    """

    manager: str
    api_version: str
    subresource: str
    time: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One manager's part of an object."""

    manager: str
    operation: str
    api_version: str
    subresource: str
    time: str
    fields: Fields

    def is_of(self, writer: Writer, operation: str) -> bool:
        """Whether it is the entry of that writer."""
        mine = (writer.manager, operation, writer.subresource)
        if operation == "Update" and self.api_version != writer.api_version:
            return False
        return (self.manager, self.operation, self.subresource) == mine

    @property
    def owner(self) -> str:
        """What a conflict calls it."""
        name = f'"{self.manager}"'
        if self.subresource:
            name += f' with subresource "{self.subresource}"'
        return f"{name} using {self.api_version}" if self.operation == "Update" else name


def updated(old: Object | None, new: Object, wanted: object, writer: Writer, schema: Schema) -> Object:
    """The new object with its managers after a write that is no apply.

    Args:
        old: the object before; None for a create.
        new: the object that the write makes.
        wanted: the managedFields that the client sent: they stand instead of the old ones, unless there are none.
        writer: who writes.
        schema: the type of the object.
    """
    known = new["metadata"].get("managedFields") or []
    basis = wanted if isinstance(wanted, list) and wanted else known
    entries = _read([] if basis == [{}] else basis)
    changed, removed = _owned_difference(old or {}, new, writer, schema)
    kept: list[Entry] = []
    mine = Entry(writer.manager, "Update", writer.api_version, writer.subresource, writer.time, NONE)
    for each in entries:
        if each.is_of(writer, "Update"):
            mine = each
            continue
        kept += _with(each, fieldsets.minus(fieldsets.minus(each.fields, changed), removed))
    own = fieldsets.minus(fieldsets.union(mine.fields, changed), removed)
    kept += _with(mine if own == mine.fields else replace(mine, time=writer.time), own)
    return _written(new, known, _capped(kept))


def applied(live: Object | None, config: Object, writer: Writer, schema: Schema, *, force: bool) -> Object:
    """The object after an apply, with its managers; the very same if nothing changes.

    Raises:
        StatusError: 409 if somebody else owns a field that would change, unless it is forced.
    """
    sent = fieldsets.of(config, schema)
    own = _without_server(sent, writer)
    known = (live or {}).get("metadata", {}).get("managedFields") or []
    entries = _read(known)
    last = next((each for each in entries if each.is_of(writer, "Apply")), None)
    others = [each for each in entries if each is not last]
    new = apply.merged(live or {}, without_metadata_of_server(config, live), schema)
    if last is not None:
        owned = sent
        for each in others:
            owned = fieldsets.union(owned, each.fields)
        new = apply.pruned(new, last.fields, owned, schema)
    changed, removed = _owned_difference(live or {}, new, writer, schema)
    conflicts = apply.conflicts_of(changed, {each.owner: each.fields for each in others})
    last_applied = _last_applied(live) if writer.manager == "kubectl" else ""
    if conflicts and not force and not (last_applied and _allowed(conflicts, last_applied, schema)):
        raise apply.conflict(conflicts)
    if last_applied and new is not live:
        new = _with_last_applied(new, config)
    kept: list[Entry] = []
    for each in others:
        kept += _with(each, fieldsets.minus(fieldsets.minus(each.fields, changed if conflicts else NONE), removed))
    time = last.time if last is not None and last.fields == own and new is live else writer.time
    kept += _with(Entry(writer.manager, "Apply", writer.api_version, writer.subresource, time, NONE), own)
    return _written(new, known, kept)


def _last_applied(live: Object | None) -> str:
    """What kubectl has applied from the client's side; "" if it has not."""
    annotations = (live or {}).get("metadata", {}).get("annotations") or {}
    return str(annotations.get(LAST_APPLIED, ""))


def _allowed(conflicts: list[tuple[str, str]], last_applied: str, schema: Schema) -> bool:
    """Whether kubectl itself has applied all those fields, from the client's side: it may take them over."""
    try:
        mine = set(fieldsets.members(fieldsets.of(orjson.loads(last_applied), schema)))
    except ValueError:
        return False
    return all(path in mine for _, path in conflicts)


def _with_last_applied(new: Object, config: Object) -> Object:
    """Keep the annotation up that a client-side apply compares with, so that people can go back to it."""
    meta = new["metadata"]
    text = orjson.dumps(config, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE).decode()
    return {**new, "metadata": {**meta, "annotations": {**meta["annotations"], LAST_APPLIED: text}}}


def without_metadata_of_server(config: Object, live: Object | None) -> Object:
    """What is applied, less the metadata that a client may only name to say which object it means."""
    if live is None:
        return config
    return {**config, "metadata": without(config.get("metadata") or {}, "uid", "resourceVersion", "creationTimestamp")}


def _owned_difference(old: Object, new: Object, writer: Writer, schema: Schema) -> tuple[Fields, Fields]:
    changed, removed = fieldsets.difference(old, new, schema)
    return _without_server(changed, writer), _without_server(removed, writer)


def _without_server(fields: Fields, writer: Writer) -> Fields:
    """Less what nobody owns, and what a write of this part of the object cannot change."""
    fields = fieldsets.minus(fields, _OF_SERVER)
    if "f:metadata" in fields and fields["f:metadata"].keys() <= {fieldsets.SELF}:
        fields = without(fields, "f:metadata")
    if writer.subresource == "status":
        return without(fields, *_KEPT_FROM_STATUS)
    return without(fields, "f:status") if not writer.subresource else fields


def _with(entry: Entry, fields: Fields) -> list[Entry]:
    """The entry with these fields; none if there are none."""
    if not fields:
        return []
    return [entry if fields is entry.fields else replace(entry, fields=fields)]


def _capped(entries: list[Entry]) -> list[Entry]:
    """The entries with the oldest of too many updates in one."""
    updates = sorted((each for each in entries if each.operation == "Update"), key=lambda each: each.time)
    surplus = updates[: max(len(updates) - MOST_UPDATERS + 1, 0)] if len(updates) > MOST_UPDATERS else []
    if not surplus:
        return entries
    shared = NONE
    for each in surplus:
        shared = fieldsets.union(shared, each.fields)
    ancient = replace(surplus[-1], manager=ANCIENT, subresource="", fields=shared)
    return [ancient, *(each for each in entries if each not in surplus)]


# --- wire form ------------------------------------------------------------------------------------------------------


def _read(managed: Iterable[Mapping[str, Any]]) -> list[Entry]:
    return [
        Entry(
            each.get("manager", ""),
            each.get("operation", "Update"),
            each.get("apiVersion", ""),
            each.get("subresource", ""),
            each.get("time", ""),
            each.get("fieldsV1") or {},
        )
        for each in managed
    ]


def _written(obj: Object, known: list[Any], entries: list[Entry]) -> Object:
    """The object with these entries, in the order of a real server: applies first, then by time and name."""
    in_order = sorted(entries, key=lambda each: (each.operation, each.time, each.manager, each.subresource))
    managed = [_wire(each) for each in in_order]
    if managed == known:
        return obj
    return {**obj, "metadata": {**obj["metadata"], "managedFields": managed}}


def _wire(entry: Entry) -> Object:
    return {
        "manager": entry.manager,
        "operation": entry.operation,
        "apiVersion": entry.api_version,
        "time": entry.time,
        "fieldsType": "FieldsV1",
        "fieldsV1": fieldsets.shared(entry.fields),
        **({"subresource": entry.subresource} if entry.subresource else {}),
    }
