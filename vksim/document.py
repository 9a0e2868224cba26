"""A scenario's YAML as a tree that knows where each part was written: includes, parameters, places.

It knows YAML, not the language: what a field means is ``vksim.scenario``'s business.
"""

import difflib
import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from yaml import MappingNode, Node, ScalarNode, SequenceNode

try:
    from yaml import CSafeLoader as Loader
except ImportError:  # a PyYAML without libyaml
    from yaml import SafeLoader as Loader  # type: ignore[assignment]  # the same interface

_STRING = "tag:yaml.org,2002:str"
LISTED = 40
"""So many names are told when none is close: every kind of fault, but not every node."""

_PARAMETER = re.compile(r"\$\{(?P<name>[^{}]*)\}")


class ScenarioError(Exception):
    """The scenario cannot be played. The message is one line: file, line, field, what is wrong, remedy."""


class Document:
    """A file with what it includes, and with its parameters filled in.

    Args:
        path: the file.
        parameters: values that win over the file's own, as YAML.
        first_line: what a file is told to begin with that is no mapping.

    Raises:
        ScenarioError: for whatever is wrong with it as YAML.
    """

    def __init__(self, path: Path, parameters: Mapping[str, str], first_line: str) -> None:
        self._path = path
        self._first_line = first_line
        root = self._included(path, ())
        self._root: Node = root
        self._root = _filled(root, self._values(root, parameters))

    @property
    def data(self) -> dict[str, Any]:
        """The plain data."""
        try:
            data = Loader("").construct_document(self._root)
        except ValueError as error:  # a date that the calendar does not have
            raise ScenarioError(f"{self._path}: not YAML: {error}") from None
        assert isinstance(data, dict)  # noqa: S101  (looked at when it was read)
        return data

    def wrong(self, place: str, message: str) -> ScenarioError:
        """What is wrong at a place (``cluster.nodes[0].count``), with the line of its deepest part that is there."""
        node, mark = self._root, self._root.start_mark
        for name, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", place):
            if index and isinstance(node, SequenceNode) and int(index) < len(node.value):
                node = node.value[int(index)]
                mark = node.start_mark
                continue
            pair = _pair(node, name) if name and isinstance(node, MappingNode) else None
            if pair is None:
                break
            node, mark = pair[1], pair[0].start_mark
        return ScenarioError(f"{mark.name}:{mark.line + 1}: {place + ': ' if place else ''}{message}")

    # --- includes ---------------------------------------------------------------------------------------------------

    def _included(self, path: Path, outer: tuple[Path, ...]) -> MappingNode:
        root = _parsed(path, self._first_line)
        files = _pair(root, "include")
        if files is None:
            return root
        merged: MappingNode | None = None
        for each in files[1].value if isinstance(files[1], SequenceNode) else [files[1]]:
            found = path.parent / str(each.value)
            where = f"{path}:{each.start_mark.line + 1}: include"
            if found.resolve() in [one.resolve() for one in (*outer, path)]:
                raise ScenarioError(f"{where}: {each.value} includes itself; remove it")
            if not found.is_file():
                raise ScenarioError(f"{where}: there is no file {found}; paths are relative to {path.parent}/")
            inner = self._included(found, (*outer, path))
            merged = inner if merged is None else _merged(merged, inner)
        return root if merged is None else _merged(merged, root)

    # --- parameters -------------------------------------------------------------------------------------------------

    def _values(self, root: MappingNode, given: Mapping[str, str]) -> dict[str, Node]:
        section = _pair(root, "parameters")
        own: dict[str, Node] = {}
        if section is not None and isinstance(section[1], MappingNode):
            own = {str(key.value): value for key, value in section[1].value}
        for name, text in given.items():
            if name not in own:
                raise ScenarioError(f"--set {name}={text}: {self._path} has no such parameter{hint(name, list(own))}")
            try:
                value = Loader(_Named(text, f"--set {name}")).get_single_node()
            except yaml.YAMLError:
                value = None
            own[name] = value if value is not None else ScalarNode(_STRING, text)
        for name, value in own.items():
            if isinstance(value, ScalarNode) and value.tag.endswith(":null"):
                raise self.wrong(f"parameters.{name}", f"it has no value; give it one with --set {name}=VALUE")
        if section is not None and isinstance(section[1], MappingNode):
            section[1].value = [(key, own[str(key.value)]) for key, _ in section[1].value]
        return own


