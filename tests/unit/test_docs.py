"""The documents tell the truth: their commands exist with the options shown, their files and links are there.

Convention: a fenced block marked ``console`` shows a session, in which lines that begin with ``$`` are commands; in a
block marked ``sh`` every line is one. Other blocks (``text``, ``yaml``, ``python``) are not commands.
"""

import importlib
import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner

from providers.mock import script
from providers.mock.config import parse
from runner import config_file
from runner.options import OBSOLETE_VARIABLES

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
DOCUMENTS += sorted((ROOT / "docs").rglob("*.md"))
TOOLS = {"az", "cd", "docker", "export", "git", "kill", "kubectl", "pip", "pre-commit", "python3", ".ci/kind", "bash"}
"""Commands that are not this project's and that a reader may need."""
OURS = {"vksim", "runner", "make", "pytest"}


@dataclass(frozen=True, slots=True)
class Command:
    """One command line of a document."""

    document: str
    line: str

    @property
    def words(self) -> list[str]:
        words = shlex.split(self.line, comments=True)
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            del words[0]
        if words and words[0].startswith(".venv/bin/"):
            words[0] = words[0].removeprefix(".venv/bin/")
        return words

    def __str__(self) -> str:
        return f"{self.document}: {self.line}"


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def blocks(text: str) -> Iterator[tuple[str, str]]:
    for match in re.finditer(r"^```(\w*)[^\n]*\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL):
        yield match.group(1), match.group(2)


def commands_in(document: str, text: str) -> Iterator[Command]:
    for language, block in blocks(text):
        lines = block.replace("\\\n", " ").splitlines()
        if language == "console":
            lines = [line[2:] for line in lines if line.startswith("$ ")]
        elif language != "sh":
            continue
        for line in lines:
            command = Command(document, line.strip())
            if command.words:
                yield command


def all_commands() -> list[Command]:
    return [command for path in DOCUMENTS for command in commands_in(named(path), path.read_text())]


def complaint(name: str, arguments: list[str]) -> str:
    """What click says against a command line; empty if it knows each subcommand and option. Nothing is run."""
    result = CliRunner().invoke(program(name), [*arguments, "--help"])
    return result.output if result.exit_code else ""


def program(name: str) -> click.Group:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    module = importlib.import_module(scripts[name].partition(":")[0])
    groups = [value for value in vars(module).values() if isinstance(value, click.Group)]
    [outermost] = [each for each in groups if not any(each in other.commands.values() for other in groups)]
    return outermost


@pytest.mark.parametrize("command", all_commands(), ids=str)
def test_a_command_of_the_documents_exists(command: Command) -> None:
    assert command.words[0] in TOOLS | OURS, "an unknown command: ours, a tool, or a slip of the pen?"


@pytest.mark.parametrize(
    "command", [command for command in all_commands() if command.words[0] in {"vksim", "runner"}], ids=str
)
def test_a_command_line_of_ours_is_accepted(command: Command) -> None:
    assert complaint(command.words[0], command.words[1:]) == ""


@pytest.mark.parametrize("command", all_commands(), ids=str)
def test_a_file_that_a_command_reads_exists(command: Command) -> None:
    files = [word for word in command.words[1:] if re.match(r"(scenarios|features|tests|benchmarks|deploy)/", word)]
    assert not [name for name in files if not (ROOT / name).exists()]


@pytest.mark.parametrize("line", ["vksim nonsense", "vksim run --nonsense", "runner --nonsense"])
def test_a_wrong_command_line_would_be_noticed(line: str) -> None:
    name, *arguments = line.split()
    assert "nonsense" in complaint(name, arguments)


@pytest.mark.parametrize(
    "command", [command for command in all_commands() if command.words[:2] == ["pytest", "features/"]], ids=str
)
def test_an_option_of_the_features_exists(command: Command) -> None:
    added = re.findall(r'addoption\(\s*"(--[\w-]+)"', (ROOT / "features/conftest.py").read_text())
    assert {word for word in command.words if word.startswith("--")} <= set(added)


def test_operating_explains_every_flag_and_variable_of_the_runner() -> None:
    options = [each for each in program("runner").params if isinstance(each, click.Option) and not each.hidden]
    flags = {flag for option in options for flag in option.opts if flag.startswith("--")}
    variables = {str(option.envvar) for option in options if option.envvar} | set(OBSOLETE_VARIABLES)
    text = (ROOT / "docs/operating.md").read_text()
    assert set(re.findall(r"^\| `(--[\w-]+)", text, flags=re.MULTILINE)) == flags
    assert variables <= {
        name for row in re.findall(r"^\| (`[A-Z].*?) \|", text, re.MULTILINE) for name in re.findall(r"[A-Z_]+", row)
    }


def test_the_configuration_file_that_operating_shows_is_understood(tmp_path: Path) -> None:
    found = blocks((ROOT / "docs/operating.md").read_text())
    [shown] = [block for language, block in found if language == "yaml" and "nodes:" in block]
    (tmp_path / "runner.yaml").write_text(shown)
    with program("runner").make_context("runner", []) as ctx:
        general, nodes = config_file.read(tmp_path / "runner.yaml", ctx)
    assert general["log_format"] == "json"
    assert [node["nodename"] for node in nodes] == ["virtual-a", "virtual-b"]


@pytest.mark.parametrize("command", [command for command in all_commands() if command.words[0] == "make"], ids=str)
def test_a_make_target_of_the_documents_exists(command: Command) -> None:
    targets = set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert {word for word in command.words[1:] if "=" not in word} <= targets


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_a_relative_link_leads_somewhere(document: Path) -> None:
    text = document.read_text()
    links = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'<img[^>]* src="([^"]+)"', text)
    relative = [link for link in links if not re.match(r"[a-z]+:", link)]
    assert not [link for link in relative if not _exists(document, link)]


def _exists(document: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (document.parent / path) if path else document
    if not target.exists():
        return False
    return not anchor or anchor in _anchors(target.read_text())


def _anchors(text: str) -> set[str]:
    """The anchors that a Markdown renderer makes of a document's headings."""
    headings = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_a_file_named_in_a_document_exists(document: Path) -> None:
    folders = "providers|runner|fakes|vksim|features|tests|docs|scenarios|benchmarks|deploy"
    names = re.findall(rf"`((?:(?:{folders})/|\.ci/|\.github/)[\w./-]*)`", document.read_text())
    assert not [name for name in names if not (ROOT / name).exists()]


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_the_data_in_a_document_parses(document: Path) -> None:
    readers: dict[str, Any] = {"yaml": yaml.safe_load, "toml": tomllib.loads}
    for language, block in blocks(document.read_text()):
        if language in readers:
            assert readers[language](block)


def test_every_decision_is_in_the_index() -> None:
    index = (ROOT / "docs/index.md").read_text()
    assert not [path.name for path in (ROOT / "docs/decisions").glob("*.md") if path.name not in index]


def test_the_page_on_the_mock_explains_every_setting_and_its_examples_work() -> None:
    text = (ROOT / "docs/mock.md").read_text()
    assert re.findall(r"^\| `([\w-]+)`", text, flags=re.MULTILINE) == list(script.SETTINGS)
    pod, *configurations = [yaml.safe_load(block) for language, block in blocks(text) if language == "yaml"]
    scripted = script.from_annotations(pod["metadata"]["annotations"], script.Script())
    assert scripted.exit_code == 3
    for configuration in configurations:
        assert parse(configuration, node_name="my-node", source="docs/mock.md").capacity["cpu"]
