"""A container's environment, resolved to literals: pure functions from a pod and the objects it refers to.

The rules are Kubernetes': ``envFrom`` in order, then ``env`` in order and over it, later over earlier; ``$(NAME)`` in a
literal stands for a variable defined before, or one of a Service; ``$$`` is a dollar; what cannot be expanded stays as
it is. Variables of Services are added where no other has the name. A missing reference stops the pod unless it is
optional. Reasons of events are Virtual Kubelet's.
"""

import base64
import re
from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from providers.types import Container, EnvVar, Pod
from runner.downward import POD_ADDRESSES, Host, field_value, resource_value
from runner.references import Problem, Reference, Sources, Unreadable

_NAME = re.compile(r"(?!\.\.?$)(?!\.\.)[-._a-zA-Z][-._a-zA-Z0-9]*")
"""What may be the name of a variable that comes from ``envFrom`` (apimachinery's IsEnvVarName)."""

_EXPANSION = re.compile(r"\$(?:\$|\(([^)]*)\))")

_WHAT = {"ConfigMap": "configmap", "Secret": "secret"}


@dataclass(frozen=True, slots=True)
class Resolved:
    """The pod with literal environments, and what was found on the way; not to be created if a problem is fatal.

    Attributes:
        pod: the pod; all but the environments is shared.
        problems: what to tell its owner.
        secret: (container, variable) whose value has something of a Secret in it.
        late: (container, variable) that want the pod's address, which is not known yet; they are left out.
    """

    pod: Pod
    problems: tuple[Problem, ...]
    secret: frozenset[tuple[str, str]] = frozenset()
    late: tuple[tuple[str, str], ...] = ()

    @property
    def fatal(self) -> Problem | None:
        """The first problem that keeps the pod from being created."""
        return next((each for each in self.problems if each.fatal), None)


_GROUPS = ("initContainers", "containers", "ephemeralContainers")


def references(pod: Pod) -> list[Reference]:
    """The ConfigMaps and Secrets that the pod's environments name, each once, in order."""
    found: dict[Reference, None] = {}
    for container in containers(pod):
        for source in container.get("envFrom") or []:
            for kind, named in (("ConfigMap", "configMapRef"), ("Secret", "secretRef")):
                if named in source:
                    found[Reference(kind, source[named].get("name", ""))] = None
        for variable in container.get("env") or []:
            origin = variable.get("valueFrom") or {}
            for kind, named in (("ConfigMap", "configMapKeyRef"), ("Secret", "secretKeyRef")):
                if named in origin:
                    found[Reference(kind, origin[named].get("name", ""))] = None
    return list(found)


def resolve(pod: Pod, sources: Sources, host: Host, services: Mapping[str, EnvVar] | None = None) -> Resolved:
    """The pod with each container's ``env`` as literals and no ``envFrom``.

    ``services`` are the variables of Services, by name; they are shared by all pods that have them.
    """
    scope = _Scope(pod, sources, host, services or {})
    spec = pod.get("spec", {})
    changed = {
        group: [_Environment(scope, container).resolved() for container in spec[group]]  # type: ignore[literal-required]  # the three names are PodSpec's
        for group in _GROUPS
        if spec.get(group)
    }
    same = all(one is other for group, made in changed.items() for one, other in zip(made, spec[group], strict=True))  # type: ignore[literal-required]  # as above
    resolved: Pod = pod if same else {**pod, "spec": {**spec, **changed}}  # type: ignore[typeddict-item]  # as above
    return Resolved(resolved, tuple(scope.problems), frozenset(scope.secret), tuple(scope.late))


def containers(pod: Pod) -> Iterator[Container]:
    """Init, regular and ephemeral containers."""
    for group in _GROUPS:
        yield from pod.get("spec", {}).get(group) or []  # type: ignore[misc]  # the three names are PodSpec's


@dataclass(slots=True)
class _Scope:
    """What the containers of a pod have in common, and what is found in them."""

    pod: Pod
    sources: Sources
    host: Host
    services: Mapping[str, EnvVar]
    problems: list[Problem] = field(default_factory=list)
    secret: list[tuple[str, str]] = field(default_factory=list)
    late: list[tuple[str, str]] = field(default_factory=list)


