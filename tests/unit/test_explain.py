"""``vksim explain`` and ``vksim init`` (``vksim.explain``, ``vksim.authoring``)."""

from pathlib import Path

import click
import pytest

from vksim import authoring, explain
from vksim.scenario_file import load


def test_a_field_is_explained_with_its_value_and_default() -> None:
    told = explain.text("cluster.nodes.capacity")
    assert "FIELD     cluster.nodes.capacity <quantities>" in told
    assert "What a node offers, as quantities;" in told
    assert "default: cpu: 16, memory: 64Gi, pods: 110" in told


def test_of_several_kinds_all_are_listed_and_one_can_be_named() -> None:
    told = explain.text("workloads")
    assert "Deployment" in told
    assert "FIELDS OF ALL KINDS" in told
    assert "strategy" not in told
    assert "strategy <settings>" in explain.text("workloads.Deployment")
    assert "FIELD     workloads.replicas" in explain.text("workloads.replicas")


def test_without_a_field_the_whole_scenario_is_explained() -> None:
    assert "duration <duration> -required-" in explain.text("")


def test_an_unknown_field_is_told_with_what_could_be_meant() -> None:
    with pytest.raises(explain.UnknownField, match=r"cluster has no field 'node'; did you mean 'nodes'\?"):
        explain.text("cluster.node")


def test_what_init_writes_can_be_played_and_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "My first.yaml"
    authoring.init(path)
    assert load(path).metadata.name == "my-first"
    with pytest.raises(click.ClickException, match="is there already"):
        authoring.init(path)
