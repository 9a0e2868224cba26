"""A pod's containers as ECI's: resources, environment, mounts, probes, hooks, security. Pure.

What ECI can only do nearly is done nearly, and noted; what it cannot do at all is refused (``Invalid``).
"""

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from providers import quantity
from providers.data import PodData
from providers.errors import Invalid

GIB = 2**30
GPU = "nvidia.com/gpu"
SIDECAR = "ECI_CONTAINER_TYPE"
"""The variable by which ECI knows a sidecar: ended when all others have, and not waited for."""
SIDECAR_VARIABLES = (
    SIDECAR,
    "ECI_CONTAINER_IGNORE_EXIT_CODE",
    "ECI_CONTAINER_LAUNCH_PRIORITY",
    "ECI_CONTAINER_EXIT_PRIORITY",
)
HIGHEST_PRIORITY = 1000

Wire = Mapping[str, Any]
"""A container as it travels, with more fields than ``providers.types`` names."""

_ELSEWHERE = frozenset({"cpu", "memory", "ephemeral-storage", GPU})
"""Resources that are mapped, here or with the group."""
_READABLE = "values from Secrets can be read by whoever may describe the group"
_NOT_FOR_INIT = ("SecurityContextRunAsGroup", "SecurityContextRunAsNonRoot")
_REFERENCE = re.compile(r"\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)")


class Notes:
    """What comes out differently than the pod asks for, each thing once."""

    def __init__(self) -> None:
        self._lines: dict[str, None] = {}

    def add(self, line: str) -> None:
        """Note it."""
        self._lines[line] = None

    def lines(self) -> tuple[str, ...]:
        """All of it, in the order of the pod's fields."""
        return tuple(self._lines)


def container(each: Wire, pod_security: Mapping[str, Any], data: PodData, notes: Notes) -> dict[str, Any]:
    """A regular container, or a sidecar."""
    mapped = {
        **_common(each, pod_security, data, notes),
        **_input(each),
        **_probes(each, notes),
        **_hooks(each, notes),
    }
    if _has_secrets(each, data):
        mapped["EnvironmentVarHide"] = True
    return mapped


def init_container(each: Wire, pod_security: Mapping[str, Any], data: PodData, notes: Notes) -> dict[str, Any]:
    """A container that runs before the others. ECI cannot hide its environment."""
    name = each["name"]
    for field in ("livenessProbe", "readinessProbe", "startupProbe", "lifecycle"):
        if each.get(field):
            raise Invalid(f"init container {name}: {field}: only sidecars (restartPolicy Always) may have it")
    if _has_secrets(each, data):
        notes.add(f"init container {name}: {_READABLE}")
    mapped = _common(each, pod_security, data, notes)
    if lost := [key for key in _NOT_FOR_INIT if mapped.pop(key, None) is not None]:
        names = ", ".join(key.removeprefix("SecurityContext") for key in lost)
        notes.add(f"init container {name}: securityContext: ECI's init containers have no {names}")
    return mapped


def sidecar(each: Wire, place: int, pod_security: Mapping[str, Any], data: PodData, notes: Notes) -> dict[str, Any]:
    """A container that starts before the others, ends after them, and is not waited for.

    Args:
        each: the init container with ``restartPolicy: Always``.
        place: among the sidecars, from 0: the first starts first and ends last.
        pod_security: the pod's security context.
        data: the pod's.
        notes: of what is different.
    """
    mapped = container(each, pod_security, data, notes)
    if mapped.pop("EnvironmentVarHide", False):  # what is hidden would hide what it is
        notes.add(f"sidecar {each['name']}: {_READABLE}")
    values = ("sidecar", "true", str(HIGHEST_PRIORITY - place), str(place - HIGHEST_PRIORITY))
    own = [{"Key": key, "Value": value} for key, value in zip(SIDECAR_VARIABLES, values, strict=True)]
    return {**mapped, "EnvironmentVar": [*mapped.get("EnvironmentVar", []), *own]}


def _has_secrets(each: Wire, data: PodData) -> bool:
    return any(where == each["name"] for where, _ in data.secret_env)


def _common(each: Wire, pod_security: Mapping[str, Any], data: PodData, notes: Notes) -> dict[str, Any]:
    if each.get("volumeDevices"):
        raise Invalid(f"container {each['name']}: volumeDevices: ECI mounts file systems only")
    fields = {
        "ImagePullPolicy": each.get("imagePullPolicy"),
        "WorkingDir": each.get("workingDir"),
        "Command": list(each.get("command") or []),
        "Arg": list(each.get("args") or []),
        "EnvironmentVar": _environment(each, data),
        "Port": _ports(each, notes),
        "VolumeMount": _mounts(each),
        "TerminationMessagePath": _not_default(each.get("terminationMessagePath"), "/dev/termination-log"),
        **_security(each, pod_security, notes),
    }
    if each.get("terminationMessagePolicy") == "FallbackToLogsOnError":
        notes.add("terminationMessagePolicy: a termination message comes from its file only, never from the log")
    given = {key: value for key, value in fields.items() if value not in (None, [], "")}
    return {"Name": each["name"], "Image": each["image"], **_resources(each), **given}


