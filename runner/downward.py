"""The downward API: what a pod may know of itself, in variables and in files. Pure.

The fields and their text are Kubernetes' (``pkg/fieldpath``, ``pkg/api/v1/resource``).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from providers import pods, quantity
from providers.types import Container, Pod

POD_ADDRESSES = ("status.podIP", "status.podIPs")
"""What is known only when the provider has given the pod an address."""

_KEYED_FIELD = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")
_RESOURCE = re.compile(r"(limits|requests)\.(cpu|memory|ephemeral-storage|hugepages-\S+)")


@dataclass(frozen=True, slots=True)
class Host:
    """What the node contributes.

    Attributes:
        ip: its InternalIP.
        allocatable: what stands for a limit that a container does not have.
    """

    ip: str
    allocatable: Mapping[str, str] = field(default_factory=dict)


def field_value(pod: Pod, path: str, host: Host) -> str | None:
    """What a ``fieldRef`` names; None if it is not supported, or a pod's address that is not known yet."""
    metadata, spec = pod["metadata"], pod.get("spec", {})
    keyed = _KEYED_FIELD.fullmatch(path)
    if keyed:
        values: Mapping[str, str] = metadata.get(keyed.group(1)) or {}  # type: ignore[assignment]  # labels or annotations
        return values.get(keyed.group(2), "")
    addresses = [each["ip"] for each in pods.status(pod).get("podIPs") or [] if each.get("ip")]
    known: dict[str, Callable[[], str | None]] = {
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
        "status.podIP": lambda: pods.status(pod).get("podIP") or None,
        "status.podIPs": lambda: ",".join(addresses) or None,
    }
    return known[path]() if path in known else None


def resource_value(containers: Mapping[str, Container], selector: Mapping[str, Any], host: Host) -> str:
    """What a ``resourceFieldRef`` names: a request or limit of a container, counted in the divisor's units.

    A limit that is not set is what the node has to offer; a request that is not set is 0.

    Raises:
        ValueError: there is no such container or resource, or the divisor is none.
    """
    name, resource = selector.get("containerName", ""), selector.get("resource", "")
    container = containers.get(name)
    if container is None:
        raise ValueError(f"no container {name!r}")
    match = _RESOURCE.fullmatch(resource)
    if match is None:
        raise ValueError(f"unsupported resource {resource!r}")
    which, what = match.groups()
    resources: Mapping[str, Mapping[str, str]] = container.get("resources") or {}  # type: ignore[assignment]  # limits and requests
    given = (resources.get(which) or {}).get(what)
    if given is None:
        given = host.allocatable.get(what, "0") if which == "limits" else "0"
    divisor = str(selector.get("divisor") or "1")
    return str(quantity.in_units(str(given), "1" if quantity.parse(divisor) == 0 else divisor))


def _lines(values: Mapping[str, str] | None) -> str:
    """Sorted ``key="value"`` lines, as the downward API writes maps."""
    return "\n".join(f'{key}="{_escaped(value)}"' for key, value in sorted((values or {}).items()))


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
