"""Objects in Kubernetes' protobuf form, to and from wire-form dicts. Pure.

The published table of messages drives one encoder and one decoder. An object travels in an envelope: a magic number,
then ``runtime.Unknown`` with its kind and its message. What Go writes although it is zero is dropped where JSON would
not have it, so that an object is the same in whichever form it comes.
"""

import base64
import struct
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any

from fakes.apiserver.errors import StatusError, bad_request
from fakes.apiserver.objects import Object
from fakes.apiserver.protobuf_special import META, SPECIAL
from fakes.apiserver.schema import archive
from fakes.apiserver.varints import Malformed, field, length_delimited, read_varint, varint

MAGIC = b"k8s\x00"
WATCH = "application/vnd.kubernetes.protobuf;stream=watch"
"""The content type of a watch: a length before each event."""

_WIRE_VARINT, _WIRE_64, _WIRE_BYTES = 0, 1, 2
_FIXED_SIZE = {1: 8, 5: 4}
"""The wire types of numbers of a fixed size, in bytes; of those only doubles are in use."""
_DOUBLE = struct.Struct("<d")


# --- whole objects --------------------------------------------------------------------------------------------------


def decode(content: bytes) -> Object:
    """The object in an envelope.

    Raises:
        StatusError: 400 if it is broken, or of a kind that has no protobuf form.
    """
    if not content.startswith(MAGIC):
        raise bad_request("the body is no protobuf object of Kubernetes: it does not begin with k8s\\0")
    try:
        unknown = _fields_of(content[len(MAGIC) :])
        type_meta = _fields_of(unknown.get(1, b""))
        api_version, kind = type_meta.get(1, b"").decode(), type_meta.get(2, b"").decode()
        message = message_of(api_version, kind)
        if message is None:
            raise bad_request(f'no kind "{kind}" is registered for version "{api_version}" in protobuf')
        raw = unknown.get(2, b"")
        return {"kind": kind, "apiVersion": api_version, **message.decode(raw, 0, len(raw))}
    except (Malformed, ValueError, OverflowError, RecursionError) as error:
        raise bad_request(f"the body is not valid protobuf: {str(error) or type(error).__name__}") from None


def has_form(obj: Mapping[str, Any]) -> bool:
    """Whether objects of that kind have a protobuf form: custom ones and tables do not."""
    return message_of(obj.get("apiVersion", ""), obj.get("kind", "")) is not None


def encode(obj: Mapping[str, Any]) -> bytes:
    """An object in its envelope; raises ``StatusError`` (406) for a kind that has no protobuf form."""
    return envelope(obj, body(obj))


def body(obj: Mapping[str, Any]) -> bytes:
    """An object's message alone, as it stands in a list."""
    message = message_of(obj["apiVersion"], obj["kind"])
    if message is None:
        raise StatusError(406, "NotAcceptable", f"{obj['kind']} has no protobuf form")
    return message.encode(obj)


def envelope(obj: Mapping[str, Any], message: bytes) -> bytes:
    """The envelope of an object whose message is at hand."""
    type_meta = field(1, obj["apiVersion"].encode()) + field(2, obj["kind"].encode())
    return b"".join((MAGIC, field(1, type_meta), field(2, message), b"\x1a\x00\x22\x00"))


def encode_list(listed: Mapping[str, Any], encode_item: Callable[[Object], bytes]) -> bytes:
    """A list in its envelope, from the messages of its items."""
    of_metadata = named(f"{META}.ListMeta").encode(listed["metadata"])
    items = [field(2, encode_item(item)) for item in listed["items"]]
    return envelope(listed, b"".join((field(1, of_metadata), *items)))


def frame(kind: str, enveloped: bytes) -> bytes:
    """An event of a watch, with its length in front."""
    event = field(1, kind.encode()) + field(2, field(1, enveloped))
    return len(event).to_bytes(4, "big") + event


@cache
def message_of(api_version: str, kind: str) -> "Message | None":
    """The message of a kind; a few kinds belong to every API version."""
    for package in (archive.packages().get(api_version), META):
        if package is not None and kind in archive.messages(package):
            return named(f"{package}.{kind}")
    return None


def _fields_of(data: bytes) -> dict[int, bytes]:
    """The length-delimited fields of a message by number."""
    return {number: data[start:end] for number, start, end in length_delimited(data)}


# --- messages -------------------------------------------------------------------------------------------------------


class Message:
    """One message type: how its fields are read and written."""

    __slots__ = ("_by_number", "_fields", "_name")

    def __init__(self, name: str) -> None:
        self._name = name
        self._fields: list[Field] | None = None
        self._by_number: dict[int, Field] = {}

    def _load(self) -> "list[Field]":
        """The fields, looked up at first use: some messages contain themselves."""
        package, _, short = self._name.rpartition(".")
        fields = sorted((Field(*row) for row in archive.messages(package)[short]), key=lambda each: each.number)
        self._by_number = {each.number: each for each in fields}
        self._fields = fields
        return fields

    def encode(self, obj: Mapping[str, Any]) -> bytes:
        """The message of an object."""
        pieces: list[bytes] = []
        for each in self._fields or self._load():
            if each.inline:
                pieces.append(field(each.number, each.write(obj)))
            else:
                value = obj.get(each.name)
                if value is not None:
                    each.append(pieces, value)
        return b"".join(pieces)

    def decode(self, data: bytes, pos: int, end: int) -> Object:
        """The object of a message."""
        if self._fields is None:
            self._load()
        by_number = self._by_number
        obj: Object = {}
        while pos < end:
            tag, pos = (data[pos], pos + 1) if data[pos] < 128 else read_varint(data, pos, end)
            wire = tag & 7
            each = by_number.get(tag >> 3)
            if wire == _WIRE_BYTES:
                length, start = read_varint(data, pos, end)
                pos = start + length
                if each is not None and pos <= end:
                    each.take(obj, data, start, pos)
            elif wire == _WIRE_VARINT:
                number, pos = read_varint(data, pos, end)
                if each is not None:
                    each.take_number(obj, number)
            elif wire in _FIXED_SIZE:
                pos += _FIXED_SIZE[wire]
                if each is not None and pos <= end:
                    each.take_fixed(obj, data, pos)
            else:
                raise Malformed(f"wire type {wire}")
        if pos > end:
            raise Malformed("a field is longer than its message")
        return obj


