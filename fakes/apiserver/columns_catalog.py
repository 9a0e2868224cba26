"""The columns of the kinds of the catalogue, as kube-apiserver prints them; and those of any kind."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from fakes.apiserver.columns import COLUMNS, NONE, OTHERS, UNKNOWN, Columns, age_of, columns, duration, images
from fakes.apiserver.objects import Object
from fakes.apiserver.resources import ResourceType

UNSET = "<unset>"
SHOWN = 3
"""So many addresses or hosts are printed, the others counted."""


def columns_of(resource: ResourceType) -> Columns:
    """The columns of a resource; name and creation time where it has none of its own."""
    if resource.conversion is not None:
        there, up = columns_of(resource.conversion.stored), resource.conversion.up
        return Columns(there.definitions, lambda obj, now: there.cells(up(obj), now))
    key = resource.group, resource.plural
    return COLUMNS.get(key) or _COLUMNS.get(key, OTHERS)


def _at(obj: Mapping[str, Any], path: str, absent: Any = "") -> Any:
    """What is at a dotted path."""
    value: Any = obj
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return absent if value is None else value


def _plain(*paths: str, absent: str = NONE) -> Any:
    """Cells: the name, what is at the paths, the age; the number of elements of a path that ends in ``#``."""

    def cells(obj: Object, now: datetime) -> list[Any]:
        values = [len(_at(obj, path[:-1], ())) if path[-1] == "#" else _at(obj, path, absent) for path in paths]
        return [obj["metadata"]["name"], *values, age_of(obj, now)]

    return cells


def _some(values: Iterable[str], absent: str, *, shown: int = SHOWN, between: str = ",") -> str:
    """The first few of many."""
    every = list(values)
    more = f" + {len(every) - shown} more..." if len(every) > shown else ""
    return between.join(every[:shown]) + more if every else absent


def _pairs(labels: Mapping[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items())) or NONE


def _pod_template(obj: Object, _now: datetime) -> list[Any]:
    labels = _at(obj, "template.metadata.labels", {})
    return [obj["metadata"]["name"], *images({"spec": obj}), _pairs(labels)]


def _endpoints(obj: Object, now: datetime) -> list[Any]:
    found = [
        f"{address['ip']}:{port['port']}" if port else address["ip"]
        for subset in obj.get("subsets") or ()
        for port in subset.get("ports") or (None,)
        for address in subset.get("addresses") or ()
    ]
    return [obj["metadata"]["name"], _some(found, NONE), age_of(obj, now)]


def _endpoint_slice(obj: Object, now: datetime) -> list[Any]:
    ports = [str(each["port"]) if each.get("port") else "*" for each in obj.get("ports") or ()]
    addresses = [address for each in obj.get("endpoints") or () for address in each.get("addresses") or ()]
    name, kind = obj["metadata"]["name"], obj.get("addressType", "")
    return [name, kind, _some(ports, UNSET), _some(addresses, UNSET), age_of(obj, now)]


_MODES = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}


def _modes(modes: Iterable[str]) -> str:
    return ",".join(_MODES.get(each, each) for each in modes)


def _state(obj: Object, phase: str) -> str:
    return "Terminating" if obj["metadata"].get("deletionTimestamp") else phase


def _volume(obj: Object, now: datetime) -> list[Any]:
    spec, claim = obj["spec"], obj["spec"].get("claimRef")
    return [
        obj["metadata"]["name"],
        _at(spec, "capacity.storage"),
        _modes(spec.get("accessModes") or ()),
        spec.get("persistentVolumeReclaimPolicy", ""),
        _state(obj, _at(obj, "status.phase")),
        f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim else "",
        spec.get("storageClassName", ""),
        spec.get("volumeAttributesClassName", UNSET),
        _at(obj, "status.reason"),
        age_of(obj, now),
        spec.get("volumeMode", UNSET),
    ]


def _claim(obj: Object, now: datetime) -> list[Any]:
    spec, status = obj["spec"], obj.get("status") or {}
    bound = bool(spec.get("volumeName"))
    return [
        obj["metadata"]["name"],
        _state(obj, status.get("phase", "")),
        spec.get("volumeName", ""),
        _at(status, "capacity.storage") if bound else "",
        _modes(status.get("accessModes") or ()) if bound else "",
        spec.get("storageClassName", ""),
        spec.get("volumeAttributesClassName", UNSET),
        age_of(obj, now),
        spec.get("volumeMode", UNSET),
    ]


