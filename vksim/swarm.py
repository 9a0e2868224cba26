"""A scenario with many seeds, in processes side by side: which of them fail, and the line that plays each one again."""

import logging
import multiprocessing
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import msgspec

from runner import logs
from vksim import misses, scenario_file, simulation
from vksim.result import percentile, replay


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one seed came out.

    Attributes:
        seed: it.
        event_log_sha256: the same as when it is played alone.
        startup_p99: seconds from a pod's creation to Running, 99th percentile; None if none came to run.
        problems: objectives that were missed and invariants that were violated, a line each; empty if it passed.
        replay: the command that plays it alone.
        wall_seconds: how long it took.
    """

    seed: int
    event_log_sha256: str
    startup_p99: float | None
    problems: list[str]
    replay: str
    wall_seconds: float

    @property
    def passed(self) -> bool:
        """Whether nothing was wrong."""
        return not self.problems


def play(path: Path, source: str, parameters: Mapping[str, str], seeds: range, jobs: int) -> Iterator[Outcome]:
    """Play a scenario with each of the seeds, so many at a time; the outcomes come in the order of the seeds.

    Args:
        path: the scenario's file, which has been checked.
        source: where it came from, for the replay lines.
        parameters: instead of its own.
        seeds: which.
        jobs: how many processes.
    """
    if jobs == 1:
        yield from (_one(path, source, parameters, seed) for seed in seeds)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        waiting = [pool.submit(_one, path, source, dict(parameters), seed) for seed in seeds]
        try:
            for each in waiting:
                yield each.result()
        finally:
            for each in waiting:
                each.cancel()


def _one(path: Path, source: str, parameters: Mapping[str, str], seed: int) -> Outcome:
    logs.configure("error", "console")
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    scenario = msgspec.structs.replace(scenario_file.load(path, parameters), seed=seed)
    with Path(os.devnull).open("wb") as nowhere:
        result = simulation.play(scenario, source, nowhere, folder=path.parent)
    problems = [misses.line(each) for each in result.expectations if not each.met]
    problems += [f"{each.name}: {each.violations[0]}" for each in result.invariants if each.violations]
    p99 = percentile(result.startups, 0.99) if result.startups else None
    return Outcome(seed, result.event_log_sha256, p99, problems, replay(source, seed), result.wall_seconds)
