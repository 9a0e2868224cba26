"""SPDY/3.1 framing, as far as Kubernetes uses it: for exec, attach and port-forward. No I/O.

``Connection`` is one end. Bytes from the peer go in by ``receive`` and come out as events; what the program does
(opening a stream, sending data) leaves bytes to be taken by ``data_to_send``. Kubernetes' own implementation
(moby/spdystream) has no flow control, so this one has none: WINDOW_UPDATE and SETTINGS are read and ignored.

The format: "SPDY Protocol - Draft 3.1", the Chromium project.
"""

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

FIN = 0x01
"""The flag of a frame after which its sender sends nothing more on that stream."""

CANCEL = 5
PROTOCOL_ERROR = 1
"""Status codes of RST_STREAM."""

MAX_DATA = 1 << 24
"""A frame's length has 24 bits."""

_VERSION = 3
_SYN_STREAM, _SYN_REPLY, _RST_STREAM, _SETTINGS, _PING, _GOAWAY, _HEADERS, _WINDOW_UPDATE = 1, 2, 3, 4, 6, 7, 8, 9
_ID = 0x7FFFFFFF
_MOST_HEADERS = 1000
_LONGEST_HEADER_BLOCK = 1 << 20


class SpdyError(Exception):
    """The peer does not speak SPDY/3.1; the connection is of no use any more."""


@dataclass(frozen=True, slots=True)
class StreamOpened:
    """The peer has opened a stream. Header names are lower case; a ``fin`` one brings no data."""

    stream: int
    headers: Mapping[str, str]
    fin: bool


@dataclass(frozen=True, slots=True)
class StreamAccepted:
    """The peer has answered a stream that this end opened."""

    stream: int
    headers: Mapping[str, str]
    fin: bool


@dataclass(frozen=True, slots=True)
class Data:
    """Bytes on a stream; after ``fin`` the peer sends none there."""

    stream: int
    data: bytes
    fin: bool


@dataclass(frozen=True, slots=True)
class StreamReset:
    """The peer gives up a stream, both ways."""

    stream: int
    status: int


@dataclass(frozen=True, slots=True)
class GoAway:
    """The peer will take no new streams; those up to ``last`` it has seen."""

    last: int


Event = StreamOpened | StreamAccepted | Data | StreamReset | GoAway


