"""Lists and selectors: pages, versions, labels and fields."""

from tests.contract.cases.bodies import config_map, pod, secret
from tests.contract.wire import Ask, Cases, core, get, patch, post

CMS = core("configmaps")
ONE = post(CMS, config_map("a1", labels={"app": "a", "tier": "front"}))
TWO = post(CMS, config_map("a2", labels={"app": "a", "tier": "back"}))
THREE = post(CMS, config_map("b1", labels={"app": "b"}))
FOUR = post(CMS, config_map("c1"))
ALL = [ONE, TWO, THREE, FOUR]
OURS = "metadata.name!=kube-root-ca.crt"


def by_label(selector: str) -> list[Ask]:
    return [*ALL, get(CMS, labelSelector=selector, fieldSelector=OURS)]


def by_field(path: str, *selectors: str) -> list[Ask]:
    return [get(path, fieldSelector=each) for each in selectors]


PODS = [
    post(core("pods"), pod("p1", nodeName="n1")),
    post(core("pods"), pod("p2", nodeName="n2", restartPolicy="Never")),
    post(core("pods"), pod("p3")),
]

CASES: Cases = {
    "an empty list": [get(core("pods"))],
    "a list is sorted by name": [THREE, ONE, TWO, get(CMS, fieldSelector=OURS)],
    "a list of a namespace that is not there is empty": [get("/api/v1/namespaces/missing/pods")],
    "label equals": by_label("app=a"),
    "label equals twice": by_label("app==a"),
    "label differs": by_label("app!=a"),
    "label in": by_label("app in (a, b)"),
    "label not in": by_label("app notin (a)"),
    "label is there": by_label("tier"),
    "label is not there": by_label("!tier"),
    "labels together": by_label("app=a,tier=back"),
    "a label in nothing": by_label("app in ()"),
    "label greater than": [
        post(CMS, config_map("x", labels={"n": "5"})),
        get(CMS, labelSelector="n>4"),
        get(CMS, labelSelector="n<4"),
        get(CMS, labelSelector="n>a"),
    ],
    "a label selector without end": by_label("app in (a"),
    "a label selector with two signs": by_label("app=a=b"),
    "a label selector with a bad key": by_label("a b=c"),
    "a label selector with a bad value": by_label("a=b c"),
    "a label selector of commas": by_label(",,"),
    "field: name": [
        *ALL,
        *by_field(
            CMS,
            "metadata.name=a1",
            "metadata.name=none",
            "metadata.name!=a1,metadata.name!=a2,metadata.name!=kube-root-ca.crt",
        ),
    ],
    "field: namespace": [ONE, *by_field(CMS, "metadata.namespace=another")],
    "field: one that cannot be selected": by_field(CMS, "data.k=v", "metadata.uid=1"),
    "field: a selector that cannot be read": by_field(CMS, "metadata.name", "=", "metadata.name in (a)"),
    "field: of pods": [
        *PODS,
        *by_field(
            core("pods"),
            "spec.nodeName=n1",
            "spec.nodeName=",
            "spec.nodeName!=n1",
            "status.phase=Pending",
            "status.phase!=Pending",
            "spec.restartPolicy=Never",
            "spec.schedulerName=default-scheduler,spec.nodeName=n2",
            "spec.serviceAccountName=default,metadata.name=p3",
            "status.podIP=1.2.3.4",
            "spec.hostNetwork=false,metadata.name=p1",
            "status.nominatedNodeName=n1",
        ),
    ],
    "field: of pods, one that cannot be selected": by_field(core("pods"), "spec.priority=1"),
    "field: of secrets": [
        post(core("secrets"), secret("a", type="example.org/t")),
        post(core("secrets"), secret("b")),
        *by_field(core("secrets"), "type=Opaque", "type=example.org/t", "type!=Opaque"),
    ],
    "field: of nodes": by_field("/api/v1/nodes", "metadata.name=none", "spec.unschedulable=true", "spec.podCIDR=x"),
    "field: of namespaces": by_field("/api/v1/namespaces", "metadata.name=$NS", "spec.x=y"),
    "pages": [
        *ALL,
        get(CMS, limit="2"),
        get(CMS, limit="2", **{"continue": "$CONTINUE4"}),
        get(CMS, limit="2", **{"continue": "$CONTINUE5"}),
    ],
    "pages of a selection do not tell what remains": [
        *ALL,
        get(CMS, limit="1", labelSelector="app=a"),
        get(CMS, limit="1", labelSelector="app=a", **{"continue": "$CONTINUE4"}),
    ],
    "a page does not see what came later": [
        ONE,
        THREE,
        get(CMS, limit="1"),
        TWO,
        get(CMS, limit="9", **{"continue": "$CONTINUE2"}),
    ],
    "a limit as long as the list": [ONE, get(CMS, limit="2"), get(CMS, limit="3")],
    "a limit of nothing": [ONE, get(CMS, limit="0", fieldSelector=OURS)],
    "a limit that is no number": [get(CMS, limit="x")],
    "a negative limit": [ONE, get(CMS, limit="-1", fieldSelector=OURS)],
    "a token that is none": [get(CMS, limit="1", **{"continue": "xyz"})],
    "a token with a version": [
        *ALL,
        get(CMS, limit="1"),
        get(CMS, limit="1", resourceVersion="$RV0", **{"continue": "$CONTINUE4"}),
    ],
    "version zero": [ONE, get(CMS, resourceVersion="0", labelSelector="app=nothing")],
    "exactly version zero": [get(CMS, resourceVersion="0", resourceVersionMatch="Exact")],
    "exactly a version": [
        ONE,
        TWO,
        THREE,
        get(CMS, resourceVersion="$RV1", resourceVersionMatch="Exact", fieldSelector=OURS),
    ],
    "not older than a version": [
        ONE,
        TWO,
        get(CMS, resourceVersion="$RV0", resourceVersionMatch="NotOlderThan", fieldSelector=OURS),
    ],
    "a match without a version": [get(CMS, resourceVersionMatch="Exact")],
    "a match that is none": [get(CMS, resourceVersion="1", resourceVersionMatch="Nearly")],
    "a version that is none": [get(CMS, resourceVersion="x")],
    "an exact version with a token": [
        *ALL,
        get(CMS, limit="1"),
        get(CMS, limit="1", resourceVersionMatch="Exact", resourceVersion="$RV0", **{"continue": "$CONTINUE4"}),
    ],
    "initial events without a watch": [get(CMS, sendInitialEvents="true")],
    "a relabelled object is found by its new label": [
        ONE,
        patch(core("configmaps/a1"), {"metadata": {"labels": {"app": "z"}}}),
        get(CMS, labelSelector="app=z"),
        get(CMS, labelSelector="app=a"),
    ],
}
