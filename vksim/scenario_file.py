"""Reads a scenario file, and says of a mistake the file, the line, the field and the remedy."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from providers import registry
from providers.mock.script import SETTINGS
from vksim import cost, demand, dry_run, expect, mistakes, scenario, trace
from vksim.document import Document, ScenarioError, hint
from vksim.node_groups import cloud_names
from vksim.profiles import PROFILES
from vksim.scenario import Scenario, node_names
from vksim.schema import NOTHING

__all__ = ["ScenarioError", "bundled", "find", "load"]

BUNDLED = Path(__file__).parent / "scenarios"
CHECKOUT = Path(__file__).parent.parent / "scenarios"

BEGINNING = f"a scenario is a mapping that begins with apiVersion: {scenario.API_VERSION}"


def find(name: str) -> Path:
    """The file that a command line means: a path, or the name of a scenario that comes with the package.

    Raises:
        ScenarioError: there is none.
    """
    path = Path(name)
    if path.exists():
        return path
    for folder in (BUNDLED, CHECKOUT):
        for candidate in (folder / path.name, folder / f"{path.name}.yaml"):
            if candidate.exists() and path.parent.name in ("", "scenarios"):
                return candidate
    known = ", ".join(each.stem for each in bundled())
    raise ScenarioError(f"{name}: no such file; the scenarios that come with vksim are: {known}")


def bundled() -> list[Path]:
    """The scenarios that come with the package."""
    folder = BUNDLED if BUNDLED.exists() else CHECKOUT
    return sorted(folder.glob("*.yaml"))


def load(path: Path, parameters: Mapping[str, str] | None = None) -> Scenario:
    """The scenario in a file.

    Args:
        path: the file.
        parameters: values that win over those in the file.

    Raises:
        ScenarioError: for whatever is wrong with it.
    """
    document = Document(path, parameters or {}, BEGINNING)
    try:
        loaded = scenario.decode(document.data)
    except msgspec.ValidationError as error:
        raise mistakes.explained(document, str(error)) from None
    for place, message in _contradictions(loaded, path.parent):
        raise document.wrong(place, message)
    return loaded


Problem = tuple[str, str]
"""The place of a mistake, and what is wrong there."""


def _contradictions(loaded: Scenario, folder: Path) -> Iterator[Problem]:
    """What the parts do not agree on with each other."""
    yield from _doubles("cluster.nodes", [each.name for each in loaded.cluster.nodes])
    yield from _doubles("workloads", [each.name for each in loaded.workloads])
    for number, group in enumerate(loaded.cluster.nodes):
        place = f"cluster.nodes[{number}]"
        for setting, problem in _script_problems(group.script):
            yield f"{place}.script.{setting}", problem
        yield from _provider_problems(place, group, loaded)
        last = max([group.join_at.seconds + group.join_over.seconds, *(_end(each) for each in group.scale)])
        if last > loaded.duration.seconds:
            yield place, f"nodes join or leave after the end, which is at {loaded.duration}; extend duration"
    for number, each in enumerate(loaded.workloads):
        yield from _workload_problems(f"workloads[{number}]", each, loaded, folder)
    yield from _cloud_problems(loaded)
    yield from _fault_problems(loaded)
    for place, refusal in dry_run.refusals(loaded, folder):
        yield place, f"the API server would refuse it: {refusal}"
    for field in ("expect", "until"):
        for number, text in enumerate(getattr(loaded, field)):
            try:
                series = expect.parse(text).series
            except ValueError as error:
                yield f"{field}[{number}]", str(error)
            else:
                yield from ((f"{field}[{number}]", each) for each in _unpriced(series, loaded))


def _doubles(place: str, names: list[str]) -> Iterator[Problem]:
    seen: set[str] = set()
    for number, name in enumerate(names):
        if name in seen:
            yield f"{place}[{number}].name", f"{name!r} is there already; give it another name"
        seen.add(name)


def _end(step: demand.ScaleStep) -> float:
    return step.at.seconds + step.over.seconds


def _provider_problems(place: str, group: scenario.NodeGroup, loaded: Scenario) -> Iterator[Problem]:
    installed = registry.names()
    if group.provider not in installed:
        yield f"{place}.provider", f"there is no provider {group.provider!r}{hint(group.provider, installed)}"
    if group.profile and group.profile not in PROFILES:
        yield f"{place}.profile", f"there is no profile {group.profile!r}{hint(group.profile, list(PROFILES))}"
    if not group.cloud:
        if group.provider != "mock":
            yield f"{place}.cloud", f"provider {group.provider} needs a cloud to run on; name one of clouds"
        return
    cloud = loaded.clouds.get(group.cloud)
    if cloud is None:
        yield f"{place}.cloud", f"there is no cloud {group.cloud!r}{hint(group.cloud, list(loaded.clouds))}"
    elif cloud.provider != group.provider:
        remedy = f"write provider: {cloud.provider}"
        yield f"{place}.provider", f"the cloud {group.cloud} is one of {cloud.provider}; {remedy}"


def _cloud_problems(loaded: Scenario) -> Iterator[Problem]:
    known = cloud_names()
    for name, cloud in loaded.clouds.items():
        if cloud.provider not in known:
            yield f"clouds.{name}.provider", f"there is no fake of {cloud.provider!r}{hint(cloud.provider, known)}"


def _workload_problems(place: str, workload: demand.Workload, loaded: Scenario, folder: Path) -> Iterator[Problem]:
    last = workload.at.seconds + workload.over.seconds
    what = "pods arrive"
    for step in [*getattr(workload, "scale", []), *getattr(workload, "rollouts", [])]:
        if step.at.seconds + getattr(step, "over", NOTHING).seconds > last:
            last, what = step.at.seconds + getattr(step, "over", NOTHING).seconds, "it changes"
    if last > loaded.duration.seconds:
        yield place, f"{what} after the end, which is at {loaded.duration}; extend duration"
    if isinstance(workload, demand.Trace):
        for field, problem in trace.check(workload, folder):
            yield f"{place}.{field}", problem
    if workload.priority_class and workload.priority_class not in loaded.priority_classes:
        known = list(loaded.priority_classes)
        yield (
            f"{place}.priorityClass",
            f"there is no priority class {workload.priority_class!r}{hint(workload.priority_class, known)}",
        )


def _fault_problems(loaded: Scenario) -> Iterator[Problem]:
    groups = loaded.cluster.nodes
    known = {
        "group": [group.name for group in groups],
        "node": [name for group in groups for name in node_names(group)],
        "cloud": list(loaded.clouds),
        "workload": [each.name for each in loaded.workloads],
    }
    for number, fault in enumerate(loaded.faults):
        place = f"faults[{number}]"
        for field, what in fault.refers.items():
            name = getattr(fault, field)
            if name and name not in known[what]:
                yield f"{place}.{field}", f"there is no {what} {name!r}{hint(name, known[what])}"
        if fault.at.seconds + fault.during.seconds > loaded.duration.seconds:
            yield place, f"it ends after the scenario, which ends at {loaded.duration}; extend duration"


def _script_problems(script: Mapping[str, Any]) -> Iterator[Problem]:
    for name, value in script.items():
        setting = SETTINGS.get(name)
        if setting is None:
            yield name, f"unknown setting{hint(name, list(SETTINGS))}"
            continue
        try:
            setting.parse(value)
        except ValueError as error:
            yield name, str(error)


def _unpriced(series: str, loaded: Scenario) -> Iterator[str]:
    """What is wrong with a series about cost: nothing of it has a price."""
    priced = cost.prices(loaded)
    known = [cost.TOTAL, *(f"{expect.COST}{name}" for name in priced)] if priced else []
    if series.startswith(expect.COST) and series not in known:
        there = f"there are: {', '.join(known)}" if known else "no group of nodes and no cloud has prices"
        yield f"nothing of {series} has a price; {there}"