class _Environment:
    """One container's, in the making."""

    def __init__(self, scope: _Scope, container: Container) -> None:
        self._scope = scope
        self._container = container
        self._values: dict[str, str] = {}
        self._secret: dict[str, None] = {}

    def resolved(self) -> Container:
        container, scope = self._container, self._scope
        if not container.get("env") and not container.get("envFrom") and not scope.services:
            return container
        for source in container.get("envFrom") or []:
            self._take_all(source)
        for variable in container.get("env") or []:
            self._take(variable)
        scope.secret += [(container["name"], name) for name in self._secret]
        literal: list[EnvVar] = [{"name": name, "value": value} for name, value in self._values.items()]
        literal += [variable for name, variable in scope.services.items() if name not in self._values]
        rest: Container = {**container, "env": literal}
        rest.pop("envFrom", None)
        return rest

    def _set(self, name: str, value: str, *, secret: bool) -> None:
        self._values[name] = value
        if secret:
            self._secret[name] = None
        else:
            self._secret.pop(name, None)

    def _tell(self, reason: str, message: str, *, fatal: bool) -> None:
        self._scope.problems.append(Problem(reason, message, fatal))

    def _take_all(self, source: Mapping[str, Any]) -> None:
        """All keys of a ConfigMap or Secret whose names are good for a variable."""
        kind, named = ("Secret", "secretRef") if "secretRef" in source else ("ConfigMap", "configMapRef")
        selector = source.get(named) or {}
        name, optional = selector.get("name", ""), bool(selector.get("optional"))
        obj = self._scope.sources.get(Reference(kind, name))
        if obj is None or isinstance(obj, Unreadable):
            self._scope.problems.append(_missing_object(kind, name, obj, optional=optional))
            return
        prefix = source.get("prefix") or ""
        bad: list[str] = []
        for key, value in _data(kind, obj).items():
            variable = prefix + key
            if _NAME.fullmatch(variable):
                self._set(variable, value, secret=kind == "Secret")
            else:
                bad.append(variable)
        if bad:
            message = (
                f"keys [{', '.join(sorted(bad))}] from the {_WHAT[kind]} {name!r} were skipped: not names of variables"
            )
            self._tell("InvalidEnvironmentVariableNames", message, fatal=False)

    def _take(self, variable: EnvVar) -> None:
        name, origin = variable["name"], variable.get("valueFrom") or {}
        if not origin:
            text = variable.get("value") or ""
            secret = any(each in self._secret for each in _EXPANSION.findall(text))
            self._set(name, expand(text, self._known()), secret=secret)
        elif "fieldRef" in origin:
            self._take_field(name, origin["fieldRef"].get("fieldPath", ""))
        elif "resourceFieldRef" in origin:
            self._take_resource(name, origin["resourceFieldRef"])
        elif "configMapKeyRef" in origin:
            self._take_key(name, "ConfigMap", origin["configMapKeyRef"])
        elif "secretKeyRef" in origin:
            self._take_key(name, "Secret", origin["secretKeyRef"])
        else:
            message = f"env {name}: valueFrom {', '.join(sorted(origin))} is not supported"
            self._tell("UnsupportedValueFrom", message, fatal=True)

    def _known(self) -> Mapping[str, str]:
        """What a literal may refer to."""
        services = self._scope.services
        return (
            ChainMap(self._values, {each: services[each]["value"] for each in services}) if services else self._values
        )

    def _take_field(self, name: str, path: str) -> None:
        value = field_value(self._scope.pod, path, self._scope.host)
        if value is not None:
            self._set(name, value, secret=False)
        elif path in POD_ADDRESSES:
            self._values.pop(name, None)
            self._secret.pop(name, None)
            self._scope.late.append((self._container["name"], name))
        else:
            self._tell("UnsupportedFieldPath", f"env {name}: fieldPath {path!r} is not supported", fatal=True)

    def _take_resource(self, name: str, selector: Mapping[str, Any]) -> None:
        named = {each["name"]: each for each in containers(self._scope.pod)}
        chosen = {"containerName": self._container["name"], **{k: v for k, v in selector.items() if v}}
        try:
            self._set(name, resource_value(named, chosen, self._scope.host), secret=False)
        except ValueError as error:
            self._tell("UnsupportedValueFrom", f"env {name}: resourceFieldRef: {error}", fatal=True)

    def _take_key(self, variable: str, kind: str, selector: Mapping[str, Any]) -> None:
        name, key, optional = selector.get("name", ""), selector.get("key", ""), bool(selector.get("optional"))
        obj = self._scope.sources.get(Reference(kind, name))
        if obj is None or isinstance(obj, Unreadable):
            self._scope.problems.append(_missing_object(kind, name, obj, optional=optional))
            return
        value = _data(kind, obj).get(key)
        if value is None:
            which = "Optional" if optional else "Mandatory"
            self._tell(f"{which}{kind}KeyNotFound", f"{_WHAT[kind]} {name!r} has no key {key!r}", fatal=not optional)
            return
        self._set(variable, value, secret=kind == "Secret")


def _missing_object(kind: str, name: str, found: Unreadable | None, *, optional: bool) -> Problem:
    which = "Optional" if optional else "Mandatory"
    if found is not None:
        message = f"{_WHAT[kind]} {name!r} cannot be read: {found.message}"
        return Problem(f"FailedToRead{which}{kind}", message, fatal=not optional)
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
