"""Kinds that are served in two versions: what is written in one is read in the other."""

from typing import Any

from tests.contract.wire import STRATEGIC, TABLE, Ask, Cases, core, delete, get, group, patch, post, put, watch

OLD, NEW = group("autoscaling/v1", "horizontalpodautoscalers"), group("autoscaling/v2", "horizontalpodautoscalers")
A, B = f"{OLD}/a", f"{NEW}/a"
TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
EVENTS = group("events.k8s.io/v1", "events")


def old(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "a"}, "spec": {"scaleTargetRef": TARGET, "maxReplicas": 3, **spec}}


def cpu(percent: int) -> dict[str, Any]:
    of = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": percent}}
    return {"type": "Resource", "resource": of}


def pods_metric(name: str) -> dict[str, Any]:
    return {"type": "Pods", "pods": {"metric": {"name": name}, "target": {"type": "AverageValue", "averageValue": "5"}}}


def event(name: str = "e", **more: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "regarding": {"kind": "Pod", "namespace": "$NS", "name": "p"},
        "eventTime": "2026-01-02T03:04:05.000000Z",
        "reportingController": "example.org/tester",
        "reportingInstance": "tester-0",
        "action": "Testing",
        "reason": "Tested",
        "note": "all is well",
        "type": "Normal",
        **more,
    }


STATUS = {
    "observedGeneration": 1,
    "currentReplicas": 1,
    "desiredReplicas": 2,
    "lastScaleTime": "2026-01-02T03:04:05Z",
    "currentMetrics": [
        {"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 70, "averageValue": "7m"}}}
    ],
    "conditions": [
        {
            "type": "AbleToScale",
            "status": "True",
            "lastTransitionTime": "2026-01-02T03:04:05Z",
            "reason": "Ready",
            "message": "ready",
        }
    ],
}

CASES: Cases = {
    "autoscaler: an old one": [post(OLD, old(targetCPUUtilizationPercentage=50)), get(A), get(B)],
    "autoscaler: an old one that says little": [post(OLD, old()), get(B)],
    "autoscaler: a new one": [post(NEW, old(metrics=[cpu(60)])), get(A)],
    "autoscaler: a new one that says little": [post(NEW, old()), get(A)],
    "autoscaler: a new one with more": [
        post(
            NEW,
            old(
                metrics=[cpu(60), pods_metric("requests")],
                behavior={"scaleDown": {"stabilizationWindowSeconds": 60}},
                minReplicas=2,
            ),
        ),
        get(A),
        patch(A, {"spec": {"maxReplicas": 5}}),
        get(B),
    ],
    "autoscaler: an old one is listed": [post(NEW, old(metrics=[cpu(60)])), get(OLD), get(OLD, TABLE)],
    "autoscaler: an old one is watched": [post(NEW, old(metrics=[cpu(60)])), watch(OLD, 1)],
    "autoscaler: an old one is replaced": [
        post(NEW, old(metrics=[cpu(60)])),
        put(A, old(targetCPUUtilizationPercentage=70)),
        get(B),
    ],
    "autoscaler: an old one is patched": [
        post(OLD, old(targetCPUUtilizationPercentage=50)),
        patch(A, {"spec": {"targetCPUUtilizationPercentage": 80}}, STRATEGIC),
        patch(A, {"spec": {"targetCPUUtilizationPercentage": None}}),
        get(B),
    ],
    "autoscaler: status": [
        post(NEW, old(metrics=[cpu(60)])),
        patch(f"{B}/status", {"status": STATUS}),
        get(A),
        get(f"{A}/status"),
        patch(f"{A}/status", {"status": {"currentCPUUtilizationPercentage": 80}}),
        get(B),
    ],
    "autoscaler: an old one is deleted": [post(NEW, old()), delete(A), get(B)],
    "autoscaler: dry": [Ask("POST", OLD, old(targetCPUUtilizationPercentage=50), {"dryRun": "All"}), get(B)],
    "autoscaler: of the other version": [
        post(OLD, {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", **old()})
    ],
    "autoscaler: applied": [
        Ask(
            "PATCH",
            A,
            {
                "apiVersion": "autoscaling/v1",
                "kind": "HorizontalPodAutoscaler",
                **old(targetCPUUtilizationPercentage=50),
            },
            {"fieldManager": "m"},
            "application/apply-patch+yaml",
        ),
        get(B),
    ],
    "autoscaler: too many at least": [post(OLD, old(minReplicas=5))],
    "autoscaler: of nothing": [post(OLD, {"metadata": {"name": "a"}, "spec": {}})],
    "autoscaler: an impossible target": [post(OLD, old(targetCPUUtilizationPercentage=0))],
    "event: a new one": [post(EVENTS, event()), get(f"{EVENTS}/e"), get(core("events/e"))],
    "event: an old one": [
        post(
            core("events"),
            {
                "metadata": {"name": "e"},
                "involvedObject": {"kind": "Pod", "namespace": "$NS", "name": "p"},
                "reason": "Tested",
                "message": "all is well",
                "type": "Normal",
                "source": {"component": "tester", "host": "n1"},
                "count": 2,
                "firstTimestamp": "2026-01-02T03:04:05Z",
                "lastTimestamp": "2026-01-02T03:05:05Z",
            },
        ),
        get(f"{EVENTS}/e"),
        get(EVENTS),
    ],
    "event: a series": [
        post(EVENTS, event()),
        patch(f"{EVENTS}/e", {"series": {"count": 2, "lastObservedTime": "2026-01-02T03:05:05.000000Z"}}, STRATEGIC),
        get(core("events/e")),
    ],
    "event: selected": [post(EVENTS, event()), get(EVENTS, fieldSelector="regarding.name=p,reason=Tested,type=Normal")],
    "event: without a time": [post(EVENTS, {**event(), "eventTime": None})],
    "event: without a controller": [post(EVENTS, {**event(), "reportingController": ""})],
    "event: without an action": [post(EVENTS, {**event(), "action": ""})],
    "event: as a table": [post(EVENTS, event()), get(EVENTS, TABLE)],
    "event: watched": [post(EVENTS, event()), watch(EVENTS, 1)],
    "event: changed": [post(EVENTS, event()), patch(f"{EVENTS}/e", {"note": "other"})],
    "resources: autoscaling/v1": [get("/apis/autoscaling/v1")],
    "resources: autoscaling/v2": [get("/apis/autoscaling/v2")],
    "resources: events": [get("/apis/events.k8s.io/v1")],
    "resources: autoscaling": [get("/apis/autoscaling")],
}
