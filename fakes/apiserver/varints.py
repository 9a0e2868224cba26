"""The lowest level of protobuf: varints, and fields with a length. Pure."""

from collections.abc import Iterator

_SMALL = tuple(bytes((number,)) for number in range(128))
_MAX_SHIFT = 63


class Malformed(Exception):
    """The bytes are no protobuf."""


def varint(number: int) -> bytes:
    """A number that is not negative."""
    if number < 128:
        return _SMALL[number]
    encoded = bytearray()
    while number > 127:
        encoded.append(number & 127 | 128)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def read_varint(data: bytes, pos: int, end: int) -> tuple[int, int]:
    """The number at a position, and where what follows it begins; raises ``Malformed``."""
    number = shift = 0
    while pos < end:
        byte = data[pos]
        pos += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number & 0xFFFFFFFFFFFFFFFF, pos
        shift += 7
        if shift > _MAX_SHIFT:
            raise Malformed("a number has too many digits")
    raise Malformed("it ends within a number")


def field(number: int, content: bytes) -> bytes:
    """A field with that content."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def fields(data: bytes, pos: int = 0, end: int = -1) -> Iterator[tuple[int, int, int, int]]:
    """The fields of a message: number, number in it (of a varint), and where its content begins and ends."""
    end = len(data) if end < 0 else end
    while pos < end:
        tag, pos = read_varint(data, pos, end)
        wire, value, start = tag & 7, 0, pos
        if wire == 0:
            value, pos = read_varint(data, pos, end)
        elif wire == 2:
            length, start = read_varint(data, pos, end)
            pos = start + length
        elif wire in (1, 5):
            pos += 8 if wire == 1 else 4
        else:
            raise Malformed(f"wire type {wire}")
        if pos > end:
            raise Malformed("a field is longer than its message")
        yield tag >> 3, value, start, pos


def length_delimited(data: bytes, pos: int = 0, end: int = -1) -> Iterator[tuple[int, int, int]]:
    """The fields of a message that may be text: number, and where the content begins and ends."""
    for number, _, start, stop in fields(data, pos, end):
        yield number, start, stop
