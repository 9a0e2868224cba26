"""Owners and dependents: what the garbage collector does after a delete, or when an owner is not there."""

from typing import Any

from tests.contract.cases.bodies import config_map, pod
from tests.contract.wire import Ask, Cases, core, delete, get, gone, group, later, patch, post, until

CMS, A, B, C = core("configmaps"), core("configmaps/a"), core("configmaps/b"), core("configmaps/c")
JOBS, J = group("batch/v1", "jobs"), group("batch/v1", "jobs/j")
RCS, R = core("replicationcontrollers"), core("replicationcontrollers/r")
ROLES = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
ROLE = f"{ROLES}/role-$NS"
HELD = "example.org/f"
FREE = {"metadata": {"finalizers": None}}
BACKGROUND, FOREGROUND, ORPHAN = ({"propagationPolicy": each} for each in ("Background", "Foreground", "Orphan"))


def owner(asked: int = 0, name: str = "a", kind: str = "ConfigMap", version: str = "v1", **more: Any) -> dict[str, Any]:
    """A reference to what the request of that number was answered."""
    return {"apiVersion": version, "kind": kind, "name": name, "uid": f"$UID{asked}", **more}


def owned(name: str, *owners: dict[str, Any], **metadata: Any) -> Ask:
    return post(CMS, config_map(name, ownerReferences=list(owners), **metadata))


BLOCKING = {"blockOwnerDeletion": True}
MAKE = post(CMS, config_map())
DEPENDENT = owned("b", owner())
TEMPLATE = {"metadata": {"labels": {"app": "a"}}, "spec": pod()["spec"]}
JOB = post(
    JOBS,
    {
        "metadata": {"name": "j"},
        "spec": {"template": {"spec": {**TEMPLATE["spec"], "restartPolicy": "Never"}}, "suspend": True},
    },
)
CONTROLLER = post(RCS, {"metadata": {"name": "r"}, "spec": {"replicas": 0, "template": TEMPLATE}})


def warned(path: str, body: Any = None, **query: str) -> Ask:
    return Ask("DELETE", path, body, query, headers=("Warning",))