def _quota(obj: Object, now: datetime) -> list[Any]:
    status = obj.get("status") or {}
    used, texts = status.get("used") or {}, {True: [], False: []}  # type: dict[str, str], dict[bool, list[str]]
    for name, hard in sorted((status.get("hard") or {}).items()):
        texts[name.startswith("limits")].append(f"{name}: {used.get(name, 0)}/{hard}")
    return [obj["metadata"]["name"], ", ".join(texts[False]), ", ".join(texts[True]), age_of(obj, now)]


def _revision(obj: Object, now: datetime) -> list[Any]:
    owners = obj["metadata"].get("ownerReferences") or ()
    owner = next((each for each in owners if each.get("controller")), None)
    named = NONE
    if owner:
        group = owner["apiVersion"].rpartition("/")[0]
        named = f"{owner['kind'].lower()}{'.' if group else ''}{group}/{owner['name']}"
    return [obj["metadata"]["name"], named, obj.get("revision", 0), age_of(obj, now)]


def _autoscaler(obj: Object, now: datetime) -> list[Any]:
    spec, target = obj["spec"], obj["spec"].get("scaleTargetRef") or {}
    now_used = {_at(each, "resource.name"): each for each in _at(obj, "status.currentMetrics", ())}
    targets = [_metric(each, now_used.get(_at(each, "resource.name"), {})) for each in spec.get("metrics") or ()]
    return [
        obj["metadata"]["name"],
        f"{target.get('kind', '')}/{target.get('name', '')}",
        _some(targets, NONE, shown=2, between=", "),
        str(spec.get("minReplicas", UNSET)),
        spec.get("maxReplicas", 0),
        _at(obj, "status.currentReplicas", 0),
        age_of(obj, now),
    ]


def _metric(wanted: Object, used: Object) -> str:
    """What is used of what is aimed at."""
    if wanted.get("type") != "Resource":
        return f"{UNKNOWN}/{wanted.get('type', '')}"
    target, current = wanted["resource"].get("target") or {}, _at(used, "resource.current", {})
    if "averageUtilization" in target:
        seen = f"{current['averageUtilization']}%" if "averageUtilization" in current else UNKNOWN
        return f"{wanted['resource']['name']}: {seen}/{target['averageUtilization']}%"
    return f"{wanted['resource']['name']}: {current.get('averageValue', UNKNOWN)}/{target.get('averageValue', '')}"


_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


def _storage_class(obj: Object, now: datetime) -> list[Any]:
    default = (obj["metadata"].get("annotations") or {}).get(_DEFAULT_CLASS) == "true"
    return [
        obj["metadata"]["name"] + (" (default)" if default else ""),
        obj.get("provisioner", ""),
        obj.get("reclaimPolicy", "Delete"),
        obj.get("volumeBindingMode", "Immediate"),
        bool(obj.get("allowVolumeExpansion")),
        age_of(obj, now),
    ]


def _priority_class(obj: Object, now: datetime) -> list[Any]:
    value, default = obj.get("value", 0), bool(obj.get("globalDefault"))
    return [obj["metadata"]["name"], value, default, age_of(obj, now), obj.get("preemptionPolicy", "")]


def _attachment(obj: Object, now: datetime) -> list[Any]:
    where = [_at(obj, path) for path in ("spec.attacher", "spec.source.persistentVolumeName", "spec.nodeName")]
    return [obj["metadata"]["name"], *where, bool(_at(obj, "status.attached")), age_of(obj, now)]


def _driver(obj: Object, now: datetime) -> list[Any]:
    spec = obj.get("spec") or {}
    tokens = ",".join(each.get("audience", "") for each in spec.get("tokenRequests") or ()) or UNSET
    modes = ",".join(spec.get("volumeLifecycleModes") or ("Persistent",))
    return [
        obj["metadata"]["name"],
        spec.get("attachRequired", True),
        bool(spec.get("podInfoOnMount")),
        bool(spec.get("storageCapacity")),
        tokens,
        bool(spec.get("requiresRepublish")),
        modes,
        age_of(obj, now),
    ]


