"""How often ACI may be called."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from azure.core.pipeline import PipelineRequest, PipelineResponse

from providers.aci.pace import FIVE_MINUTES, HOUR, Bucket, Turns
from providers.aci.throttle import Throttle, retry_after
from providers.errors import Retryable

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_a_burst_goes_through_and_the_next_waits_its_turn() -> None:
    turns = Turns([(300, HOUR), (100, FIVE_MINUTES)])
    assert [turns.wait(each, NOW) for each in range(100)] == [timedelta(0)] * 100
    assert turns.wait("late", NOW) == timedelta(seconds=3)
    assert turns.wait("later", NOW) == timedelta(seconds=6)


def test_the_hours_limit_holds_after_the_bursts() -> None:
    turns = Turns([(300, HOUR), (100, FIVE_MINUTES)])
    waits = [turns.wait(each, NOW).total_seconds() for each in range(1000)]
    assert sum(wait < 3600 for wait in waits) <= 600
    assert waits == sorted(waits)
    assert waits[-1] == pytest.approx((1000 - 300) * 12)


def test_a_turn_is_kept_for_who_was_told_to_wait() -> None:
    turns = Turns([(1, timedelta(seconds=10))])
    assert not turns.wait("first", NOW)
    assert turns.wait("second", NOW) == timedelta(seconds=10)
    assert turns.wait("third", NOW) == timedelta(seconds=20)
    assert turns.wait("second", after(4)) == timedelta(seconds=6)
    assert not turns.wait("third", after(21))
    assert not turns.wait("second", after(22))
    assert turns.wait("second", after(22))


def test_who_never_comes_is_forgotten() -> None:
    turns = Turns([(1, timedelta(seconds=10))])
    for each in range(100):
        turns.wait(each, NOW)
    turns.wait("x", after(10_000))
    turns.wait("y", after(10_000))
    assert list(turns._kept) == ["y"]


def test_a_bucket_fills_with_time_up_to_its_burst() -> None:
    bucket = Bucket(3600, 10)
    bucket.take(10, NOW)
    assert bucket.available(NOW) == 0
    assert bucket.available(after(4)) == 4
    assert bucket.available(after(1000)) == 10


def test_what_cannot_wait_overdraws_a_bucket() -> None:
    bucket = Bucket(3600, 10)
    bucket.take(15, NOW)
    assert bucket.available(after(5)) == 0
    assert bucket.available(after(6)) == 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "17"}, 17),
        ({"x-ms-retry-after-ms": "1500", "Retry-After": "17"}, 1.5),
        ({"Retry-After": "Thu, 01 Jan 2026 00:00:30 GMT"}, 30),
        ({"Retry-After": "Wed, 31 Dec 2025 00:00:30 GMT"}, 0),
    ],
)
def test_how_long_azure_asks_to_wait(headers: dict[str, str], seconds: float) -> None:
    assert retry_after(headers, NOW) == timedelta(seconds=seconds)


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "soon"}, {"Retry-After": ""}])
def test_azure_may_not_say_how_long(headers: dict[str, str]) -> None:
    assert retry_after(headers, NOW) is None


class Clock:
    now_ = NOW

    def now(self) -> datetime:
        return self.now_


def request(method: str) -> Any:
    return PipelineRequest(SimpleNamespace(method=method), None)


def answer(status: int, **headers: str) -> Any:
    return PipelineResponse(
        None, SimpleNamespace(status_code=status, headers={k.replace("_", "-"): v for k, v in headers.items()}), None
    )


def test_a_throttled_kind_of_call_is_not_sent_and_others_are() -> None:
    clock, reads = Clock(), Bucket(3600, 100)
    throttle = Throttle(clock, reads)
    throttle.on_response(request("PUT"), answer(429, Retry_After="20"))
    with pytest.raises(Retryable, match="no PUT for another 20 s"):
        throttle.on_request(request("PUT"))
    throttle.on_request(request("GET"))
    assert reads.available(NOW) == 99
    clock.now_ = after(20)
    throttle.on_request(request("PUT"))


def test_azures_count_of_reads_is_remembered() -> None:
    throttle = Throttle(Clock(), Bucket(3600, 100))
    throttle.on_response(request("GET"), answer(200, x_ms_ratelimit_remaining_subscription_reads="11"))
    assert throttle.reads_left == 11
