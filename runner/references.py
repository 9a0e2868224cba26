"""The ConfigMaps and Secrets that a pod refers to, and what can be wrong with a reference."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple


class Reference(NamedTuple):
    """An object of the pod's namespace that the pod needs."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands for what the API server does not give the runner.

    Attributes:
        message: what it says about it.
    """

    message: str


Sources = Mapping[Reference, Mapping[str, Any] | Unreadable | None]
"""The objects referred to; None for one that does not exist."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something about a reference worth an event; ``fatal`` if the pod cannot be created because of it."""

    reason: str
    message: str
    fatal: bool
