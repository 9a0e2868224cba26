"""``Table`` answers, which ``kubectl get`` prints: how rows are put together.

Columns and cells of each resource are in ``fakes.apiserver.columns`` and ``columns_catalog``.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from fakes.apiserver.columns import Columns
from fakes.apiserver.columns_catalog import columns_of
from fakes.apiserver.errors import bad_request
from fakes.apiserver.objects import Object, without
from fakes.apiserver.resources import ResourceType
from fakes.apiserver.workloads import TEMPLATE_GENERATION

META = "meta.k8s.io/v1"


def of_list(resource: ResourceType, listed: Object, now: datetime, query: Mapping[str, str]) -> Object:
    """A list as a table."""
    return _table(columns_of(resource), listed["items"], now, query, listed["metadata"])


def of_object(resource: ResourceType, obj: Object, now: datetime, query: Mapping[str, str]) -> Object:
    """One object as a table with one row."""
    metadata = {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
    return _table(columns_of(resource), [obj], now, query, metadata)


class Stream:
    """A watch as tables: the first event brings the columns, the others only rows."""

    def __init__(self, resource: ResourceType, now: Callable[[], datetime], query: Mapping[str, str]) -> None:
        self._columns = columns_of(resource)
        self._now = now
        self._query = query
        self._begun = False

    def object(self, kind: str, obj: Object) -> Object:
        """An event's object as a table; a bookmark keeps its resourceVersion and has no row, an error is a Status."""
        if kind == "ERROR":
            return obj
        metadata = {"resourceVersion": obj["metadata"]["resourceVersion"]}
        objects = [] if kind == "BOOKMARK" else [obj]
        table = _table(self._columns, objects, self._now(), self._query, metadata)
        if kind == "BOOKMARK" or self._begun:
            table = {**table, "columnDefinitions": []}
        self._begun = self._begun or kind != "BOOKMARK"
        return table


def _table(
    columns: Columns, objects: list[Object], now: datetime, query: Mapping[str, str], metadata: Object
) -> Object:
    include = query.get("includeObject", "") or "Metadata"
    if include not in ("None", "Metadata", "Object"):
        why = f"includeObject: Invalid value: \"{include}\": must be 'Metadata', 'Object', 'None', or empty"
        raise bad_request(f"Unable to convert to Table as requested: {why}")
    return {
        "kind": "Table",
        "apiVersion": META,
        "metadata": metadata,
        "columnDefinitions": [each.definition() for each in columns.definitions],
        "rows": [{"cells": columns.cells(each, now), **_object(each, include)} for each in objects],
    }


def _object(obj: Object, include: str) -> dict[str, Any]:
    if include == "None":
        return {"object": None}
    if include == "Object":
        return {"object": obj}
    return {"object": {"kind": "PartialObjectMetadata", "apiVersion": META, "metadata": _internal(obj["metadata"])}}


def _internal(metadata: Object) -> Object:
    """Metadata as the server itself has it: without the annotation that stands for a field of an older version."""
    annotations = metadata.get("annotations") or ()
    if TEMPLATE_GENERATION not in annotations:
        return metadata
    rest = without(metadata["annotations"], TEMPLATE_GENERATION)
    return {**metadata, "annotations": rest} if rest else without(metadata, "annotations")
