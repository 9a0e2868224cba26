"""Reads a scenario file, and says of each mistake the file, the line, the field and the remedy."""

import difflib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from providers.mock.script import SETTINGS
from vksim import expect, faults, scenario
from vksim.scenario import Scenario, node_names

try:
    from yaml import CSafeLoader as Loader
except ImportError:  # a PyYAML without libyaml
    from yaml import SafeLoader as Loader  # type: ignore[assignment]  # the same interface

BUNDLED = Path(__file__).parent / "scenarios"
CHECKOUT = Path(__file__).parent.parent / "scenarios"


class ScenarioError(Exception):
    """The scenario cannot be played. The message is one line: file, line, field, what is wrong, remedy."""


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


def load(path: Path) -> Scenario:
    """The scenario in a file.

    Raises:
        ScenarioError: for whatever is wrong with it.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except IsADirectoryError:
        raise ScenarioError(f"{path}: this is a folder; name a file in it") from None
    except OSError as error:
        raise ScenarioError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ScenarioError(f"{path}: not a text file in UTF-8") from None
    try:
        loader = Loader(text)
        root = loader.get_single_node()
        data = loader.construct_document(root) if root is not None else None
    except yaml.YAMLError as error:
        raise ScenarioError(_broken(path, error)) from None
    except ValueError as error:  # a date that the calendar does not have
        raise ScenarioError(f"{path}: not YAML: {error}") from None
    if not isinstance(data, dict):
        raise ScenarioError(f"{path}:1: a scenario is a mapping that begins with apiVersion: {scenario.API_VERSION}")
    _refuse_doubles(path, root)
    try:
        loaded = scenario.decode(data)
    except msgspec.ValidationError as error:
        raise ScenarioError(_explained(path, root, str(error))) from None
    for place, message in _contradictions(loaded):
        raise ScenarioError(_at(path, root, place, message))
    return loaded


def _refuse_doubles(path: Path, root: Any) -> None:
    """Refuse a field that is there twice: YAML forbids it, PyYAML takes the last one."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in node.value:
                if isinstance(key, yaml.ScalarNode) and key.value in seen:
                    line = key.start_mark.line + 1
                    raise ScenarioError(f"{path}:{line}: {key.value}: this field is there twice; remove one")
                seen.add(key.value if isinstance(key, yaml.ScalarNode) else "")
                waiting.append(value)
        elif isinstance(node, yaml.SequenceNode):
            waiting.extend(node.value)


Problem = tuple[str, str]
"""The place of a mistake, and what is wrong there."""


def _contradictions(loaded: Scenario) -> Iterator[Problem]:
    """What the parts do not agree on with each other."""
    yield from _doubles("cluster.nodes", [each.name for each in loaded.cluster.nodes])
    yield from _doubles("workloads", [each.name for each in loaded.workloads])
    for number, group in enumerate(loaded.cluster.nodes):
        for setting, problem in _script_problems(group.script):
            yield f"cluster.nodes[{number}].script.{setting}", problem
    for number, each in enumerate(loaded.workloads):
        if each.at.seconds + each.over.seconds > loaded.duration.seconds:
            yield f"workloads[{number}]", f"pods arrive after the end, which is at {loaded.duration}; extend duration"
    yield from _fault_problems(loaded)
    for number, text in enumerate(loaded.expect):
        try:
            expect.parse(text)
        except ValueError as error:
            yield f"expect[{number}]", str(error)


def _doubles(place: str, names: list[str]) -> Iterator[Problem]:
    seen: set[str] = set()
    for number, name in enumerate(names):
        if name in seen:
            yield f"{place}[{number}].name", f"{name!r} is there already; give it another name"
        seen.add(name)


