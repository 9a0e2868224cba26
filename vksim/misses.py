"""From when on an objective was missed: by what was counted along the way, or by the times of single pods. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from vksim import expect, units
from vksim.expect import Objective, Verdict
from vksim.lives import SHARES, STARTUP, startup_points
from vksim.observer import PodLife
from vksim.result import percentile_rank


class Follower:
    """Looks at counted series now and then, and remembers when an objective began to be missed, if it still is."""

    def __init__(self, objectives: Iterable[str]) -> None:
        self.since: dict[str, float] = {}
        """Text of an objective -> when it began; those that are met have no place here."""
        self._objectives = [(text, expect.parse(text)) for text in objectives]

    def look(self, now: float, measured: Mapping[str, float]) -> None:
        """Take in what has been counted by now."""
        for text, objective in self._objectives:
            value = measured.get(objective.series)
            if value is None:
                continue
            if objective.holds(value):
                self.since.pop(text, None)
            else:
                self.since.setdefault(text, now)


def of_percentile(objective: Objective, share: float, points: Sequence[tuple[float, float]]) -> float | None:
    """When a percentile of what had been seen by then began to miss the objective, for good.

    Args:
        objective: what is wanted of the percentile.
        share: which one: 0.99 of the 99th.
        points: when something was seen, and its value; in the order of time.
    """
    since, below, not_above = None, 0, 0
    for seen, (at, value) in enumerate(points, start=1):
        below += value < objective.bound
        not_above += value <= objective.bound
        rank = percentile_rank(seen, share)
        # the percentile itself is not needed, only on which side of the bound it is
        side = objective.bound + (not_above < rank) - (below >= rank)
        if objective.holds(side):
            since = None
        elif since is None:
            since = at
    return since


def of_startup(objective: Objective, lives: Iterable[PodLife]) -> float | None:
    """As ``of_percentile``, of a series about the pods' startup or a part of it."""
    part, _, share = objective.series.removeprefix(STARTUP).rpartition(".")
    return of_percentile(objective, SHARES[share], startup_points(lives, part))


def of_worst(objective: Objective, windows: Iterable[tuple[float, float]]) -> float | None:
    """When the greatest value so far began to miss the objective, for good; of times and values, in order."""
    since, worst = None, 0.0
    for at, value in windows:
        worst = max(worst, value)
        if objective.holds(worst):
            since = None
        elif since is None:
            since = at
    return since


def told(verdict: Verdict) -> str:
    """By how much and from when on an objective was missed: ``by 15.2s, since 3:20``; empty if it was met."""
    if verdict.met:
        return ""
    if verdict.by is None:
        return "nothing to measure"
    by = f"by {units.measured(expect.parse(verdict.text).series, verdict.by)}"
    if verdict.since is None:
        return by
    return f"{by}, since {units.clock(verdict.since)}" if verdict.since else f"{by}, all the time"


def line(verdict: Verdict) -> str:
    """An objective that was missed, all in a line."""
    series = expect.parse(verdict.text).series
    return f"{verdict.text}, measured {units.measured(series, verdict.measured)}, {told(verdict)}"
