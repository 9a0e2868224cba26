"""Budgets for disruptions: what their status says, and what they allow to be evicted."""

from typing import Any

from tests.contract.cases.bodies import pod
from tests.contract.wire import Ask, Cases, core, delete, get, group, later, patch, post, put, until

BUDGETS, B = group("policy/v1", "poddisruptionbudgets"), group("policy/v1", "poddisruptionbudgets/b")
PODS = core("pods")
SELECTOR = {"matchLabels": {"app": "a"}}
READY = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
NOT_READY = {"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}]}


def budget(name: str = "b", **spec: Any) -> Ask:
    return post(BUDGETS, {"metadata": {"name": name}, "spec": {"selector": SELECTOR, **spec}})


def running(name: str = "p", status: Any = READY, **metadata: Any) -> list[Ask]:
    """A pod on a node, in that state."""
    labelled = {"labels": {"app": "a"}, **metadata}
    return [
        post(PODS, pod(name, metadata=labelled, nodeName="n1")),
        patch(core(f"pods/{name}/status"), {"status": status}),
    ]


def evict(name: str = "p", **options: Any) -> Ask:
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
    body = {**eviction, **({"deleteOptions": options} if options else {})}
    return Ask("POST", core(f"pods/{name}/eviction"), body, headers=("Retry-After",))


def settled(**status: Any) -> Ask:
    """The budget, when its status says so."""
    return until(B, **{"status_observedGeneration": 1, **{f"status_{name}": value for name, value in status.items()}})


def controlled(owner: int, name: str, kind: str = "ReplicaSet", version: str = "apps/v1") -> dict[str, Any]:
    reference = {"apiVersion": version, "kind": kind, "name": name, "uid": f"$UID{owner}", "controller": True}
    return {"ownerReferences": [reference]}


TEMPLATE = {"metadata": {"labels": {"app": "a"}}, "spec": pod()["spec"]}


def workload(kind: str, name: str, **metadata: Any) -> Ask:
    spec = {"replicas": 4, "selector": SELECTOR, "template": TEMPLATE}
    if kind == "StatefulSet":
        spec["serviceName"] = "s"
    return post(group("apps/v1", f"{kind.lower()}s"), {"metadata": {"name": name, **metadata}, "spec": spec})


JOB = post(
    group("batch/v1", "jobs"),
    {"metadata": {"name": "j"}, "spec": {"template": {"spec": {**pod()["spec"], "restartPolicy": "Never"}}}},
)

CASES: Cases = {
    "status: no pods": [budget(minAvailable=1), settled()],
    "status: a healthy pod too many": [*running(), *running("q"), budget(minAvailable=1), settled(currentHealthy=2)],
    "status: none too many": [*running(), budget(minAvailable=1), settled(currentHealthy=1)],
    "status: a pod that is not ready": [*running(status=NOT_READY), budget(minAvailable=0), settled(expectedPods=1)],
    "status: a pod becomes ready": [
        *running(status=NOT_READY),
        budget(minAvailable=0),
        settled(expectedPods=1),
        patch(core("pods/p/status"), {"status": READY}),
        settled(currentHealthy=1),
    ],
    "status: a pod that is being deleted": [
        *running(),
        *running("q"),
        delete(core("pods/q")),
        budget(minAvailable=1),
        settled(currentHealthy=1),
    ],
    "status: a pod comes": [budget(minAvailable=0), settled(), *running(), settled(currentHealthy=1)],
    "status: a selector of expressions": [
        *running(),
        budget(minAvailable=0, selector={"matchExpressions": [{"key": "app", "operator": "In", "values": ["a", "b"]}]}),
        settled(currentHealthy=1),
    ],
    "status: an empty selector": [*running(), budget(minAvailable=0, selector={}), settled(currentHealthy=1)],
    "status: no selector": [*running(), budget(minAvailable=0, selector=None), settled()],
    "status: no number": [*running(), budget(), settled(currentHealthy=1)],
    "status: the budget changes": [
        *running(),
        budget(minAvailable=1),
        settled(currentHealthy=1),
        patch(B, {"spec": {"minAvailable": 0}}),
        until(B, status_observedGeneration=2),
    ],
    "status: at most, of a replica set": [
        workload("ReplicaSet", "r"),
        *running(**controlled(0, "r")),
        *running("q", **controlled(0, "r")),
        later(budget(maxUnavailable=3)),
        settled(currentHealthy=2),
    ],
    "status: at most a share, of a deployment": [
        workload("Deployment", "d"),
        workload("ReplicaSet", "r", **controlled(0, "d", "Deployment")),
        *running(**controlled(1, "r")),
        later(budget(maxUnavailable="30%")),
        settled(currentHealthy=1),
    ],
    "status: at least a share, of a stateful set": [
        workload("StatefulSet", "s"),
        *running(**controlled(0, "s", "StatefulSet")),
        later(budget(minAvailable="30%")),
        settled(currentHealthy=1),
    ],
    "status: a share of pods without a controller": [*running(), budget(minAvailable="50%"), settled(currentHealthy=1)],
    "status: a share of a job": [
        JOB,
        *running(**controlled(0, "j", "Job", "batch/v1")),
        later(budget(maxUnavailable=1)),
        later(get(B)),
    ],
    "eviction: allowed": [
        *running(),
        *running("q"),
        budget(minAvailable=1),
        settled(disruptionsAllowed=1),
        evict(),
        get(core("pods/p")),
        settled(currentHealthy=1),
    ],
    "eviction: the next one is refused": [
        *running(),
        *running("q"),
        budget(minAvailable=1),
        settled(disruptionsAllowed=1),
        evict(),
        settled(currentHealthy=1, disruptedPods=None),
        evict("q"),
    ],
    "eviction: refused": [*running(), budget(minAvailable=1), settled(currentHealthy=1), evict(), get(core("pods/p"))],
    "eviction: of a pod that is not covered": [
        *running(labels={"app": "b"}),
        budget(minAvailable=1),
        settled(),
        evict(),
    ],
    "eviction: two budgets": [
        *running(),
        budget(minAvailable=0),
        budget("c", minAvailable=0),
        settled(currentHealthy=1),
        evict(),
    ],
    "eviction: two budgets, of a pending pod": [
        *running(status={"phase": "Pending"}),
        budget(minAvailable=0),
        budget("c", minAvailable=0),
        evict(),
    ],
    "eviction: of a pod that has ended": [
        *running(status={"phase": "Succeeded"}),
        budget(minAvailable=1),
        settled(),
        evict(),
        get(core("pods/p")),
    ],
    "eviction: of a pod that is being deleted": [
        *running(),
        budget(minAvailable=1),
        settled(currentHealthy=1),
        delete(core("pods/p")),
        evict(),
        get(core("pods/p")),
    ],
    "eviction: dry": [
        *running(),
        budget(minAvailable=0),
        settled(currentHealthy=1),
        evict(dryRun=["All"]),
        get(core("pods/p")),
        get(B),
    ],
    "eviction: dry, refused": [*running(), budget(minAvailable=1), settled(currentHealthy=1), evict(dryRun=["All"])],
    "eviction: dry, by the query": [
        *running(),
        Ask("POST", core("pods/p/eviction"), {"metadata": {"name": "p"}}, {"dryRun": "All"}),
        get(core("pods/p")),
    ],
    "eviction: of another uid": [*running(), evict(preconditions={"uid": "1-2-3"}), get(core("pods/p"))],
    "eviction: of this uid": [*running(), evict(preconditions={"uid": "$UID0"})],
    "eviction: of another version": [*running(), evict(preconditions={"resourceVersion": "1"})],
    "eviction: of this version": [*running(), evict(preconditions={"resourceVersion": "$RV1"})],
    "eviction: without a name": [*running(), Ask("POST", core("pods/p/eviction"), {})],
    "eviction: of the older version": [
        *running(),
        Ask(
            "POST",
            core("pods/p/eviction"),
            {"apiVersion": "policy/v1beta1", "kind": "Eviction", "metadata": {"name": "p"}},
        ),
    ],
    "eviction: of an unready pod, refused": [
        *running(status=NOT_READY),
        budget(minAvailable=1),
        settled(expectedPods=1),
        evict(),
    ],
    "eviction: of an unready pod, always allowed": [
        *running(status=NOT_READY),
        budget(minAvailable=1, unhealthyPodEvictionPolicy="AlwaysAllow"),
        settled(expectedPods=1),
        evict(),
    ],
    "eviction: of an unready pod, the others suffice": [
        *running(status=NOT_READY),
        *running("q"),
        budget(minAvailable=1, unhealthyPodEvictionPolicy="IfHealthyBudget"),
        settled(currentHealthy=1),
        evict(),
        settled(expectedPods=2),
    ],
    "budget: as it comes": [budget(minAvailable=1)],
    "budget: both": [budget(minAvailable=1, maxUnavailable=1)],
    "budget: a negative number": [budget(minAvailable=-1)],
    "budget: a share that is none": [budget(maxUnavailable="ten")],
    "budget: more than all": [budget(maxUnavailable="110%")],
    "budget: a policy that is none": [budget(minAvailable=1, unhealthyPodEvictionPolicy="Never")],
    "budget: an update without a version": [
        budget(minAvailable=1),
        put(B, {"metadata": {"name": "b"}, "spec": {"minAvailable": 2, "selector": SELECTOR}}),
    ],
}
