"""A pod as Fargate runs it: a task definition that pods alike share, and the overrides of this one. Pure.

The definition is registered once for its content, as AWS takes one registration a second; so all that differs between
the pods of one Deployment (their environment) is in the overrides, as far as these may grow.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from providers import pods
from providers.data import PodData
from providers.errors import Invalid
from providers.fargate import containers, files, names, sizes
from providers.fargate.annotations import EFS, STORAGE, Wishes, wishes
from providers.fargate.config import FargateConfig
from providers.fargate.containers import Notes
from providers.types import Pod

MOST_CONTAINERS = 10
MOST_OVERRIDES = 8192
"""Characters of all overrides of a task."""
MOST_DEFINITION = 64 * 1024
"""Bytes of a task definition."""
MOST_PARAMETER = 8192
"""Bytes of a parameter in the Parameter Store (advanced tier)."""
MIB = 2**20
API_ACCESS = "kube-api-access"
_API_ACCESS = re.compile(rf"{API_ACCESS}-[a-z0-9]{{5}}")


@dataclass(frozen=True, slots=True)
class Built:
    """What a pod comes to.

    Attributes:
        definition: for RegisterTaskDefinition, with its family.
        run: for RunTask, without the definition and what identifies the run.
        parameters: name in the Parameter Store -> secret value.
        logins: name in Secrets Manager -> a registry's login, as JSON.
        approximations: what comes out differently.
    """

    definition: dict[str, Any]
    run: dict[str, Any]
    parameters: Mapping[str, str]
    logins: Mapping[str, str]
    approximations: tuple[str, ...]


class Secrets:
    """Values that go to AWS's stores: by their content, so that pods alike refer to the same."""

    def __init__(self, path: str, namespace: str) -> None:
        self.parameters: dict[str, str] = {}
        self.logins: dict[str, str] = {}
        self._path = path
        self._namespace = namespace

    def __bool__(self) -> bool:
        return bool(self._path)

    def parameter(self, value: str) -> str:
        """The name of a value in the Parameter Store."""
        if len(value.encode()) > MOST_PARAMETER:
            raise Invalid(f"a value from a Secret has more than {MOST_PARAMETER} bytes, the most of a parameter")
        name = self._name(value)
        self.parameters[name] = value
        return name

    def login(self, username: str, password: str) -> str:
        """The name of a login in Secrets Manager."""
        value = json.dumps({"username": username, "password": password})
        name = self._name(value)
        self.logins[name] = value
        return name

    def _name(self, value: str) -> str:
        digest = hashlib.sha256(f"{self._namespace}\0{value}".encode()).hexdigest()
        return f"{self._path}/{digest[:40]}"


def build(pod: Pod, data: PodData, config: FargateConfig) -> Built:
    """The pod's task.

    Raises:
        Invalid: Fargate cannot run the pod; the message names the field.
    """
    notes, wished = Notes(), wishes(pod, config)
    pod, data = _alike(pod, data, with_token=wished.token)
    path = names.secrets_of(config.secrets_path, config.cluster) if config.secrets_path else ""
    secrets = Secrets(path, pod["metadata"].get("namespace", "default"))
    _refuse(pod, notes)
    defined, environments = _containers(pod, data, config, secrets, notes)
    if len(defined) > MOST_CONTAINERS:
        raise Invalid(f"{len(defined)} containers, with the helpers: a task has at most {MOST_CONTAINERS}")
    size = _size(pod, wished, notes)
    environments[0][1][:0] = _identity(pod)
    overrides, inline = _divided(environments)
    defined = [{**each, "environment": inline[each["name"]]} if inline.get(each["name"]) else each for each in defined]
    definition = {
        "containerDefinitions": defined,
        "cpu": str(size.cpu),
        "memory": str(size.memory),
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "runtimePlatform": {"cpuArchitecture": wished.architecture, "operatingSystemFamily": "LINUX"},
        **_given(
            volumes=_volumes(pod, data, notes),
            executionRoleArn=wished.execution_role,
            taskRoleArn=wished.task_role,
            ephemeralStorage=_storage(pod, wished),
        ),
    }
    if len(json.dumps(definition).encode()) > MOST_DEFINITION:
        raise Invalid(
            f"the pod's task definition has more than {MOST_DEFINITION} bytes: its files or variables are too many"
        )
    run = _run(wished, config, overrides)
    definition = {"family": names.family(definition), **definition}
    return Built(definition, run, secrets.parameters, secrets.logins, notes.lines())


def _alike(pod: Pod, data: PodData, *, with_token: bool) -> tuple[Pod, PodData]:
    """The pod without what the API server adds to each one: a volume with a token, under a name of its own.

    The token would end within the hour, as files cannot be exchanged; whoever wants it says so.
    """
    spec: Mapping[str, Any] = pod["spec"]
    named = {each["name"]: API_ACCESS for each in spec.get("volumes") or [] if _API_ACCESS.fullmatch(each["name"])}
    if not named:
        return pod, data

    def of(items: Any, key: str) -> list[Any]:
        kept = [each for each in items or [] if with_token or each[key] not in named]
        return [{**each, key: named.get(each[key], each[key])} for each in kept]

    changed: Any = {**spec, "volumes": of(spec.get("volumes"), "name")}
    for kind in ("containers", "initContainers"):
        if spec.get(kind):
            changed[kind] = [{**each, "volumeMounts": of(each.get("volumeMounts"), "name")} for each in spec[kind]]
    files_ = {named.get(name, name): given for name, given in data.files.items() if with_token or name not in named}
    secret = frozenset(named.get(each, each) for each in data.secret_volumes)
    return {**pod, "spec": changed}, replace(data, files=files_, secret_volumes=secret)


