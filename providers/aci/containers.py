"""A pod's container as ACI has it: command, environment, ports, probes, security context. Pure.

What ACI does not have is refused if the container would behave differently without it. What only makes it less
convenient or less confined (``imagePullPolicy``, ``tty``, ``readOnlyRootFilesystem``) is left out; docs/aci.md lists
both.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from providers.aci import names
from providers.data import PodData
from providers.errors import Invalid
from providers.types import Container, Pod

_REFUSED = {
    "workingDir": "ACI starts a container in its image's directory; set it there, or change to it in the command",
    "lifecycle": "ACI calls no hooks",
    "volumeDevices": "ACI has no block devices",
}

_PROBE_FIELDS = ("initialDelaySeconds", "periodSeconds", "timeoutSeconds", "successThreshold", "failureThreshold")
_PERIOD, _FAILURES = 10, 3
"""A probe's defaults in Kubernetes: seconds, failures."""


def container(pod: Pod, given: Container, data: PodData, mounts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A container of the group, without its resources.

    Raises:
        Invalid: it wants what ACI does not have.
    """
    made = init_container(pod, given, data, mounts)
    properties = made["properties"]
    ports = [{"port": each["containerPort"], "protocol": protocol(given, each)} for each in given.get("ports") or []]
    if ports:
        properties["ports"] = [dict(each) for each in {(p["port"], p["protocol"]): p for p in ports}.values()]
    properties |= _probes(given)
    return made


def init_container(pod: Pod, given: Container, data: PodData, mounts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What every container has.

    Raises:
        Invalid: it wants what ACI does not have.
    """
    name = given["name"]
    for field, reason in _REFUSED.items():
        if given.get(field):
            raise Invalid(f"container {name}: {field}: {reason}")
    properties: dict[str, Any] = {"image": given.get("image", "")}
    if command := _command(given):
        properties["command"] = command
    if environment := _environment(given, data):
        properties["environmentVariables"] = environment
    if mounts:
        properties["volumeMounts"] = list(mounts)
    if security := _security(pod, given):
        properties["securityContext"] = security
    return {"name": name, "properties": properties}


def protocol(given: Container, port: Mapping[str, Any]) -> str:
    """TCP or UDP. Raises Invalid for another."""
    wanted = str(port.get("protocol") or "TCP")
    if wanted in ("TCP", "UDP"):
        return wanted
    raise Invalid(f"container {given['name']}: port {port['containerPort']}: ACI has TCP and UDP, no {wanted}")


def _command(given: Container) -> list[str]:
    command, args = given.get("command") or [], given.get("args") or []
    if args and not command:
        raise Invalid(
            f"container {given['name']}: args without command: ACI replaces the image's entry point and cannot add to "
            "it; write the image's entry point as command"
        )
    return [*command, *args]


def _environment(given: Container, data: PodData) -> list[dict[str, str]]:
    """The variables that have a value: ACI takes none that is empty. Those of Secrets are write-only there."""
    result = []
    values = {each["name"]: each.get("value") or "" for each in given.get("env") or []}
    for name, value in values.items():
        if not value:
            continue
        if not names.is_variable(name):
            if names.is_of_service(name):
                continue
            raise Invalid(
                f"container {given['name']}: environment variable {name}: ACI takes letters, digits and underscores, "
                f"at most {names.LONGEST_VARIABLE}, with no underscore at either end"
            )
        secret = (given["name"], name) in data.secret_env
        result.append({"name": name, "secureValue" if secret else "value": value})
    return result


# --- probes -----------------------------------------------------------------------------------------------------------


def _probes(given: Container) -> dict[str, Any]:
    result: dict[str, Any] = {}
    fields: Mapping[str, Any] = given
    for name in ("livenessProbe", "readinessProbe"):
        if probe := fields.get(name):
            result[name] = _probe(given, name, probe)
    startup = fields.get("startupProbe")
    if startup and "livenessProbe" in result:
        result["livenessProbe"]["initialDelaySeconds"] = max(
            result["livenessProbe"].get("initialDelaySeconds", 0), _longest(startup)
        )
    return result


def _longest(startup: Mapping[str, Any]) -> int:
    """How long a start may take by its probe. ACI has no such probe: liveness begins when the time is over."""
    period, failures = startup.get("periodSeconds") or _PERIOD, startup.get("failureThreshold") or _FAILURES
    return int((startup.get("initialDelaySeconds") or 0) + period * failures)


def _probe(given: Container, name: str, probe: Mapping[str, Any]) -> dict[str, Any]:
    where = f"container {given['name']}: {name}"
    result: dict[str, Any] = {field: probe[field] for field in _PROBE_FIELDS if probe.get(field)}
    if command := (probe.get("exec") or {}).get("command"):
        return {"exec": {"command": list(command)}, **result}
    if get := probe.get("httpGet"):
        if get.get("host"):
            raise Invalid(f"{where}: httpGet.host: ACI asks the container itself, no other host")
        http: dict[str, Any] = {"port": _port(given, where, get["port"])}
        if get.get("path"):
            http["path"] = get["path"]
        http["scheme"] = str(get.get("scheme") or "HTTP").lower()
        if headers := get.get("httpHeaders"):
            http["httpHeaders"] = [{"name": each["name"], "value": each["value"]} for each in headers]
        return {"httpGet": http, **result}
    kind = next((key for key in ("tcpSocket", "grpc") if key in probe), "of that kind")
    raise Invalid(f"{where}: {kind}: ACI has no such probe; it has exec and httpGet")


def _port(given: Container, where: str, port: int | str) -> int:
    if isinstance(port, int):
        return port
    for each in given.get("ports") or []:
        if each.get("name") == port:
            return int(each["containerPort"])
    if port.isdigit():
        return int(port)
    raise Invalid(f"{where}: httpGet.port: the container has no port named {port}")


# --- security context -------------------------------------------------------------------------------------------------


def _security(pod: Pod, given: Container) -> dict[str, Any]:
    """The container's security context, with the pod's where it says nothing itself."""
    of_pod: Mapping[str, Any] = pod.get("spec", {}).get("securityContext") or {}  # type: ignore[assignment]  # an object
    fields: Mapping[str, Any] = given
    own: Mapping[str, Any] = fields.get("securityContext") or {}
    result: dict[str, Any] = {
        name: own[name] for name in ("privileged", "allowPrivilegeEscalation") if own.get(name) is not None
    }
    for name in ("runAsUser", "runAsGroup"):
        value = own.get(name, of_pod.get(name))
        if value is not None:
            result[name] = value
    capabilities = {part: list(each) for part, each in (own.get("capabilities") or {}).items() if each}
    if capabilities:
        result["capabilities"] = capabilities
    if profile := _seccomp(given, own.get("seccompProfile") or of_pod.get("seccompProfile") or {}):
        result["seccompProfile"] = profile
    return result


def _seccomp(given: Container, profile: Mapping[str, Any]) -> str:
    match profile.get("type"):
        case "Localhost":
            raise Invalid(
                f"container {given['name']}: seccompProfile: ACI has no files of a node to read a profile from"
            )
        case "Unconfined":
            allowed = json.dumps({"defaultAction": "SCMP_ACT_ALLOW"}).encode()
            return base64.b64encode(allowed).decode()
        case _:
            return ""
