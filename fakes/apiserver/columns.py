"""The columns of ``kubectl get``, resource by resource, and what stands in them, as kube-apiserver prints it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fakes.apiserver.objects import Object
from fakes.apiserver.podstatus import pod_ready, pod_restarts, pod_status
from fakes.apiserver.scales import scale_of

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


def age_of(obj: Object, now: datetime) -> str:
    """How long ago it was created."""
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
        age_of(obj, now),
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
        age_of(obj, now),
        info.get("kubeletVersion") or "",
        addresses.get("InternalIP") or NONE,
        addresses.get("ExternalIP") or NONE,
        info.get("osImage") or UNKNOWN,
        info.get("kernelVersion") or UNKNOWN,
        info.get("containerRuntimeVersion") or UNKNOWN,
    ]


def _namespace(obj: Object, now: datetime) -> list[Any]:
    return [_name(obj), (obj.get("status") or {}).get("phase", ""), age_of(obj, now)]


def _secret(obj: Object, now: datetime) -> list[Any]:
    return [_name(obj), obj.get("type", "Opaque"), len(obj.get("data") or {}), age_of(obj, now)]


def _config_map(obj: Object, now: datetime) -> list[Any]:
    return [_name(obj), len(obj.get("data") or {}) + len(obj.get("binaryData") or {}), age_of(obj, now)]


def _service(obj: Object, now: datetime) -> list[Any]:
    spec = obj["spec"]
    selector = ",".join(f"{key}={value}" for key, value in sorted((spec.get("selector") or {}).items()))
    return [
        _name(obj),
        spec.get("type", "ClusterIP"),
        spec.get("clusterIP") or NONE,
        _external(obj),
        ",".join(_port(each) for each in spec.get("ports") or []) or NONE,
        age_of(obj, now),
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
    return [_name(obj), len(obj.get("secrets") or []), age_of(obj, now)]


def _lease(obj: Object, now: datetime) -> list[Any]:
    return [_name(obj), (obj.get("spec") or {}).get("holderIdentity") or "", age_of(obj, now)]


def images(obj: Object) -> tuple[str, str]:
    """The names and images of a template's containers."""
    containers = (obj["spec"].get("template") or {}).get("spec", {}).get("containers") or []
    return ",".join(each["name"] for each in containers), ",".join(each.get("image", "") for each in containers)


def _selector(obj: Object) -> str:
    selector = scale_of(obj)["status"].get("selector")
    return str(selector) if selector else NONE


def _counts(obj: Object, *names: str) -> list[int]:
    status = obj.get("status") or {}
    return [status.get(name) or 0 for name in names]


def _deployment(obj: Object, now: datetime) -> list[Any]:
    ready, updated, available = _counts(obj, "readyReplicas", "updatedReplicas", "availableReplicas")
    wanted = obj["spec"].get("replicas", 0)
    return [_name(obj), f"{ready}/{wanted}", updated, available, age_of(obj, now), *images(obj), _selector(obj)]


def _replica_set(obj: Object, now: datetime) -> list[Any]:
    counts = _counts(obj, "replicas", "readyReplicas")
    return [_name(obj), obj["spec"].get("replicas", 0), *counts, age_of(obj, now), *images(obj), _selector(obj)]


def _stateful_set(obj: Object, now: datetime) -> list[Any]:
    (ready,) = _counts(obj, "readyReplicas")
    return [_name(obj), f"{ready}/{obj['spec'].get('replicas', 0)}", age_of(obj, now), *images(obj)]


def _daemon_set(obj: Object, now: datetime) -> list[Any]:
    names = ("desiredNumberScheduled", "currentNumberScheduled", "numberReady")
    counts = _counts(obj, *names, "updatedNumberScheduled", "numberAvailable")
    nodes = obj["spec"].get("template", {}).get("spec", {}).get("nodeSelector") or {}
    where = ",".join(f"{key}={value}" for key, value in sorted(nodes.items())) or NONE
    return [_name(obj), *counts, where, age_of(obj, now), *images(obj), _selector(obj)]


def _job(obj: Object, now: datetime) -> list[Any]:
    spec, status = obj["spec"], obj.get("status") or {}
    conditions = {each["type"] for each in status.get("conditions") or [] if each["status"] == "True"}
    state = next(
        (each for each in ("Complete", "Failed", "Suspended", "FailureTarget") if each in conditions), "Running"
    )
    wanted, succeeded = spec.get("completions"), status.get("succeeded") or 0
    done = f"{succeeded}/{wanted}" if wanted is not None else f"{succeeded}/1"
    begun, ended = status.get("startTime"), status.get("completionTime")
    took = ""
    if begun:
        took = age(begun, datetime.fromisoformat(ended) if ended else now)
    return [_name(obj), state, done, took, age_of(obj, now), *images(obj), _selector(obj)]


