"""A container's environment, resolved to literals: pure functions from a pod and the objects it refers to.

The rules are Kubernetes': ``envFrom`` in order, then ``env`` in order and over it, later over earlier; ``$(NAME)`` in a
literal stands for a variable defined before; ``$$`` is a dollar; what cannot be expanded stays as it is. A missing
reference stops the pod unless it is optional. Reasons of events are Virtual Kubelet's.
"""

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from providers import pods
from providers.types import Container, EnvVar, Pod

_NAME = re.compile(r"(?!\.\.?$)(?!\.\.)[-._a-zA-Z][-._a-zA-Z0-9]*")
"""What may be the name of a variable that comes from ``envFrom`` (apimachinery's IsEnvVarName)."""

_EXPANSION = re.compile(r"\$(?:\$|\(([^)]*)\))")

_WHAT = {"ConfigMap": "configmap", "Secret": "secret"}


class Reference(NamedTuple):
    """An object that a pod's environment needs."""

    kind: str
    name: str


Sources = Mapping[Reference, Mapping[str, Any] | None]
"""The objects referred to; None for one that does not exist."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something about a reference worth an event; ``fatal`` if the pod cannot be created because of it."""

    reason: str
    message: str
    fatal: bool


@dataclass(frozen=True, slots=True)
class Resolved:
    """The pod with literal environments, and what was found on the way; not to be created if a problem is fatal."""

    pod: Pod
    problems: tuple[Problem, ...]

    @property
    def fatal(self) -> Problem | None:
        """The first problem that keeps the pod from being created."""
        return next((each for each in self.problems if each.fatal), None)


@dataclass(frozen=True, slots=True)
class Host:
    """What the node contributes to ``fieldRef``."""

    ip: str


_GROUPS = ("initContainers", "containers", "ephemeralContainers")


def references(pod: Pod) -> list[Reference]:
    """The ConfigMaps and Secrets that the pod's environments name, each once, in order."""
    found: dict[Reference, None] = {}
    for container in _containers(pod):
        for source in container.get("envFrom") or []:
            for kind, field in (("ConfigMap", "configMapRef"), ("Secret", "secretRef")):
                if field in source:
                    found[Reference(kind, source[field].get("name", ""))] = None
        for variable in container.get("env") or []:
            origin = variable.get("valueFrom") or {}
            for kind, field in (("ConfigMap", "configMapKeyRef"), ("Secret", "secretKeyRef")):
                if field in origin:
                    found[Reference(kind, origin[field].get("name", ""))] = None
    return list(found)


def resolve(pod: Pod, sources: Sources, host: Host) -> Resolved:
    """The pod with each container's ``env`` as literals and no ``envFrom``; all else is shared."""
    problems: list[Problem] = []
    spec = pod.get("spec", {})
    changed = {
        group: [_resolve_container(pod, container, sources, host, problems) for container in spec[group]]  # type: ignore[literal-required]  # the three names are PodSpec's
        for group in _GROUPS
        if spec.get(group)
    }
    return Resolved({**pod, "spec": {**spec, **changed}}, tuple(problems))  # type: ignore[typeddict-item]  # as above


def _containers(pod: Pod) -> Iterator[Container]:
    for group in _GROUPS:
        yield from pod.get("spec", {}).get(group) or []  # type: ignore[misc]  # the three names are PodSpec's


def _resolve_container(
    pod: Pod, container: Container, sources: Sources, host: Host, problems: list[Problem]
) -> Container:
    if not container.get("env") and not container.get("envFrom"):
        return container
    values: dict[str, str] = {}
    for source in container.get("envFrom") or []:
        values.update(_from_source(source, sources, problems))
    for variable in container.get("env") or []:
        value = _value(pod, variable, values, sources, host, problems)
        if value is not None:
            values[variable["name"]] = value
    literal: list[EnvVar] = [{"name": name, "value": value} for name, value in values.items()]
    rest: Container = {**container, "env": literal}
    rest.pop("envFrom", None)
    return rest