def _identity(pod: Pod) -> list[dict[str, str]]:
    initial = [each["name"] for each in pod["spec"].get("initContainers") or []]
    return names.variables(pods.ref(pod), pods.restart_policy(pod), initial)


def _refuse(pod: Pod, notes: Notes) -> None:
    spec: Mapping[str, Any] = pod["spec"]
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(field):
            raise Invalid(f"{field}: a task on Fargate has no host to share with")
    if spec.get("ephemeralContainers"):
        raise Invalid("ephemeralContainers: containers cannot be added to a task that runs")
    if spec.get("hostAliases"):
        raise Invalid("hostAliases: Fargate does not let a task's hosts file be written")
    for field in ("fsGroup", "sysctls", "seLinuxOptions", "supplementalGroups"):
        if (spec.get("securityContext") or {}).get(field):
            notes.add(f"securityContext.{field}: left out; Fargate has no such thing")
    if spec.get("dnsConfig"):
        notes.add("dnsConfig: left out; tasks on Fargate use the VPC's DNS")
    if pods.grace_seconds(pod) > containers.LONGEST_GRACE:
        notes.add(f"terminationGracePeriodSeconds: Fargate gives at most {containers.LONGEST_GRACE} s")


Environments = list[tuple[str, list[dict[str, str]]]]


def _containers(
    pod: Pod, data: PodData, config: FargateConfig, secrets: Secrets, notes: Notes
) -> tuple[list[dict[str, Any]], Environments]:
    """All containers of the task, and their variables apart from them."""
    spec: Mapping[str, Any] = pod["spec"]
    shared = containers.Shared(pod, data, config, secrets, notes)
    regular, initial = pods.containers(pod), list(spec.get("initContainers") or [])
    several = len(regular) > 1
    defined = [shared.container(each, essential=not several) for each in regular]
    if several:
        defined = [_restarted(each, pods.restart_policy(pod)) for each in defined]
        notes.add("several containers: one that ends is restarted once a minute at most, and not counted")
    environments = [(each["name"], shared.environment(each)) for each in [*regular, *initial]]
    waits: list[dict[str, str]] = []
    own: list[dict[str, Any]] = []
    mounted = [each for each in data.files if data.files[each]]
    if mounted:
        helper, variables = _files_helper(data, config, secrets, notes)
        own.append({**helper, **shared.logs()})
        environments.append((names.FILES, variables))
        waits = [{"containerName": names.FILES, "condition": "SUCCESS"}]
    for each in initial:
        sidecar = each.get("restartPolicy") == "Always"
        made = shared.container(each, essential=False)
        defined.append({**made, "dependsOn": list(waits)} if waits else made)
        waits = [*waits, {"containerName": each["name"], "condition": "START" if sidecar else "SUCCESS"}]
    if waits:
        last = len(regular)
        defined[:last] = [{**each, "dependsOn": list(waits)} for each in defined[:last]]
    if several:
        own.append(
            {
                "name": names.KEEPER,
                "image": config.helper_image,
                "essential": True,
                "entryPoint": ["sh", "-c", "trap exit TERM; while :; do sleep 3600 & wait; done"],
            }
        )
    return [*defined, *own], environments


def _restarted(container: dict[str, Any], policy: str) -> dict[str, Any]:
    """In place, by ECS itself: a container of several cannot take the others with it."""
    if policy == "Never":
        return container
    ignored = {"ignoredExitCodes": [0]} if policy == "OnFailure" else {}
    return {**container, "restartPolicy": {"enabled": True, "restartAttemptPeriod": 60, **ignored}}


def _files_helper(
    data: PodData, config: FargateConfig, secrets: Secrets, notes: Notes
) -> tuple[dict[str, Any], list[dict[str, str]]]:
    plain = {name: given for name, given in data.files.items() if name not in data.secret_volumes and given}
    secret = {name: given for name, given in data.files.items() if name in data.secret_volumes and given}
    variables = [{"name": files.PLAIN, "value": files.packed(plain)}] if plain else []
    hidden = []
    if secret and secrets:
        hidden = [{"name": files.SECRET, "valueFrom": secrets.parameter(files.packed(secret))}]
    elif secret:
        notes.add("files of Secrets can be read by whoever may describe tasks; set SecretsPath")
        variables.append({"name": files.SECRET, "value": files.packed(secret)})
    helper = {
        "name": names.FILES,
        "image": config.helper_image,
        "essential": False,
        "entryPoint": ["sh", "-c", files.SCRIPT],
        "mountPoints": [{"sourceVolume": each, "containerPath": f"{files.ROOT}/{each}"} for each in [*plain, *secret]],
        **_given(secrets=hidden),
    }
    return helper, variables


