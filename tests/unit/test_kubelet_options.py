"""The query of containerLogs."""

from datetime import UTC, datetime

import pytest

from providers.base import LogOptions
from providers.errors import Invalid
from runner.kubelet.options import log_options

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def test_no_query_asks_for_all_there_is() -> None:
    assert log_options({}, NOW) == LogOptions()


def test_all_options_together() -> None:
    query = {
        "tailLines": "5",
        "limitBytes": "100",
        "sinceSeconds": "60",
        "follow": "true",
        "previous": "T",
        "timestamps": "1",
    }
    assert log_options(query, NOW) == LogOptions(
        tail_lines=5,
        limit_bytes=100,
        since=datetime(2026, 3, 1, 11, 59, tzinfo=UTC),
        timestamps=True,
        follow=True,
        previous=True,
    )


def test_a_tail_of_nothing_is_not_a_tail_of_everything() -> None:
    assert log_options({"tailLines": "0"}, NOW).tail_lines == 0


def test_a_time_may_be_given_instead_of_seconds() -> None:
    assert log_options({"sinceTime": "2026-03-01T00:00:00Z"}, NOW).since == datetime(2026, 3, 1, tzinfo=UTC)


def test_unknown_parameters_are_ignored() -> None:
    assert log_options({"insecureSkipTLSVerifyBackend": "maybe"}, NOW) == LogOptions()


@pytest.mark.parametrize(
    "query",
    [
        {"tailLines": "-1"},
        {"tailLines": "many"},
        {"limitBytes": "0"},
        {"sinceSeconds": "0"},
        {"sinceSeconds": "-10"},
        {"sinceSeconds": "10", "sinceTime": "2026-03-01T00:00:00Z"},
        {"sinceTime": "yesterday"},
        {"sinceTime": "2026-03-01T00:00:00"},
        {"follow": "yes"},
        {"timestamps": "2"},
    ],
)
def test_what_a_kubelet_refuses_is_invalid(query: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        log_options(query, NOW)