def _cron_job(obj: Object, now: datetime) -> list[Any]:
    spec, status = obj["spec"], obj.get("status") or {}
    last = age(status["lastScheduleTime"], now) if status.get("lastScheduleTime") else NONE
    zone, suspended = spec.get("timeZone") or NONE, "True" if spec.get("suspend") else "False"
    inner = {"spec": spec.get("jobTemplate", {}).get("spec", {})}
    active = len(status.get("active") or [])
    return [_name(obj), spec.get("schedule", ""), zone, suspended, active, last, age_of(obj, now), *images(inner), NONE]


def _disruption_budget(obj: Object, now: datetime) -> list[Any]:
    spec = obj["spec"]
    least, most = (str(spec[name]) if name in spec else "N/A" for name in ("minAvailable", "maxUnavailable"))
    return [_name(obj), least, most, *_counts(obj, "disruptionsAllowed"), age_of(obj, now)]


def _other(obj: Object, now: datetime) -> list[Any]:
    del now
    return [_name(obj), obj["metadata"].get("creationTimestamp", "")]


def columns(cells: Cells, *names: str) -> Columns:
    """Columns by their names; ``*`` marks those of ``-o wide``, ``:`` a type."""
    definitions = []
    for each in names:
        name, _, kind = each.removesuffix("*").partition(":")
        definitions.append(Column(name, kind or "string", int(each.endswith("*"))))
    return Columns(tuple(definitions), cells)


OTHERS = columns(_other, "Name", "Created At:date")

COLUMNS: dict[tuple[str, str], Columns] = {
    ("", "pods"): columns(
        _pod,
        *("Name", "Ready", "Status", "Restarts", "Age", "IP*", "Node*", "Nominated Node*", "Readiness Gates*"),
    ),
    ("", "nodes"): columns(
        _node,
        *("Name", "Status", "Roles", "Age", "Version", "Internal-IP*", "External-IP*", "OS-Image*"),
        *("Kernel-Version*", "Container-Runtime*"),
    ),
    ("", "namespaces"): columns(_namespace, "Name", "Status", "Age"),
    ("", "secrets"): columns(_secret, "Name", "Type", "Data", "Age"),
    ("", "configmaps"): columns(_config_map, "Name", "Data", "Age"),
    ("", "services"): columns(_service, "Name", "Type", "Cluster-IP", "External-IP", "Port(s)", "Age", "Selector*"),
    ("", "events"): columns(
        _event,
        *("Last Seen", "Type", "Reason", "Object", "Subobject*", "Source*", "Message", "First Seen*"),
        *("Count*", "Name*"),
    ),
    ("", "serviceaccounts"): columns(_service_account, "Name", "Secrets", "Age"),
    ("apps", "deployments"): columns(
        _deployment,
        *("Name", "Ready", "Up-to-date", "Available", "Age", "Containers*", "Images*", "Selector*"),
    ),
    ("apps", "replicasets"): columns(
        _replica_set,
        *("Name", "Desired:integer", "Current:integer", "Ready:integer", "Age", "Containers*", "Images*", "Selector*"),
    ),
    ("", "replicationcontrollers"): columns(
        _replica_set,
        *("Name", "Desired:integer", "Current:integer", "Ready:integer", "Age", "Containers*", "Images*", "Selector*"),
    ),
    ("apps", "statefulsets"): columns(_stateful_set, "Name", "Ready", "Age", "Containers*", "Images*"),
    ("apps", "daemonsets"): columns(
        _daemon_set,
        *("Name", "Desired:integer", "Current:integer", "Ready:integer", "Up-to-date:integer", "Available:integer"),
        *("Node Selector", "Age", "Containers*", "Images*", "Selector*"),
    ),
    ("batch", "jobs"): columns(
        _job, "Name", "Status", "Completions", "Duration", "Age", "Containers*", "Images*", "Selector*"
    ),
    ("batch", "cronjobs"): columns(
        _cron_job,
        *("Name", "Schedule", "Timezone", "Suspend:boolean", "Active:integer", "Last Schedule", "Age"),
        *("Containers*", "Images*", "Selector*"),
    ),
    ("policy", "poddisruptionbudgets"): columns(
        _disruption_budget, "Name", "Min Available", "Max Unavailable", "Allowed Disruptions:integer", "Age"
    ),
    ("coordination.k8s.io", "leases"): columns(_lease, "Name", "Holder", "Age"),
}
