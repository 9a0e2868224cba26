"""What the lives of a run's pods come to: the parts of their startup, why they wait, which ones to look at. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence

from vksim.observer import PodLife
from vksim.result import Life, Part, percentile

SHOWN = 1500
"""So many lives a report can hold."""

PARTS = ("queue", "provider", "cloud", "report")


def parts(lives: Iterable[PodLife]) -> list[Part]:
    """The parts of startup, over the pods of which all parts are known."""
    times: dict[str, list[float]] = {name: [] for name in PARTS}
    for each in lives:
        if each.scheduled is None or each.accepted is None or each.started is None or each.running is None:
            continue
        moments = (each.created, each.scheduled, each.accepted, each.started, each.running)
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


def pending(lives: Iterable[PodLife]) -> dict[str, int]:
    """Why pods have no node, and how many for each reason."""
    waiting = Counter(each.waiting for each in lives if each.waiting and each.deleted is None and not each.node)
    return dict(sorted(waiting.items()))


def measured(found: Iterable[Part]) -> dict[str, float]:
    """The series that objectives can be about."""
    return {f"pod.startup.{each.name}.p99": each.p99 for each in found}


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
    )
