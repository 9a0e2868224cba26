"""Versions: who writes last, who is told, what does not count as a change."""

from tests.contract.cases.bodies import config_map, lease, node, pod, service
from tests.contract.wire import JSON_PATCH, Cases, core, delete, get, group, patch, post, put

A = core("configmaps/a")
MAKE = post(core("configmaps"), config_map())
CHANGE = patch(A, {"data": {"k": "theirs"}})


def after(change: object, **metadata: object) -> dict[str, object]:
    return {"metadata": {"name": "a", **metadata}, "data": {"k": change}}


CASES: Cases = {
    "an update without a version overwrites": [MAKE, CHANGE, put(A, after("mine"))],
    "an update of the newest version": [MAKE, put(A, after("mine", resourceVersion="$RV0"))],
    "an update of an old version": [MAKE, CHANGE, put(A, after("mine", resourceVersion="$RV0"))],
    "an update of another UID": [MAKE, put(A, after("mine", uid="11111111-2222-3333-4444-555555555555"))],
    "an update of the same UID": [MAKE, put(A, after("mine", uid="$UID0"))],
    "an update of version zero": [MAKE, put(A, after("mine", resourceVersion="0"))],
    "an update of no version": [MAKE, put(A, after("mine", resourceVersion="x"))],
    "an update of what is not there": [put(A, after("mine"))],
    "a patch of an old version": [MAKE, CHANGE, patch(A, after("mine", resourceVersion="$RV0"))],
    "a patch of the newest version": [MAKE, patch(A, after("mine", resourceVersion="$RV0"))],
    "a patch that tests the version": [
        MAKE,
        CHANGE,
        patch(A, [{"op": "test", "path": "/metadata/resourceVersion", "value": "$RV0"}], JSON_PATCH),
    ],
    "a delete of an old version": [MAKE, CHANGE, delete(A, {"preconditions": {"resourceVersion": "$RV0"}})],
    "a delete of the newest version": [MAKE, delete(A, {"preconditions": {"resourceVersion": "$RV0"}})],
    "a delete of another UID": [
        MAKE,
        delete(A, {"preconditions": {"uid": "11111111-2222-3333-4444-555555555555"}}),
    ],
    "a delete of the same UID": [MAKE, delete(A, {"preconditions": {"uid": "$UID0"}})],
    "a write that changes nothing keeps the version": [
        MAKE,
        put(A, after("v")),
        patch(A, {"data": {"k": "v"}}),
        patch(A, {}),
        get(core("configmaps"), fieldSelector="metadata.name=a"),
    ],
    "a node's update needs a version no more than a config map's": [
        post("/api/v1/nodes", node()),
        put("/api/v1/nodes/node-$NS", node(spec={"unschedulable": True})),
        delete("/api/v1/nodes/node-$NS"),
    ],
    "a service's update without a version": [
        post(core("services"), service()),
        put(core("services/s"), service()),
    ],
    "a lease's update without a version": [
        post(group("coordination.k8s.io/v1", "leases"), lease()),
        put(group("coordination.k8s.io/v1", "leases/l"), lease(holderIdentity="you")),
    ],
    "a lease that is not there is made by an update": [put(group("coordination.k8s.io/v1", "leases/l"), lease())],
    "a spec's change counts as a generation, a label's does not": [
        post(core("pods"), pod()),
        patch(core("pods/p"), {"metadata": {"labels": {"a": "b"}}}),
        patch(core("pods/p"), {"spec": {"activeDeadlineSeconds": 9}}),
        patch(core("pods/p/status"), {"status": {"phase": "Running"}}),
    ],
    "a dry run changes nothing": [
        post(core("configmaps"), config_map(), dryRun="All"),
        get(A),
        MAKE,
        patch(A, {"data": {"k": "tried"}}, dryRun="All"),
        delete(A, dryRun="All"),
        get(A),
    ],
    "a dry run of nothing we know": [post(core("configmaps"), config_map(), dryRun="Some")],
}
