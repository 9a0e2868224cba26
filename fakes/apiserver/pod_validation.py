"""What makes a pod invalid, and what of it may not change. Pure."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from fakes.apiserver import quantity
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
from fakes.apiserver.names import dns_label, dns_subdomain, named
from fakes.apiserver.objects import Object, Objects, without

_RESTART_POLICIES = ("Always", "Never", "OnFailure")
_DNS_POLICIES = ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None")
_PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_PROTOCOLS = ("SCTP", "TCP", "UDP")
_EFFECTS = ("NoExecute", "NoSchedule", "PreferNoSchedule")


def pod(obj: Object) -> Causes:
    """A pod: containers with names and images, and that what refers to something inside the pod finds it."""
    causes = named(obj, dns_subdomain)
    spec = obj["spec"]
    volumes = _names(spec.get("volumes"), "spec.volumes", causes)
    if not spec.get("containers"):
        causes.append(required("spec.containers"))
    seen: set[str] = set()
    for group in ("containers", "initContainers"):
        for at, container in enumerate(spec.get(group) or ()):
            path = f"spec.{group}[{at}]"
            _name(container, f"{path}.name", seen, causes)
            _container(container, path, volumes, causes)
    _scalars(spec, causes)
    for at, toleration in enumerate(spec.get("tolerations") or ()):
        _toleration(toleration, f"spec.tolerations[{at}]", causes)
    return causes


def _scalars(spec: Object, causes: Causes) -> None:
    if spec["restartPolicy"] not in _RESTART_POLICIES:
        causes.append(unsupported("spec.restartPolicy", spec["restartPolicy"], _RESTART_POLICIES))
    if spec["dnsPolicy"] not in _DNS_POLICIES:
        causes.append(unsupported("spec.dnsPolicy", spec["dnsPolicy"], _DNS_POLICIES))
    if spec["terminationGracePeriodSeconds"] < 0:
        causes.append(negative("spec.terminationGracePeriodSeconds", spec["terminationGracePeriodSeconds"]))
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and deadline < 1:
        causes.append(invalid("spec.activeDeadlineSeconds", deadline, "must be between 1 and 2147483647, inclusive"))
    if spec.get("nodeName") and (problem := dns_subdomain(spec["nodeName"])):
        causes.append(invalid("spec.nodeName", spec["nodeName"], problem))


_POD_UPDATE_ADVICE = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def pod_update(new: Object, old: Object) -> Causes:
    """A changed pod: only images, a shorter deadline, more tolerations, fewer scheduling gates."""
    after, before = new["spec"], old["spec"]
    if after == before:
        return []
    for group in ("containers", "initContainers"):
        if len(after.get(group) or ()) != len(before.get(group) or ()):
            return [forbidden(f"spec.{group}", "pod updates may not add or remove containers")]
    causes = []
    deadline, earlier = after.get("activeDeadlineSeconds"), before.get("activeDeadlineSeconds")
    if earlier is not None and (deadline is None or deadline > earlier):
        advice = f"must be less than or equal to previous value ({earlier})"
        causes.append(invalid("spec.activeDeadlineSeconds", deadline, advice))
    if any(each not in (after.get("tolerations") or ()) for each in before.get("tolerations") or ()):
        causes.append(
            forbidden("spec.tolerations", "existing toleration can not be modified except its tolerationSeconds")
        )
    if any(each not in (before.get("schedulingGates") or ()) for each in after.get("schedulingGates") or ()):
        causes.append(forbidden("spec.schedulingGates", "only deletion is allowed, but found new scheduling gate"))
    if _rest_of(after) != _rest_of(before):
        changed = sorted(key for key in {**after, **before} if after.get(key) != before.get(key))
        causes.append(forbidden("spec", f"{_POD_UPDATE_ADVICE}\nchanged: {', '.join(changed)}"))
    return causes


def _rest_of(spec: Object) -> Object:
    """The spec less all that an update may change."""
    rest = without(spec, "activeDeadlineSeconds", "tolerations", "schedulingGates")
    for group in ("containers", "initContainers"):
        if rest.get(group):
            rest[group] = [without(container, "image") for container in rest[group]]
    return rest


def _container(container: Object, path: str, volumes: set[str], causes: Causes) -> None:
    if not container.get("image"):
        causes.append(required(f"{path}.image"))
    if container["imagePullPolicy"] not in _PULL_POLICIES:
        causes.append(unsupported(f"{path}.imagePullPolicy", container["imagePullPolicy"], _PULL_POLICIES))
    for at, port in enumerate(container.get("ports") or ()):
        causes += port_number(port.get("containerPort"), f"{path}.ports[{at}].containerPort")
        if port["protocol"] not in _PROTOCOLS:
            causes.append(unsupported(f"{path}.ports[{at}].protocol", port["protocol"], _PROTOCOLS))
    _env(container.get("env"), f"{path}.env", causes)
    for at, mount in enumerate(container.get("volumeMounts") or ()):
        if not mount.get("mountPath"):
            causes.append(required(f"{path}.volumeMounts[{at}].mountPath"))
        if mount.get("name") not in volumes:
            causes.append(absent(f"{path}.volumeMounts[{at}].name", mount.get("name")))
    _resources(container["resources"], f"{path}.resources", causes)


def _env(variables: Objects | None, path: str, causes: Causes) -> None:
    for at, variable in enumerate(variables or ()):
        if not variable.get("name"):
            causes.append(required(f"{path}[{at}].name"))
        if variable.get("value") and variable.get("valueFrom"):
            causes.append(invalid(f"{path}[{at}].valueFrom", "", "may not be specified when `value` is not empty"))


def _resources(resources: Object, path: str, causes: Causes) -> None:
    limits = resources.get("limits") or {}
    for group in ("limits", "requests"):
        for name, value in (resources.get(group) or {}).items():
            amount = _quantity(value)
            if amount is None:
                causes.append(invalid(f"{path}.{group}[{name}]", value, "quantities must match the regular expression"))
            elif amount.numerator < 0:
                causes.append(negative(f"{path}.{group}[{name}]", value))
            elif group == "requests" and name in limits and value != limits[name]:
                limit = _quantity(limits[name])
                if limit is not None and amount > limit:
                    advice = f"must be less than or equal to {name} limit of {limits[name]}"
                    causes.append(invalid(f"{path}.requests", value, advice))


_quantity = lru_cache(maxsize=4096)(quantity.parse)


def _toleration(toleration: Object, path: str, causes: Causes) -> None:
    operator, effect = toleration.get("operator"), toleration.get("effect")
    if operator not in (None, "", "Exists", "Equal"):
        causes.append(unsupported(f"{path}.operator", operator, ("Equal", "Exists")))
    if operator == "Exists" and toleration.get("value"):
        advice = "value must be empty when `operator` is 'Exists'"
        causes.append(invalid(f"{path}.operator", toleration["value"], advice))
    if not toleration.get("key") and operator != "Exists":
        causes.append(
            invalid(
                f"{path}.operator",
                operator,
                'operator must be Exists when `key` is empty, which means "match all values and all keys"',
            )
        )
    if effect and effect not in _EFFECTS:
        causes.append(unsupported(f"{path}.effect", effect, ("NoSchedule", "PreferNoSchedule", "NoExecute")))


def _names(items: Iterable[Mapping[str, Any]] | None, path: str, causes: Causes) -> set[str]:
    names: set[str] = set()
    for at, item in enumerate(items or ()):
        _name(item, f"{path}[{at}].name", names, causes)
    return names


def _name(item: Mapping[str, Any], path: str, seen: set[str], causes: Causes) -> None:
    """Add the name of a list's element to those seen; note if it is missing, wrong or there twice."""
    name = item.get("name") or ""
    if not name:
        causes.append(required(path))
    elif problem := dns_label(name):
        causes.append(invalid(path, name, problem))
    elif name in seen:
        causes.append(duplicate(path, name))
    seen.add(name)
