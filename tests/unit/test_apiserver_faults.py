"""Rules of faults: which requests they concern, and what those meet."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from fakes.apiserver.errors import StatusError
from fakes.apiserver.faults import NONE, Faults, Trouble, parse
from fakes.apiserver.options import ListOptions

START = datetime(2026, 1, 2, tzinfo=UTC)


class Setting:
    """Rules with a clock and a version to turn."""

    def __init__(self, *rules: dict[str, Any]) -> None:
        self.seconds = 0.0
        self.version = 1
        self.faults = Faults(
            parse(list(rules)),
            now=lambda: START + timedelta(seconds=self.seconds),
            random=Random(1),
            version=lambda: self.version,
        )

    def meet(self, verb: str = "get", resource: str = "pods", client: str = "kubectl/v1") -> Trouble:
        return self.faults.meet(verb, resource, client)

    def refused(self, **request: str) -> int:
        try:
            self.meet(**request)
        except StatusError as error:
            return error.code
        return 0


def test_without_rules_nothing_happens() -> None:
    assert Setting().meet() is NONE


def test_a_rule_refuses_with_its_code() -> None:
    with pytest.raises(StatusError) as caught:
        Setting({"error": 429, "retryAfter": 3, "message": "slower"}).meet()
    status = caught.value.status
    assert (status["code"], status["reason"], status["message"]) == (429, "TooManyRequests", "slower")
    assert status["details"] == {"retryAfterSeconds": 3}


@pytest.mark.parametrize(
    ("rule", "request_"),
    [
        ({"verbs": ["create"]}, {"verb": "get"}),
        ({"resources": ["nodes"]}, {"resource": "pods"}),
        ({"clients": ["runner"]}, {"client": "kubectl/v1"}),
    ],
)
def test_a_rule_leaves_other_requests_alone(rule: dict[str, Any], request_: dict[str, str]) -> None:
    assert Setting({"error": 500, **rule}).refused(**request_) == 0


def test_a_rule_has_its_time() -> None:
    setting = Setting({"error": 503, "after": 10, "until": 20})
    found = []
    for setting.seconds in (9.9, 10, 19.9, 20):
        found.append(setting.refused())
    assert found == [0, 503, 503, 0]


def test_a_probability_is_of_so_many_requests_and_comes_again() -> None:
    first, second = (Setting({"error": 500, "probability": 0.25}) for _ in range(2))
    found = [first.refused() for _ in range(400)]
    assert found == [second.refused() for _ in range(400)]
    assert 60 < found.count(500) < 140


def test_latencies_add_up() -> None:
    assert Setting({"latency": 0.2}, {"latency": 0.3}).meet() == Trouble(latency=0.5)


def test_a_latency_is_drawn_from_a_range() -> None:
    setting = Setting({"latency": [1, 2]})
    drawn = {setting.meet().latency for _ in range(10)}
    assert len(drawn) == 10
    assert all(1 <= each <= 2 for each in drawn)


def test_watches_drop() -> None:
    assert Setting({"drop": 5, "verbs": ["watch"]}).meet("watch") == Trouble(drop=5)


@pytest.fixture
def lagging() -> Callable[[float], str]:
    """Ten versions, one a second; what a list from the cache asks for when it is so far behind."""
    setting = Setting({"lag": 3})
    for second in range(10):
        setting.seconds, setting.version = second, second + 1
        setting.meet()

    def asked(lag: float) -> str:
        return setting.faults.past(ListOptions(resource_version="0"), lag).resource_version

    return asked


def test_a_list_from_the_cache_shows_the_past(lagging: Callable[[float], str]) -> None:
    assert lagging(3) == "7"


def test_a_list_of_the_newest_is_never_behind() -> None:
    setting = Setting({"lag": 3})
    newest = ListOptions()
    assert setting.faults.past(newest, setting.meet().lag) is newest


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({}, "has none"),
        ({"error": 500, "lag": 1}, "has error and lag"),
        ({"error": 418}, "418 is not one of"),
        ({"error": 500, "probability": 2}, "not between 0 and 1"),
        ({"error": 500, "verb": "get"}, "unknown field `verb`"),
    ],
)
def test_a_mistake_in_a_rule_is_told(rule: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse([rule])
