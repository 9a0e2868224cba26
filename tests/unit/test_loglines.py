"""The kubelet's log options, applied to lines. Compared with the plain meaning on random logs."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.base import LogOptions
from providers.loglines import LogLine, Writer, select

START = datetime(2026, 1, 1, tzinfo=UTC)
LINES = [LogLine(START + timedelta(seconds=number), f"line {number}") for number in range(10)]


def shown(options: LogOptions) -> str:
    return b"".join(Writer(options).write(select(LINES, options))).decode()


def test_without_options_there_is_all() -> None:
    assert shown(LogOptions()) == "".join(f"line {number}\n" for number in range(10))


@pytest.mark.parametrize(("tail", "first"), [(0, 10), (1, 9), (3, 7), (10, 0), (99, 0)])
def test_tail_lines_are_the_last_so_many(tail: int, first: int) -> None:
    assert select(LINES, LogOptions(tail_lines=tail)) == LINES[first:]


def test_since_includes_its_moment() -> None:
    assert select(LINES, LogOptions(since=START + timedelta(seconds=7))) == LINES[7:]


def test_since_after_the_last_line_gives_nothing() -> None:
    assert not select(LINES, LogOptions(since=START + timedelta(days=1)))


def test_timestamps_are_rfc3339_with_nine_digits() -> None:
    assert shown(LogOptions(timestamps=True, tail_lines=1)) == "2026-01-01T00:00:09.000000000Z line 9\n"


@pytest.mark.parametrize(("limit", "text"), [(1, "l"), (7, "line 0\n"), (10, "line 0\nlin")])
def test_the_limit_cuts_in_the_middle_of_a_line(limit: int, text: str) -> None:
    assert shown(LogOptions(limit_bytes=limit)) == text


def test_the_limit_counts_bytes_of_times_too() -> None:
    assert shown(LogOptions(limit_bytes=10, timestamps=True)) == "2026-01-01"


def test_the_limit_holds_over_several_writes() -> None:
    writer = Writer(LogOptions(limit_bytes=10))
    assert b"".join(writer.write(LINES[:1])) == b"line 0\n"
    assert not writer.full
    assert b"".join(writer.write(LINES[1:])) == b"lin"
    assert writer.full
    assert not list(writer.write(LINES))


@given(
    times=st.lists(st.integers(0, 20), max_size=20).map(sorted),
    tail=st.none() | st.integers(0, 25),
    since=st.none() | st.integers(-1, 21),
)
def test_select_takes_the_last_lines_that_are_recent_enough(
    times: list[int], tail: int | None, since: int | None
) -> None:
    lines = [LogLine(START + timedelta(seconds=time), str(number)) for number, time in enumerate(times)]
    moment = None if since is None else START + timedelta(seconds=since)
    recent = [line for line in lines if moment is None or line.written >= moment]
    expected = recent if tail is None else recent[max(len(recent) - tail, 0) :]
    assert select(lines, LogOptions(tail_lines=tail, since=moment)) == expected
