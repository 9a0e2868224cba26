"""Subresources: status, binding, eviction, token, and those that are not there."""

from tests.contract.cases.bodies import config_map, pod
from tests.contract.wire import Cases, core, get, patch, post, put

PODS, P = core("pods"), core("pods/p")
POD, BOUND = post(PODS, pod()), post(PODS, pod(nodeName="n1"))
TARGET = {"kind": "Node", "name": "n1"}
BINDING = {"metadata": {"name": "p"}, "target": TARGET}
EVICTION = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p"}}

CASES: Cases = {
    "binding": [POD, post(f"{P}/binding", BINDING), get(P)],
    "binding: twice": [POD, post(f"{P}/binding", BINDING), post(f"{P}/binding", BINDING)],
    "binding: of no pod": [post(f"{P}/binding", BINDING)],
    "binding: to no node": [POD, post(f"{P}/binding", {"metadata": {"name": "p"}, "target": {"kind": "Node"}})],
    "binding: to another kind": [
        POD,
        post(f"{P}/binding", {"metadata": {"name": "p"}, "target": {"kind": "Pod", "name": "n1"}}),
    ],
    "binding: annotations come along": [
        POD,
        post(f"{P}/binding", {"metadata": {"name": "p", "annotations": {"a": "b"}}, "target": TARGET}),
        get(P),
    ],
    "binding: by the collection": [POD, post(core("bindings"), BINDING), get(P)],
    "binding: of a gated pod": [
        post(PODS, pod(schedulingGates=[{"name": "example.org/g"}])),
        post(f"{P}/binding", BINDING),
    ],
    "binding: cannot be read": [POD, get(f"{P}/binding")],
    "eviction": [BOUND, post(f"{P}/eviction", EVICTION), get(P)],
    "eviction: of no pod": [post(f"{P}/eviction", EVICTION)],
    "eviction: of another name": [BOUND, post(f"{P}/eviction", {**EVICTION, "metadata": {"name": "q"}})],
    "eviction: dry": [BOUND, post(f"{P}/eviction", {**EVICTION, "deleteOptions": {"dryRun": ["All"]}}), get(P)],
    "eviction: with a grace": [
        BOUND,
        post(f"{P}/eviction", {**EVICTION, "deleteOptions": {"gracePeriodSeconds": 3}}),
        get(P),
    ],
    "eviction: of a pod that has ended": [
        BOUND,
        patch(f"{P}/status", {"status": {"phase": "Failed"}}),
        post(f"{P}/eviction", EVICTION),
        get(P),
    ],
    "status: read": [POD, get(f"{P}/status")],
    "status: updated": [POD, put(f"{P}/status", {**pod(), "status": {"phase": "Running"}})],
    "status: labels come along": [
        POD,
        patch(f"{P}/status", {"metadata": {"labels": {"a": "b"}}, "status": {"phase": "Running"}}),
    ],
    "status: cannot be created": [POD, post(f"{P}/status", pod())],
    "status: of no pod": [patch(f"{P}/status", {})],
    "status: of a config map": [post(core("configmaps"), config_map()), get(core("configmaps/a/status"))],
    "one that is not there": [POD, get(f"{P}/nothing")],
    "one of one that is not there": [POD, get(f"{P}/status/nothing")],
    "token: of no account": [post(core("serviceaccounts/missing/token"), {"spec": {}})],
    "token: too short": [post(core("serviceaccounts/default/token"), {"spec": {"expirationSeconds": 5}})],
    "log: of no pod": [get(f"{P}/log")],
    "log: of a pod without a node": [POD, get(f"{P}/log")],
    "log: of a container that is not there": [BOUND, get(f"{P}/log", container="other")],
    "ephemeral containers": [
        BOUND,
        patch(
            f"{P}/ephemeralcontainers",
            {"spec": {"ephemeralContainers": [{"name": "debug", "image": "busybox"}]}},
            "application/strategic-merge-patch+json",
        ),
    ],
    "resize": [
        post(PODS, pod(nodeName="n1", container={"resources": {"requests": {"cpu": "1"}}})),
        patch(
            f"{P}/resize",
            {"spec": {"containers": [{"name": "main", "resources": {"requests": {"cpu": "2"}}}]}},
            "application/strategic-merge-patch+json",
        ),
    ],
}
