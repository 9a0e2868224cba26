"""The scenarios that come with vksim: each passes, and the documents tell of it."""

import io
from pathlib import Path

import pytest

from vksim.scenario_file import bundled, load
from vksim.simulation import play

LONG = {"five-thousand-nodes", "eci-zone-stockout", "fargate-spot", "three-clouds-cost"}
PAGE = (Path(__file__).parents[2] / "docs/scenarios.md").read_text()


def marked(path: Path) -> object:
    return pytest.param(path, id=path.stem, marks=[pytest.mark.slow] if path.stem in LONG else [])


@pytest.mark.parametrize("path", [marked(path) for path in bundled()])
def test_it_passes(path: Path) -> None:
    result = play(load(path), path.stem, io.BytesIO(), folder=path.parent)
    assert [each for each in result.expectations if not each.met] == []
    assert [each for each in result.invariants if each.violations] == []


@pytest.mark.parametrize("path", bundled(), ids=lambda path: path.stem)
def test_the_page_tells_what_it_asks(path: Path) -> None:
    assert f"`{path.stem}`" in PAGE
