"""Who may do what: the administrator asks in the name of others."""

from dataclasses import replace
from typing import Any

from tests.contract.cases.bodies import config_map, pod
from tests.contract.wire import Ask, Cases, core, delete, get, group, later, patch, post

RBAC = "rbac.authorization.k8s.io"
CMS, A = core("configmaps"), core("configmaps/a")
ROLES, BINDINGS = group(f"{RBAC}/v1", "roles"), group(f"{RBAC}/v1", "rolebindings")
CLUSTER_ROLES, CLUSTER_BINDINGS = (f"/apis/{RBAC}/v1/{each}" for each in ("clusterroles", "clusterrolebindings"))
REVIEWS = "/apis/authorization.k8s.io/v1"
BOB = "bob"
READS = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]}


def by(user: str, ask: Ask) -> Ask:
    return replace(ask, user=user)


def bob(ask: Ask) -> Ask:
    return by(BOB, ask)


def role(*rules: dict[str, Any], name: str = "r") -> Ask:
    return post(ROLES, {"metadata": {"name": name}, "rules": list(rules)})


def bound(kind: str = "Role", name: str = "r", **subject: str) -> Ask:
    who = {"kind": "User", "name": BOB, **subject}
    if who["kind"] != "ServiceAccount":
        who["apiGroup"] = RBAC
    body = {"metadata": {"name": "b"}, "subjects": [who], "roleRef": {"apiGroup": RBAC, "kind": kind, "name": name}}
    return post(BINDINGS, body)


def may(user: str = BOB, **attributes: Any) -> Ask:
    asked = {"namespace": "$NS", "resource": "configmaps", "verb": "get", **attributes}
    return later(post(f"{REVIEWS}/subjectaccessreviews", {"spec": {"user": user, "resourceAttributes": asked}}))


MAKE = post(CMS, config_map())

CASES: Cases = {
    "nobody's friend: get": [MAKE, bob(get(A))],
    "nobody's friend: list": [bob(get(CMS))],
    "nobody's friend: list everywhere": [bob(get("/api/v1/configmaps"))],
    "nobody's friend: watch": [bob(get(CMS, watch="1"))],
    "nobody's friend: watch one": [bob(get(CMS, watch="1", fieldSelector="metadata.name=a"))],
    "nobody's friend: create": [bob(MAKE)],
    "nobody's friend: patch": [bob(patch(A, {}))],
    "nobody's friend: delete": [bob(delete(A))],
    "nobody's friend: delete a collection": [bob(delete(CMS))],
    "nobody's friend: a subresource": [bob(get(core("pods/p/log")))],
    "nobody's friend: an eviction": [bob(post(core("pods/p/eviction"), {}))],
    "nobody's friend: another group": [bob(get(group("apps/v1", "deployments/d")))],
    "nobody's friend: of the cluster": [bob(get("/api/v1/nodes")), bob(get("/api/v1/nodes/n"))],
    "nobody's friend: a namespace": [bob(get("/api/v1/namespaces/$NS")), bob(get("/api/v1/namespaces"))],
    "nobody's friend: what is not there": [bob(get("/apis/example.org/v1/things"))],
    "nobody's friend: a path": [bob(get("/metrics")), bob(get("/nothing"))],
    "a role": [
        MAKE,
        role(READS),
        bound(),
        later(bob(get(A))),
        bob(get(CMS)),
        bob(delete(A)),
        bob(get("/api/v1/namespaces/default/configmaps/a")),
    ],
    "a role for a name": [
        MAKE,
        role({**READS, "resourceNames": ["a"]}),
        bound(),
        later(bob(get(A))),
        bob(get(core("configmaps/b"))),
        bob(get(CMS)),
    ],
    "a role for a subresource": [
        post(core("pods"), pod()),
        role({"apiGroups": [""], "resources": ["pods/status"], "verbs": ["get"]}),
        bound(),
        later(bob(get(core("pods/p/status")))),
        bob(get(core("pods/p"))),
    ],
    "a role for everything": [
        role({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}),
        bound(),
        later(bob(MAKE)),
        bob(delete(A)),
        bob(get("/api/v1/nodes")),
    ],
    "a role of a group": [MAKE, role(READS), bound(kind="Role"), later(by("eve:crew", get(A)))],
    "a role that is not there": [bound(), later(bob(get(A)))],
    "a cluster's role in a namespace": [MAKE, bound("ClusterRole", "view"), later(bob(get(A))), bob(delete(A))],
    "the role admin, in a namespace": [bound("ClusterRole", "admin"), later(bob(MAKE)), bob(delete(A))],
    "a service account": [
        MAKE,
        role(READS),
        bound(kind="Role"),
        delete(f"{BINDINGS}/b"),
        post(
            BINDINGS,
            {
                "metadata": {"name": "b"},
                "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": "$NS"}],
                "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": "r"},
            },
        ),
        later(by("system:serviceaccount:$NS:default", get(A))),
        by("system:serviceaccount:$NS:other", get(A)),
    ],
    "a role for the cluster": [
        post(
            CLUSTER_ROLES,
            {
                "metadata": {"name": "nodes-$NS"},
                "rules": [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"]}],
            },
        ),
        post(
            CLUSTER_BINDINGS,
            {
                "metadata": {"name": "nodes-$NS"},
                "subjects": [{"kind": "User", "name": "ann", "apiGroup": RBAC}],
                "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "nodes-$NS"},
            },
        ),
        later(by("ann", get("/api/v1/nodes", fieldSelector="metadata.name=none"))),
        by("ann", get("/api/v1/nodes/n")),
        delete(f"{CLUSTER_BINDINGS}/nodes-$NS"),
        delete(f"{CLUSTER_ROLES}/nodes-$NS"),
    ],
    "review: no": [may()],
    "review: yes": [role(READS), bound(), may(), may(verb="delete"), may(name="a")],
    "review: of a master": [
        post(
            f"{REVIEWS}/subjectaccessreviews",
            {
                "spec": {
                    "user": "root",
                    "groups": ["system:masters"],
                    "resourceAttributes": {"verb": "get", "resource": "nodes"},
                }
            },
        )
    ],
    "review: of a path": [
        post(
            f"{REVIEWS}/subjectaccessreviews",
            {
                "spec": {
                    "user": BOB,
                    "groups": ["system:authenticated"],
                    "nonResourceAttributes": {"verb": "get", "path": "/api"},
                }
            },
        )
    ],
    "review: of oneself": [
        bob(
            post(
                f"{REVIEWS}/selfsubjectaccessreviews",
                {"spec": {"resourceAttributes": {"namespace": "$NS", "verb": "get", "resource": "pods"}}},
            )
        )
    ],
    "review: a role that is not there": [bound(), may()],
    "who am I": [bob(post("/apis/authentication.k8s.io/v1/selfsubjectreviews", {}))],
}
