"""What helps to write a scenario: ``vksim init``, ``vksim explain`` and ``vksim schema``."""

import json
import re
import shlex
from importlib.resources import files
from pathlib import Path

import click

from vksim import explain, json_schema


def schema() -> str:
    """The JSON schema of the scenario language, as text."""
    return json.dumps(json_schema.document(), indent=1)


def explained(path: str) -> str:
    """What a field means. Raises click.ClickException."""
    try:
        return explain.text(path)
    except explain.UnknownField as error:
        raise click.ClickException(str(error)) from None


def init(path: Path) -> str:
    """Write a commented scenario; a line that says what to do with it. Raises click.ClickException."""
    if path.exists():
        raise click.ClickException(f"{path}: is there already; name a new file")
    template = files("vksim").joinpath("new_scenario.yaml").read_text(encoding="utf-8")
    name = re.sub(r"[^a-z0-9]+", "-", path.stem.lower()).strip("-") or "scenario"
    try:
        path.write_text(template.replace("{file}", shlex.quote(str(path))).replace("{name}", name), encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror}") from None
    return f"{path}: play it with: vksim run {shlex.quote(str(path))}"
