"""The messages of Session Manager's data channel, and their order."""

import contextlib
import hashlib
import struct
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire import ssm
from wire.ssm import Channel, Message

SOME = Message(ssm.OUTPUT, b"hello", ssm.DATA, 7, UUID("00112233-4455-6677-8899-aabbccddeeff"), 1_700_000_000_000)


def channel() -> Channel:
    return Channel(ssm.INPUT, Random(1))


def test_a_message_is_read_as_it_was_written():
    assert ssm.decoded(SOME.encoded()) == SOME


def test_a_header_has_the_fields_at_their_places():
    raw = SOME.encoded()
    assert struct.unpack(">I", raw[:4]) == (116,)
    assert raw[4:36] == b"output_stream_data".ljust(32)
    assert struct.unpack(">IQqQ", raw[36:64]) == (1, 1_700_000_000_000, 7, 0)
    assert raw[64:80].hex() == "8899aabbccddeeff0011223344556677"
    assert raw[80:112] == hashlib.sha256(b"hello").digest()
    assert struct.unpack(">II", raw[112:120]) == (ssm.DATA, 5)
    assert raw[120:] == b"hello"


@pytest.mark.parametrize(
    "raw",
    [b"", SOME.encoded()[:50], SOME.encoded()[:-1], SOME.encoded()[:-1] + b"!", b"\xff" * 4 + SOME.encoded()[4:]],
    ids=["nothing", "half a header", "cut short", "damaged", "a header without end"],
)
def test_a_message_that_is_damaged_is_refused(raw: bytes):
    with pytest.raises(ValueError, match="a message"):
        ssm.decoded(raw)


def test_data_is_numbered_from_0():
    sender = channel()
    assert [ssm.decoded(sender.data(b"x", 0)).sequence for _ in range(3)] == [0, 1, 2]


def test_what_comes_out_of_order_is_read_in_order_and_once():
    receiver = channel()
    messages = [Message(ssm.OUTPUT, b"%d" % number, ssm.DATA, number) for number in range(3)]
    read = [[each.payload for each in receiver.received(messages[number])] for number in (1, 0, 0, 1, 2)]
    assert read == [[], [b"0", b"1"], [], [], [b"2"]]


def test_what_is_not_acknowledged_is_to_be_sent_again():
    sender, receiver = channel(), channel()
    first, second = sender.data(b"a", 0), sender.data(b"b", 0)
    assert sender.unheard() == first
    sender.heard(ssm.decoded(receiver.acknowledgement(ssm.decoded(first), 0)))
    assert sender.unheard() == second
    sender.heard(ssm.decoded(receiver.acknowledgement(ssm.decoded(second), 0)))
    assert sender.unheard() is None


def test_an_acknowledgement_without_a_number_is_refused():
    with pytest.raises(ValueError, match="names no message"):
        channel().heard(Message(ssm.ACKNOWLEDGE, b"{}"))


@given(
    st.builds(
        Message,
        st.sampled_from([ssm.INPUT, ssm.OUTPUT, ssm.ACKNOWLEDGE, ssm.CLOSED]),
        st.binary(max_size=2000),
        st.integers(0, 2**32 - 1),
        st.integers(-(2**63), 2**63 - 1),
        st.uuids(),
        st.integers(0, 2**64 - 1),
        st.integers(0, 2**64 - 1),
    )
)
def test_any_message_is_read_as_it_was_written(message: Message):
    assert ssm.decoded(message.encoded()) == message


@given(st.binary(max_size=300))
def test_any_bytes_are_a_message_or_refused(raw: bytes):
    with contextlib.suppress(ValueError):
        ssm.decoded(raw)
