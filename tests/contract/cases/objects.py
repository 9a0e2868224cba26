"""Nodes, services, secrets, leases, events, accounts, namespaces: what is filled in and refused."""

from tests.contract.cases.bodies import config_map, event, lease, node, secret, service
from tests.contract.wire import Ask, Cases, core, delete, get, group, patch, post, put

NODES, N = "/api/v1/nodes", "/api/v1/nodes/node-$NS"
SERVICES, S = core("services"), core("services/s")
SECRETS = core("secrets")
LEASES, L = group("coordination.k8s.io/v1", "leases"), group("coordination.k8s.io/v1", "leases/l")
EVENTS = core("events")
GONE = delete(N)


def a_node(**more: object) -> list[Ask]:
    return [post(NODES, node(**more)), GONE]


def a_service(**spec: object) -> list[Ask]:
    return [post(SERVICES, service(**spec))]


def a_lease(**spec: object) -> list[Ask]:
    return [post(LEASES, lease(**spec))]


CASES: Cases = {
    "node: a small one": a_node(),
    "node: labels and taints": a_node(spec={"taints": [{"key": "a", "value": "b", "effect": "NoSchedule"}]}),
    "node: a taint's effect that is none": a_node(spec={"taints": [{"key": "a", "effect": "Never"}]}),
    "node: a taint without key": a_node(spec={"taints": [{"effect": "NoSchedule"}]}),
    "node: a taint twice": a_node(spec={"taints": [{"key": "a", "effect": "NoSchedule"}] * 2}),
    "node: a provider's ID": [
        post(NODES, node(spec={"providerID": "a://b"})),
        patch(N, {"spec": {"providerID": "a://c"}}),
        GONE,
    ],
    "node: a provider's ID can be set once": [post(NODES, node()), patch(N, {"spec": {"providerID": "a://c"}}), GONE],
    "node: status is taken from the start": a_node(status={"capacity": {"cpu": "4"}}),
    "node: allocatable": a_node(status={"capacity": {"cpu": "4"}, "allocatable": {"cpu": "3500m"}}),
    "node: a capacity that is none": a_node(status={"capacity": {"cpu": "many"}}),
    "node: cordoned": [post(NODES, node()), patch(N, {"spec": {"unschedulable": True}}), GONE],
    "node: the status of the object is left alone": [
        post(NODES, node()),
        patch(N, {"status": {"capacity": {"cpu": "4"}}}),
        patch(f"{N}/status", {"status": {"capacity": {"cpu": "4"}}, "spec": {"unschedulable": True}}),
        GONE,
    ],
    "node: a pod's network": a_node(spec={"podCIDR": "10.1.0.0/24"}),
    "service: filled in": a_service(),
    "service: no ports": a_service(ports=[]),
    "service: headless": a_service(clusterIP="None"),
    "service: of nodes' ports": a_service(type="NodePort"),
    "service: an external name": a_service(type="ExternalName", externalName="example.org", selector=None),
    "service: an external name is needed": a_service(type="ExternalName", selector=None),
    "service: a type that is none": a_service(type="Own"),
    "service: two ports want names": a_service(ports=[{"port": 1}, {"port": 2}]),
    "service: two named ports": a_service(ports=[{"port": 1, "name": "a"}, {"port": 2, "name": "b"}]),
    "service: a port of nothing": a_service(ports=[{"port": 0}]),
    "service: a target's name": a_service(ports=[{"port": 1, "targetPort": "web"}]),
    "service: the address cannot be changed": [
        post(SERVICES, service()),
        patch(S, {"spec": {"clusterIP": "10.96.200.200"}}),
    ],
    "service: an affinity that is none": a_service(sessionAffinity="Own"),
    "secret: filled in": [post(SECRETS, secret())],
    "secret: text becomes data": [post(SECRETS, secret(stringData={"a": "b"}))],
    "secret: data that is not base64": [post(SECRETS, secret(data={"a": "§"}))],
    "secret: a key that is none": [post(SECRETS, secret(data={"a b": ""}))],
    "secret: the type cannot be changed": [post(SECRETS, secret()), patch(core("secrets/s"), {"type": "b"})],
    "secret: immutable": [
        post(SECRETS, secret(immutable=True, stringData={"a": "b"})),
        patch(core("secrets/s"), {"stringData": {"a": "c"}}),
    ],
    "secret: of a registry": [post(SECRETS, secret(type="kubernetes.io/dockerconfigjson"))],
    "secret: for TLS": [post(SECRETS, secret(type="kubernetes.io/tls", stringData={"tls.crt": "a", "tls.key": "b"}))],
    "secret: for TLS, without key": [post(SECRETS, secret(type="kubernetes.io/tls"))],
    "secret: for basic authentication": [post(SECRETS, secret(type="kubernetes.io/basic-auth"))],
    "config map: immutable": [
        post(core("configmaps"), {**config_map(), "immutable": True}),
        patch(core("configmaps/a"), {"data": {"k": "w"}}),
        patch(core("configmaps/a"), {"immutable": False}),
    ],
    "config map: a key in both": [post(core("configmaps"), {**config_map(), "binaryData": {"k": "YQ=="}})],
    "config map: a key that is none": [post(core("configmaps"), {**config_map(), "data": {"a/b": "c"}})],
    "config map: more than 1 MiB": [post(core("configmaps"), {**config_map(), "data": {"k": "v" * 1_048_577}})],
    "lease: taken": a_lease(renewTime="2026-01-02T03:04:05.000000Z"),
    "lease: a time without fraction": a_lease(renewTime="2026-01-02T03:04:05Z"),
    "lease: of no length": a_lease(leaseDurationSeconds=0),
    "lease: negative transitions": a_lease(leaseTransitions=-1),
    "lease: no holder": [post(LEASES, {"metadata": {"name": "l"}})],
    "lease: renewed": [
        *a_lease(renewTime="2026-01-02T03:04:05.000000Z"),
        patch(L, {"spec": {"renewTime": "2026-01-02T03:04:15.123456Z"}}),
    ],
    "event: as it comes": [post(EVENTS, event(type="Normal", count=1, source={"component": "c"}))],
    "event: about another namespace": [
        post(EVENTS, event(involvedObject={"kind": "Pod", "namespace": "other", "name": "p"}))
    ],
    "event: selected by what it is about": [
        post(EVENTS, event()),
        get(EVENTS, fieldSelector="involvedObject.name=p,involvedObject.kind=Pod"),
        get(EVENTS, fieldSelector="involvedObject.name=q"),
        get(EVENTS, fieldSelector="reason=Tested,type="),
    ],
    "event: counted": [post(EVENTS, event(count=1)), patch(core("events/e"), {"count": 2})],
    "account: filled in": [post(core("serviceaccounts"), {"metadata": {"name": "sa"}})],
    "account: of each namespace": [get(core("serviceaccounts/default")), get(core("configmaps/kube-root-ca.crt"))][:1],
    "namespace: filled in": [get("/api/v1/namespaces/$NS")],
    "namespace: there already": [post("/api/v1/namespaces", {"metadata": {"name": "$NS"}})],
    "namespace: its status": [get("/api/v1/namespaces/$NS/status")],
    "namespace: an update keeps its finalizer": [put("/api/v1/namespaces/$NS", {"metadata": {"name": "$NS"}})],
}
