"""Keeps the mock cloud's pods in a folder, one file a pod, so that they outlive the process: one write a change."""

import json
from collections.abc import Iterator
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any

from providers import distributions, pods
from providers.errors import InvalidConfig
from providers.mock.record import CloudPod, End, Plan, Run, Step
from providers.mock.script import Script


class StateFolder:
    """A folder of pods, for one runner at a time.

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

    def save(self, cloud_pod: CloudPod, starts: int) -> None:
        """Write a pod's file; whoever reads sees the old one or the new one, never half of it."""
        uid = pods.uid(cloud_pod.pod)
        fresh = self._path / f".{uid}.new"
        fresh.write_text(json.dumps(_as_json(cloud_pod, starts), default=_written))
        fresh.replace(self._path / f"{uid}.json")

    def remove(self, uid: str) -> None:
        """Delete a pod's file."""
        (self._path / f"{uid}.json").unlink(missing_ok=True)

    def load(self) -> Iterator[tuple[CloudPod, int]]:
        """All pods and how often each was started, in the order of their names.

        Raises:
            InvalidConfig: a file is not one of ours.
        """
        for path in sorted(self._path.glob("*.json")):
            try:
                yield _from_json(json.loads(path.read_text()))
            except (ValueError, KeyError, TypeError) as error:
                raise InvalidConfig(f"state: {path} is damaged ({error}); delete it to go on without the pod") from None


_TIMES = frozenset({"create_takes", "start_after", "run_for", "end_after", "log_every"})


def _written(value: object) -> str:
    """What JSON has no form for."""
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _as_json(cloud_pod: CloudPod, starts: int) -> dict[str, Any]:
    return {
        "pod": cloud_pod.pod,
        "node": cloud_pod.node,
        "script": {each.name: getattr(cloud_pod.script, each.name) for each in fields(Script)},
        "host_ip": cloud_pod.host_ip,
        "accepted": cloud_pod.accepted,
        "ip": cloud_pod.ip,
        "run": {each.name: getattr(cloud_pod.run, each.name) for each in fields(Run)},
        "plan": cloud_pod.plan,
        "evicted": cloud_pod.evicted,
        "starts": starts,
    }


def _from_json(data: dict[str, Any]) -> tuple[CloudPod, int]:
    script: dict[str, Any] = {
        name: distributions.parse(value) if name in _TIMES and value is not None else value
        for name, value in data["script"].items()
    }
    run = data["run"]
    cloud_pod = CloudPod(
        pod=data["pod"],
        node=data["node"],
        script=Script(**script),
        host_ip=data["host_ip"],
        accepted=datetime.fromisoformat(data["accepted"]),
        ip=data["ip"],
        run=Run(
            **{
                **run,
                "begun": _moment(run["begun"]),
                "started": _moment(run["started"]),
                "ended": _end(run["ended"]),
                "last": _end(run["last"]),
            }
        ),
        plan=_plan(data["plan"]),
        evicted=data["evicted"],
    )
    return cloud_pod, data["starts"]


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _end(data: list[Any] | None) -> End | None:
    if data is None:
        return None
    number, started, finished, exit_code, reason = data
    return End(number, datetime.fromisoformat(started), datetime.fromisoformat(finished), exit_code, reason)


def _plan(data: list[str] | None) -> Plan | None:
    return Plan(Step(data[0]), datetime.fromisoformat(data[1])) if data else None
