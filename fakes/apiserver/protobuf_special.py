"""The messages whose JSON form is not an object with their fields: times, quantities, raw JSON and the like. Pure."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import orjson

from fakes.apiserver.varints import field, fields, varint

META = "io.k8s.apimachinery.pkg.apis.meta.v1"
_APIEXTENSIONS = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Codec = tuple[Callable[[bytes, int, int], Any], Callable[[Any], bytes]]


@lru_cache(maxsize=4096)
def _read_time(content: bytes, precision: str) -> str | None:
    """A ``Time`` or ``MicroTime``; Go's zero time has no fields, and stands for no time."""
    if not content:
        return None
    found = {number: value for number, value, _, _ in fields(content)}
    seconds, nanos = found.get(1, 0), found.get(2, 0)
    if seconds >> 63:
        seconds -= 1 << 64
    moment = _EPOCH + timedelta(seconds=seconds, microseconds=nanos // 1000)
    return f"{moment.replace(tzinfo=None).isoformat(timespec=precision)}Z"


@lru_cache(maxsize=4096)
def _write_time(text: str) -> bytes:
    """What is no time goes out as none."""
    try:
        since = datetime.fromisoformat(text) - _EPOCH
    except ValueError:
        return b""
    seconds = since.days * 86_400 + since.seconds
    nanos = since.microseconds * 1000
    return b"\x08" + varint(seconds & 0xFFFFFFFFFFFFFFFF) + b"\x10" + varint(nanos)


def _read_first(data: bytes, start: int, end: int) -> bytes:
    """The content of field 1."""
    return next((data[at:until] for number, _, at, until in fields(data, start, end) if number == 1), b"")


def _read_json(data: bytes, start: int, end: int) -> Any:
    raw = _read_first(data, start, end)
    return orjson.loads(raw) if raw else None


def _write_json(value: Any) -> bytes:
    return field(1, orjson.dumps(value))


def _read_int_or_string(data: bytes, start: int, end: int) -> Any:
    kind, number, text = 0, 0, ""
    for which, value, at, until in fields(data, start, end):
        if which == 1:
            kind = value
        elif which == 2:
            number = value - (1 << 64) if value >> 63 else value
        elif which == 3:
            text = data[at:until].decode()
    return text if kind == 1 else number


def _write_int_or_string(value: Any) -> bytes:
    if isinstance(value, str):
        return b"\x08\x01\x10\x00" + field(3, value.encode())
    return b"\x08\x00\x10" + varint(int(value) & 0xFFFFFFFFFFFFFFFF) + b"\x1a\x00"


def _read_strings(data: bytes, start: int, end: int) -> list[str]:
    return [data[at:until].decode() for number, _, at, until in fields(data, start, end) if number == 1]


_TEXTS: Codec = _read_strings, lambda values: b"".join(field(1, each.encode()) for each in values)
_RAW: Codec = _read_json, _write_json

SPECIAL: Mapping[str, Codec] = {
    f"{META}.Time": (lambda data, start, end: _read_time(data[start:end], "seconds"), _write_time),
    f"{META}.MicroTime": (lambda data, start, end: _read_time(data[start:end], "microseconds"), _write_time),
    f"{META}.FieldsV1": _RAW,
    f"{META}.Verbs": _TEXTS,
    "io.k8s.apimachinery.pkg.api.resource.Quantity": (
        lambda data, start, end: _read_first(data, start, end).decode() or "0",
        lambda value: field(1, str(value).encode()),
    ),
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": (_read_int_or_string, _write_int_or_string),
    "io.k8s.apimachinery.pkg.runtime.RawExtension": _RAW,
    f"{_APIEXTENSIONS}.JSON": _RAW,
    "io.k8s.api.authentication.v1.ExtraValue": _TEXTS,
    "io.k8s.api.authorization.v1.ExtraValue": _TEXTS,
    "io.k8s.api.certificates.v1.ExtraValue": _TEXTS,
}
