"""The task definitions of an account: families with their revisions, until they are deregistered and deleted."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from fakes.fargate import errors
from fakes.fargate.sizes import is_valid

MOST_CONTAINERS = 10
STORAGE = range(21, 201)
"""GiB of ephemeral storage that may be asked for."""
STOP_TIMEOUTS = range(2, 121)
ARCHITECTURES = ("X86_64", "ARM64")
ACTIVE, INACTIVE, DELETING = "ACTIVE", "INACTIVE", "DELETE_IN_PROGRESS"
_FAMILY = re.compile(r"[A-Za-z0-9_-]{1,255}")

Answer = dict[str, Any]


class Definitions:
    """The task definitions of an account.

    Args:
        arn: makes the ARN of a family and revision.
        now: the wall clock.
    """

    def __init__(self, arn: Callable[[str], str], now: Callable[[], datetime]) -> None:
        self._arn = arn
        self._now = now
        self._families: dict[str, list[Answer]] = {}
        self._tags: dict[str, list[dict[str, str]]] = {}

    def __len__(self) -> int:
        """How many families there are."""
        return len(self._families)

    def register(self, request: Mapping[str, Any]) -> Answer:
        """A new revision. Raises AwsError."""
        _check(request)
        revisions = self._families.setdefault(request["family"], [])
        revision = len(revisions) + 1
        made = {
            "volumes": [],
            "placementConstraints": [],
            **{key: value for key, value in request.items() if key != "tags"},
            "containerDefinitions": [_filled(each) for each in request["containerDefinitions"]],
            "taskDefinitionArn": self._arn(f"{request['family']}:{revision}"),
            "revision": revision,
            "status": ACTIVE,
            "compatibilities": ["EC2", "FARGATE"],
            "registeredAt": self._now().timestamp(),
        }
        revisions.append(made)
        self._tags[made["taskDefinitionArn"]] = list(request.get("tags") or [])
        return made

    def tags(self, definition: Mapping[str, Any]) -> list[dict[str, str]]:
        """Its tags."""
        return self._tags[definition["taskDefinitionArn"]]

    def find(self, name: str) -> Answer:
        """By family (the newest that is active), family:revision or ARN. Raises AwsError."""
        family, _, revision = name.rpartition("/")[2].partition(":")
        revisions = self._families.get(family) or []
        if revision.isdigit() and 0 < int(revision) <= len(revisions):
            return revisions[int(revision) - 1]
        active = [each for each in revisions if each["status"] == ACTIVE]
        if revision or not active:
            raise errors.client("Unable to describe task definition.")
        return active[-1]

    def deregister(self, name: str) -> Answer:
        """No task is run by it from now on. Raises AwsError."""
        definition = self.find(name)
        if definition["status"] == ACTIVE:
            definition |= {"status": INACTIVE, "deregisteredAt": self._now().timestamp()}
        return definition

    def delete(self, names: list[str]) -> Answer:
        """Those that are deregistered go. Raises AwsError."""
        if len(names) > 10:
            raise errors.parameter("Task definitions cannot be more than 10.")
        deleted, failures = [], []
        for name in names:
            definition = self.find(name)
            if definition["status"] == ACTIVE:
                reason = "The specified task definition is still in ACTIVE status. Please deregister the target"
                failures.append({"arn": definition["taskDefinitionArn"], "reason": reason})
            else:
                definition["status"] = DELETING
                deleted.append(definition)
        return {"taskDefinitions": deleted, "failures": failures}

    def families(self, prefix: str, status: str) -> list[str]:
        """The families of which there is a revision with that status."""
        return sorted(
            family
            for family, revisions in self._families.items()
            if family.startswith(prefix) and any(status in ("ALL", each["status"]) for each in revisions)
        )

    def arns(self, family: str, status: str) -> list[str]:
        """The revisions of a family, or of all."""
        return [
            each["taskDefinitionArn"]
            for name in sorted(self._families)
            if family in ("", name)
            for each in self._families[name]
            if each["status"] == status
        ]


def _filled(container: Mapping[str, Any]) -> Answer:
    """A container with what ECS fills in."""
    lists: Answer = {name: [] for name in ("portMappings", "environment", "mountPoints", "volumesFrom")}
    return {"cpu": 0, "essential": True, **lists, **container}


def _check(request: Mapping[str, Any]) -> None:
    """What Fargate does not take. Raises AwsError."""
    containers = request["containerDefinitions"]
    if not _FAMILY.fullmatch(request["family"]):
        raise errors.client("Family contains invalid characters.")
    if not is_valid(request.get("cpu"), request.get("memory")):
        raise errors.client("No Fargate configuration exists for given values.")
    if len(containers) > MOST_CONTAINERS:
        raise errors.client("Too many containers.")
    if not any(each.get("essential", True) for each in containers):
        raise errors.client("A task definition must have at least one essential container.")
    storage = (request.get("ephemeralStorage") or {}).get("sizeInGiB", STORAGE[0])
    if storage not in STORAGE:
        raise errors.client(f"EphemeralStorage size {storage} is not between {STORAGE[0]} and {STORAGE[-1]} GiB.")
    architecture = (request.get("runtimePlatform") or {}).get("cpuArchitecture", ARCHITECTURES[0])
    if architecture not in ARCHITECTURES:
        raise errors.client(f"Unknown cpuArchitecture {architecture}.")
    volumes = request.get("volumes") or []
    for each in volumes:
        _check_volume(each)
    names, mountable = {each["name"] for each in containers}, {each["name"] for each in volumes}
    for each in containers:
        _check_container(each, names, mountable)


def _check_volume(volume: Mapping[str, Any]) -> None:
    shared = volume.get("efsVolumeConfiguration") or {}
    if shared.get("authorizationConfig") and shared.get("transitEncryption") != "ENABLED":
        raise errors.client("EFS volumes with an access point need transit encryption.")
    if (volume.get("host") or {}).get("sourcePath"):
        raise errors.client("Fargate compatible task definitions do not support sourcePath.")


def _check_container(container: Mapping[str, Any], names: set[str], volumes: set[str]) -> None:
    if container.get("stopTimeout", STOP_TIMEOUTS[0]) not in STOP_TIMEOUTS:
        raise errors.client("Invalid 'stopTimeout' setting for container: at most 120 seconds on Fargate.")
    if container.get("privileged"):
        raise errors.client("Fargate compatible task definitions do not support privileged containers.")
    for need in container.get("dependsOn") or []:
        if need["containerName"] not in names:
            raise errors.client(f"dependsOn names no container: {need['containerName']}")
    for mount in container.get("mountPoints") or []:
        if mount["sourceVolume"] not in volumes:
            raise errors.client(f"Unknown volume '{mount['sourceVolume']}'.")