def _ingress(obj: Object, now: datetime) -> list[Any]:
    spec = obj.get("spec") or {}
    hosts = [each["host"] for each in spec.get("rules") or () if each.get("host")]
    places = _at(obj, "status.loadBalancer.ingress", ())
    return [
        obj["metadata"]["name"],
        spec.get("ingressClassName", NONE),
        _some(hosts, "*"),
        ",".join(each.get("ip") or each.get("hostname", "") for each in places),
        "80, 443" if spec.get("tls") else "80",
        age_of(obj, now),
    ]


def _ingress_class(obj: Object, now: datetime) -> list[Any]:
    found = _at(obj, "spec.parameters", {})
    kind = found.get("kind", "") + (f".{found['apiGroup']}" if found.get("apiGroup") else "")
    parameters = f"{kind}/{found.get('name', '')}" if found else NONE
    return [obj["metadata"]["name"], _at(obj, "spec.controller"), parameters, age_of(obj, now)]


def _network_policy(obj: Object, now: datetime) -> list[Any]:
    selector = _at(obj, "spec.podSelector.matchLabels", {})
    return [obj["metadata"]["name"], _pairs(selector), age_of(obj, now)]


def _address(obj: Object, _now: datetime) -> list[Any]:
    parent = _at(obj, "spec.parentRef", {})
    parts = [parent.get("resource"), parent.get("namespace"), parent.get("name")]
    return [obj["metadata"]["name"], "/".join(filter(None, parts))]


def _range(obj: Object, now: datetime) -> list[Any]:
    return [obj["metadata"]["name"], ",".join(_at(obj, "spec.cidrs", ())), age_of(obj, now)]


def _binding(obj: Object, now: datetime) -> list[Any]:
    role, subjects = obj.get("roleRef") or {}, obj.get("subjects") or ()

    def named(kind: str) -> str:
        return ", ".join(
            f"{each.get('namespace', '')}/{each['name']}" if kind == "ServiceAccount" else each["name"]
            for each in subjects
            if each.get("kind") == kind
        )

    who = [named(kind) for kind in ("User", "Group", "ServiceAccount")]
    return [obj["metadata"]["name"], f"{role.get('kind', '')}/{role.get('name', '')}", age_of(obj, now), *who]


def _admission_policy(obj: Object, now: datetime) -> list[Any]:
    kind = _at(obj, "spec.paramKind", {})
    shown = f"{kind.get('apiVersion', '')}/{kind.get('kind', '')}" if kind else UNSET
    return [obj["metadata"]["name"], len(_at(obj, "spec.validations", ())), shown, age_of(obj, now)]


def _policy_binding(obj: Object, now: datetime) -> list[Any]:
    param = _at(obj, "spec.paramRef", {})
    shown = "/".join(filter(None, [param.get("namespace"), param.get("name")])) or UNSET
    return [obj["metadata"]["name"], _at(obj, "spec.policyName"), shown, age_of(obj, now)]


def _resource_claim(obj: Object, now: datetime) -> list[Any]:
    status = obj.get("status") or {}
    states = ["deleted"] if obj["metadata"].get("deletionTimestamp") else []
    states += ["allocated" if status.get("allocation") else "pending"]
    states += ["reserved"] if status.get("reservedFor") else []
    return [obj["metadata"]["name"], ",".join(states), age_of(obj, now)]


def _signing_request(obj: Object, now: datetime) -> list[Any]:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    seconds = spec.get("expirationSeconds")
    met = [each["type"] for each in status.get("conditions") or ()]
    states = [each for each in ("Approved", "Denied", "Failed") if each in met] or ["Pending"]
    states += ["Issued"] if status.get("certificate") else []
    return [
        obj["metadata"]["name"],
        age_of(obj, now),
        spec.get("signerName", NONE),
        spec.get("username", ""),
        duration(seconds) if seconds else NONE,
        ",".join(states),
    ]


_SUBJECTS = ("Name", "Role", "Age", "Users*", "Groups*", "ServiceAccounts*")
_STORAGE, _NETWORKING, _DEVICES = "storage.k8s.io", "networking.k8s.io", "resource.k8s.io"
_ADMISSION, _RBAC = "admissionregistration.k8s.io", "rbac.authorization.k8s.io"

