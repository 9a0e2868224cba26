"""Reads the files that people write: JSON, TOML and YAML by suffix, anything else as YAML (JSON is YAML, too).

An error is one line that names the file, the place in it and what is wrong there.
"""

import json
import tomllib
from pathlib import Path
from typing import Any

import yaml


class BadDocument(ValueError):
    """The file is not there, cannot be read, or is not what its suffix says. The message is for people."""


def read_document(path: Path) -> Any:
    """What the file holds; None if it is empty YAML.

    Raises:
        BadDocument: see there.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BadDocument(f"{path}: no such file") from None
    except UnicodeDecodeError:
        raise BadDocument(f"{path}: not a text file in UTF-8") from None
    except OSError as error:
        raise BadDocument(f"{path}: {error.strerror}") from error
    try:
        return _parse(text, path.suffix.lower())
    except json.JSONDecodeError as error:
        raise BadDocument(f"{path}, line {error.lineno}: broken JSON: {error.msg}") from None
    except tomllib.TOMLDecodeError as error:
        raise BadDocument(f"{path}: broken TOML: {error}") from None
    except yaml.YAMLError as error:
        raise BadDocument(f"{path}{_place(error)}: broken YAML: {_problem(error)}") from None


def read_mapping(path: Path) -> dict[str, Any]:
    """As ``read_document``, for files that hold named fields; an empty file has none.

    Raises:
        BadDocument: also if the file holds a list or a scalar.
    """
    document = read_document(path)
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise BadDocument(f"{path}: holds a {type(document).__name__}, not fields with names (key: value)")
    return document


def _parse(text: str, suffix: str) -> Any:
    if suffix == ".json":
        return json.loads(text)
    if suffix == ".toml":
        return tomllib.loads(text)
    return yaml.safe_load(text)


def _place(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f", line {mark.line + 1}" if mark else ""


def _problem(error: yaml.YAMLError) -> str:
    return str(getattr(error, "problem", None) or " ".join(str(error).split()))
