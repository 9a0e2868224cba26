"""The parts of a pod that are changed by URLs of their own: ephemeral containers and resources; and bindings."""

from typing import Any

from tests.contract.cases.bodies import pod
from tests.contract.wire import STRATEGIC, Ask, Cases, core, get, patch, post, put

PODS, P = core("pods"), core("pods/p")
DEBUG = {"name": "debug", "image": "busybox"}
RESOURCES = {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "2", "memory": "2Gi"}}
BOUND = post(PODS, pod(nodeName="n1"))
SIZED = post(PODS, pod(nodeName="n1", container={"resources": RESOURCES}))
TARGET = {"kind": "Node", "name": "n1"}


def debug(*containers: Any) -> Ask:
    return patch(f"{P}/ephemeralcontainers", {"spec": {"ephemeralContainers": list(containers)}}, STRATEGIC)


def resize(**resources: Any) -> Ask:
    return patch(f"{P}/resize", {"spec": {"containers": [{"name": "main", "resources": resources}]}}, STRATEGIC)


def running(**more: Any) -> Ask:
    """What a node says of a container that runs."""
    state = {"running": {"startedAt": "2026-01-02T03:04:05Z"}}
    main = {"name": "main", "image": "i", "imageID": "i", "ready": True, "restartCount": 0, "state": state, **more}
    return patch(f"{P}/status", {"status": {"phase": "Running", "containerStatuses": [main]}})


def whole(**spec: Any) -> Any:
    """The pod that ``BOUND`` made, as a client would send it back."""
    return {**pod(nodeName="n1", **spec), "metadata": {"name": "p"}}