def resource(each: Wire, name: str) -> Fraction | None:
    """How much of a resource a container may use: its limit, else its request; None for neither."""
    resources = each.get("resources") or {}
    text = (resources.get("limits") or {}).get(name) or (resources.get("requests") or {}).get(name)
    return quantity.parse(str(text)) if text is not None else None


def _resources(each: Wire) -> dict[str, Any]:
    """CPU in cores, memory in GiB. What a container does not say, ECI decides."""
    resources = each.get("resources") or {}
    for name in {**(resources.get("requests") or {}), **(resources.get("limits") or {})}:
        if name not in _ELSEWHERE:
            raise Invalid(
                f"container {each['name']}: resource {name}: ECI has CPU, memory, ephemeral storage and {GPU}"
            )
    mapped: dict[str, Any] = {}
    if cpu := resource(each, "cpu"):
        mapped["Cpu"] = _rounded(cpu)
    if memory := resource(each, "memory"):
        mapped["Memory"] = _rounded(memory / GIB)
    if gpu := resource(each, GPU):
        mapped["Gpu"] = int(gpu)
    return mapped


def _rounded(number: Fraction) -> float:
    """Up to thousandths, and never to nothing."""
    return max(-int(-number * 1000 // 1), 1) / 1000


def _environment(each: Wire, data: PodData) -> list[dict[str, Any]]:
    literals: list[dict[str, Any]] = [
        {"Key": variable["name"], "Value": variable.get("value", "")} for variable in each.get("env") or []
    ]
    late = [
        {"Key": variable, "FieldRef": {"FieldPath": "status.podIP"}}
        for where, variable in data.late_env
        if where == each["name"]
    ]
    return literals + late


def _ports(each: Wire, notes: Notes) -> list[dict[str, Any]]:
    mapped = []
    for port in each.get("ports") or []:
        protocol = port.get("protocol", "TCP")
        if protocol not in ("TCP", "UDP"):
            raise Invalid(
                f"container {each['name']}: port {port['containerPort']}: ECI knows TCP and UDP, not {protocol}"
            )
        if port.get("hostPort"):
            notes.add(f"hostPort {port['hostPort']}: reached at the pod's address, not at the node's")
        mapped.append({"Port": port["containerPort"], "Protocol": protocol})
    return mapped


def _mounts(each: Wire) -> list[dict[str, Any]]:
    values = {variable["name"]: variable.get("value", "") for variable in each.get("env") or []}
    mapped = []
    for mount in each.get("volumeMounts") or []:
        sub_path = mount.get("subPath") or _expanded(mount.get("subPathExpr", ""), values, each["name"])
        fields = {
            "Name": mount["name"],
            "MountPath": mount["mountPath"],
            "SubPath": sub_path or None,
            "ReadOnly": mount.get("readOnly") or None,
            "MountPropagation": _not_default(mount.get("mountPropagation"), "None"),
        }
        mapped.append({key: value for key, value in fields.items() if value is not None})
    return mapped


def _expanded(expression: str, values: Mapping[str, str], container_name: str) -> str:
    """``subPathExpr`` with the container's variables in it."""

    def value(match: re.Match[str]) -> str:
        if match.group(1) not in values:
            raise Invalid(f"container {container_name}: subPathExpr {expression!r}: no variable {match.group(1)}")
        return values[match.group(1)]

    return _REFERENCE.sub(value, expression)


def _input(each: Wire) -> dict[str, Any]:
    names = (("stdin", "Stdin"), ("stdinOnce", "StdinOnce"), ("tty", "Tty"))
    return {wire: True for name, wire in names if each.get(name)}


# --- probes and hooks -----------------------------------------------------------------------------------------------


def _probes(each: Wire, notes: Notes) -> dict[str, Any]:
    liveness, readiness = each.get("livenessProbe"), each.get("readinessProbe")
    startup = each.get("startupProbe")
    if startup and liveness:
        patience = startup.get("periodSeconds", 10) * startup.get("failureThreshold", 3) + startup.get(
            "initialDelaySeconds", 0
        )
        liveness = {**liveness, "initialDelaySeconds": max(patience, liveness.get("initialDelaySeconds", 0))}
        notes.add(f"container {each['name']}: startupProbe: the liveness probe waits {patience} s instead")
    elif startup:
        notes.add(f"container {each['name']}: startupProbe: left out; ECI has liveness and readiness probes")
    mapped = {}
    for wire, probe in (("LivenessProbe", liveness), ("ReadinessProbe", readiness)):
        if probe:
            mapped[wire] = _probe(each, wire, probe, notes)
    return mapped


def _probe(each: Wire, kind: str, probe: Mapping[str, Any], notes: Notes) -> dict[str, Any]:
    where = f"container {each['name']}: {kind[0].lower()}{kind[1:]}"
    numbers = ("initialDelaySeconds", "periodSeconds", "timeoutSeconds", "successThreshold", "failureThreshold")
    mapped: dict[str, Any] = {f"{name[0].upper()}{name[1:]}": probe[name] for name in numbers if name in probe}
    if probe.get("exec"):
        mapped["Exec"] = {"Command": list(probe["exec"].get("command") or [])}
    elif get := probe.get("httpGet"):
        if get.get("host") or get.get("httpHeaders"):
            notes.add(f"{where}: host and headers are left out; ECI asks the pod's address, plainly")
        mapped["HttpGet"] = {
            "Path": get.get("path", "/"),
            "Port": _port(each, get["port"], where),
            "Scheme": get.get("scheme", "HTTP"),
        }
    elif socket := probe.get("tcpSocket"):
        mapped["TcpSocket"] = {"Port": _port(each, socket["port"], where)}
    else:
        raise Invalid(f"{where}: ECI probes by exec, httpGet and tcpSocket")
    return mapped


def _hooks(each: Wire, notes: Notes) -> dict[str, Any]:
    mapped: dict[str, Any] = {}
    lifecycle = each.get("lifecycle") or {}
    for field, wire in (("postStart", "LifecyclePostStartHandler"), ("preStop", "LifecyclePreStopHandler")):
        if handler := lifecycle.get(field):
            mapped |= _hook(each, wire, handler, f"container {each['name']}: {field}", notes)
    return mapped


def _hook(each: Wire, wire: str, handler: Mapping[str, Any], where: str, notes: Notes) -> dict[str, Any]:
    if handler.get("exec"):
        return {f"{wire}Exec": list(handler["exec"].get("command") or [])}
    if get := handler.get("httpGet"):
        headers = [{"Name": header["name"], "Value": header["value"]} for header in get.get("httpHeaders") or []]
        fields = {
            "HttpGetHost": get.get("host"),
            "HttpGetPath": get.get("path", "/"),
            "HttpGetPort": _port(each, get["port"], where),
            "HttpGetScheme": get.get("scheme", "HTTP"),
            "HttpGetHttpHeader": headers or None,
        }
        return {f"{wire}{key}": value for key, value in fields.items() if value is not None}
    if socket := handler.get("tcpSocket"):
        return {f"{wire}TcpSocketPort": _port(each, socket["port"], where)}
    if pause := handler.get("sleep"):
        notes.add(f"{where}: sleep: done by the command sleep, which the image must have")
        return {f"{wire}Exec": ["sleep", str(pause["seconds"])]}
    raise Invalid(f"{where}: ECI's hooks are exec, httpGet and tcpSocket")


def _port(each: Wire, port: int | str, where: str) -> int:
    """A port by its number or its name."""
    if isinstance(port, int):
        return port
    named: Sequence[Mapping[str, Any]] = each.get("ports") or []
    for known in named:
        if known.get("name") == port:
            return int(known["containerPort"])
    raise Invalid(f"{where}: port {port!r}: the container names no such port")


# --- security -------------------------------------------------------------------------------------------------------


def _security(each: Wire, pod_security: Mapping[str, Any], notes: Notes) -> dict[str, Any]:
    own = each.get("securityContext") or {}  # the container's word goes before the pod's
    both = {
        **{key: pod_security[key] for key in ("runAsUser", "runAsGroup", "runAsNonRoot") if key in pod_security},
        **own,
    }
    if both.get("privileged"):
        raise Invalid(f"container {each['name']}: privileged: ECI runs no privileged containers")
    capabilities = both.get("capabilities") or {}
    context: dict[str, Any] = {}
    if both.get("runAsUser") is not None:
        context["RunAsUser"] = both["runAsUser"]
    if both.get("readOnlyRootFilesystem"):
        context["ReadOnlyRootFilesystem"] = True
    if capabilities.get("add"):
        context["Capability"] = {"Add": list(capabilities["add"])}
    mapped: dict[str, Any] = {"SecurityContext": context} if context else {}
    dropped = [
        name
        for name in ("allowPrivilegeEscalation", "seLinuxOptions", "procMount", "appArmorProfile")
        if _matters(name, both)
    ]
    if capabilities.get("drop"):
        dropped.append("capabilities.drop")
    if dropped:
        notes.add(f"container {each['name']}: securityContext: ECI does not enforce {', '.join(dropped)}")
    if both.get("runAsGroup") is not None:
        mapped["SecurityContextRunAsGroup"] = both["runAsGroup"]
    if both.get("runAsNonRoot"):
        mapped["SecurityContextRunAsNonRoot"] = True
    return mapped


def _matters(name: str, context: Mapping[str, Any]) -> bool:
    """Whether leaving a field out changes something."""
    value = context.get(name)
    if name == "allowPrivilegeEscalation":
        return value is False
    return value not in (None, {}, "Default")


def _not_default(value: Any, default: str) -> Any:
    return None if value == default else value