class Field:
    """One field of a message: a row of the published table."""

    __slots__ = ("_tag", "how", "inline", "kind", "name", "number", "presence", "read", "write")

    def __init__(self, number: int, name: str, kind: str, how: str, presence: str) -> None:
        self.number, self.name, self.kind, self.how, self.presence = number, name, kind, how, presence
        self.inline = presence == "inline"
        wire = {"double": _WIRE_64}.get(kind, _WIRE_VARINT if kind in ("bool", "int32", "int64") else _WIRE_BYTES)
        self._tag = varint(number << 3 | (_WIRE_BYTES if how == "map" else wire))
        self.read, self.write = _codec(kind)

    def append(self, pieces: list[bytes], value: Any) -> None:
        """Write a value."""
        tag, write, how = self._tag, self.write, self.how
        if how == "one":
            pieces += (tag, write(value)) if self.kind in _NUMBERS else (tag, *_sized(write(value)))
        elif how == "list":
            for item in value:
                pieces += (tag, write(item)) if self.kind in _NUMBERS else (tag, *_sized(write(item)))
        else:
            for key in sorted(value):
                entry = field(1, key.encode()) + field(2, write(value[key]))
                pieces += (tag, *_sized(entry))

    def take(self, obj: Object, data: bytes, start: int, end: int) -> None:
        """Read a length-delimited value into an object."""
        if self.inline:
            obj.update(self.read(data, start, end))
        elif self.how == "map":
            key, value = "", self.read(b"", 0, 0)
            for number, at, until in length_delimited(data, start, end):
                if number == 1:
                    key = str(data[at:until], "utf-8")
                elif number == 2:
                    value = self.read(data, at, until)
            obj.setdefault(self.name, {})[key] = value
        elif self.kind in _NUMBERS:  # packed
            while start < end:
                number, start = read_varint(data, start, end)
                self.take_number(obj, number)
        else:
            self.put(obj, self.read(data, start, end))

    def take_number(self, obj: Object, number: int) -> None:
        """Read a varint into an object."""
        if self.kind == "bool":
            self.put(obj, bool(number))
        elif self.kind in _NUMBERS:
            self.put(obj, number - (1 << 64) if number >> 63 else number)

    def take_fixed(self, obj: Object, data: bytes, end: int) -> None:
        """Read a number of a fixed size into an object."""
        if self.kind == "double":
            self.put(obj, _DOUBLE.unpack_from(data, end - _DOUBLE.size)[0])

    def put(self, obj: Object, value: Any) -> None:
        """A value into an object, unless it is a zero that JSON would not have."""
        if self.how == "list":
            obj.setdefault(self.name, []).append(value)
        elif value is not None and (value or self.presence or value not in ("", {}, 0)):
            obj[self.name] = value


_NUMBERS = ("bool", "int32", "int64", "double")

Codec = tuple[Callable[[bytes, int, int], Any], Callable[[Any], bytes]]


def _sized(content: bytes) -> tuple[bytes, bytes]:
    return varint(len(content)), content


@cache
def named(name: str) -> Message:
    """The message of a name."""
    return Message(name)


def _codec(kind: str) -> Codec:
    """How a value is read (from a length-delimited field) and written."""
    if kind in SPECIAL:
        return SPECIAL[kind]
    if kind in _SCALARS:
        return _SCALARS[kind]
    message = named(kind)
    other = _EITHER.get(kind.rpartition(".")[2])
    return (message.decode, message.encode) if other is None else _either(message, *other)


_EITHER: Mapping[str, tuple[str, Any]] = {
    "JSONSchemaPropsOrArray": ("jSONSchemas", ()),
    "JSONSchemaPropsOrBool": ("allows", False),
    "JSONSchemaPropsOrStringArray": ("property", ()),
}
"""Messages that are a schema or something else: the field of that, and what it is if it is absent."""


def _either(message: Message, other: str, absent: Any) -> Codec:
    def read(data: bytes, start: int, end: int) -> Any:
        found = message.decode(data, start, end)
        return found["schema"] if "schema" in found else found.get(other, absent)

    def write(value: Any) -> bytes:
        return message.encode({"schema" if isinstance(value, dict) else other: value})

    return read, write


@lru_cache(maxsize=8192)
def _interned(text: bytes) -> str:
    """Text, one string for all that are equal: objects repeat themselves."""
    return text.decode()


def _read_text(data: bytes, start: int, end: int) -> str:
    return _interned(data[start:end]) if end - start < 64 else data[start:end].decode()


def _unread(_data: bytes, _start: int, _end: int) -> Any:
    return 0


def _write_int(value: Any) -> bytes:
    return varint(int(value) & 0xFFFFFFFFFFFFFFFF)


_SCALARS: Mapping[str, Codec] = {
    "string": (_read_text, lambda value: str(value).encode()),
    "bytes": (lambda data, start, end: base64.b64encode(data[start:end]).decode(), base64.b64decode),
    "bool": (_unread, lambda value: b"\x01" if value else b"\x00"),
    "int32": (_unread, _write_int),
    "int64": (_unread, _write_int),
    "double": (_unread, _DOUBLE.pack),
}
