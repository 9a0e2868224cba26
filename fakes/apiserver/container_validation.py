"""What makes a container of a pod invalid. Pure."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from fakes.apiserver import quantity
from fakes.apiserver.amounts import amount
from fakes.apiserver.causes import (
    Causes,
    absent,
    duplicate,
    forbidden,
    invalid,
    negative,
    port_number,
    required,
    unsupported,
)
from fakes.apiserver.formats import NOT_A_QUANTITY
from fakes.apiserver.names import port_name, qualified_name, wrong
from fakes.apiserver.objects import Object, Objects

_PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_PROTOCOLS = ("SCTP", "TCP", "UDP")
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
LIFE = ("lifecycle", *_PROBES)
"""What a container that stays may have."""
_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc", "sleep")
_PROBE_NUMBERS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
_SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef")
_FIELDS = (
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
)
"""What an environment variable can be, in a message's order."""
_OTHER_FIELDS = (
    "metadata.annotations",
    "metadata.labels",
    "spec.restartPolicy",
    "spec.schedulerName",
    "status.phase",
)
"""What is a field of the downward API, but for no environment variable."""
_OF_CONTAINERS = ("cpu", "memory", "ephemeral-storage")
_STANDARD = {
    *_OF_CONTAINERS,
    *(f"{group}.{name}" for group in ("requests", "limits") for name in _OF_CONTAINERS),
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "storage",
    "requests.storage",
    "services.nodeports",
    "services.loadbalancers",
}
"""The resources that need no domain."""


def container(obj: Object, path: str, volumes: set[str], causes: Causes) -> None:
    """Note what is wrong with a container of any kind, its name apart."""
    image = obj.get("image") or ""
    if not image:
        causes.append(required(f"{path}.image"))
    elif image != image.strip():
        causes.append(invalid(f"{path}.image", image, "must not have leading or trailing whitespace"))
    if obj.get("ports"):
        _ports(obj["ports"], f"{path}.ports", causes)
    for at, variable in enumerate(obj.get("env") or ()):
        _env(variable, f"{path}.env[{at}]", causes)
    if obj.get("volumeMounts"):
        _mounts(obj["volumeMounts"], f"{path}.volumeMounts", volumes, causes)
    if obj["imagePullPolicy"] not in _PULL_POLICIES:
        causes.append(unsupported(f"{path}.imagePullPolicy", obj["imagePullPolicy"], _PULL_POLICIES))
    if obj["resources"]:
        _resources(obj["resources"], f"{path}.resources", causes)


def life(obj: Object, path: str, causes: Causes) -> None:
    """Note what is wrong with the hooks and probes of a container that stays."""
    for hook, handler in (obj.get("lifecycle") or {}).items():
        if hook in ("postStart", "preStop"):
            _handler(handler, f"{path}.lifecycle.{hook}", causes)
    for name in _PROBES:
        probe = obj.get(name)
        if probe:
            at = f"{path}.{name}"
            _handler(probe, at, causes)
            causes += [negative(f"{at}.{each}", probe[each]) for each in _PROBE_NUMBERS if probe.get(each, 0) < 0]
            if name != "readinessProbe" and probe.get("successThreshold", 1) != 1:
                causes.append(invalid(f"{at}.successThreshold", probe["successThreshold"], "must be 1"))


def no_life(obj: Object, path: str, causes: Causes) -> None:
    """Note the hooks and probes of an init container, which goes."""
    why = "may not be set for init containers without restartPolicy=Always"
    causes += [forbidden(f"{path}.{each}", why) for each in LIFE if obj.get(each)]


_NOT_TO_DEBUG = ("ports", "resources", "resizePolicy", *_PROBES, "lifecycle")


def ephemeral(obj: Object, path: str, targets: set[str], causes: Causes) -> None:
    """Note what an ephemeral container may not have; ``targets`` are the others, into one of which it may look."""
    target = obj.get("targetContainerName")
    if target and target not in targets:
        causes.append(absent(f"{path}.targetContainerName", target))
    why = "cannot be set for an Ephemeral Container"
    causes += [forbidden(f"{path}.{each}", why) for each in _NOT_TO_DEBUG if obj.get(each)]
    for at, mount in enumerate(obj.get("volumeMounts") or ()):
        causes += [forbidden(f"{path}.volumeMounts[{at}].{each}", why) for each in _SUB_PATHS if mount.get(each)]


_SUB_PATHS = ("subPath", "subPathExpr")


def _ports(ports: Objects, path: str, causes: Causes) -> None:
    seen = set()
    for at, port in enumerate(ports):
        name = port.get("name") or ""
        problems = wrong(f"{path}[{at}].name", name, port_name) if name else []
        causes += problems
        if name in seen:
            causes.append(duplicate(f"{path}[{at}].name", name))
        elif name and not problems:
            seen.add(name)
        causes += port_number(port.get("containerPort") or None, f"{path}[{at}].containerPort")
        if port.get("hostPort"):
            causes += port_number(port["hostPort"], f"{path}[{at}].hostPort")
        if port["protocol"] not in _PROTOCOLS:
            causes.append(unsupported(f"{path}[{at}].protocol", port["protocol"], _PROTOCOLS))


