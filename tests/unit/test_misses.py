"""From when on objectives were missed (``vksim.misses``)."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vksim import misses, scenario
from vksim.expect import Verdict, parse
from vksim.result import percentile
from vksim.simulation import play

P99 = parse("pod.startup.p99 <= 10s")


def followed(text: str, *seen: tuple[float, float]) -> float | None:
    follower = misses.Follower([text])
    for at, value in seen:
        follower.look(at, {parse(text).series: value})
    return follower.since.get(text)


def test_a_count_is_missed_from_when_it_left_its_bound() -> None:
    assert followed("pods.failed == 0", (0, 0), (10, 0), (20, 1), (30, 2)) == 20


def test_what_came_back_was_missed_only_when_it_left_for_good() -> None:
    assert followed("pods.pending <= 5", (0, 9), (10, 3), (20, 8), (30, 9)) == 20


def test_what_is_met_in_the_end_was_not_missed() -> None:
    assert followed("pods.succeeded == 2", (0, 0), (10, 1), (20, 2)) is None


def test_a_percentile_is_missed_from_the_pod_that_was_one_too_slow() -> None:
    fast = [(float(at), 5.0) for at in range(200)]
    slow = [(200.0 + at, 11.0) for at in range(5)]
    assert misses.of_percentile(P99, 0.99, fast + slow[:2]) is None
    assert misses.of_percentile(P99, 0.99, fast + slow) == 202.0


@given(st.lists(st.integers(0, 4), min_size=1), st.sampled_from(["==", "!=", "<=", ">=", "<", ">"]))
def test_a_percentile_is_told_missed_exactly_if_it_is(values: list[int], operator: str) -> None:
    objective = parse(f"pod.startup.p90 {operator} 2")
    points = [(float(at), float(value)) for at, value in enumerate(values)]
    since = misses.of_percentile(objective, 0.9, points)
    held = [objective.holds(percentile(sorted(map(float, values[: at + 1])), 0.9)) for at in range(len(values))]
    expected = next((float(at) for at in range(len(held)) if not any(held[at:])), None)
    assert since == expected


def test_the_worst_window_counts() -> None:
    bound = parse("api.mutating.p99 <= 1s")
    assert misses.of_worst(bound, [(300, 0.2), (600, 1.5), (900, 0.1)]) == 600


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (Verdict("pod.startup.p99 <= 10s", 12.5, met=False, by=2.5, since=200.0), "by 2.5s, since 3:20"),
        (Verdict("pods.succeeded == 9", 4.0, met=False, by=5.0, since=0.0), "by 5, all the time"),
        (Verdict("pods.succeeded == 9", 4.0, met=False, by=5.0), "by 5"),
        (Verdict("pod.startup.p99 <= 10s", None, met=False), "nothing to measure"),
        (Verdict("pods.failed == 0", 0.0, met=True), ""),
    ],
)
def test_a_miss_is_told_with_how_far_and_from_when(verdict: Verdict, words: str) -> None:
    assert misses.told(verdict) == words


def test_a_run_says_from_when_its_pods_were_too_slow() -> None:
    slow = {"count": 1, "name": "slow", "script": {"start-after": "9s"}}
    subject = scenario.decode(
        {
            "apiVersion": scenario.API_VERSION,
            "kind": "Scenario",
            "metadata": {"name": "late"},
            "duration": "2m",
            "cluster": {"nodes": [slow], "api": {"latency": "0s"}},
            "workloads": [{"name": "web", "pods": 2, "at": "10s", "over": "20s"}],
            "expect": ["pod.startup.max <= 5s", "pods.running == 3"],
        }
    )
    startup, running = play(subject, "late", io.BytesIO()).expectations
    assert not startup.met
    assert startup.by == pytest.approx(4, abs=0.5)
    assert startup.since == pytest.approx(19, abs=0.5)
    assert (running.by, running.since) == (1.0, 0.0)