CASES: Cases = {
    "debug: of no pod": [debug(DEBUG)],
    "debug: of a pod without a node": [post(PODS, pod()), debug(DEBUG)],
    "debug: read": [BOUND, debug(DEBUG), get(f"{P}/ephemeralcontainers")],
    "debug: by an update": [
        BOUND,
        put(f"{P}/ephemeralcontainers", whole(ephemeralContainers=[DEBUG], hostname="ignored")),
    ],
    "debug: created": [BOUND, post(f"{P}/ephemeralcontainers", pod())],
    "debug: two": [BOUND, debug(DEBUG), debug({"name": "second", "image": "busybox:2"})],
    "debug: the same again": [BOUND, debug(DEBUG), debug(DEBUG)],
    "debug: another image": [BOUND, debug(DEBUG), debug({"name": "debug", "image": "other"})],
    "debug: removed": [
        BOUND,
        debug(DEBUG),
        patch(f"{P}/ephemeralcontainers", {"spec": {"ephemeralContainers": None}}, STRATEGIC),
    ],
    "debug: of a target": [BOUND, debug({**DEBUG, "targetContainerName": "main"})],
    "debug: of a target that is not there": [BOUND, debug({**DEBUG, "targetContainerName": "other"})],
    "debug: named as another": [BOUND, debug({"name": "main", "image": "busybox"})],
    "debug: without an image": [BOUND, debug({"name": "debug"})],
    "debug: a name that is none": [BOUND, debug({"name": "De_bug", "image": "busybox"})],
    "debug: with ports": [BOUND, debug({**DEBUG, "ports": [{"containerPort": 80}]})],
    "debug: with a probe": [BOUND, debug({**DEBUG, "livenessProbe": {"exec": {"command": ["true"]}}})],
    "debug: with a hook": [BOUND, debug({**DEBUG, "lifecycle": {"preStop": {"exec": {"command": ["true"]}}}})],
    "debug: with resources": [BOUND, debug({**DEBUG, "resources": {"requests": {"cpu": "1"}}})],
    "debug: with a mount of nothing": [BOUND, debug({**DEBUG, "volumeMounts": [{"name": "v", "mountPath": "/v"}]})],
    "debug: with a part of a volume": [
        post(PODS, pod(nodeName="n1", volumes=[{"name": "v", "emptyDir": {}}])),
        debug({**DEBUG, "volumeMounts": [{"name": "v", "mountPath": "/v", "subPath": "s"}]}),
    ],
    "debug: an interactive one": [BOUND, debug({**DEBUG, "stdin": True, "tty": True, "command": ["sh"]})],
    "debug: the rest of the pod is left alone": [
        BOUND,
        patch(
            f"{P}/ephemeralcontainers",
            {
                "metadata": {"labels": {"a": "b"}},
                "spec": {"ephemeralContainers": [DEBUG], "activeDeadlineSeconds": 5},
                "status": {"phase": "Failed"},
            },
            STRATEGIC,
        ),
    ],
    "debug: from the start": [post(PODS, pod(ephemeralContainers=[DEBUG]))],
    "debug: by the pod itself": [BOUND, patch(P, {"spec": {"ephemeralContainers": [DEBUG]}}, STRATEGIC)],
    "resize: of no pod": [resize(requests={"cpu": "2"})],
    "resize: of a pod without a node": [
        post(PODS, pod(container={"resources": RESOURCES})),
        resize(requests={"cpu": "2"}),
    ],
    "resize: read": [SIZED, get(f"{P}/resize")],
    "resize: created": [SIZED, post(f"{P}/resize", pod())],
    "resize: requests and limits": [
        SIZED,
        resize(requests={"cpu": "1500m", "memory": "2Gi"}, limits={"cpu": "3", "memory": "4Gi"}),
    ],
    "resize: by an update": [
        SIZED,
        put(f"{P}/resize", whole(container={"resources": {**RESOURCES, "requests": {"cpu": "2", "memory": "1Gi"}}})),
    ],
    "resize: nothing changes": [SIZED, resize(requests={"cpu": "1"})],
    "resize: the same amount in other words": [SIZED, resize(requests={"cpu": "1000m"})],
    "resize: of what runs where nobody tells its resources": [SIZED, running(), resize(requests={"cpu": "2"})],
    "resize: of what runs": [SIZED, running(resources=RESOURCES), resize(requests={"cpu": "2"})],
    "resize: less memory": [SIZED, resize(requests={"memory": "512Mi"}, limits={"memory": "1Gi"})],
    "resize: requests beyond limits": [SIZED, resize(requests={"cpu": "3"})],
    "resize: to another quality of service": [
        SIZED,
        resize(requests={"cpu": "2", "memory": "2Gi"}),
    ],
    "resize: of a pod without resources": [BOUND, resize(requests={"cpu": "1"})],
    "resize: a request is removed": [SIZED, resize(requests={"cpu": None})],
    "resize: a limit is removed": [SIZED, resize(limits={"memory": None})],
    "resize: all are removed": [SIZED, resize(requests=None, limits=None)],
    "resize: another resource": [SIZED, resize(requests={"ephemeral-storage": "1Gi"})],
    "resize: less than nothing": [SIZED, resize(requests={"cpu": "-1"})],
    "resize: another image": [
        SIZED,
        patch(f"{P}/resize", {"spec": {"containers": [{"name": "main", "image": "other"}]}}, STRATEGIC),
    ],
    "resize: another container": [
        SIZED,
        patch(f"{P}/resize", {"spec": {"containers": [{"name": "new", "image": "other"}]}}, STRATEGIC),
    ],
    "resize: the rest of the pod is left alone": [
        SIZED,
        patch(
            f"{P}/resize",
            {"metadata": {"labels": {"a": "b"}}, "spec": {"activeDeadlineSeconds": 5}, "status": {"phase": "Failed"}},
            STRATEGIC,
        ),
    ],
    "resize: an init container": [
        post(
            PODS,
            pod(nodeName="n1", container={"resources": RESOURCES}, initContainers=[{"name": "i", "image": "i:1"}]),
        ),
        patch(
            f"{P}/resize",
            {"spec": {"initContainers": [{"name": "i", "resources": {"requests": {"cpu": "1"}}}]}},
            STRATEGIC,
        ),
    ],
    "resize: a policy": [
        SIZED,
        patch(
            f"{P}/resize",
            {
                "spec": {
                    "containers": [
                        {"name": "main", "resizePolicy": [{"resourceName": "cpu", "restartPolicy": "RestartContainer"}]}
                    ]
                }
            },
            STRATEGIC,
        ),
    ],
    "resize: a pod that has ended": [
        SIZED,
        patch(f"{P}/status", {"status": {"phase": "Succeeded"}}),
        resize(requests={"cpu": "2"}),
    ],
    "resize: by the pod itself": [
        SIZED,
        patch(P, {"spec": {"containers": [{"name": "main", "resources": {"requests": {"cpu": "2"}}}]}}, STRATEGIC),
    ],
    "bindings: without a name": [post(core("bindings"), {"target": TARGET})],
    "bindings: of no pod": [post(core("bindings"), {"metadata": {"name": "missing"}, "target": TARGET})],
    "bindings: without a target": [post(PODS, pod()), post(core("bindings"), {"metadata": {"name": "p"}})],
    "bindings: twice": [
        post(PODS, pod()),
        post(core("bindings"), {"metadata": {"name": "p"}, "target": TARGET}),
        post(core("bindings"), {"metadata": {"name": "p"}, "target": TARGET}),
    ],
    "bindings: are not listed": [get(core("bindings"))],
    "bindings: cannot be got": [get(core("bindings/p"))],
}
