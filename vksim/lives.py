"""What the lives of a run's pods come to: the parts of their startup, why they wait, which ones to look at. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate

from vksim.observer import PodLife
from vksim.result import Life, Part, percentile

SHOWN = 1500
"""So many lives a report can hold."""

STARTUP = "pod.startup."
"""How the series about startup begin."""
SHARES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
"""How they end -> the share of pods that the value does not exceed."""
PARTS = ("queue", "schedule", "watch", "provider", "cloud", "report")


def parts(lives: Iterable[PodLife]) -> list[Part]:
    """The parts of startup, over the pods of which all parts are known."""
    times: dict[str, list[float]] = {name: [] for name in PARTS}
    for each in lives:
        moments = _moments(each)
        if moments is None:
            continue
        for name, begin, end in zip(PARTS, moments, moments[1:], strict=False):
            times[name].append(end - begin)
    found = []
    for name, seconds in times.items():
        if seconds:
            ordered = sorted(seconds)
            mean = sum(ordered) / len(ordered)
            p50, p99 = (round(percentile(ordered, share), 6) for share in (0.5, 0.99))
            found.append(Part(name, round(mean, 6), p50, p99))
    return found


def startup_points(lives: Iterable[PodLife], part: str = "") -> list[tuple[float, float]]:
    """When each pod came to run, and how long its startup took, or a part of it; in the order of time."""
    points = []
    for each in lives:
        if each.running is None or each.startup is None:
            continue
        if not part:
            points.append((each.running, each.startup))
        elif (moments := _moments(each)) is not None:
            at = PARTS.index(part)
            points.append((each.running, moments[at + 1] - moments[at]))
    return sorted(points)


def _moments(life: PodLife) -> tuple[float, ...] | None:
    """Between which moments the parts of startup lie; None if one is not known.

    Clouds tell whole seconds, cut off: what seems to be earlier than what came before it was at the same time.
    """
    if life.scheduled is None or life.accepted is None or life.started is None or life.running is None:
        return None
    taken = life.created if life.taken is None else life.taken
    asked = life.scheduled if life.asked is None else life.asked
    moments = (life.created, taken, life.scheduled, asked, life.accepted, life.started, life.running)
    return tuple(accumulate(moments, max))


def pending(lives: Iterable[PodLife]) -> dict[str, int]:
    """Why pods have no node, and how many for each reason."""
    waiting = Counter(each.waiting for each in lives if each.waiting and each.deleted is None and not each.node)
    return dict(sorted(waiting.items()))


def measured(found: Iterable[Part], startups: Sequence[float]) -> dict[str, float]:
    """The series that objectives can be about, of the parts of startup and of the whole, sorted."""
    series = {f"{STARTUP}{each.name}.p99": each.p99 for each in found}
    if startups:
        series |= {STARTUP + name: round(percentile(startups, share), 6) for name, share in SHARES.items()}
    return series


def to_show(lives: Sequence[PodLife]) -> list[Life]:
    """Pods to look at one by one, in their order: those that failed, wait or took longest, and a sample of the rest."""
    if len(lives) <= SHOWN:
        return [life_of(each) for each in lives]
    third = SHOWN // 3
    odd = [at for at, each in enumerate(lives) if each.phase == "Failed" or each.waiting or each.reasons][:third]
    slow = sorted(range(len(lives)), key=lambda at: -(lives[at].startup or 0.0))[:third]
    sample = range(0, len(lives), -(-len(lives) // third))
    return [life_of(lives[at]) for at in sorted({*odd, *slow, *sample})]


def life_of(life: PodLife) -> Life:
    """A life as the result has it."""
    return Life(
        life.name,
        life.node,
        life.created,
        life.scheduled,
        life.running,
        life.ended,
        life.deleted,
        life.phase,
        list(life.reasons),
        life.waiting,
        life.accepted,
        life.started,
        life.taken,
        life.asked,
        life.tries,
    )
