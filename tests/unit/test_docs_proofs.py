"""Where the documents compare with Virtual Kubelet, they claim only what a scenario or test proves."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "virtual-kubelet.md").read_text()
PROOFS = [
    proof for page in sorted(DOCS.glob("*.md")) for proof in re.findall(r'\]\((\S+) "([^"]+)"\)', page.read_text())
]
"""File and title of each link that has a title: the scenario or test in that file."""
ROWS = [row for row in re.findall(r"^\| (.*) \|$", TEXT, flags=re.MULTILINE) if not row.endswith("this runner")]


def is_in(text: str, name: str) -> bool:
    """Whether a feature has a scenario, or a module a test, of exactly this name."""
    pattern = r"^ *(?:Scenario(?: Outline)?: {0}$|(?:async )?def {0}\()".format(re.escape(name))
    return re.search(pattern, text, flags=re.MULTILINE) is not None


@pytest.mark.parametrize(("link", "name"), PROOFS)
def test_the_scenario_or_test_behind_a_link_is_there(link: str, name: str) -> None:
    path = DOCS / link
    assert path.is_file()
    assert is_in(path.read_text(), name)


@pytest.mark.parametrize("row", ROWS)
def test_each_row_has_a_proof_or_says_not_yet(row: str) -> None:
    ours = row.rpartition(" | ")[2]
    assert re.search(r'\]\(\S+ "[^"]+"\)', ours) or "not yet" in ours


def test_no_link_goes_without_the_name_of_its_proof() -> None:
    tables = "\n".join(ROWS)
    assert len(re.findall(r"\]\(", tables)) == len(re.findall(r'\]\(\S+ "[^"]+"\)', tables))


@pytest.mark.parametrize(
    "text", ["  Scenario: A pod runs well", "def test_a_pod_runs() -> None: ...", "# A pod runs", "call(A pod runs)"]
)
def test_a_name_that_is_only_similar_is_no_proof(text: str) -> None:
    assert not is_in(text, "A pod runs")
