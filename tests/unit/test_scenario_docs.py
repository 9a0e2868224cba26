"""docs/scenarios.md and docs/scenario.schema.json say of the language what the structures say of it."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from vksim import fields, json_schema, reference
from vksim.scenario_file import bundled, load

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "scenarios.md"
AGAIN = "run tools/scenario_reference.py"


def test_the_tables_on_the_page_are_the_structures() -> None:
    page = PAGE.read_text()
    assert reference.filled(page) == page, AGAIN


def test_the_page_has_a_table_for_every_structure() -> None:
    named = re.findall(r"<!-- fields: (\w+) -->", PAGE.read_text())
    assert sorted(named) == sorted(reference.structures())


@pytest.mark.parametrize("name", reference.structures())
def test_every_field_has_a_meaning(name: str) -> None:
    assert [each.name for each in fields.of(reference.structures()[name]) if not each.meaning] == []


def test_the_example_on_the_page_is_a_scenario(tmp_path: Path) -> None:
    [example] = re.findall(r"^```yaml\n(apiVersion.*?)^```", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)
    path = tmp_path / "example.yaml"
    path.write_text(example)
    assert load(path).metadata.name == yaml.safe_load(example)["metadata"]["name"]


def test_the_published_schema_is_the_languages() -> None:
    assert json.loads((DOCS / "scenario.schema.json").read_text()) == json_schema.document(), AGAIN


def mistakes(data: dict[str, Any]) -> list[str]:
    schema = json_schema.document()
    jsonschema.Draft202012Validator.check_schema(schema)
    return [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(data)]


@pytest.mark.parametrize("path", bundled(), ids=lambda path: path.stem)
def test_what_comes_with_the_package_follows_the_schema(path: Path) -> None:
    assert mistakes(yaml.safe_load(path.read_text())) == []


def test_the_schema_finds_an_unknown_field_and_allows_parameters() -> None:
    data = yaml.safe_load(bundled()[0].read_text())
    data["cluster"]["nodes"][0]["count"] = "${nodes}"
    assert mistakes(data) == []
    data["cluster"]["nodes"][0]["cuont"] = 3
    assert mistakes(data) != []
