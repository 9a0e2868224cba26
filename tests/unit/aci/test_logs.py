"""Logs from ACI, which hands out all of it, or its end, each time."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from fakes.aci.script import VARIABLE
from providers import pods
from providers.aci import logs
from providers.aci.logs import Source, overlapping
from providers.base import LogOptions
from providers.errors import NotFound, Retryable
from tests.unit.aci.setting import Azure, a_pod, play
from vksim.loop import run

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


@given(st.lists(st.sampled_from("ab"), max_size=8), st.lists(st.sampled_from("ab"), max_size=8))
def test_the_overlap_is_the_longest_there_is(seen: list[str], lines: list[str]) -> None:
    expected = max(
        size for size in range(len(lines) + 1) if size <= len(seen) and seen[len(seen) - size :] == lines[:size]
    )
    assert overlapping(seen, lines) == expected


class Written:
    """A log that grows with virtual time: so many lines a second, until an end; ACI keeps the last ones."""

    def __init__(self, per_second: float, until: float, keeps: int = 1_000_000) -> None:
        self.per_second, self.until, self.keeps = per_second, until, keeps
        self.asked: list[int | None] = []

    def count(self) -> int:
        return int(min(asyncio.get_running_loop().time(), self.until) * self.per_second)

    def line(self, number: int) -> str:
        stamp = BEGIN + timedelta(seconds=number / self.per_second)
        return f"{stamp:%Y-%m-%dT%H:%M:%S.%f}000Z line {number}"

    async def logs(self, name: str, container: str, tail: int | None) -> str:
        self.asked.append(tail)
        count = self.count()
        first = max(0, count - min(self.keeps, self.keeps if tail is None else tail))
        return "".join(f"{self.line(number)}\n" for number in range(first, count))

    async def is_over(self) -> bool:
        return asyncio.get_running_loop().time() >= self.until


def followed(written: Written, options: LogOptions, over: Callable[[Written], object] | None = None) -> list[str]:
    async def read() -> list[str]:
        source = Source(written, "group", "main", written.is_over)
        pieces = [each async for each in source.read(options)]
        return b"".join(pieces).decode().splitlines()

    return run(read())


def test_following_loses_and_doubles_no_line() -> None:
    shown = followed(Written(7, 100), LogOptions(follow=True))
    assert shown == [f"line {number}" for number in range(700)]


def test_following_a_fast_log_asks_for_the_whole_when_the_end_does_not_reach_back() -> None:
    written = Written(1000, 20)
    assert followed(written, LogOptions(follow=True)) == [f"line {number}" for number in range(20_000)]
    assert None in written.asked[1:]


def test_following_a_log_of_which_azure_drops_the_beginning_goes_on_with_what_is_left() -> None:
    shown = followed(Written(1000, 20, keeps=1500), LogOptions(follow=True))
    numbers = [int(each.removeprefix("line ")) for each in shown]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == 19_999


def test_following_from_the_tail_begins_there() -> None:
    async def later() -> list[str]:
        await asyncio.sleep(50)
        written = Written(1, 60)
        source = Source(written, "group", "main", written.is_over)
        options = LogOptions(follow=True, tail_lines=2)
        return b"".join([each async for each in source.read(options)]).decode().splitlines()

    assert run(later()) == [f"line {number}" for number in range(48, 60)]


def test_a_quiet_log_is_asked_for_more_rarely() -> None:
    written = Written(0.001, 3600)
    followed(written, LogOptions(follow=True))
    assert len(written.asked) < 3600 / logs.LONGEST_POLL + 20


def test_times_are_shown_only_if_they_are_wanted() -> None:
    async def later(options: LogOptions) -> str:
        await asyncio.sleep(2)
        written = Written(1, 1)
        return b"".join([each async for each in Source(written, "g", "c", written.is_over).read(options)]).decode()

    assert run(later(LogOptions())) == "line 0\n"
    assert run(later(LogOptions(timestamps=True))) == "2026-01-01T00:00:00.000000000Z line 0\n"


def test_the_log_since_a_moment_is_asked_for_whole() -> None:
    async def later() -> str:
        await asyncio.sleep(10)
        written = Written(1, 10)
        options = LogOptions(since=BEGIN + timedelta(seconds=7), tail_lines=2)
        text = b"".join([each async for each in Source(written, "g", "c", written.is_over).read(options)]).decode()
        assert written.asked == [None]
        return text

    assert run(later()) == "line 8\nline 9\n"


def test_a_line_without_a_time_stays_a_line() -> None:
    assert [each.text for each in logs._parsed(["2026-01-01T00:00:00Z one", "torn line", ""])] == [
        "one",
        "torn line",
        "",
    ]


def test_a_container_that_has_not_written_has_an_empty_log() -> None:
    class Nothing(Written):
        async def logs(self, name: str, container: str, tail: int | None) -> str:
            raise NotFound("ContainerLogNotAvailable")

    assert followed(Nothing(1, 0), LogOptions()) == []


def test_who_follows_a_log_does_not_hear_of_an_outage() -> None:
    class Broken(Written):
        async def logs(self, name: str, container: str, tail: int | None) -> str:
            if 10 < asyncio.get_running_loop().time() < 40:
                raise Retryable("ServiceUnavailable")
            return await super().logs(name, container, tail)

    assert followed(Broken(1, 60), LogOptions(follow=True)) == [f"line {number}" for number in range(60)]


def test_a_log_is_followed_on_azure_until_the_container_ends() -> None:
    async def story(azure: Azure) -> None:
        pod = a_pod()
        pod["spec"]["restartPolicy"] = "Never"
        script = '{"run_for": 60, "log": "hello", "log_every": 2}'
        pod["spec"]["containers"][0]["env"] = [{"name": VARIABLE, "value": script}]
        await azure.provider.create_pod(pod)
        pieces = azure.provider.container_logs(pods.ref(pod), "main", LogOptions(follow=True))
        text = b"".join([each async for each in pieces]).decode()
        assert text.splitlines() == ["hello", *[f"line {number}" for number in range(1, 31)]]

    play(story)
