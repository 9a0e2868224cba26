"""What the server fills in: the defaults of each kind, and what admission adds to a new object.

A ``default`` completes a new object; an ``..._update`` completes a replaced one and keeps what only the server may
set. Parts that are the same for every object are constants, shared by reference.
"""

from base64 import b64encode
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from itertools import count, cycle
from random import Random

from fakes.apiserver import quantity
from fakes.apiserver.objects import Object, without

GENERATED_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""Of generated names: no vowels and no digits that look like them, so that no words come out."""


@dataclass(frozen=True, slots=True)
class Admission:
    """What admission draws on.

    Attributes:
        cluster_ips: addresses for new services.
        node_ports: ports for new services.
    """

    cluster_ips: Iterator[str]
    node_ports: Iterator[int]


INITIAL_NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
PROTECTED_NAMESPACES = ("default", "kube-system", "kube-public")
ROOT_CA: Object = {
    "metadata": {
        "name": "kube-root-ca.crt",
        "annotations": {
            "kubernetes.io/description": (
                "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such"
                " as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across"
                " distributions of Kubernetes clusters."
            )
        },
    },
    "data": {"ca.crt": ""},
}
"""What a controller puts into each namespace."""
FIRST_CLUSTER_IP = IPv4Address("10.96.0.10")
NODE_PORTS = range(30000, 32768)


def admission(used: Collection[str] = ()) -> Admission:
    """What the admission of a server draws on; the cluster IPs that are in use already are left out."""
    cluster_ips = (str(FIRST_CLUSTER_IP + offset) for offset in count())
    return Admission((ip for ip in cluster_ips if ip not in used), cycle(NODE_PORTS))


def suffix(random: Random) -> str:
    """The five characters that end a generated name."""
    return "".join(random.choices(GENERATED_ALPHABET, k=5))


# --- pods -----------------------------------------------------------------------------------------------------------

_NOTHING: Object = {}

_POD_SPEC: Object = {
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
    "securityContext": _NOTHING,
}

_CONTAINER: Object = {
    "resources": _NOTHING,
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
}

_PROBE: Object = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
_HTTP_GET: Object = {"path": "/", "scheme": "HTTP"}
_FIELD_REF: Object = {"apiVersion": "v1"}

_NOT_READY, _UNREACHABLE = (
    {"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
    for key in ("not-ready", "unreachable")
)
_DEFAULT_TOLERATIONS = [_NOT_READY, _UNREACHABLE]

_CONTAINER_LISTS = ("initContainers", "containers", "ephemeralContainers")


def pod(obj: Object, _admission: Admission) -> Object:
    """A new pod: defaults and the initial status; ``admission`` adds the rest."""
    spec = pod_spec({"enableServiceLinks": True, **(obj.get("spec") or {})})
    status: Object = {"phase": "Pending", "qosClass": qos_class(spec)}
    if spec.get("schedulingGates"):
        gated = {"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}
        message = "Scheduling is blocked due to non-empty scheduling gates"
        status["conditions"] = [{**gated, "message": message, "lastProbeTime": None, "lastTransitionTime": None}]
    return {**obj, "spec": spec, "status": status}


def pod_update(new: Object, old: Object) -> Object:
    """A replaced pod: defaults; what other admission added at creation is for the client to keep."""
    if new["status"] is not old["status"]:
        status = _with_times(new["status"], _POD_TIMES)
        if status is not new["status"]:
            new = {**new, "status": status}
    if new.get("spec") is old["spec"]:
        return new
    spec = pod_spec(new.get("spec") or {})
    return {**new, "spec": {**spec, "tolerations": tolerations(spec)}}


def pod_as_sent(new: Object, sent: Object) -> Object:
    """A new pod less what admission has added, which belongs to nobody."""
    return {**new, "spec": pod_spec(sent.get("spec") or {})}


def tolerations(spec: Object) -> list[Object]:
    """The tolerations of a pod, with those that DefaultTolerationSeconds sees to at each write."""
    own: list[Object] = spec.get("tolerations") or []
    if not own:
        return _DEFAULT_TOLERATIONS
    missing = [each for each in _DEFAULT_TOLERATIONS if not _tolerated(each, own)]
    return own + missing if missing else own


def qos_class(spec: Object) -> str:
    """Guaranteed, Burstable or BestEffort, by the cpu and memory that the containers request."""
    any_set, all_equal = False, True
    for group in ("initContainers", "containers"):
        for container in spec.get(group) or ():
            resources = container.get("resources") or _NOTHING
            limits, requests = resources.get("limits") or _NOTHING, resources.get("requests") or _NOTHING
            for name in ("cpu", "memory"):
                limit, request = limits.get(name), requests.get(name)
                if limit is not None or request is not None:
                    any_set = True
                if limit is None or (request != limit and quantity.parse(request) != quantity.parse(limit)):
                    all_equal = False
    if not any_set:
        return "BestEffort"
    return "Guaranteed" if all_equal else "Burstable"


def pod_spec(spec: Object) -> Object:
    """The spec of a pod, or of a template of pods, with the values that are not said."""
    spec = {**_POD_SPEC, **spec}
    host_network = bool(spec.get("hostNetwork"))
    for group in _CONTAINER_LISTS:
        containers = spec.get(group)
        if containers:
            spec[group] = [_container(each, host_network=host_network) for each in containers]
    if spec.get("volumes"):
        spec["volumes"] = [_volume(each) for each in spec["volumes"]]
    account = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if account:
        spec["serviceAccountName"] = spec["serviceAccount"] = account
    return spec


def _container(container: Object, *, host_network: bool) -> Object:
    result = {**_CONTAINER, **container}
    if "imagePullPolicy" not in result:
        result["imagePullPolicy"] = "Always" if _is_latest(result.get("image") or "") else "IfNotPresent"
    limits = result["resources"].get("limits")
    if limits:
        requests = result["resources"].get("requests") or _NOTHING
        if any(name not in requests for name in limits):
            result["resources"] = {**result["resources"], "requests": {**limits, **requests}}
    if result.get("ports"):
        result["ports"] = [_port(each, host_network=host_network) for each in result["ports"]]
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if result.get(name):
            result[name] = _probe(result[name])
    if result.get("env"):
        result["env"] = [_env(each) for each in result["env"]]
    return result


def _is_latest(image: str) -> bool:
    if "@" in image:
        return False
    _, colon, tag = image.rpartition("/")[2].partition(":")
    return not colon or tag == "latest"


def _port(port: Object, *, host_network: bool) -> Object:
    defaulted = {"protocol": "TCP", **port}
    if host_network and not defaulted.get("hostPort"):
        defaulted["hostPort"] = defaulted.get("containerPort")
    return defaulted


def _probe(probe: Object) -> Object:
    defaulted = {**_PROBE, **probe}
    if "httpGet" in defaulted:
        defaulted["httpGet"] = {**_HTTP_GET, **defaulted["httpGet"]}
    return defaulted


def _env(variable: Object) -> Object:
    source = variable.get("valueFrom")
    if not source or "fieldRef" not in source:
        return variable
    return {**variable, "valueFrom": {**source, "fieldRef": {**_FIELD_REF, **source["fieldRef"]}}}


_VOLUMES_WITH_MODE = ("configMap", "secret", "projected", "downwardAPI")


def _volume(volume: Object) -> Object:
    if len(volume) == 1:
        return {**volume, "emptyDir": _NOTHING}
    for source in _VOLUMES_WITH_MODE:
        if source in volume and "defaultMode" not in volume[source]:
            return {**volume, source: {**volume[source], "defaultMode": 420}}
    return volume


def _tolerated(wanted: Object, own: list[Object]) -> bool:
    return any(
        each.get("key") in (None, "", wanted["key"]) and each.get("effect") in (None, "", "NoExecute") for each in own
    )


# --- the other kinds ------------------------------------------------------------------------------------------------


def namespace(obj: Object, _admission: Admission) -> Object:
    """A new namespace: its name as a label, the finalizer of its content, phase Active."""
    metadata = obj["metadata"]
    labels = {**(metadata.get("labels") or {}), "kubernetes.io/metadata.name": metadata.get("name", "")}
    spec = {**(obj.get("spec") or {}), "finalizers": ["kubernetes"]}
    return {**obj, "metadata": {**metadata, "labels": labels}, "spec": spec, "status": {"phase": "Active"}}


def namespace_update(new: Object, old: Object) -> Object:
    """A replaced namespace: its spec belongs to the server, and so does the label with its name."""
    metadata = new["metadata"]
    labels = {**(metadata.get("labels") or {}), "kubernetes.io/metadata.name": metadata["name"]}
    return {**new, "metadata": {**metadata, "labels": labels}, "spec": old["spec"]}


def node(obj: Object, _admission: Admission) -> Object:
    """A new node, with the status that its kubelet sent along.

    The taint ``node.kubernetes.io/not-ready`` is not added: nothing here would take it off again, as there is no node
    lifecycle controller.
    """
    return node_update(obj, obj)


def node_update(new: Object, _old: Object) -> Object:
    """A replaced node: podCIDRs follow podCIDR, and allocatable is capacity unless it is given."""
    spec, status = new.get("spec") or {}, new.get("status") or {}
    if spec.get("podCIDR") and not spec.get("podCIDRs"):
        spec = {**spec, "podCIDRs": [spec["podCIDR"]]}
    if status.get("capacity") and not status.get("allocatable"):
        status = {**status, "allocatable": status["capacity"]}
    status = _with_times(status, _NODE_TIMES)
    if spec is new.get("spec") and status is new.get("status"):
        return new
    return {**new, "spec": spec, "status": status}


_NODE_TIMES = ("lastHeartbeatTime", "lastTransitionTime")
_POD_TIMES = ("lastProbeTime", "lastTransitionTime")


def _with_times(status: Object, times: tuple[str, ...]) -> Object:
    """The status with a null for each time that a condition lacks: the field is not ``omitempty`` in Go."""
    conditions = status.get("conditions") or ()
    if all(name in each for each in conditions for name in times):
        return status
    missing = [{**each, **{name: None for name in times if name not in each}} for each in conditions]
    return {**status, "conditions": missing}


def secret(obj: Object, _admission: Admission) -> Object:
    """A new secret: Opaque unless it says otherwise; ``stringData`` goes, encoded, into ``data``."""
    return secret_update(obj, obj)


def secret_update(new: Object, _old: Object) -> Object:
    """A replaced secret: as a new one."""
    if new.get("type") and "stringData" not in new:
        return new
    result = {**without(new, "stringData"), "type": new.get("type") or "Opaque"}
    if new.get("stringData"):
        encoded = {key: b64encode(value.encode()).decode() for key, value in new["stringData"].items()}
        result["data"] = {**(new.get("data") or {}), **encoded}
    return result


_SERVICE_SPEC: Object = {"sessionAffinity": "None", "type": "ClusterIP", "internalTrafficPolicy": "Cluster"}
_SERVICE_STATUS: Object = {"loadBalancer": {}}


def service(obj: Object, admission: Admission) -> Object:
    """A new service: an address unless it is headless, node ports if its type has them."""
    spec = {**_SERVICE_SPEC, **(obj.get("spec") or {})}
    if spec["type"] == "ExternalName":
        return {**obj, "spec": without(spec, "internalTrafficPolicy"), "status": _SERVICE_STATUS}
    if not spec.get("clusterIP"):
        spec["clusterIP"] = next(admission.cluster_ips)
    spec.setdefault("clusterIPs", [spec["clusterIP"]])
    spec.setdefault("ipFamilies", ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "SingleStack")
    if spec["type"] in ("NodePort", "LoadBalancer"):
        spec.setdefault("externalTrafficPolicy", "Cluster")
        if spec["type"] == "LoadBalancer":
            spec.setdefault("allocateLoadBalancerNodePorts", True)
        spec["ports"] = [
            each if each.get("nodePort") else {**each, "nodePort": next(admission.node_ports)}
            for each in spec.get("ports") or ()
        ]
    if spec.get("ports"):
        spec["ports"] = [_service_port(each) for each in spec["ports"]]
    return {**obj, "spec": spec, "status": _SERVICE_STATUS}


def service_update(new: Object, old: Object) -> Object:
    """A replaced service: the addresses that it has, unless the client names them."""
    spec, before = new.get("spec") or {}, old["spec"]
    if spec is before:
        return new
    spec = {**_SERVICE_SPEC, **spec}
    kept = ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy")
    if spec["type"] != "ExternalName":
        spec = {**{key: before[key] for key in kept if key in before}, **spec}
    if spec.get("ports"):
        spec["ports"] = [_service_port(each) for each in spec["ports"]]
    return {**new, "spec": spec}


def _service_port(port: Object) -> Object:
    return {"protocol": "TCP", "targetPort": port.get("port"), **port}


def event(obj: Object, _admission: Admission) -> Object:
    """A new event."""
    missing = {key: "" for key in ("reportingComponent", "reportingInstance") if key not in obj}
    source: Object = {} if "source" in obj else {"source": {}}
    return {**obj, **missing, **source}
