"""The end of a run as text that fits a screen."""

import os
from collections.abc import Sequence
from pathlib import Path

import click

from vksim import event_log, expect, misses, units
from vksim.result import Result
from vksim.swarm import Outcome

WIDTH = 76
SHOWN = 8
"""So many lines of what led to a violation."""

CALLS = {"API writes": "api.writes", "retries a pod": "pod.retries.mean", "provider errors": "provider.errors"}
"""What is told about them -> its series."""


def text(result: Result, out: Path) -> str:
    """The summary.

    Args:
        result: the run's.
        out: the folder with its report, event log and result.
    """
    verdict = _good("PASSED") if result.passed else _bad("FAILED")
    speed = result.virtual_seconds / result.wall_seconds if result.wall_seconds else 0.0
    lines = [
        f"{_strong(result.scenario)}  {verdict}   {_count(result.nodes, 'node')}, "
        f"{_count(int(result.measured['pods.created']), 'pod')}, {units.duration(result.virtual_seconds)} simulated "
        f"in {result.wall_seconds:.2f} s ({speed:,.0f}x)",
        "",
        _row("pods", {name: f"pods.{name}" for name in ("succeeded", "failed", "running", "pending")}, result),
        _row("startup", {name: f"pod.startup.{name}" for name in ("p50", "p90", "p99", "max")}, result),
        _row("calls", CALLS, result),
        *_costs(result),
        "",
        *_expectations(result),
        *_invariants(result),
        "",
        f"{'report':<9}{out / 'report.html'}",
        f"{'events':<9}{out / event_log.NAME}  sha256 {result.event_log_sha256[:16]}…",
        f"{'replay':<9}{result.replay}",
    ]
    return "\n".join(lines)


def of_seed(outcome: Outcome) -> str:
    """How one of many seeds came out: a line, and what was wrong below it."""
    p99 = "-" if outcome.startup_p99 is None else units.duration(outcome.startup_p99)
    head = (
        f"{_mark(outcome.passed)} seed {outcome.seed:<8} startup p99 {p99:<9} "
        f"events {outcome.event_log_sha256[:16]}…  {outcome.wall_seconds:.2f} s"
    )
    wrong = [f"    {line}" for line in outcome.problems]
    return "\n".join([head, *wrong, *([f"    replay  {outcome.replay}"] if wrong else [])])


def of_seeds(outcomes: Sequence[Outcome]) -> str:
    """How all seeds came out, in a line."""
    failed = sum(not each.passed for each in outcomes)
    verdict = _bad(f"{failed:,} FAILED") if failed else _good("all PASSED")
    return f"{_count(len(outcomes), 'seed')}: {verdict}"


def colours() -> bool | None:
    """Whether to colour: never if NO_COLOR is set, else if it is a terminal (None lets click look)."""
    return False if os.environ.get("NO_COLOR") else None


def _row(title: str, cells: dict[str, str], result: Result) -> str:
    shown = [f"{name} {units.measured(series, result.measured.get(series))}" for name, series in cells.items()]
    return f"{title:<9}" + "".join(f"{cell:<18}  " for cell in shown).rstrip()


def _costs(result: Result) -> list[str]:
    """A line if something has a price."""
    if not result.group_costs:
        return []
    shown = {"total": "cost.total", **{each.name: f"cost.{each.name}" for each in result.group_costs[:3]}}
    return [_row("cost", shown, result)]


def _expectations(result: Result) -> list[str]:
    lines = []
    for each in result.expectations:
        value = units.measured(expect.parse(each.text).series, each.measured)
        missed = "" if each.met else f"  {_bad(f'missed {misses.told(each)}')}"
        lines.append(f"{_mark(each.met)} {each.text:<44} {value:>12}{missed}")
    return lines


def _invariants(result: Result) -> list[str]:
    broken = [each for each in result.invariants if each.violations]
    if not broken:
        return [f"{_mark(True)} {'invariants':<44} {f'{len(result.invariants)} held':>12}"]
    lines = []
    for each in broken:
        lines.append(f"{_mark(False)} {each.name:<44} {_count(len(each.violations), 'violation'):>12}")
        lines += [f"    {line}" for line in each.violations[:3]]
        lines += [f"      {line}" for line in each.chain[-SHOWN:]]
    return lines


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _mark(good: bool) -> str:
    return _good("✓") if good else _bad("✗")


def _good(text: str) -> str:
    return click.style(text, fg="green", bold=True)


def _bad(text: str) -> str:
    return click.style(text, fg="red", bold=True)


def _strong(text: str) -> str:
    return click.style(text, bold=True)
