"""Types as patches, applies and checks need them: which fields there are, and how lists and maps merge. Pure."""

from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import Any

from fakes.apiserver.schema import archive

_REFERENCE = "#/components/schemas/"
_SCALARS = ("string", "integer", "number", "boolean")


class Form(Enum):
    """What a value of a type looks like."""

    STRUCT = "struct"
    """An object whose fields are known."""
    MAP = "map"
    """An object with any keys, and values of one type."""
    LIST = "list"
    SCALAR = "scalar"
    ANY = "any"
    """Anything at all: what is in it is nobody's business."""


class Schema:
    """One type, or the type of one field. Nested types are looked up when they are asked for, since some are recursive.

    Attributes:
        form: what its values look like.
        merge_key: for strategic merge patches: the field by which a list merges, "" for a set of plain values, None
            for a list that is replaced.
        replaced: a strategic merge patch replaces it as a whole though it is an object.
        list_type: for server-side apply: ``atomic``, ``set`` or ``map``.
        list_keys: the fields that tell the elements of such a map apart.
        atomic: server-side apply takes the object as one value.
        name: of the type, as OpenAPI has it; "" for one that has none.
        either: a scalar that is a number or a string: an int or string, or a quantity.
        type: OpenAPI's type and
        format: of a scalar; "" if it has none. Of an int or string, and of a quantity, the type is ``string``.
    """

    __slots__ = (
        "_fields",
        "_items",
        "_merged",
        "_raw",
        "atomic",
        "either",
        "form",
        "format",
        "list_keys",
        "list_type",
        "merge_key",
        "name",
        "replaced",
        "type",
    )

    def __init__(self, raw: Mapping[str, Any]) -> None:
        referred = _referred(raw)
        body = {**definition(referred), **raw} if referred else raw
        strategy = raw.get("x-kubernetes-patch-strategy", "").split(",")
        self._raw = body
        self._fields: dict[str, Schema] | None = None
        self._items: Schema | None = None
        self._merged: frozenset[str] | None = None
        self.name = referred
        self.form = _form(body)
        self.either = "oneOf" in body
        self.type: str = body.get("type") or "string"
        self.format: str = body.get("format", "")
        self.merge_key: str | None = body.get("x-kubernetes-patch-merge-key", "") if "merge" in strategy else None
        self.replaced = "replace" in strategy
        self.list_type: str = body.get("x-kubernetes-list-type", "atomic")
        self.list_keys: tuple[str, ...] = tuple(body.get("x-kubernetes-list-map-keys", ()))
        self.atomic = body.get("x-kubernetes-map-type") == "atomic" or self.form is Form.ANY

    @property
    def fields(self) -> Mapping[str, "Schema"]:
        """The fields of a struct; none for the rest."""
        if self._fields is None:
            self._fields = {name: Schema(raw) for name, raw in self._raw.get("properties", {}).items()}
        return self._fields

    @property
    def merged(self) -> frozenset[str]:
        """The fields that are lists which a strategic merge patch merges."""
        if self._merged is None:
            self._merged = frozenset(name for name, each in self.fields.items() if each.merge_key is not None)
        return self._merged

    @property
    def items(self) -> "Schema":
        """The type of a list's elements or of a map's values; ``ANY`` for the rest."""
        if self._items is None:
            raw = self._raw.get("items") or self._raw.get("additionalProperties")
            self._items = Schema(raw) if isinstance(raw, Mapping) and raw else ANY
        return self._items

    def default(self, field: str) -> Any:
        """What an absent field means, if the type says so."""
        return self._raw.get("properties", {}).get(field, {}).get("default")

    def always_has(self, field: str) -> bool:
        """Whether Go's type has the field as a part of it, so that every object has it, if only empty."""
        return self.default(field) == {} or field in self._raw.get("required", ())

    def child(self, key: str) -> "Schema":
        """The type of the value under a key; ``ANY`` for a field that the type does not have."""
        if self.form is Form.STRUCT:
            return self.fields.get(key, ANY)
        return self.items if self.form is Form.MAP else ANY


@cache
def of_kind(api_version: str, kind: str) -> Schema | None:
    """The type of a kind that Kubernetes itself brings; None for another one."""
    package = archive.packages().get(api_version)
    if package is None or kind not in archive.types(package):
        return None
    return of_type(f"{package}.{kind}")


@cache
def of_type(name: str) -> Schema:
    """The type of a name as OpenAPI has it, e.g. ``io.k8s.api.core.v1.PodSpec``."""
    return Schema(definition(name))


def definition(name: str) -> Mapping[str, Any]:
    """The OpenAPI schema of a type, less descriptions."""
    package, _, short = name.rpartition(".")
    found: Mapping[str, Any] = archive.types(package)[short]
    return found


def _referred(raw: Mapping[str, Any]) -> str:
    """The name of the type that a schema refers to; "" if it stands for itself."""
    reference = raw.get("$ref") or next((each.get("$ref", "") for each in raw.get("allOf", ())), "")
    return str(reference).removeprefix(_REFERENCE)


def _form(raw: Mapping[str, Any]) -> Form:
    if raw.get("properties"):
        return Form.STRUCT
    kind = raw.get("type")
    if kind == "array":
        return Form.LIST
    if kind in _SCALARS or raw.get("oneOf"):
        return Form.SCALAR
    return Form.MAP if raw.get("additionalProperties") else Form.ANY


ANY = Schema({})
"""The type of what no type is known of."""

DEDUCED = Schema({"additionalProperties": {"type": "object"}})
"""The type of a custom resource as server-side apply sees it: objects of objects, and lists that are one value."""
DEDUCED._items = DEDUCED  # noqa: SLF001  (it contains itself)