def _divided(environments: Environments) -> tuple[list[dict[str, Any]], dict[str, list[dict[str, str]]]]:
    """Variables as overrides; what makes these too long goes into the definition, the longest first."""
    inline: dict[str, list[dict[str, str]]] = {}
    left = {name: list(variables) for name, variables in environments}
    total = len(json.dumps(_as_overrides(left)))
    by_length = sorted(
        ((name, each) for name, variables in environments for each in variables),
        key=lambda pair: -len(pair[1]["value"]),
    )
    for name, variable in by_length:
        if total <= MOST_OVERRIDES:
            break
        if variable["name"] not in names.OF_THE_POD:
            left[name].remove(variable)
            inline.setdefault(name, []).append(variable)
            total -= len(json.dumps(variable))
    return _as_overrides(left), inline


def _as_overrides(environments: Mapping[str, list[dict[str, str]]]) -> list[dict[str, Any]]:
    return [{"name": name, "environment": variables} for name, variables in environments.items() if variables]


def _size(pod: Pod, wished: Wishes, notes: Notes) -> sizes.Size:
    """The smallest size for the containers that run together, or for any that runs before them."""
    cpu, memory = _sum(pod, "cpu"), _sum(pod, "memory")
    units, mebibytes = wished.cpu or _up(cpu * 1024), wished.memory or _up(memory / MIB)
    size = sizes.fitting(units, mebibytes)
    if size is None:
        raise Invalid(
            f"the pod needs {float(units) / 1024:g} vCPU and {float(mebibytes) / 1024:g} GiB;"
            f" the largest task on Fargate has {sizes.LARGEST}"
        )
    if (units and size.cpu > units) or (mebibytes and size.memory > mebibytes):
        notes.add(f"size: rounded up to {size}, the next that Fargate has")
    return size


def _sum(pod: Pod, name: str) -> Fraction:
    together = sum((containers.wanted(each, name) for each in pods.containers(pod)), Fraction(0))
    alone = Fraction(0)
    for each in pod["spec"].get("initContainers") or []:
        if each.get("restartPolicy") == "Always":
            together += containers.wanted(each, name)
        else:
            alone = max(alone, containers.wanted(each, name))
    return max(together, alone)


def _up(number: Fraction) -> int:
    return int(-(-number // 1))


def _storage(pod: Pod, wished: Wishes) -> dict[str, int] | None:
    asked = wished.storage or _up(_sum(pod, "ephemeral-storage") / 2**30)
    least, most = STORAGE
    if asked > most:
        raise Invalid(f"ephemeral-storage: {asked} GiB; Fargate has at most {most}")
    return {"sizeInGiB": asked} if asked >= least else None


def _volumes(pod: Pod, data: PodData, notes: Notes) -> list[dict[str, Any]]:
    volumes = []
    for volume in pod["spec"].get("volumes") or []:
        name = volume["name"]
        shared = pods.annotation(pod, EFS + name)
        server = (volume.get("nfs") or {}).get("server", "")
        if shared:
            volumes.append({"name": name, "efsVolumeConfiguration": _efs(shared)})
        elif server.startswith("fs-"):
            root = volume["nfs"].get("path", "/")
            configured = {"fileSystemId": server.partition(".")[0], "rootDirectory": root}
            volumes.append({"name": name, "efsVolumeConfiguration": {**configured, "transitEncryption": "ENABLED"}})
        elif name in data.files:
            volumes.append({"name": name})
        elif "emptyDir" in volume:
            if (volume["emptyDir"] or {}).get("medium") == "Memory":
                notes.add(f"volume {name}: emptyDir.medium Memory: on disk; Fargate has no tmpfs")
            volumes.append({"name": name})
        else:
            kind = next((key for key in volume if key != "name"), "unknown")
            raise Invalid(f"volume {name}: {kind}: Fargate mounts emptyDir, files and EFS (annotation {EFS}{name})")
    return volumes


def _efs(text: str) -> dict[str, Any]:
    system, _, place = text.partition(":")
    configured: dict[str, Any] = {"fileSystemId": system, "transitEncryption": "ENABLED"}
    if place.startswith("fsap-"):
        return {**configured, "authorizationConfig": {"accessPointId": place, "iam": "ENABLED"}}
    return {**configured, "rootDirectory": place or "/"}


def _run(wished: Wishes, config: FargateConfig, overrides: list[dict[str, Any]]) -> dict[str, Any]:
    network = {
        "subnets": list(wished.subnets),
        "securityGroups": list(wished.security_groups),
        "assignPublicIp": "ENABLED" if wished.public_ip else "DISABLED",
    }
    return {
        "capacityProviderStrategy": [{"capacityProvider": wished.capacity_provider, "weight": 1}],
        "platformVersion": wished.platform_version,
        "networkConfiguration": {"awsvpcConfiguration": network},
        "overrides": {"containerOverrides": overrides},
        **({"enableExecuteCommand": True} if config.enable_exec else {}),
    }


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}
