"""Keeps the mock cloud's pods in a folder, one file a pod, so that they outlive the process: one write a change."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, cast

from providers.errors import InvalidConfig
from providers.mock.script import Script, Span
from providers.mock.status import End, Run
from providers.types import Pod


@dataclass(frozen=True, slots=True)
class Saved:
    """What a file says of a pod."""

    pod: Pod
    node: str
    script: Script
    host_ip: str
    accepted: datetime
    ip: str
    run: Run
    starts: int

    def address_number(self, first: IPv4Address) -> int:
        """How many addresses were given out up to this pod's."""
        return int(IPv4Address(self.ip)) - int(first) + 1 if self.ip else 0


class StateFolder:
    """A folder of pods.

    Raises:
        InvalidConfig: the folder cannot be made or written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            (path / ".writable").touch()
        except OSError as error:
            raise InvalidConfig(f"state: cannot write to {path}: {error.strerror}; name another folder") from None

    def save(self, saved: Saved) -> None:
        """Write a pod's file; whoever reads sees the old one or the new one, never half of it."""
        uid = saved.pod["metadata"]["uid"]
        fresh = self._path / f".{uid}.new"
        fresh.write_text(json.dumps(asdict(saved), default=datetime.isoformat))
        fresh.replace(self._path / f"{uid}.json")

    def remove(self, uid: str) -> None:
        """Delete a pod's file."""
        (self._path / f"{uid}.json").unlink(missing_ok=True)

    def load(self) -> Iterator[Saved]:
        """All pods, in the order of their names.

        Raises:
            InvalidConfig: a file is not one of ours.
        """
        for path in sorted(self._path.glob("*.json")):
            try:
                yield _saved(json.loads(path.read_text()))
            except (ValueError, KeyError, TypeError) as error:
                raise InvalidConfig(f"state: {path} is damaged ({error}); delete it to go on without the pod") from None


def _saved(data: dict[str, Any]) -> Saved:
    values: dict[str, Any] = {
        each.name: Span(*value) if isinstance(value, list) else value
        for each in fields(Script)
        for value in [data["script"][each.name]]
    }
    run = data["run"]
    last = run["last"]
    end = End(_moment(last["started"]), _sure(last["finished"]), last["exit_code"], last["reason"]) if last else None
    return Saved(
        cast("Pod", data["pod"]),
        data["node"],
        Script(**values),
        data["host_ip"],
        _sure(data["accepted"]),
        data["ip"],
        Run(_moment(run["started"]), _moment(run["begun"]), run["restarts"], end, run["is_over"]),
        data["starts"],
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _sure(text: str) -> datetime:
    return datetime.fromisoformat(text)