def _fault_problems(loaded: Scenario) -> Iterator[Problem]:
    groups = loaded.cluster.nodes
    known = {
        "group": [group.name for group in groups],
        "node": [name for group in groups for name in node_names(group)],
    }
    for number, fault in enumerate(loaded.faults):
        place = f"faults[{number}]"
        for field, what in fault.refers.items():
            name = getattr(fault, field)
            if name and name not in known[what]:
                yield f"{place}.{field}", f"there is no {what} {name!r}{_hint(name, known[what])}"
        if fault.at.seconds + fault.during.seconds > loaded.duration.seconds:
            yield place, f"it ends after the scenario, which ends at {loaded.duration}; extend duration"


def _script_problems(script: Mapping[str, Any]) -> Iterator[Problem]:
    for name, value in script.items():
        setting = SETTINGS.get(name)
        if setting is None:
            yield name, f"unknown setting{_hint(name, list(SETTINGS))}"
            continue
        try:
            setting.parse(value)
        except ValueError as error:
            yield name, str(error)


def _broken(path: Path, error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    line = f":{mark.line + 1}" if mark is not None else ""
    problem = getattr(error, "problem", None) or str(error)
    return f"{path}{line}: not YAML: {problem}"


_PLACE = re.compile(r"(?P<message>.*?)(?: - at `\$(?P<place>.*)`)?", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<field>.*)`")
_MISSING = re.compile(r"Object missing required field `(?P<field>.*)`")
_KIND = re.compile(r"Invalid value '(?P<value>.*)'")
_FIELD = re.compile(r"(?P<field>[a-z][A-Za-z]*): (?P<problem>.*)", re.DOTALL)


def _explained(path: Path, root: Any, message: str) -> str:
    match = _PLACE.fullmatch(message)
    assert match is not None  # noqa: S101  (the pattern matches anything)
    place, what = (match["place"] or "").lstrip("."), match["message"]
    if unknown := _UNKNOWN.fullmatch(what):
        known = _fields(place)
        hint = _hint(unknown["field"], known)
        return _at(path, root, f"{place}.{unknown['field']}".lstrip("."), f"unknown field{hint}")
    if missing := _MISSING.fullmatch(what):
        return _at(path, root, place, f"the field {missing['field']!r} is missing")
    if place.endswith("kind") and place.startswith("faults") and (value := _KIND.match(what)):
        hint = _hint(value["value"], list(faults.KINDS))
        return _at(path, root, place, f"unknown kind of fault {value['value']!r}{hint}")
    if own := _FIELD.fullmatch(what):  # what a structure says of one of its fields
        return _at(path, root, f"{place}.{own['field']}".lstrip("."), own["problem"])
    return _at(path, root, place, what[:1].lower() + what[1:] if what.startswith("Expected") else what)


def _at(path: Path, root: Any, place: str, message: str) -> str:
    return f"{path}:{_line(root, place)}: {place + ': ' if place else ''}{message}"


def _line(root: Any, place: str) -> int:
    """The line of the deepest part of a path that the file has, counted from 1."""
    node, line = root, root.start_mark.line
    for name, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", place):
        if index and isinstance(node, yaml.SequenceNode) and int(index) < len(node.value):
            node = node.value[int(index)]
            line = node.start_mark.line
            continue
        pair = next((each for each in getattr(node, "value", ()) if name and each[0].value == name), None)
        if pair is None:
            break
        node, line = pair[1], pair[0].start_mark.line
    return int(line) + 1


_STRUCTS: dict[str, list[type[msgspec.Struct]]] = {
    "": [Scenario],
    "metadata": [scenario.Metadata],
    "cluster": [scenario.Cluster],
    "cluster.api": [scenario.Api],
    "cluster.nodes": [scenario.NodeGroup],
    "workloads": [scenario.Workload],
    "faults": list(faults.KINDS.values()),
}


def _fields(place: str) -> list[str]:
    """The fields that may stand at a place."""
    structs = _STRUCTS.get(re.sub(r"\[[^\]]*\]", "", place), [])
    return list(dict.fromkeys(name for struct in structs for name in struct.__struct_encode_fields__))


def _hint(wrong: str, known: list[str]) -> str:
    close = difflib.get_close_matches(wrong, known, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; there are: {', '.join(known[:12])}" if known else ""