class Connection:
    """One end of a SPDY connection.

    Args:
        client: whether this end is the client; it opens streams with odd numbers, the server with even ones.
    """

    def __init__(self, *, client: bool) -> None:
        self._next = 1 if client else 2
        self._incoming = bytearray()
        self._outgoing = bytearray()
        self._deflate = zlib.compressobj(zdict=DICTIONARY)
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)
        self._pings = 0
        self._pings_are_odd = client

    # --- what the peer sends ----------------------------------------------------------------------------------------

    def receive(self, data: bytes) -> list[Event]:
        """Take in bytes, cut anywhere, and tell what they complete. Pings are answered by the way.

        Raises:
            SpdyError: this is no SPDY/3.1.
        """
        self._incoming += data
        events: list[Event] = []
        at = 0
        while len(self._incoming) - at >= _FRAME.size:
            first, second = _FRAME.unpack_from(self._incoming, at)
            flags, length = second >> 24, second & 0xFFFFFF
            end = at + _FRAME.size + length
            if first >> 31 and (first >> 16) & 0x7FFF != _VERSION:
                raise SpdyError(f"version {(first >> 16) & 0x7FFF} instead of {_VERSION}")
            if len(self._incoming) < end:
                break
            payload = bytes(self._incoming[at + _FRAME.size : end])
            if not first >> 31:
                events.append(Data(first, payload, bool(flags & FIN)))
            elif (event := self._control(first & 0xFFFF, flags, payload)) is not None:
                events.append(event)
            at = end
        del self._incoming[:at]
        return events

    def _control(self, kind: int, flags: int, payload: bytes) -> Event | None:
        try:
            if kind == _SYN_STREAM:
                (stream,) = struct.unpack_from("!I", payload)
                return StreamOpened(stream & _ID, self._headers(payload[10:]), bool(flags & FIN))
            if kind in (_SYN_REPLY, _HEADERS):
                (stream,) = struct.unpack_from("!I", payload)
                headers = self._headers(payload[4:])  # read in any case: the compression has a memory
                return StreamAccepted(stream & _ID, headers, bool(flags & FIN)) if kind == _SYN_REPLY else None
            if kind == _RST_STREAM:
                stream, status = struct.unpack("!II", payload)
                return StreamReset(stream & _ID, status)
            if kind == _GOAWAY:
                last, _ = struct.unpack("!II", payload)
                return GoAway(last & _ID)
            if kind == _PING:
                (number,) = struct.unpack("!I", payload)
                if bool(number % 2) != self._pings_are_odd:  # not the echo of one of ours
                    self._send(_PING, payload)
        except struct.error as error:
            raise SpdyError(f"a frame of type {kind} with {len(payload)} bytes") from error
        return None

    def _headers(self, block: bytes) -> dict[str, str]:
        try:
            plain = self._inflate.decompress(block, _LONGEST_HEADER_BLOCK)
        except zlib.error as error:
            raise SpdyError(f"headers cannot be read: {error}") from error
        if self._inflate.unconsumed_tail:
            raise SpdyError(f"headers of more than {_LONGEST_HEADER_BLOCK} bytes")
        (count,) = struct.unpack_from("!I", plain)
        if count > _MOST_HEADERS:
            raise SpdyError(f"{count} headers")
        headers: dict[str, str] = {}
        at = 4
        for _ in range(count):
            name, at = _text(plain, at)
            headers[name.lower()], at = _text(plain, at)
        return headers

    # --- what this end sends ----------------------------------------------------------------------------------------

    def open_stream(self, headers: Mapping[str, str], *, fin: bool = False) -> int:
        """Open a stream; its number."""
        stream, self._next = self._next, self._next + 2
        self._send(_SYN_STREAM, struct.pack("!IIH", stream, 0, 0) + self._block(headers), FIN if fin else 0)
        return stream

    def accept(self, stream: int, headers: Mapping[str, str] | None = None) -> None:
        """Answer a stream that the peer opened."""
        self._send(_SYN_REPLY, struct.pack("!I", stream) + self._block(headers or {}))

    def send(self, stream: int, data: bytes, *, fin: bool = False) -> None:
        """Send bytes on a stream; ``fin`` says that they are the last."""
        pieces = [data[at : at + MAX_DATA - 1] for at in range(0, len(data), MAX_DATA - 1)] or [b""]
        for number, piece in enumerate(pieces, 1):
            flags = FIN if fin and number == len(pieces) else 0
            self._outgoing += _FRAME.pack(stream, flags << 24 | len(piece)) + piece

    def reset(self, stream: int, status: int = CANCEL) -> None:
        """Give up a stream, both ways."""
        self._send(_RST_STREAM, struct.pack("!II", stream, status))

    def ping(self) -> None:
        """Ask for a sign of life; the answer is no event."""
        self._pings += 1
        number = 2 * self._pings - (1 if self._pings_are_odd else 0)
        self._send(_PING, struct.pack("!I", number))

    def go_away(self, last: int = 0) -> None:
        """Say that no new streams are taken; ``last`` is the highest that was."""
        self._send(_GOAWAY, struct.pack("!II", last, 0))

    def data_to_send(self) -> bytes:
        """The bytes that have to go to the peer, once."""
        data = bytes(self._outgoing)
        self._outgoing.clear()
        return data

    def _send(self, kind: int, payload: bytes, flags: int = 0) -> None:
        self._outgoing += _FRAME.pack(1 << 31 | _VERSION << 16 | kind, flags << 24 | len(payload)) + payload

    def _block(self, headers: Mapping[str, str]) -> bytes:
        plain = bytearray(struct.pack("!I", len(headers)))
        for name, value in headers.items():
            for text in (name.lower().encode(), value.encode()):
                plain += struct.pack("!I", len(text)) + text
        return self._deflate.compress(bytes(plain)) + self._deflate.flush(zlib.Z_SYNC_FLUSH)


_FRAME = struct.Struct("!II")


def _text(plain: bytes, at: int) -> tuple[str, int]:
    (length,) = struct.unpack_from("!I", plain, at)
    end = at + 4 + length
    if end > len(plain):
        raise SpdyError("a header that is longer than its block")
    return plain[at + 4 : end].decode("utf-8", "replace"), end


def _dictionary() -> bytes:
    """What both ends have "seen" before the first header, so that the usual words compress well (draft, 2.6.10.1)."""
    usual = (
        "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age "
        "allow authorization cache-control connection content-base content-encoding content-language content-length "
        "content-location content-md5 content-range content-type date etag expect expires from host if-match "
        "if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma "
        "proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade "
        "user-agent vary via warning www-authenticate method get status"
    )
    words = usual.split()
    words += ["200 OK", "version", "HTTP/1.1", "url", "public", "set-cookie", "keep-alive", "origin"]
    codes = (
        "100 101 201 202 205 206 300 302 303 304 305 306 307 402 405 406 407 408 409 410 411 412 413 414 415 416 417 "
        "502 504 505"
    ).replace(" ", "")
    reasons = (
        "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized"
        "403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable"
    )
    rest = (
        "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
        "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,"
        "text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
    )
    counted = b"".join(struct.pack("!I", len(word)) + word.encode() for word in words)
    return counted + (codes + reasons + rest).encode()


DICTIONARY = _dictionary()
"""Its Adler-32 checksum, which every compressed block names, is 0xE3C6A7C2."""
