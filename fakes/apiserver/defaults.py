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

from fakes.apiserver.conditions import with_times
from fakes.apiserver.objects import Object, without
from fakes.apiserver.pod_defaults import quantities

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
    """A new node, with the status that its kubelet sent along."""
    return node_update(obj, obj)


def node_update(new: Object, _old: Object) -> Object:
    """A replaced node: podCIDRs follow podCIDR, and allocatable is capacity unless it is given."""
    spec, status = new.get("spec") or {}, new.get("status") or {}
    if not _NODE_STATUS.keys() <= status.keys():
        status = {**_NODE_STATUS, **status}
    if spec.get("podCIDR") and not spec.get("podCIDRs"):
        spec = {**spec, "podCIDRs": [spec["podCIDR"]]}
    status = {**status, **{each: quantities(status[each]) for each in ("capacity", "allocatable") if each in status}}
    if status.get("capacity") and not status.get("allocatable"):
        status = {**status, "allocatable": status["capacity"]}
    status = with_times(status, _NODE_TIMES)
    if spec is new.get("spec") and status is new.get("status"):
        return new
    return {**new, "spec": spec, "status": status}


_NODE_STATUS: Object = {
    "daemonEndpoints": {"kubeletEndpoint": {"Port": 0}},
    "nodeInfo": {
        "machineID": "",
        "systemUUID": "",
        "bootID": "",
        "kernelVersion": "",
        "osImage": "",
        "containerRuntimeVersion": "",
        "kubeletVersion": "",
        "kubeProxyVersion": "",
        "operatingSystem": "",
        "architecture": "",
    },
}
"""What every node's status has, if only empty."""

_NODE_TIMES = ("lastHeartbeatTime", "lastTransitionTime")


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
    if spec.get("ports"):
        spec["ports"] = [_service_port(each) for each in spec["ports"]]
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
    return {**_EVENT, **obj}


def event_update(new: Object, _old: Object) -> Object:
    """A replaced event: as a new one."""
    return {**_EVENT, **new}


_EVENT: Object = {
    "source": {},
    "firstTimestamp": None,
    "lastTimestamp": None,
    "eventTime": None,
    "reportingComponent": "",
    "reportingInstance": "",
}


def lease(obj: Object, _admission: Admission) -> Object:
    """A new lease: it has a spec, if only an empty one."""
    return {"spec": {}, **obj}
