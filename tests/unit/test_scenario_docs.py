"""docs/scenarios.md says of each field of the language what the structures say of it."""

import inspect
import re
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
import yaml

from vksim import expect, faults, scenario
from vksim.scenario_file import load
from vksim.schema import Duration, Quantity, Span

PAGE = Path(__file__).parents[2] / "docs/scenarios.md"

SECTIONS: dict[str, type[msgspec.Struct]] = {
    "A scenario": scenario.Scenario,
    "`metadata`": scenario.Metadata,
    "`cluster`": scenario.Cluster,
    "`cluster.api`": scenario.Api,
    "`cluster.nodes`": scenario.NodeGroup,
    "`workloads`": scenario.Workload,
    **{f"`{kind}`": struct for kind, struct in faults.KINDS.items()},
}

WORDS = {
    Duration: "duration",
    Span: "duration or range",
    int: "whole number",
    float: "number",
    str: "text",
    bool: "true or false",
    datetime: "time",
    dict[str, Quantity]: "quantities",
    dict[str, str]: "texts",
    dict[str, Any]: "settings",
    dict[int, float]: "weights",
}


def table(struct: type[msgspec.Struct]) -> str:
    """What the page has to say of a structure."""
    meanings = {**documented(struct.__mro__[1]), **documented(struct)}
    rows = ["| field | value | default | meaning |", "|---|---|---|---|"]
    for field in msgspec.structs.fields(struct):
        cells = (f"`{field.encode_name}`", value(field.type), default(field), meanings[field.name])
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def documented(struct: type) -> dict[str, str]:
    """The attributes that a docstring explains, in Markdown."""
    attributes = (inspect.getdoc(struct) or "").partition("Attributes:\n")[2]
    found = re.findall(r"^    (\w+): ((?:.|\n(?=     ))*)", attributes, flags=re.MULTILINE)
    return {name: re.sub(r"\s*\n\s*", " ", text).replace("``", "`") for name, text in found}


def value(kind: Any) -> str:
    if kind in WORDS:
        return WORDS[kind]
    options = [each for each in get_args(kind) if each is not type(None)]
    if options and all(isinstance(each, str) for each in options):
        return ", ".join(f"`{each}`" for each in options) if len(options) > 1 else f'always `"{options[0]}"`'
    if getattr(kind, "__origin__", None) is list:
        return "list"
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return "mapping"
    return " or ".join(value(each) for each in options if not isinstance(each, msgspec.Meta))


def default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "needed"
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()  # type: ignore[operator]  # one of the two is there
    if value in (None, "", {}, []) or isinstance(value, msgspec.Struct):
        return "none" if not isinstance(value, msgspec.Struct) else "its own"
    if isinstance(value, dict):
        return "`" + ", ".join(f"{name}: {each}" for name, each in value.items()) + "`"
    if isinstance(value, datetime):
        return f"`{value:%Y-%m-%dT%H:%M:%SZ}`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


@pytest.mark.parametrize("heading", SECTIONS)
def test_the_page_has_the_fields_of_the_structure(heading: str) -> None:
    section = re.search(rf"^#+ {re.escape(heading)}$(.*?)(?=^#|\Z)", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)
    assert section, f"no section {heading}"
    assert table(SECTIONS[heading]) in section.group(1), f"it should say:\n{table(SECTIONS[heading])}"


def test_the_page_has_every_series() -> None:
    objectives = PAGE.read_text().partition("## Objectives")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `([a-z0-9.]+)` \| (.*) \|$", objectives, flags=re.MULTILINE)
    assert dict(rows) == expect.SERIES


def test_the_example_on_the_page_is_a_scenario(tmp_path: Path) -> None:
    [example] = re.findall(r"^```yaml\n(apiVersion.*?)^```", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)
    path = tmp_path / "example.yaml"
    path.write_text(example)
    assert load(path).metadata.name == yaml.safe_load(example)["metadata"]["name"]
