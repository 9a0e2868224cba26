"""The report (``vksim.report``, ``vksim.charts``), the summary and their numbers, on made-up results."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from vksim import charts, report, summary, units
from vksim.expect import Verdict
from vksim.result import Band, Checked, Life, Result, percentile

RESULT = Result(
    scenario="demo",
    description="what it shows",
    source="demo.yaml",
    seed=7,
    version="0.1.0",
    nodes=3,
    virtual_seconds=90.0,
    measured={
        "pods.created": 20.0,
        "pods.succeeded": 18.0,
        "pods.failed": 1.0,
        "pods.running": 1.0,
        "pods.pending": 0.0,
        "pod.startup.p50": 2.5,
        "pod.startup.p99": 61.0,
        "provider.errors": 1234.0,
        "api.writes": 99.0,
    },
    expectations=[Verdict("pods.succeeded == 18", 18.0, met=True)],
    invariants=[Checked("no pod lost", "what the API calls Running, runs", [])],
    faults=[Band(10.0, 20.0, "the runner of n-1 is down")],
    times=[0.0, 30.0, 60.0, 90.0],
    phases={"Pending": [5, 2, 0, 0], "Running": [0, 8, 4, 1], "Succeeded": [0, 3, 10, 18], "Failed": [0, 0, 1, 1]},
    startups=[1.0, 2.0, 2.5, 61.0],
    slowest=[Life("w-1", "n-1", 1.0, 1.5, 62.0, 80.0, None, "Succeeded", ["ProviderFailed"])],
    event_log_sha256="ab" * 32,
    wall_seconds=0.5,
)


def changed(**fields: Any) -> Result:
    return replace(RESULT, **fields)


class Page(HTMLParser):
    """What of a page matters to the tests."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_every_element_is_closed() -> None:
    assert Page(report.html(RESULT)).open == []


def test_the_page_needs_no_network() -> None:
    text = report.html(RESULT)
    outside = re.findall(r'(?:src|href)="(?!#)[^"]*"|url\((?!#)[^)]*\)|@import', text)
    assert outside == []
    assert "script" not in {tag for tag, _ in Page(text).tags}


def test_no_identifier_is_there_twice() -> None:
    identifiers = [attributes["id"] for _, attributes in Page(report.html(RESULT)).tags if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))


def test_what_a_scenario_says_is_escaped() -> None:
    evil = "<script>alert(1)</script>"
    text = report.html(
        changed(
            scenario=evil,
            description=evil,
            source=evil,
            expectations=[Verdict("pods.failed == 0", 1.0, met=False)],
            invariants=[Checked(evil, evil, [evil])],
            faults=[Band(0.0, 1.0, evil)],
            slowest=[Life(evil, evil, 0.0, None, None, None, None, evil, [evil])],
        )
    )
    assert "<script" not in text
    assert text.count("&lt;script&gt;") >= 8


def test_a_verdict_stands_at_the_top_with_its_reasons() -> None:
    failed = changed(
        expectations=[Verdict("pod.startup.p99 <= 30s", 61.0, met=False, by=31.0, since=200.0)],
        invariants=[Checked("no pod lost", "", ["pod w-3 is gone", "pod w-4 is gone"])],
    )
    top = report.html(failed).partition('class="keys"')[0]
    assert "failed" in top
    assert "missed: pod.startup.p99 &lt;= 30s, measured 1m01s, by 31s, since 3:20" in top
    assert "violated: no pod lost: pod w-3 is gone" in top
    assert "vksim run demo.yaml --seed 7" in top


def test_a_run_without_pods_has_a_report() -> None:
    none = {name: [0, 0] for name in ("Pending", "Running", "Succeeded", "Failed")}
    nothing = {**RESULT.measured, **{f"pods.{name}": 0.0 for name in ("created", "succeeded", "failed", "running")}}
    del nothing["pod.startup.p50"], nothing["pod.startup.p99"]
    empty = changed(measured=nothing, startups=[], slowest=[], faults=[], phases=none, times=[0.0, 1.0])
    assert "No pod came to run." in report.html(empty)
    assert "p50 -" in summary.text(empty, Path("out"))


def test_the_same_result_gives_the_same_page() -> None:
    assert report.html(RESULT) == report.html(RESULT)


def test_charts_take_the_colours_of_the_page() -> None:
    svg = charts.phases(RESULT.times, RESULT.phases, RESULT.faults) + charts.startups(RESULT.startups)
    assert re.findall(r"#[0-9a-f]{6}", svg) == []
    assert set(re.findall(r"var\(--(\w+)\)", svg)) <= set(re.findall(r"--(\w+):", report.html(RESULT)))
    assert "font-family" not in svg


def test_charts_stay_small_however_many_points_there_are() -> None:
    times = [float(number) for number in range(100_000)]
    counts = {phase: [number % 7 for number in range(100_000)] for phase in RESULT.phases}
    assert len(charts.phases(times, counts, [])) < 100_000
    assert len(charts.startups([number / 10 for number in range(100_000)])) < 60_000


def test_the_summary_fits_a_screen() -> None:
    lines = summary.text(RESULT, Path("report")).splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 100


def test_the_summary_names_what_was_violated() -> None:
    text = summary.text(changed(invariants=[Checked("no pod lost", "", ["pod w-3 is gone"] * 9)]), Path("out"))
    assert "FAILED" in text
    assert re.search(r"no pod lost +9 violations", text)
    assert text.count("pod w-3 is gone") == 3


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.25, "250ms"),
        (1, "1s"),
        (8.72, "8.7s"),
        (59.96, "1m"),
        (90, "1m30s"),
        (3600, "1h00m"),
        (7500, "2h05m"),
    ],
)
def test_a_duration_is_short(seconds: float, text: str) -> None:
    assert units.duration(seconds) == text


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (75.9, "1:15"), (3723, "1:02:03")])
def test_a_time_on_a_time_line_is_a_clock_s(seconds: float, text: str) -> None:
    assert units.clock(seconds) == text


@pytest.mark.parametrize(("share", "value"), [(0.0, 1), (0.5, 2), (0.75, 3), (0.99, 4), (1.0, 4)])
def test_a_percentile_is_a_value_that_was_measured(share: float, value: float) -> None:
    assert percentile([1, 2, 3, 4], share) == value


def test_the_numbers_of_faults_that_begin_together_stand_side_by_side() -> None:
    bands = [Band(5.0, 9.0, "a"), Band(5.0, 7.0, "b"), Band(5.1, 6.0, "c")]
    drawn = charts.phases([0.0, 60.0], {phase: [1, 1] for phase in RESULT.phases}, bands)
    places = {text: y for y, text in re.findall(r'<text [^>]*?y="([\d.]+)"[^>]*>([^<]*)</text>', drawn)}
    assert "1, 2" in places
    assert float(places["3"]) > float(places["1, 2"])
