"""The columns of ``kubectl get``, resource by resource, and what stands in them, as kube-apiserver prints it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fakes.apiserver.objects import Object
from fakes.apiserver.podstatus import pod_ready, pod_restarts, pod_status
from fakes.apiserver.resources import ResourceType

Cells = Callable[[Object, datetime], list[Any]]
NONE, UNKNOWN = "<none>", "<unknown>"


@dataclass(frozen=True, slots=True)
class Column:
    """One column; those of priority 1 are shown by ``-o wide`` only."""

    name: str
    type: str = "string"
    priority: int = 0

    def definition(self) -> dict[str, Any]:
        """As a Table names it."""
        form = "name" if self.name == "Name" else ""
        return {"name": self.name, "type": self.type, "format": form, "description": "", "priority": self.priority}


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a resource, and the function that fills them."""

    definitions: tuple[Column, ...]
    cells: Cells


def columns_of(resource: ResourceType) -> Columns:
    """The columns of a resource; name and creation time where it has none of its own."""
    return _COLUMNS.get((resource.group, resource.plural), _OTHERS)


def age(timestamp: str | None, now: datetime) -> str:
    """How long ago, as kubectl writes it: ``53s``, ``2m19s``, ``15m``, ``5h3m``, ``2d``."""
    if not timestamp:
        return UNKNOWN
    seconds = int((now - datetime.fromisoformat(timestamp)).total_seconds())
    if seconds < -1:
        return "<invalid>"
    return duration(max(seconds, 0))


def duration(seconds: int) -> str:
    """Apimachinery's HumanDuration."""
    if seconds < 120:
        return f"{seconds}s"
    minutes, rest = divmod(seconds, 60)
    if minutes < 10:
        return f"{minutes}m{rest}s" if rest else f"{minutes}m"
    hours, left = divmod(minutes, 60)
    if hours < 3:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h{left}m" if left else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    days, left = divmod(hours, 24)
    if days < 8:
        return f"{days}d{left}h" if left else f"{days}d"
    if days < 730:
        return f"{days}d"
    years, left = divmod(days, 365)
    return f"{years}y{left}d" if years < 8 and left else f"{years}y"


def _name(obj: Object) -> str:
    return str(obj["metadata"]["name"])


def _age(obj: Object, now: datetime) -> str:
    return age(obj["metadata"].get("creationTimestamp"), now)


def _pod(obj: Object, now: datetime) -> list[Any]:
    spec, status = obj["spec"], obj.get("status") or {}
    gates = spec.get("readinessGates") or []
    ready = {each["type"] for each in status.get("conditions") or [] if each["status"] == "True"}
    passed = sum(each["conditionType"] in ready for each in gates)
    return [
        _name(obj),
        pod_ready(obj),
        pod_status(obj),
        pod_restarts(obj, lambda stamp: age(stamp, now)),
        _age(obj, now),
        status.get("podIP") or NONE,
        spec.get("nodeName") or NONE,
        status.get("nominatedNodeName") or NONE,
        f"{passed}/{len(gates)}" if gates else NONE,
    ]


_ROLE = "node-role.kubernetes.io/"


def _node(obj: Object, now: datetime) -> list[Any]:
    status, labels = obj.get("status") or {}, obj["metadata"].get("labels") or {}
    info = status.get("nodeInfo") or {}
    ready = next((each["status"] for each in status.get("conditions") or [] if each["type"] == "Ready"), None)
    state = {None: "Unknown", "True": "Ready"}.get(ready, "NotReady")
    if (obj.get("spec") or {}).get("unschedulable"):
        state += ",SchedulingDisabled"
    roles = {key.removeprefix(_ROLE) for key in labels if key.startswith(_ROLE) and key != _ROLE}
    roles |= {labels["kubernetes.io/role"]} if labels.get("kubernetes.io/role") else set()
    addresses = {each["type"]: each["address"] for each in reversed(status.get("addresses") or [])}
    return [
        _name(obj),
        state,
        ",".join(sorted(roles)) or NONE,
        _age(obj, now),
        info.get("kubeletVersion") or "",
        addresses.get("InternalIP") or NONE,
        addresses.get("ExternalIP") or NONE,
        info.get("osImage") or UNKNOWN,
        info.get("kernelVersion") or UNKNOWN,
        info.get("containerRuntimeVersion") or UNKNOWN,
    ]


def _namespace(obj: Object, now: datetime) -> list[Any]:
    return [_name(obj), (obj.get("status") or {}).get("phase", ""), _age(obj, now)]