def _filled(node: Node, values: Mapping[str, Node]) -> Node:
    """The node with values in the place of ``${name}``."""
    if isinstance(node, MappingNode):
        pairs = [(key, value if key.value == "parameters" else _filled(value, values)) for key, value in node.value]
        return MappingNode(node.tag, pairs, node.start_mark, node.end_mark)
    if isinstance(node, SequenceNode):
        return SequenceNode(node.tag, [_filled(each, values) for each in node.value], node.start_mark, node.end_mark)
    return _filled_scalar(node, values) if isinstance(node, ScalarNode) and "${" in node.value else node


def _filled_scalar(scalar: ScalarNode, values: Mapping[str, Node]) -> Node:
    """A scalar that is nothing but a parameter becomes its value, whatever that is; else it is put into the text."""
    whole = _PARAMETER.fullmatch(scalar.value)
    found = values.get(whole["name"]) if whole else None
    if isinstance(found, ScalarNode):
        return ScalarNode(found.tag, found.value, scalar.start_mark, scalar.end_mark)
    if found is not None:
        return found

    def value(match: re.Match[str]) -> str:
        part = values.get(match["name"])
        if isinstance(part, ScalarNode):
            return str(part.value)
        if part is None:
            problem = f"there is no such parameter{hint(match['name'], list(values))}"
        else:
            problem = "its value is a list or a mapping, which cannot be a part of a text"
        mark = scalar.start_mark
        raise ScenarioError(f"{mark.name}:{mark.line + 1}: {match[0]}: {problem}")

    text = _PARAMETER.sub(value, scalar.value)
    tag = scalar.tag
    if scalar.style is None:  # what was not quoted may have become a number
        tag = Loader("").resolve(ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]  # PyYAML's stubs
    return ScalarNode(tag, text, scalar.start_mark, scalar.end_mark)


def hint(wrong: str, known: list[str]) -> str:
    """What could be meant, to be put behind a message."""
    close = difflib.get_close_matches(wrong, known, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    more = f" and {len(known) - LISTED} more" if len(known) > LISTED else ""
    return f"; there are: {', '.join(known[:LISTED])}{more}" if known else ""


class _Named(io.StringIO):
    """A text that YAML's marks name."""

    def __init__(self, text: str, name: str) -> None:
        super().__init__(text)
        self.name = name


def _parsed(path: Path, first_line: str) -> MappingNode:
    try:
        text = path.read_text(encoding="utf-8")
    except IsADirectoryError:
        raise ScenarioError(f"{path}: this is a folder; name a file in it") from None
    except OSError as error:
        raise ScenarioError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ScenarioError(f"{path}: not a text file in UTF-8") from None
    try:
        root = Loader(_Named(text, str(path))).get_single_node()
    except yaml.YAMLError as error:
        raise ScenarioError(_broken(path, error)) from None
    if not isinstance(root, MappingNode):
        raise ScenarioError(f"{path}:1: {first_line}")
    _refuse_doubles(root)
    return root


def _refuse_doubles(root: Node) -> None:
    """Refuse a field that is there twice: YAML forbids it, PyYAML takes the last one."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, MappingNode):
            seen: set[str] = set()
            for key, _ in node.value:
                if isinstance(key, ScalarNode) and key.value in seen:
                    mark = key.start_mark
                    raise ScenarioError(
                        f"{mark.name}:{mark.line + 1}: {key.value}: this field is there twice; remove one"
                    )
                seen.add(key.value if isinstance(key, ScalarNode) else "")
        waiting.extend(_children(node))


def _merged(base: MappingNode, over: MappingNode) -> MappingNode:
    """Both: of single values the later one, of lists the one behind the other."""
    pairs = {str(key.value): (key, value) for key, value in base.value}
    for key, value in over.value:
        name = str(key.value)
        before = pairs[name][1] if name in pairs else None
        merged = value
        if isinstance(before, MappingNode) and isinstance(value, MappingNode):
            merged = _merged(before, value)
        elif isinstance(before, SequenceNode) and isinstance(value, SequenceNode) and name != "include":
            merged = SequenceNode(value.tag, [*before.value, *value.value], value.start_mark, value.end_mark)
        pairs[name] = (key, merged)
    return MappingNode(over.tag, list(pairs.values()), over.start_mark, over.end_mark)


def _children(node: Node) -> list[Node]:
    if isinstance(node, MappingNode):
        return [value for _, value in node.value]
    return list(node.value) if isinstance(node, SequenceNode) else []


def _pair(node: MappingNode, name: str) -> tuple[Node, Node] | None:
    return next((each for each in node.value if each[0].value == name), None)


def _broken(path: Path, error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    line = f":{mark.line + 1}" if mark is not None else ""
    problem = getattr(error, "problem", None) or str(error)
    return f"{path}{line}: not YAML: {problem}"
