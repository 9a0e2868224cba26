"""Watches: what comes, in what form, and what is refused."""

from tests.contract.cases.bodies import config_map, pod
from tests.contract.wire import TABLE, Ask, Cases, core, delete, get, patch, post, watch

CMS, A = core("configmaps"), core("configmaps/a")
MAKE = post(CMS, config_map(labels={"app": "a"}))
RELABEL = patch(A, {"metadata": {"labels": {"app": "b"}}})
BACK = patch(A, {"metadata": {"labels": {"app": "a"}}})
NAMED = {"fieldSelector": "metadata.name=a"}

CASES: Cases = {
    "what is there comes first": [MAKE, watch(CMS, 1, **NAMED)],
    "from version zero": [MAKE, watch(CMS, 1, resourceVersion="0", **NAMED)],
    "from a version": [MAKE, RELABEL, delete(A), watch(CMS, 2, resourceVersion="$RV0", **NAMED)],
    "an object that begins to match is added": [
        MAKE,
        RELABEL,
        BACK,
        watch(CMS, 2, resourceVersion="$RV0", labelSelector="app=a"),
    ],
    "an object that no longer matches is deleted": [
        MAKE,
        RELABEL,
        watch(CMS, 1, resourceVersion="$RV0", labelSelector="app=a"),
    ],
    "what never matches is not told": [
        MAKE,
        RELABEL,
        post(CMS, config_map("b", labels={"app": "c"})),
        watch(CMS, 1, resourceVersion="$RV0", labelSelector="app=c"),
    ],
    "a pod that is bound comes to its node": [
        post(core("pods"), pod()),
        post(core("pods/p/binding"), {"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n1"}}),
        watch(core("pods"), 1, resourceVersion="$RV0", fieldSelector="spec.nodeName=n1"),
        watch(core("pods"), 1, resourceVersion="$RV0", fieldSelector="spec.nodeName="),
    ],
    "a graceful deletion is a change, then a deletion": [
        post(core("pods"), pod(nodeName="n1")),
        delete(core("pods/p")),
        delete(core("pods/p"), gracePeriodSeconds="0"),
        watch(core("pods"), 2, resourceVersion="$RV0"),
    ],
    "a deletion held back by a finalizer": [
        post(CMS, config_map(finalizers=["example.org/f"])),
        delete(A),
        patch(A, {"metadata": {"finalizers": None}}),
        watch(CMS, 2, resourceVersion="$RV0", **NAMED),
    ],
    "a write that changes nothing is not told": [
        MAKE,
        patch(A, {"data": {"k": "v"}}),
        RELABEL,
        watch(CMS, 1, resourceVersion="$RV0", **NAMED),
    ],
    "initial events and the mark of their end": [
        MAKE,
        watch(
            CMS,
            2,
            sendInitialEvents="true",
            allowWatchBookmarks="true",
            resourceVersionMatch="NotOlderThan",
            **NAMED,
        ),
    ],
    "initial events need a match": [watch(CMS, 1, sendInitialEvents="true", allowWatchBookmarks="true")],
    "initial events of an exact version": [
        watch(CMS, 1, sendInitialEvents="true", allowWatchBookmarks="true", resourceVersionMatch="Exact")
    ],
    "a match without initial events": [watch(CMS, 1, resourceVersionMatch="NotOlderThan", resourceVersion="1")],
    "a version that is none": [watch(CMS, 1, resourceVersion="x")],
    "a selector that cannot be read": [watch(CMS, 1, labelSelector="a b")],
    "a field that cannot be selected": [watch(CMS, 1, fieldSelector="data.k=v")],
    "the old path": [MAKE, Ask("GET", "/api/v1/watch/namespaces/$NS/configmaps", query=NAMED, events=1)],
    "of one object": [MAKE, watch(A, 1)],
    "as a table": [
        MAKE,
        RELABEL,
        Ask("GET", CMS, query={"watch": "1", "resourceVersion": "$RV0", **NAMED}, accept=TABLE, events=1),
    ],
    "a subresource cannot be watched": [post(core("pods"), pod()), watch(core("pods/p/status"), 1)],
    "a watch in YAML": [get(CMS, accept="application/yaml", watch="1")],
    "an end without anything": [
        get(CMS, watch="1", resourceVersion="0", timeoutSeconds="1", fieldSelector="metadata.name=none")
    ],
}
