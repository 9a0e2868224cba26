"""Includes and parameters of scenario files (``vksim.document``)."""

from pathlib import Path

import pytest

from vksim.demand import Pods
from vksim.scenario import Scenario
from vksim.scenario_file import ScenarioError, load

BASE = """\
apiVersion: vksim/v1
kind: Scenario
metadata: {name: base}
parameters:
  pods: 3
  size: 2
  who: web
duration: 2m
cluster:
  nodes:
    - {name: a, count: "${size}"}
workloads:
  - {name: "${who}-pods", pods: "${pods}", runFor: "${pods}s"}
expect:
  - pods.succeeded == ${pods}
"""


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def loaded(tmp_path: Path, text: str = BASE, **parameters: str) -> Scenario:
    return load(written(tmp_path, "s.yaml", text), parameters)


def error(tmp_path: Path, text: str = BASE, **parameters: str) -> str:
    with pytest.raises(ScenarioError) as caught:
        loaded(tmp_path, text, **parameters)
    return str(caught.value).replace(str(tmp_path), ".")


def pods(scenario: Scenario) -> Pods:
    workload = scenario.workloads[0]
    assert isinstance(workload, Pods)
    return workload


def test_a_parameter_stands_for_its_value_or_for_a_part_of_a_text(tmp_path: Path) -> None:
    scenario = loaded(tmp_path)
    assert (pods(scenario).name, pods(scenario).pods, scenario.expect) == ("web-pods", 3, ["pods.succeeded == 3"])
    assert scenario.cluster.nodes[0].count == 2


def test_what_is_set_wins(tmp_path: Path) -> None:
    scenario = loaded(tmp_path, pods="50", who="api")
    assert (pods(scenario).name, pods(scenario).pods) == ("api-pods", 50)


def test_a_parameter_can_be_a_list(tmp_path: Path) -> None:
    text = BASE.replace("  pods: 3", "  pods: 3\n  zones: [x, y]").replace('"${size}"}', '1, zones: "${zones}"}')
    assert loaded(tmp_path, text).cluster.nodes[0].zones == ["x", "y"]
    assert loaded(tmp_path, text, zones="[z]").cluster.nodes[0].zones == ["z"]


def test_a_mistake_in_what_is_set_is_told_where_it_is_used(tmp_path: Path) -> None:
    assert error(tmp_path, pods="many") == "./s.yaml:13: workloads[0].pods: write a whole number, not 'many'"


def test_an_unknown_parameter_is_told(tmp_path: Path) -> None:
    assert error(tmp_path, pod="3") == "--set pod=3: ./s.yaml has no such parameter; did you mean 'pods'?"
    told = error(tmp_path, BASE.replace("${size}", "${sise}"))
    assert told == "./s.yaml:11: ${sise}: there is no such parameter; did you mean 'size'?"


def test_a_parameter_without_a_value_must_be_given(tmp_path: Path) -> None:
    text = BASE.replace("pods: 3", "pods: null")
    assert error(tmp_path, text) == "./s.yaml:5: parameters.pods: it has no value; give it one with --set pods=VALUE"
    assert pods(loaded(tmp_path, text, pods="7")).pods == 7


def test_an_included_file_is_gone_on_from(tmp_path: Path) -> None:
    written(tmp_path, "base.yaml", BASE)
    scenario = loaded(
        tmp_path,
        "include: base.yaml\nduration: 9m\nparameters: {pods: 5}\n"
        "workloads: [{name: more, pods: 1}]\nmetadata: {description: longer}\n",
    )
    assert scenario.duration.seconds == 540
    assert (scenario.metadata.name, scenario.metadata.description) == ("base", "longer")
    assert [each.name for each in scenario.workloads] == ["web-pods", "more"]
    assert pods(scenario).pods == 5


def test_a_mistake_in_an_included_file_names_that_file(tmp_path: Path) -> None:
    written(tmp_path, "base.yaml", BASE.replace("duration", "duratoin"))
    assert error(tmp_path, "include: [base.yaml]\n").startswith("./base.yaml:8: duratoin: unknown field")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("include: none.yaml", "./s.yaml:1: include: there is no file ./none.yaml; paths are relative to ./"),
        ("include: s.yaml", "./s.yaml:1: include: s.yaml includes itself; remove it"),
    ],
)
def test_an_include_that_cannot_be_is_told(tmp_path: Path, text: str, told: str) -> None:
    assert error(tmp_path, text + "\n") == told


def test_the_key_of_a_mapping_is_named_in_a_mistake(tmp_path: Path) -> None:
    text = BASE.replace("duration: 2m", "duration: 2m\nclouds:\n  west: {provider: aci}\n  east: {provder: aci}")
    assert error(tmp_path, text).startswith("./s.yaml:11: clouds.east.provder: unknown field; did you mean 'provider'?")