def _secret(obj: Object, now: datetime) -> list[Any]:
    return [_name(obj), obj.get("type", "Opaque"), len(obj.get("data") or {}), _age(obj, now)]


def _config_map(obj: Object, now: datetime) -> list[Any]:
    return [_name(obj), len(obj.get("data") or {}) + len(obj.get("binaryData") or {}), _age(obj, now)]


def _service(obj: Object, now: datetime) -> list[Any]:
    spec = obj["spec"]
    selector = ",".join(f"{key}={value}" for key, value in sorted((spec.get("selector") or {}).items()))
    return [
        _name(obj),
        spec.get("type", "ClusterIP"),
        spec.get("clusterIP") or NONE,
        _external(obj),
        ",".join(_port(each) for each in spec.get("ports") or []) or NONE,
        _age(obj, now),
        selector or NONE,
    ]


def _external(service: Object) -> str:
    """Where a service is reached from outside."""
    spec = service["spec"]
    if spec.get("type") == "ExternalName":
        return str(spec.get("externalName") or "")
    if spec.get("type") != "LoadBalancer":
        return ",".join(spec.get("externalIPs") or []) or NONE
    ingress = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    balancers = sorted({each.get("ip") or each.get("hostname") or "" for each in ingress} - {""})
    return ",".join([*balancers, *(spec.get("externalIPs") or [])]) or "<pending>"


def _port(port: Mapping[str, Any]) -> str:
    node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port['port']}{node_port}/{port.get('protocol', 'TCP')}"


def _event(obj: Object, now: datetime) -> list[Any]:
    about, source, series = obj.get("involvedObject") or {}, obj.get("source") or {}, obj.get("series") or {}
    first = obj.get("firstTimestamp") or obj.get("eventTime")
    last = series.get("lastObservedTime") or obj.get("lastTimestamp") or first
    component = source.get("component") or obj.get("reportingComponent")
    host = source.get("host") or obj.get("reportingInstance")
    target = str(about.get("kind", "")).lower()
    return [
        age(last, now),
        obj.get("type", ""),
        obj.get("reason", ""),
        f"{target}/{about['name']}" if about.get("name") else target,
        about.get("fieldPath", ""),
        ", ".join(each for each in (component, host) if each),
        str(obj.get("message", "")).strip(),
        age(first, now),
        series.get("count") or obj.get("count") or 1,
        _name(obj),
    ]


def _service_account(obj: Object, now: datetime) -> list[Any]:
    return [_name(obj), len(obj.get("secrets") or []), _age(obj, now)]


def _lease(obj: Object, now: datetime) -> list[Any]:
    return [_name(obj), (obj.get("spec") or {}).get("holderIdentity") or "", _age(obj, now)]


def _other(obj: Object, now: datetime) -> list[Any]:
    del now
    return [_name(obj), obj["metadata"].get("creationTimestamp", "")]


def _columns(cells: Cells, *names: str) -> Columns:
    """Columns by their names; ``*`` marks those of ``-o wide``, ``:`` a type."""
    definitions = []
    for each in names:
        name, _, kind = each.removesuffix("*").partition(":")
        definitions.append(Column(name, kind or "string", int(each.endswith("*"))))
    return Columns(tuple(definitions), cells)


_OTHERS = _columns(_other, "Name", "Created At:date")

_COLUMNS: dict[tuple[str, str], Columns] = {
    ("", "pods"): _columns(
        _pod,
        *("Name", "Ready", "Status", "Restarts", "Age", "IP*", "Node*", "Nominated Node*", "Readiness Gates*"),
    ),
    ("", "nodes"): _columns(
        _node,
        *("Name", "Status", "Roles", "Age", "Version", "Internal-IP*", "External-IP*", "OS-Image*"),
        *("Kernel-Version*", "Container-Runtime*"),
    ),
    ("", "namespaces"): _columns(_namespace, "Name", "Status", "Age"),
    ("", "secrets"): _columns(_secret, "Name", "Type", "Data", "Age"),
    ("", "configmaps"): _columns(_config_map, "Name", "Data", "Age"),
    ("", "services"): _columns(_service, "Name", "Type", "Cluster-IP", "External-IP", "Port(s)", "Age", "Selector*"),
    ("", "events"): _columns(
        _event,
        *("Last Seen", "Type", "Reason", "Object", "Subobject*", "Source*", "Message", "First Seen*"),
        *("Count*", "Name*"),
    ),
    ("", "serviceaccounts"): _columns(_service_account, "Name", "Secrets", "Age"),
    ("coordination.k8s.io", "leases"): _columns(_lease, "Name", "Holder", "Age"),
}
