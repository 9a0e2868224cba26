"""SPDY framing (``wire.spdy``), each end against the other, and against bytes that a Go client sends."""

import contextlib
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.spdy import DICTIONARY, Connection, Data, GoAway, SpdyError, StreamAccepted, StreamOpened, StreamReset


@pytest.fixture
def ends() -> tuple[Connection, Connection]:
    return Connection(client=True), Connection(client=False)


def test_the_dictionary_is_the_drafts() -> None:
    assert (len(DICTIONARY), zlib.adler32(DICTIONARY)) == (1423, 0xE3C6A7C2)


def test_a_stream_is_opened_and_accepted(ends: tuple[Connection, Connection]) -> None:
    client, server = ends
    first = client.open_stream({"streamType": "data", "port": "80"})
    second = client.open_stream({"streamType": "error", "port": "80"}, fin=True)
    assert (first, second) == (1, 3)
    assert server.receive(client.data_to_send()) == [
        StreamOpened(1, {"streamtype": "data", "port": "80"}, fin=False),
        StreamOpened(3, {"streamtype": "error", "port": "80"}, fin=True),
    ]
    server.accept(1)
    server.accept(3, {"a": "ü"})
    assert client.receive(server.data_to_send()) == [
        StreamAccepted(1, {}, fin=False),
        StreamAccepted(3, {"a": "ü"}, fin=False),
    ]


def test_what_kubernetes_own_library_writes_is_understood() -> None:
    """Two SYN_STREAMs, a PING, a DATA with FIN and a GOAWAY, as moby/spdystream 0.5.0 writes them."""
    recorded = (
        "80030001000000290000000100000000000078f9e3c6a7c26260606004a7b392a2d4c45c6851c29a0a0a6800000000ffff"
        "800300010000001600000003000000000000c22a052a651201000000ffff"
        "80030006000000040000000100000003010000026869"
        "80030007000000080000000000000000"
    )
    server = Connection(client=False)
    assert server.receive(bytes.fromhex(recorded)) == [
        StreamOpened(1, {"streamtype": "error"}, fin=False),
        StreamOpened(3, {"streamtype": "data"}, fin=False),
        Data(3, b"hi", fin=True),
        GoAway(0),
    ]
    assert server.data_to_send() == bytes.fromhex("800300060000000400000001")


@given(st.binary(max_size=200))
def test_no_bytes_do_worse_than_an_error(data: bytes) -> None:
    with contextlib.suppress(SpdyError):
        Connection(client=False).receive(data)


@given(kind=st.integers(0, 10), payload=st.binary(max_size=40))
def test_no_control_frame_does_worse_than_an_error(kind: int, payload: bytes) -> None:
    frame = struct.pack("!HHI", 0x8003, kind, len(payload)) + payload
    with contextlib.suppress(SpdyError):
        Connection(client=False).receive(frame)


def test_bytes_may_be_cut_anywhere(ends: tuple[Connection, Connection]) -> None:
    client, server = ends
    client.open_stream({"streamtype": "data"})
    client.send(1, b"hello", fin=True)
    sent = client.data_to_send()
    events = [event for at in range(len(sent)) for event in server.receive(sent[at : at + 1])]
    assert events == [StreamOpened(1, {"streamtype": "data"}, fin=False), Data(1, b"hello", fin=True)]


def test_what_is_longer_than_a_frame_is_cut(ends: tuple[Connection, Connection]) -> None:
    client, server = ends
    client.send(1, b"x" * ((1 << 24) + 5), fin=True)
    events = [event for event in server.receive(client.data_to_send()) if isinstance(event, Data)]
    assert [(len(event.data), event.fin) for event in events] == [((1 << 24) - 1, False), (6, True)]


def test_a_reset_and_a_goodbye_arrive(ends: tuple[Connection, Connection]) -> None:
    client, server = ends
    client.reset(1)
    client.go_away(7)
    assert server.receive(client.data_to_send()) == [StreamReset(1, 5), GoAway(7)]


def test_a_ping_is_answered_and_its_answer_is_no_event(ends: tuple[Connection, Connection]) -> None:
    client, server = ends
    client.ping()
    sent = client.data_to_send()
    assert server.receive(sent) == []
    echoed = server.data_to_send()
    assert echoed == sent
    assert client.receive(echoed) == []
    assert client.data_to_send() == b"", "an echo is not echoed"


def test_frames_that_do_not_matter_are_passed_over(ends: tuple[Connection, Connection]) -> None:
    _, server = ends
    settings = struct.pack("!II", 1 << 31 | 3 << 16 | 4, 4) + struct.pack("!I", 0)
    window = struct.pack("!II", 1 << 31 | 3 << 16 | 9, 8) + struct.pack("!II", 1, 1000)
    assert server.receive(settings + window) == []


@pytest.mark.parametrize(
    "garbage",
    [
        struct.pack("!II", 1 << 31 | 2 << 16 | 1, 0),
        struct.pack("!II", 1 << 31 | 3 << 16 | 3, 2) + b"xx",
        struct.pack("!II", 1 << 31 | 3 << 16 | 1, 14) + bytes(10) + b"abcd",
    ],
    ids=["another version", "too short", "headers that are none"],
)
def test_what_is_no_spdy_is_an_error(garbage: bytes, ends: tuple[Connection, Connection]) -> None:
    with pytest.raises(SpdyError):
        ends[1].receive(garbage)


def test_a_bomb_of_headers_is_refused() -> None:
    deflate = zlib.compressobj(zdict=DICTIONARY)
    block = deflate.compress(bytes(50_000_000)) + deflate.flush(zlib.Z_SYNC_FLUSH)
    frame = struct.pack("!II", 1 << 31 | 3 << 16 | 1, 10 + len(block)) + bytes(10) + block
    with pytest.raises(SpdyError, match="more than"):
        Connection(client=False).receive(frame)
