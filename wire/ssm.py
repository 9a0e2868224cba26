"""The data channel of AWS Session Manager, over which ECS Exec carries a command: its messages, and their order. Pure.

A message is a header of fixed width (big-endian), the payload's length, the payload. Both sides number their data from
0, acknowledge each message, and put what comes out of order back into it. Source: AWS's session-manager-plugin.
"""

import hashlib
import json
import struct
from collections.abc import Iterator
from random import Random
from typing import Any, NamedTuple
from uuid import UUID

INPUT, OUTPUT = "input_stream_data", "output_stream_data"
ACKNOWLEDGE, CLOSED = "acknowledge", "channel_closed"
"""Kinds of messages."""
DATA, SIZE = 1, 3
HANDSHAKE_REQUEST, HANDSHAKE_RESPONSE, HANDSHAKE_COMPLETE = 5, 6, 7
"""Kinds of payloads."""
SCHEMA = 1
MOST_PAYLOAD = 1024
"""Bytes of input in one message, as AWS's own client sends them."""
MOST_WAITING = 10_000
"""Messages that may wait for one before them."""
_HEADER = struct.Struct(">I32sIQqQ16s32sI")
_LENGTH = struct.Struct(">I")
_BOTH_ENDS = 3
"""The flags of a message that is a stream of its own: its first (1) and its last (2)."""


class Message(NamedTuple):
    """A message.

    Attributes:
        kind: of message.
        payload: its content.
        payload_kind: of data; 0 for none.
        sequence: its number in the stream.
        id: its identity.
        created: milliseconds since 1970.
        flags: 1 for the first of a stream, 2 for the last.
    """

    kind: str
    payload: bytes
    payload_kind: int = 0
    sequence: int = 0
    id: UUID = UUID(int=0)
    created: int = 0
    flags: int = 0

    def encoded(self) -> bytes:
        """As it travels."""
        kind, digest = self.kind.encode().ljust(32), hashlib.sha256(self.payload).digest()
        header = _HEADER.pack(
            _HEADER.size,
            kind,
            SCHEMA,
            self.created,
            self.sequence,
            self.flags,
            _swapped(self.id.bytes),
            digest,
            self.payload_kind,
        )
        return header + _LENGTH.pack(len(self.payload)) + self.payload

    def content(self) -> dict[str, Any]:
        """A payload that is JSON. Raises ValueError."""
        content = json.loads(self.payload)
        if not isinstance(content, dict):
            raise ValueError("the payload is no object")  # noqa: TRY004  (what is wrong is on the wire)
        return content


def decoded(raw: bytes) -> Message:
    """A message. Raises ValueError if it is cut short or damaged."""
    if len(raw) < _HEADER.size + _LENGTH.size:
        raise ValueError(f"a message of {len(raw)} bytes is shorter than its header")
    size, kind, _, created, sequence, flags, identity, digest, payload_kind = _HEADER.unpack_from(raw)
    start = size + _LENGTH.size
    if size < _HEADER.size or start > len(raw):
        raise ValueError(f"a message of {len(raw)} bytes has a header of {size}")
    (length,) = _LENGTH.unpack_from(raw, size)
    payload = raw[start : start + length]
    if len(payload) != length:
        raise ValueError(f"a message has {len(payload)} bytes of payload and announces {length}")
    if payload and hashlib.sha256(payload).digest() != digest:
        raise ValueError("a message's payload does not have its digest")
    text = kind.strip(b"\0 ").decode("ascii", "replace")
    return Message(text, payload, payload_kind, sequence, UUID(bytes=_swapped(identity)), created, flags)


def _swapped(identity: bytes) -> bytes:
    """The halves of a UUID go the other way round."""
    return identity[8:] + identity[:8]


class Channel:
    """One side of a data channel: numbers what is sent, orders what comes, knows what is not acknowledged.

    Args:
        kind: of the data that this side sends, ``INPUT`` or ``OUTPUT``.
        random: makes the identities of messages.
    """

    def __init__(self, kind: str, random: Random) -> None:
        self._kind = kind
        self._random = random
        self._next_out = 0
        self._next_in = 0
        self._waiting: dict[int, Message] = {}
        self._unheard: dict[int, bytes] = {}

    def data(self, payload: bytes, created: int, payload_kind: int = DATA) -> bytes:
        """The next message of data, as it travels."""
        message = Message(self._kind, payload, payload_kind, self._next_out, self._identity(), created)
        self._next_out += 1
        self._unheard[message.sequence] = message.encoded()
        return self._unheard[message.sequence]

    def acknowledgement(self, message: Message, created: int) -> bytes:
        """What says that a message has come."""
        told = {
            "AcknowledgedMessageType": message.kind,
            "AcknowledgedMessageId": str(message.id),
            "AcknowledgedMessageSequenceNumber": message.sequence,
            "IsSequentialMessage": True,
        }
        payload = json.dumps(told).encode()
        return Message(ACKNOWLEDGE, payload, id=self._identity(), created=created, flags=_BOTH_ENDS).encoded()

    def closed(self, session: str, output: str, created: int) -> bytes:
        """What says that the session has ended."""
        told = {"MessageType": CLOSED, "SessionId": session, "Output": output, "SchemaVersion": SCHEMA}
        payload = json.dumps(told).encode()
        return Message(CLOSED, payload, id=self._identity(), created=created, flags=_BOTH_ENDS).encoded()

    def takes(self, message: Message) -> bool:
        """Whether a message of data can be taken, and so is to be acknowledged."""
        return message.sequence <= self._next_in or len(self._waiting) < MOST_WAITING

    def received(self, message: Message) -> Iterator[Message]:
        """What can be read now that this message of data is here, in order; nothing twice."""
        if message.sequence < self._next_in or not self.takes(message):
            return
        self._waiting[message.sequence] = message
        while (following := self._waiting.pop(self._next_in, None)) is not None:
            self._next_in += 1
            yield following

    def heard(self, acknowledgement: Message) -> None:
        """The other side has a message. Raises ValueError if it does not say which."""
        number = acknowledgement.content().get("AcknowledgedMessageSequenceNumber")
        if not isinstance(number, int):
            raise ValueError("an acknowledgement names no message")  # noqa: TRY004  (what is wrong is on the wire)
        self._unheard.pop(number, None)

    def unheard(self) -> bytes | None:
        """The oldest message of data that is not acknowledged, to be sent again."""
        return next(iter(self._unheard.values()), None)

    def _identity(self) -> UUID:
        return UUID(int=self._random.getrandbits(128), version=4)
