"""What ``vksim run`` and ``vksim validate`` do: files in, files and a summary out, an exit code."""

import logging
import shlex
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path

import click
import msgspec

from providers.errors import InvalidConfig
from runner import logs
from vksim import event_log, junit, progress, report, scenario_file, simulation, summary, trace
from vksim import swarm as seeds_played
from vksim.demand import Trace
from vksim.result import encoded, replay
from vksim.scenario_file import ScenarioError

PASSED, FAILED, WRONG_INPUT, BROKEN = 0, 1, 2, 3
"""Exit codes; the command's help explains them."""

log = logging.getLogger("vksim")


def run(name: str, *, seed: int | None, parameters: Mapping[str, str], out: Path, as_json: bool, quiet: bool) -> int:
    """Play a scenario, leave its report, print how it came out.

    Args:
        name: a file, or a bundled scenario.
        seed: instead of the scenario's own.
        parameters: instead of the scenario's own.
        out: the folder for report, result and event log; made if need be.
        as_json: print the result as JSON, not the summary.
        quiet: show no progress.
    """
    logs.configure("error", "console")
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    try:
        path = scenario_file.find(name)
        scenario = scenario_file.load(path, parameters)
        out.mkdir(parents=True, exist_ok=True)
        events = event_log.opened(out)
    except ScenarioError as error:
        return _wrong(str(error))
    except OSError as error:
        return _wrong(f"--out {out}: {error.strerror}")
    if seed is not None:
        scenario = msgspec.structs.replace(scenario, seed=seed)
    source = _source(name, parameters)
    try:
        with events, nullcontext() if quiet else progress.shown() as shown:
            result = simulation.play(scenario, source, events, shown, path.parent)
    except Exception as error:
        wrong = _wrong_config(error)
        if wrong is not None:
            return _wrong(f"{path}: {wrong}")
        log.exception("the simulation failed")
        click.echo(f"vksim: this is a fault of vksim; it comes again with: {replay(source, scenario.seed)}", err=True)
        return BROKEN
    (out / "result.json").write_bytes(encoded(result))
    (out / "report.html").write_text(report.html(result), encoding="utf-8")
    (out / "junit.xml").write_text(junit.xml(result), encoding="utf-8")
    if as_json:
        click.echo(encoded(result), nl=False)
    else:
        click.echo(summary.text(result, out), color=summary.colours())
    return PASSED if result.passed else FAILED


def swarm(
    name: str, *, seeds: range, jobs: int, parameters: Mapping[str, str], out: Path, as_json: bool, quiet: bool
) -> int:
    """Play a scenario with many seeds, print how each came out, and leave ``seeds.json``.

    Args:
        name: a file, or a bundled scenario.
        seeds: which.
        jobs: how many at a time, each in a process of its own.
        parameters: instead of the scenario's own.
        out: the folder for what came out; made if need be.
        as_json: print that as JSON, not as text.
        quiet: print only the seeds that failed, and how many did not.
    """
    try:
        path = scenario_file.find(name)
        scenario_file.load(path, parameters)
        out.mkdir(parents=True, exist_ok=True)
    except ScenarioError as error:
        return _wrong(str(error))
    except OSError as error:
        return _wrong(f"--out {out}: {error.strerror}")
    found = []
    for each in seeds_played.play(path, _source(name, parameters), parameters, seeds, jobs):
        found.append(each)
        if not as_json and not (quiet and each.passed):
            click.echo(summary.of_seed(each), color=summary.colours())
    data = msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n"
    (out / "seeds.json").write_bytes(data)
    if as_json:
        click.echo(data, nl=False)
    else:
        click.echo(summary.of_seeds(found), color=summary.colours())
    return PASSED if all(each.passed for each in found) else FAILED


def _source(name: str, parameters: Mapping[str, str]) -> str:
    """Where a scenario came from and what was set, as arguments for a shell."""
    return " ".join([shlex.quote(name), *(shlex.join(["--set", f"{key}={text}"]) for key, text in parameters.items())])


def _wrong_config(error: BaseException) -> InvalidConfig | None:
    """What a provider has against its configuration, if that is what ended a simulation."""
    if isinstance(error, BaseExceptionGroup):
        return next(filter(None, map(_wrong_config, error.exceptions)), None)
    return error if isinstance(error, InvalidConfig) else None


def validate(names: tuple[str, ...], parameters: Mapping[str, str]) -> int:
    """Check scenarios; say of each whether it could be played."""
    code = PASSED
    for name in names:
        try:
            path = scenario_file.find(name)
            scenario = scenario_file.load(path, parameters)
        except ScenarioError as error:
            code = _wrong(str(error))
        else:
            nodes = sum(group.count for group in scenario.cluster.nodes)
            workloads = scenario.workloads
            pods = sum(trace.count(each, path.parent) if isinstance(each, Trace) else each.size for each in workloads)
            click.echo(f"{path}: fine ({nodes:,} nodes, {pods:,} pods, {len(scenario.faults)} faults)")
    return code


def _wrong(line: str) -> int:
    click.echo(f"vksim: {line}", err=True)
    return WRONG_INPUT
