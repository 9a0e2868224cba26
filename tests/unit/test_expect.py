"""Objectives (``vksim.expect``)."""

import pytest

from vksim.expect import judge, parse


@pytest.mark.parametrize(
    ("text", "measured", "met"),
    [
        ("pods.failed == 0", 0, True),
        ("pods.failed == 0", 1, False),
        ("pod.startup.p99 <= 1m30s", 90, True),
        ("pod.startup.p99 <= 1m30s", 90.1, False),
        ("pod.startup.p99 < 90", 90, False),
        ("pods.created >= 5", 5, True),
        ("pods.created != 5", 5, False),
        ("pods.created > 5", 5, False),
    ],
)
def test_an_objective_is_met_or_missed(text: str, measured: float, met: bool) -> None:
    (verdict,) = judge([text], {parse(text).series: measured})
    assert verdict.met is met


def test_what_was_not_measured_is_missed() -> None:
    (verdict,) = judge(["pod.startup.p99 <= 10s"], {})
    assert (verdict.met, verdict.measured) == (False, None)


@pytest.mark.parametrize("text", ["", "pods.failed", "pods.failed = 0", "pods.failed == many", "pod.failed == 0"])
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"objective|series|duration"):
        parse(text)
