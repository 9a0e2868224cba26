"""The archive of Kubernetes' published types: what ``tools/generate_schema.py`` wrote, read a package at a time.

Nothing is read before somebody asks, and each file only once; so a server that is asked for pods alone never looks at
the other groups.
"""

import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import orjson

ARCHIVE = Path(__file__).parent / "kubernetes.zip"


def version() -> str:
    """The Kubernetes release that the types are of."""
    found: str = _read("version.json")
    return found


@cache
def packages() -> dict[str, str]:
    """``group/version`` (``v1`` for core) -> the package with its kinds."""
    found: dict[str, str] = _read("packages.json")
    return found


@cache
def types(package: str) -> dict[str, Any]:
    """Type name -> OpenAPI schema, less descriptions; empty for a package that is not there."""
    found: dict[str, Any] = _read(f"types/{package}.json")
    return found


def descriptions(package: str) -> dict[str, dict[str, str]]:
    """Type name -> field -> text, the type's own under "". Not kept: they are many, and only documents need them."""
    found: dict[str, dict[str, str]] = _read(f"descriptions/{package}.json")
    return found


@cache
def messages(package: str) -> dict[str, list[Any]]:
    """Message name -> fields ``[number, name, type, how, presence]`` (the generator tells what they mean)."""
    found: dict[str, list[Any]] = _read(f"messages/{package}.json")
    return found


def policy() -> list[dict[str, Any]]:
    """The roles and bindings of a new cluster."""
    found: list[dict[str, Any]] = _read("policy.json")
    return found


def parameters() -> dict[str, list[Any]]:
    """Action (``list``, ``post``, ...) -> its query parameters in OpenAPI."""
    found: dict[str, list[Any]] = _read("parameters.json")
    return found


def _read(name: str) -> Any:
    with zipfile.ZipFile(ARCHIVE) as archive:
        try:
            return orjson.loads(archive.read(name))
        except KeyError:
            return {}