CASES: Cases = {
    "background": [MAKE, DEPENDENT, delete(A, BACKGROUND), gone(B)],
    "no policy": [MAKE, DEPENDENT, delete(A), gone(B)],
    "three generations": [MAKE, DEPENDENT, owned("c", owner(1, "b")), delete(A), gone(C)],
    "a pod on a node is given time": [
        MAKE,
        post(core("pods"), pod(nodeName="n1", metadata={"ownerReferences": [owner()]})),
        delete(A),
        until(core("pods/p"), metadata_deletionGracePeriodSeconds=30),
    ],
    "orphans": [MAKE, DEPENDENT, later(delete(A, ORPHAN)), gone(A), get(B)],
    "orphans of a collection": [
        post(CMS, config_map(labels={"x": "y"})),
        DEPENDENT,
        later(delete(CMS, ORPHAN, labelSelector="x=y")),
        gone(A),
        get(B),
    ],
    "orphans, as it was said before": [MAKE, DEPENDENT, later(delete(A, {"orphanDependents": True})), gone(A), get(B)],
    "no orphans, as it was said before": [MAKE, DEPENDENT, delete(A, {"orphanDependents": False}), gone(B)],
    "orphans, in the query": [MAKE, DEPENDENT, later(delete(A, propagationPolicy="Orphan")), gone(A), get(B)],
    "an orphan keeps its other owners": [
        MAKE,
        post(CMS, config_map("c")),
        owned("b", owner(), owner(1, "c")),
        later(delete(A, ORPHAN)),
        gone(A),
        get(B),
    ],
    "foreground without dependents": [MAKE, later(delete(A, FOREGROUND)), gone(A)],
    "foreground": [MAKE, owned("b", owner(**BLOCKING)), later(delete(A, FOREGROUND)), gone(A), get(B)],
    "foreground waits for who blocks": [
        MAKE,
        owned("b", owner(**BLOCKING), finalizers=[HELD]),
        later(delete(A, FOREGROUND)),
        until(B, metadata_deletionGracePeriodSeconds=0),
        get(A),
        patch(B, FREE),
        gone(A),
    ],
    "foreground does not wait for who does not block": [
        MAKE,
        owned("b", owner(), finalizers=[HELD]),
        later(delete(A, FOREGROUND)),
        gone(A),
        until(B, metadata_deletionGracePeriodSeconds=0),
        patch(B, FREE),
    ],
    "foreground goes on when nobody blocks any more": [
        MAKE,
        owned("b", owner(**BLOCKING), finalizers=[HELD]),
        later(delete(A, FOREGROUND)),
        until(B, metadata_deletionGracePeriodSeconds=0),
        patch(B, {"metadata": {"ownerReferences": [owner()]}}),
        gone(A),
        patch(B, FREE),
    ],
    "foreground of three generations": [
        MAKE,
        owned("b", owner(**BLOCKING)),
        owned("c", owner(1, "b", **BLOCKING), finalizers=[HELD]),
        later(delete(A, FOREGROUND)),
        until(C, metadata_deletionGracePeriodSeconds=0),
        get(B),
        get(A),
        patch(C, FREE),
        gone(A),
    ],
    "foreground, then background": [
        MAKE,
        owned("b", owner(**BLOCKING), finalizers=[HELD]),
        later(delete(A, FOREGROUND)),
        until(B, metadata_deletionGracePeriodSeconds=0),
        delete(A, BACKGROUND),
        get(A),
        patch(B, FREE),
    ],
    "foreground, twice": [
        MAKE,
        owned("b", owner(**BLOCKING), finalizers=[HELD]),
        later(delete(A, FOREGROUND)),
        until(B, metadata_deletionGracePeriodSeconds=0),
        later(delete(A, FOREGROUND)),
        delete(A),
        patch(B, FREE),
        gone(A),
    ],
    "foreground, of what is held": [
        post(CMS, config_map(finalizers=[HELD])),
        later(delete(A, FOREGROUND)),
        until(A, metadata_finalizers=[HELD]),
        patch(A, FREE),
        gone(A),
    ],
    "foreground, dry": [MAKE, DEPENDENT, delete(A, {**FOREGROUND, "dryRun": ["All"]}), get(A), get(B)],
    "foreground of a pod on a node": [
        post(core("pods"), pod(nodeName="n1")),
        delete(core("pods/p"), FOREGROUND),
        until(core("pods/p"), metadata_finalizers=None),
    ],
    "two owners, of which one goes": [
        MAKE,
        post(CMS, config_map("c")),
        owned("b", owner(), owner(1, "c")),
        delete(A),
        until(B, metadata_ownerReferences=[owner(1, "c")]),
    ],
    "two owners, of which one goes in the foreground": [
        MAKE,
        post(CMS, config_map("c")),
        owned("b", owner(**BLOCKING), owner(1, "c")),
        later(delete(A, FOREGROUND)),
        gone(A),
        get(B),
    ],
    "two owners, which both go": [
        MAKE,
        post(CMS, config_map("c")),
        owned("b", owner(), owner(1, "c")),
        delete(A),
        delete(C),
        gone(B),
    ],
    "an owner of another uid": [MAKE, owned("b", {**owner(), "uid": "1-2-3"}), gone(B)],
    "an owner that is not there": [owned("b", {**owner(), "uid": "1-2-3"}), gone(B)],
    "an owner in another namespace": [
        get("/api/v1/namespaces/kube-system/configmaps/kube-root-ca.crt"),
        owned("b", owner(0, "kube-root-ca.crt")),
        gone(B),
    ],
    "an owner of an unknown kind": [owned("b", {**owner(), "kind": "Nothing", "uid": "1-2-3"}), get(B)],
    "an owner that belongs to the cluster": [
        post(ROLES, {"metadata": {"name": "role-$NS"}}),
        owned("b", owner(0, "role-$NS", "ClusterRole", "rbac.authorization.k8s.io/v1")),
        delete(ROLE),
        gone(B),
    ],
    "an owner in a namespace of what belongs to the cluster": [
        post(ROLES, {"metadata": {"name": "role-$NS", "ownerReferences": [{**owner(), "uid": "1-2-3"}]}}),
        get(ROLE),
        delete(ROLE),
    ],
    "an owner that comes later": [
        MAKE,
        post(CMS, config_map("b")),
        patch(B, {"metadata": {"ownerReferences": [owner()]}}),
        delete(A),
        gone(B),
    ],
    "an owner that is itself": [MAKE, patch(A, {"metadata": {"ownerReferences": [owner()]}}), delete(A), gone(A)],
    "a circle": [
        MAKE,
        DEPENDENT,
        patch(A, {"metadata": {"ownerReferences": [owner(1, "b")]}}),
        delete(A),
        gone(B),
    ],
    "a circle in the foreground": [
        MAKE,
        owned("b", owner(**BLOCKING)),
        patch(A, {"metadata": {"ownerReferences": [owner(1, "b", **BLOCKING)]}}),
        later(delete(A, FOREGROUND)),
        gone(A),
        gone(B),
    ],
    "a finalizer says: orphans": [
        post(CMS, config_map(finalizers=["orphan"])),
        DEPENDENT,
        later(delete(A)),
        gone(A),
        get(B),
    ],
    "a finalizer says: foreground": [
        post(CMS, config_map(finalizers=["foregroundDeletion"])),
        DEPENDENT,
        later(delete(A)),
        gone(A),
    ],
    "a policy overrides a finalizer": [
        post(CMS, config_map(finalizers=["orphan"])),
        DEPENDENT,
        delete(A, BACKGROUND),
        gone(B),
    ],
    "a job's pods are left": [JOB, owned("b", owner(0, "j", "Job", "batch/v1")), later(warned(J)), gone(J), get(B)],
    "a job's pods, in the background": [
        JOB,
        owned("b", owner(0, "j", "Job", "batch/v1")),
        warned(J, BACKGROUND),
        gone(B),
    ],
    "jobs' pods are left": [JOB, warned(JOBS), gone(J)],
    "a replication controller's pods are left": [
        CONTROLLER,
        owned("b", owner(0, "r", "ReplicationController")),
        later(warned(R)),
        gone(R),
        get(B),
    ],
    "a deleted version that has changed": [MAKE, delete(A, {"preconditions": {"resourceVersion": "1"}})],
    "an account is answered": [
        post(core("serviceaccounts"), {"metadata": {"name": "s"}}),
        delete(core("serviceaccounts/s")),
    ],
}