_COLUMNS: dict[tuple[str, str], Columns] = {
    ("", "podtemplates"): columns(_pod_template, "Name", "Containers", "Images", "Pod Labels"),
    ("", "endpoints"): columns(_endpoints, "Name", "Endpoints", "Age"),
    ("", "persistentvolumes"): columns(
        _volume,
        *("Name", "Capacity", "Access Modes", "Reclaim Policy", "Status", "Claim", "StorageClass"),
        *("VolumeAttributesClass", "Reason", "Age", "VolumeMode*"),
    ),
    ("", "persistentvolumeclaims"): columns(
        _claim,
        *("Name", "Status", "Volume", "Capacity", "Access Modes", "StorageClass", "VolumeAttributesClass", "Age"),
        "VolumeMode*",
    ),
    ("", "resourcequotas"): columns(_quota, "Name", "Request", "Limit", "Age"),
    ("apps", "controllerrevisions"): columns(_revision, "Name", "Controller", "Revision", "Age"),
    ("autoscaling", "horizontalpodautoscalers"): columns(
        _autoscaler, "Name", "Reference", "Targets", "MinPods", "MaxPods", "Replicas", "Age"
    ),
    ("discovery.k8s.io", "endpointslices"): columns(
        _endpoint_slice, "Name", "AddressType", "Ports", "Endpoints", "Age"
    ),
    ("scheduling.k8s.io", "priorityclasses"): columns(
        _priority_class, "Name", "Value:integer", "Global-Default:boolean", "Age", "PreemptionPolicy"
    ),
    (_STORAGE, "storageclasses"): columns(
        _storage_class, "Name", "Provisioner", "ReclaimPolicy", "VolumeBindingMode", "AllowVolumeExpansion", "Age"
    ),
    (_STORAGE, "csinodes"): columns(_plain("spec.drivers#"), "Name", "Drivers:integer", "Age"),
    (_STORAGE, "csidrivers"): columns(
        _driver,
        *("Name", "AttachRequired:boolean", "PodInfoOnMount:boolean", "StorageCapacity:boolean", "TokenRequests"),
        *("RequiresRepublish:boolean", "Modes", "Age"),
    ),
    (_STORAGE, "volumeattachments"): columns(_attachment, "Name", "Attacher", "PV", "Node", "Attached:boolean", "Age"),
    (_STORAGE, "volumeattributesclasses"): columns(_plain("driverName"), "Name", "DriverName", "Age"),
    (_DEVICES, "deviceclasses"): columns(_plain(), "Name", "Age"),
    (_DEVICES, "resourceclaims"): columns(_resource_claim, "Name", "State", "Age"),
    (_DEVICES, "resourceclaimtemplates"): columns(_plain(), "Name", "Age"),
    (_DEVICES, "resourceslices"): columns(
        _plain("spec.nodeName", "spec.driver", "spec.pool.name", absent=""), "Name", "Node", "Driver", "Pool", "Age"
    ),
    ("node.k8s.io", "runtimeclasses"): columns(_plain("handler"), "Name", "Handler", "Age"),
    (_NETWORKING, "ingresses"): columns(_ingress, "Name", "Class", "Hosts", "Address", "Ports", "Age"),
    (_NETWORKING, "ingressclasses"): columns(_ingress_class, "Name", "Controller", "Parameters", "Age"),
    (_NETWORKING, "networkpolicies"): columns(_network_policy, "Name", "Pod-Selector", "Age"),
    (_NETWORKING, "ipaddresses"): columns(_address, "Name", "ParentRef"),
    (_NETWORKING, "servicecidrs"): columns(_range, "Name", "CIDRs", "Age"),
    (_RBAC, "rolebindings"): columns(_binding, *_SUBJECTS),
    (_RBAC, "clusterrolebindings"): columns(_binding, *_SUBJECTS),
    (_ADMISSION, "mutatingwebhookconfigurations"): columns(_plain("webhooks#"), "Name", "Webhooks:integer", "Age"),
    (_ADMISSION, "validatingwebhookconfigurations"): columns(_plain("webhooks#"), "Name", "Webhooks:integer", "Age"),
    (_ADMISSION, "validatingadmissionpolicies"): columns(
        _admission_policy, "Name", "Validations:integer", "ParamKind", "Age"
    ),
    (_ADMISSION, "validatingadmissionpolicybindings"): columns(
        _policy_binding, "Name", "PolicyName", "ParamRef", "Age"
    ),
    ("certificates.k8s.io", "certificatesigningrequests"): columns(
        _signing_request, "Name", "Age", "SignerName", "Requestor", "RequestedDuration", "Condition"
    ),
}