def _env(variable: Object, path: str, causes: Causes) -> None:
    if not variable.get("name"):
        causes.append(required(f"{path}.name"))
    source = variable.get("valueFrom")
    if source is None:
        return
    given = [each for each in _SOURCES if each in source]
    if "fieldRef" in source:
        _field(str(source["fieldRef"].get("fieldPath") or ""), f"{path}.valueFrom.fieldRef", causes)
    if not given:
        why = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"
    elif variable.get("value"):
        why = "may not be specified when `value` is not empty"
    else:
        why = "may not have more than one field specified at a time" if len(given) > 1 else ""
    if why:
        causes.append(invalid(f"{path}.valueFrom", "", why))


def _field(field: str, path: str, causes: Causes) -> None:
    at, subscripted, key = field.partition("['")
    if not field:
        causes.append(required(f"{path}.fieldPath"))
    elif subscripted and field.endswith("']"):
        if at in ("metadata.annotations", "metadata.labels"):
            key = key.removesuffix("']")
            causes += wrong(path, key.lower() if at.endswith("annotations") else key, qualified_name)
        else:
            why = f"error converting fieldPath: field label does not support subscript: {field}"
            causes.append(invalid(f"{path}.fieldPath", field, why))
    elif field in _OTHER_FIELDS:
        causes.append(unsupported(f"{path}.fieldPath", field, _FIELDS))
    elif field not in (*_FIELDS, "spec.host"):
        why = f"error converting fieldPath: field label not supported: {field}"
        causes.append(invalid(f"{path}.fieldPath", field, why))


def _mounts(mounts: Objects, path: str, volumes: set[str], causes: Causes) -> None:
    seen = set()
    for at, mount in enumerate(mounts):
        where = mount.get("mountPath") or ""
        if mount.get("name") not in volumes:
            causes.append(absent(f"{path}[{at}].name", mount.get("name")))
        if not where:
            causes.append(required(f"{path}[{at}].mountPath"))
        if where in seen:
            causes.append(invalid(f"{path}[{at}].mountPath", where, "must be unique"))
        seen.add(where)


def _handler(handler: Mapping[str, Any], path: str, causes: Causes) -> None:
    given = [each for each in _HANDLERS if each in handler]
    if not given:
        causes.append(required(path, "must specify a handler type"))
    elif given[0] == "exec" and not handler["exec"].get("command"):
        causes.append(required(f"{path}.exec.command"))
    causes += [forbidden(f"{path}.{each}", "may not specify more than 1 handler type") for each in given[1:]]


def _resources(resources: Object, path: str, causes: Causes) -> None:
    limits = resources.get("limits") or {}
    for group in ("limits", "requests"):
        for name, value in (resources.get(group) or {}).items():
            for shown, why in _amount_problems(name, value):
                causes.append(invalid(f"{path}.{group}[{name}]", shown, why))
            if group == "requests" and limits.get(name, value) != value:
                _check_limit(name, value, limits[name], path, causes)


def _check_limit(name: str, request: Any, limit: Any, path: str, causes: Causes) -> None:
    wanted, most = _quantity(request), _quantity(limit)
    if wanted is None or most is None:
        return
    relation = "equal to" if _is_extended(name) and wanted != most else "less than or equal to" if wanted > most else ""
    if relation:
        causes.append(invalid(f"{path}.requests", str(amount(request)), f"must be {relation} {name} limit of {limit}"))


@lru_cache(maxsize=4096)
def _amount_problems(name: str, value: Any) -> tuple[tuple[Any, str], ...]:
    """What is wrong with an amount of a resource: what is shown, and why."""
    found: list[tuple[Any, str]] = [(name, why) for why in _resource_problems(name)]
    number = _quantity(value)
    if number is None:
        return (*found, (value, NOT_A_QUANTITY))
    if number < 0:
        found.append((value, "must be greater than or equal to 0"))
    if number.denominator != 1 and _is_extended(name):
        found.append((value, "must be an integer"))
    return tuple(found)


def _resource_problems(name: str) -> tuple[str, ...]:
    problems = qualified_name(name)
    if "/" in name or name in _OF_CONTAINERS or name.startswith("hugepages-"):
        return problems
    if not problems and name not in _STANDARD:
        problems = ("must be a standard resource type or fully qualified",)
    return (*problems, "must be a standard resource for containers")


def _is_extended(name: str) -> bool:
    """Whether it is a resource of somebody's own, such as a device, of which there are no fractions."""
    return "/" in name and "kubernetes.io/" not in name


_quantity = lru_cache(maxsize=4096)(quantity.parse)
