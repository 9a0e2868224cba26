"""Deletion: grace, finalizers, propagation, collections, namespaces."""

from tests.contract.cases.bodies import config_map, node, pod, secret, service
from tests.contract.wire import Cases, core, delete, get, gone, patch, post, put

CMS, A, P = core("configmaps"), core("configmaps/a"), core("pods/p")
MAKE = post(CMS, config_map())
HELD = post(CMS, config_map(finalizers=["example.org/f"]))
POD = post(core("pods"), pod())
BOUND = post(core("pods"), pod(nodeName="n1"))
FREE = patch(A, {"metadata": {"finalizers": None}})

CASES: Cases = {
    "a deleted object is gone": [MAKE, delete(A), get(A)],
    "what is not there": [delete(A)],
    "a pod without a node goes at once": [POD, delete(P), get(P)],
    "a pod on a node is given time": [BOUND, delete(P), get(P)],
    "a pod on a node, without grace": [BOUND, delete(P, gracePeriodSeconds="0"), get(P)],
    "a pod's grace, in the body": [BOUND, delete(P, {"gracePeriodSeconds": 5})],
    "a pod's own grace": [post(core("pods"), pod(nodeName="n1", terminationGracePeriodSeconds=7)), delete(P)],
    "a pod's grace can become shorter": [
        BOUND,
        delete(P),
        delete(P, gracePeriodSeconds="3"),
        delete(P, gracePeriodSeconds="9"),
    ],
    "a pod deleted again": [BOUND, delete(P), delete(P)],
    "a negative grace": [BOUND, delete(P, gracePeriodSeconds="-5")],
    "a grace that is none": [BOUND, delete(P, gracePeriodSeconds="x")],
    "a pod that has ended goes at once": [
        BOUND,
        patch(f"{P}/status", {"status": {"phase": "Succeeded"}}),
        delete(P),
        get(P),
    ],
    "a deleted pod can still change its status": [
        BOUND,
        delete(P),
        patch(f"{P}/status", {"status": {"phase": "Failed"}}),
    ],
    "a finalizer holds": [HELD, delete(A), get(A), delete(A), FREE, get(A)],
    "no finalizer comes to what is being deleted": [
        HELD,
        delete(A),
        patch(A, {"metadata": {"finalizers": ["example.org/f", "example.org/g"]}}),
        FREE,
    ],
    "what is being deleted can be changed": [HELD, delete(A), patch(A, {"data": {"k": "w"}}), FREE],
    "an update takes the last finalizer away": [HELD, delete(A), put(A, config_map()), get(A)],
    "a finalizer on a pod on a node": [
        post(core("pods"), pod(nodeName="n1", metadata={"finalizers": ["example.org/f"]})),
        delete(P, gracePeriodSeconds="0"),
        patch(P, {"metadata": {"finalizers": None}}),
        get(P),
    ],
    "foreground": [MAKE, delete(A, {"propagationPolicy": "Foreground"}), gone(A)],
    "orphans": [MAKE, delete(A, {"propagationPolicy": "Orphan"}), gone(A)],
    "background": [MAKE, delete(A, {"propagationPolicy": "Background"}), get(A)],
    "a policy that is none": [MAKE, delete(A, {"propagationPolicy": "Sideways"})],
    "two ways to say the policy": [MAKE, delete(A, {"propagationPolicy": "Orphan", "orphanDependents": True})],
    "a secret": [post(core("secrets"), secret()), delete(core("secrets/s"))],
    "a service": [post(core("services"), service()), delete(core("services/s"))],
    "a node": [post("/api/v1/nodes", node()), delete("/api/v1/nodes/node-$NS")],
    "options of another kind": [MAKE, delete(A, {"kind": "Pod", "apiVersion": "v1"})],
    "options with their kind": [MAKE, delete(A, {"kind": "DeleteOptions", "apiVersion": "v1"})],
    "options that are a list": [MAKE, delete(A, [])],
    "options in the wrong type": [MAKE, delete(A, {"gracePeriodSeconds": "x"})],
    "options that are no JSON": [MAKE, delete(A, "{")],
    "a collection": [
        MAKE,
        post(CMS, config_map("b", labels={"x": "y"})),
        delete(CMS, labelSelector="x=y"),
        get(CMS, fieldSelector="metadata.name!=kube-root-ca.crt"),
    ],
    "a collection of nothing": [delete(CMS, labelSelector="x=y")],
    "a collection of pods on a node": [BOUND, delete(core("pods")), get(P)],
    "a collection across namespaces": [delete("/api/v1/configmaps")],
    "a namespace": [delete("/api/v1/namespaces/$NS")],
    "a namespace with what is in it": [MAKE, POD, delete("/api/v1/namespaces/$NS"), gone("/api/v1/namespaces/$NS")],
    "the default namespace": [delete("/api/v1/namespaces/default")],
    "all namespaces": [delete("/api/v1/namespaces")],
    "a status": [POD, delete(f"{P}/status")],
}