def _from_source(source: Mapping[str, Any], sources: Sources, problems: list[Problem]) -> dict[str, str]:
    kind, field = ("Secret", "secretRef") if "secretRef" in source else ("ConfigMap", "configMapRef")
    selector = source.get(field) or {}
    name, optional = selector.get("name", ""), bool(selector.get("optional"))
    obj = sources.get(Reference(kind, name))
    if obj is None:
        problems.append(_missing_object(kind, name, optional=optional))
        return {}
    prefix = source.get("prefix") or ""
    data = _data(kind, obj)
    bad = sorted(prefix + key for key in data if not _NAME.fullmatch(prefix + key))
    if bad:
        message = f"keys [{', '.join(bad)}] from the {_WHAT[kind]} {name!r} were skipped: not names of variables"
        problems.append(Problem("InvalidEnvironmentVariableNames", message, fatal=False))
    return {prefix + key: value for key, value in data.items() if _NAME.fullmatch(prefix + key)}


def _value(
    pod: Pod,
    variable: EnvVar,
    before: Mapping[str, str],
    sources: Sources,
    host: Host,
    problems: list[Problem],
) -> str | None:
    origin = variable.get("valueFrom")
    if not origin:
        return expand(variable.get("value") or "", before)
    if "fieldRef" in origin:
        path = origin["fieldRef"].get("fieldPath", "")
        value = field_value(pod, path, host)
        if value is None:
            message = f"env {variable['name']}: fieldPath {path!r} is not supported"
            problems.append(Problem("UnsupportedFieldPath", message, fatal=True))
        return value
    for kind, field in (("ConfigMap", "configMapKeyRef"), ("Secret", "secretKeyRef")):
        if field in origin:
            return _keyed(kind, origin[field], sources, problems)
    message = f"env {variable['name']}: valueFrom {', '.join(sorted(origin))} is not supported"
    problems.append(Problem("UnsupportedValueFrom", message, fatal=True))
    return None


def _keyed(kind: str, selector: Mapping[str, Any], sources: Sources, problems: list[Problem]) -> str | None:
    name, key, optional = selector.get("name", ""), selector.get("key", ""), bool(selector.get("optional"))
    obj = sources.get(Reference(kind, name))
    if obj is None:
        problems.append(_missing_object(kind, name, optional=optional))
        return None
    value = _data(kind, obj).get(key)
    if value is None:
        which = "Optional" if optional else "Mandatory"
        message = f"{_WHAT[kind]} {name!r} has no key {key!r}"
        problems.append(Problem(f"{which}{kind}KeyNotFound", message, fatal=not optional))
    return value


def _missing_object(kind: str, name: str, *, optional: bool) -> Problem:
    which = "Optional" if optional else "Mandatory"
    return Problem(f"{which}{kind}NotFound", f"{_WHAT[kind]} {name!r} not found", fatal=not optional)


def _data(kind: str, obj: Mapping[str, Any]) -> dict[str, str]:
    data = obj.get("data") or {}
    if kind == "ConfigMap":
        return dict(data)
    return {key: base64.b64decode(value).decode(errors="replace") for key, value in data.items()}


def expand(text: str, values: Mapping[str, str]) -> str:
    """Replace ``$(NAME)`` where NAME is known, and ``$$`` by a dollar."""

    def replacement(match: re.Match[str]) -> str:
        name = match.group(1)
        if name is None:
            return "$"
        return values.get(name, match.group(0))

    return _EXPANSION.sub(replacement, text)


_KEYED_FIELD = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")


def field_value(pod: Pod, path: str, host: Host) -> str | None:
    """What a ``fieldRef`` names, as far as it is known before the pod runs; None if it is not."""
    metadata, spec = pod["metadata"], pod.get("spec", {})
    keyed = _KEYED_FIELD.fullmatch(path)
    if keyed:
        values: Mapping[str, str] = metadata.get(keyed.group(1)) or {}  # type: ignore[assignment]  # labels or annotations
        return values.get(keyed.group(2), "")
    known = {
        "metadata.name": lambda: metadata["name"],
        "metadata.namespace": lambda: metadata.get("namespace", "default"),
        "metadata.uid": lambda: pods.uid(pod),
        "metadata.labels": lambda: _lines(metadata.get("labels")),
        "metadata.annotations": lambda: _lines(metadata.get("annotations")),
        "spec.nodeName": lambda: spec.get("nodeName", ""),
        "spec.host": lambda: spec.get("nodeName", ""),
        "spec.serviceAccountName": lambda: spec.get("serviceAccountName", ""),
        "status.hostIP": lambda: host.ip,
        "status.hostIPs": lambda: host.ip,
    }
    return known[path]() if path in known else None


def _lines(values: Mapping[str, str] | None) -> str:
    """Sorted ``key="value"`` lines, as the downward API writes maps."""
    return "\n".join(f'{key}="{_escaped(value)}"' for key, value in sorted((values or {}).items()))


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
