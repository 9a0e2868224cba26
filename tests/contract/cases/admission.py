"""What the rest of the cluster says about a new object: accounts, priorities, limit ranges, quotas."""

from typing import Any

from tests.contract.cases.bodies import config_map, pod, secret, service
from tests.contract.wire import Ask, Cases, core, delete, get, later, patch, post, until

PODS, P = core("pods"), core("pods/p")
CLASSES = "/apis/scheduling.k8s.io/v1/priorityclasses"
RANGES, QUOTAS, Q = core("limitranges"), core("resourcequotas"), core("resourcequotas/q")
CLAIMS = core("persistentvolumeclaims")


def priority_class(name: str = "class-$NS", **more: Any) -> Ask:
    return post(CLASSES, {"metadata": {"name": name}, "value": 1000, **more})


def limit_range(*items: dict[str, Any]) -> Ask:
    return post(RANGES, {"metadata": {"name": "l"}, "spec": {"limits": list(items)}})


def of_container(**limits: Any) -> Ask:
    return limit_range({"type": "Container", **limits})


def sized(name: str = "p", *, requests: Any = None, limits: Any = None, **spec: Any) -> dict[str, Any]:
    given = {**({"requests": requests} if requests else {}), **({"limits": limits} if limits else {})}
    return pod(name, container={"resources": given}, **spec)


def quota(hard: dict[str, str], **spec: Any) -> list[Ask]:
    """A quota whose status is there."""
    made = post(QUOTAS, {"metadata": {"name": "q"}, "spec": {"hard": hard, **spec}})
    return [made, later(Ask("GET", Q, until={f"status hard {name}": value for name, value in hard.items()}))]


def used(**amounts: str) -> Ask:
    """The quota, when so much is used; ``_`` stands for the dot of a name."""
    return Ask("GET", Q, until={f"status used {name.replace('_', '.')}": value for name, value in amounts.items()})


def claim(name: str = "c", storage: str = "1Gi", **spec: Any) -> dict[str, Any]:
    resources = {"requests": {"storage": storage}}
    return {"metadata": {"name": name}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": resources, **spec}}


SMALL = {"cpu": "100m", "memory": "64Mi"}

CASES: Cases = {
    "account: declines to be mounted": [
        post(core("serviceaccounts"), {"metadata": {"name": "s"}, "automountServiceAccountToken": False}),
        post(PODS, pod(serviceAccountName="s")),
    ],
    "account: declines, the pod does not": [
        post(core("serviceaccounts"), {"metadata": {"name": "s"}, "automountServiceAccountToken": False}),
        post(PODS, pod(serviceAccountName="s", automountServiceAccountToken=True)),
    ],
    "account: has pull secrets": [
        post(core("serviceaccounts"), {"metadata": {"name": "s"}, "imagePullSecrets": [{"name": "r"}]}),
        post(PODS, pod(serviceAccountName="s")),
        post(PODS, pod("q", serviceAccountName="s", imagePullSecrets=[{"name": "own"}])),
    ],
    "account: mounted elsewhere": [
        post(
            PODS,
            pod(
                volumes=[{"name": "v", "emptyDir": {}}],
                container={
                    "volumeMounts": [{"name": "v", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}]
                },
            ),
        ),
    ],
    "priority: of a class": [
        priority_class(),
        later(post(PODS, pod(priorityClassName="class-$NS"))),
        delete(f"{CLASSES}/class-$NS"),
    ],
    "priority: a class that never preempts": [
        priority_class(preemptionPolicy="Never"),
        later(post(PODS, pod(priorityClassName="class-$NS"))),
        delete(f"{CLASSES}/class-$NS"),
    ],
    "priority: of the system": [post(PODS, pod(priorityClassName="system-node-critical"))],
    "priority: of no class": [post(PODS, pod(priorityClassName="missing"))],
    "priority: that of the class, too": [
        post(PODS, pod(priorityClassName="system-node-critical", priority=2000001000))
    ],
    "priority: another than the class's": [post(PODS, pod(priorityClassName="system-node-critical", priority=7))],
    "priority: a policy of one's own": [
        post(PODS, pod(priorityClassName="system-node-critical", preemptionPolicy="Never"))
    ],
    "priority: the classes of the system": [
        get(f"{CLASSES}/system-node-critical"),
        get(f"{CLASSES}/system-cluster-critical"),
    ],
    "priority class: as it comes": [priority_class(description="d"), delete(f"{CLASSES}/class-$NS")],
    "priority class: too high": [priority_class(value=1000000001)],
    "priority class: of the system's name": [priority_class("system-mine")],
    "priority class: another value": [
        priority_class(),
        patch(f"{CLASSES}/class-$NS", {"value": 7}),
        patch(f"{CLASSES}/class-$NS", {"preemptionPolicy": "Never"}),
        patch(f"{CLASSES}/class-$NS", {"description": "other"}),
        delete(f"{CLASSES}/class-$NS"),
    ],
    "limits: defaults": [
        of_container(default={"cpu": "500m"}, defaultRequest={"cpu": "250m", "memory": "64Mi"}),
        later(post(PODS, pod())),
    ],
    "limits: defaults of one that says something": [
        of_container(default={"cpu": "500m", "memory": "128Mi"}),
        later(post(PODS, sized(requests={"cpu": "100m"}, limits={"memory": "256Mi"}))),
    ],
    "limits: a default from the maximum": [of_container(max={"cpu": "1"}), later(post(PODS, pod()))],
    "limits: a default request from the minimum": [of_container(min={"cpu": "100m"}), later(post(PODS, pod()))],
    "limits: too little": [of_container(min={"cpu": "100m"}), later(post(PODS, sized(requests={"cpu": "50m"})))],
    "limits: too little a limit": [
        of_container(min={"cpu": "100m"}),
        later(post(PODS, sized(requests={"cpu": "100m"}, limits={"cpu": "90m"}))),
    ],
    "limits: too much": [of_container(max={"memory": "64Mi"}), later(post(PODS, sized(limits={"memory": "1Gi"})))],
    "limits: too much requested": [
        limit_range({"type": "Pod", "max": {"memory": "64Mi"}}),
        later(post(PODS, sized(requests={"memory": "1Gi"}))),
        post(PODS, sized(requests={"memory": "1Gi"}, limits={"memory": "1Gi"})),
    ],
    "limits: of the pod": [
        limit_range({"type": "Pod", "min": {"cpu": "200m"}}),
        later(post(PODS, sized(requests={"cpu": "100m"}))),
        post(PODS, pod()),
        post(PODS, sized(requests={"cpu": "200m"})),
    ],
    "limits: too wide a ratio": [
        of_container(maxLimitRequestRatio={"cpu": "2"}),
        later(post(PODS, sized(requests={"cpu": "100m"}, limits={"cpu": "300m"}))),
        post(PODS, pod()),
        post(PODS, sized(requests={"cpu": "100m"})),
        post(PODS, sized(requests={"cpu": "100m"}, limits={"cpu": "200m"})),
    ],
    "limits: of a claim": [
        limit_range({"type": "PersistentVolumeClaim", "min": {"storage": "1Gi"}, "max": {"storage": "2Gi"}}),
        later(post(CLAIMS, claim(storage="500Mi"))),
        post(CLAIMS, claim(storage="3Gi")),
    ],
    "limits: as they come": [
        of_container(max={"cpu": "1", "memory": "1024Mi"}, min={"cpu": "0.1"}, defaultRequest={"cpu": "200m"}),
        get(f"{RANGES}/l"),
    ],
    "quota: as it comes": quota({"pods": "2", "requests.cpu": "1", "count/deployments.apps": "3"}),
    "quota: as many as it allows": [
        *quota({"pods": "1"}),
        post(PODS, pod()),
        used(pods="1"),
        post(PODS, pod("q")),
        get(Q),
    ],
    "quota: a deleted pod makes room": [
        *quota({"pods": "1"}),
        post(PODS, pod()),
        used(pods="1"),
        delete(P),
        used(pods="0"),
        post(PODS, pod("q")),
    ],
    "quota: a pod that has ended makes room": [
        *quota({"pods": "1"}),
        post(PODS, pod(nodeName="n1")),
        used(pods="1"),
        patch(f"{P}/status", {"status": {"phase": "Succeeded"}}),
        used(pods="0"),
    ],
    "quota: what pods request": [
        *quota({"requests.cpu": "1", "requests.memory": "1Gi", "limits.cpu": "2"}),
        post(PODS, sized(requests=SMALL, limits={"cpu": "200m"})),
        used(limits_cpu="200m"),
        post(PODS, sized("q", requests={"cpu": "950m", "memory": "1Gi"}, limits={"cpu": "1900m"})),
    ],
    "quota: cpu and memory, in short": [
        *quota({"cpu": "500m", "memory": "100Mi"}),
        post(PODS, sized(requests=SMALL)),
        used(cpu="100m"),
        post(PODS, sized("q", requests=SMALL)),
    ],
    "quota: a pod must say what is counted": [
        *quota({"requests.cpu": "1", "limits.memory": "1Gi"}),
        post(PODS, pod()),
        post(PODS, sized(requests={"cpu": "1"})),
    ],
    "quota: devices": [
        *quota({"requests.example.org/gpu": "1"}),
        post(PODS, sized(limits={"example.org/gpu": "1"})),
        later(get(Q)),
        post(PODS, sized("q", limits={"example.org/gpu": "1"})),
    ],
    "quota: of what was there before": [
        post(PODS, pod()),
        post(core("secrets"), secret()),
        later(quota({"pods": "5", "secrets": "5"})[0]),
        used(pods="1"),
    ],
    "quota: objects": [
        *quota({"count/configmaps": "2"}),
        post(core("configmaps"), config_map()),
        post(core("configmaps"), config_map("b")),
    ],
    "quota: services": [
        *quota({"services": "5", "services.nodeports": "1", "services.loadbalancers": "0"}),
        post(core("services"), service(type="NodePort")),
        used(services="1"),
        post(core("services"), service("t", type="NodePort")),
        post(core("services"), service("u", type="LoadBalancer")),
    ],
    "quota: a service becomes another": [
        *quota({"services.nodeports": "0"}),
        post(core("services"), service()),
        patch(core("services/s"), {"spec": {"type": "NodePort"}}),
    ],
    "quota: claims": [
        *quota({"requests.storage": "3Gi", "persistentvolumeclaims": "5"}),
        post(CLAIMS, claim(storage="2Gi")),
        used(persistentvolumeclaims="1"),
        post(CLAIMS, claim("d", storage="2Gi")),
    ],
    "quota: it changes": [
        *quota({"pods": "1"}),
        patch(Q, {"spec": {"hard": {"pods": "2"}}}),
        until(Q, status_hard_pods="2", status_used_pods="0"),
    ],
    "quota: of pods without promises": [
        *quota({"pods": "1"}, scopes=["BestEffort"]),
        post(PODS, sized(requests=SMALL)),
        post(PODS, pod("q")),
        used(pods="1"),
        post(PODS, pod("r")),
    ],
    "quota: of pods that end": [
        *quota({"pods": "0"}, scopes=["Terminating"]),
        post(PODS, pod()),
        post(PODS, pod("q", activeDeadlineSeconds=60)),
    ],
    "quota: of a priority": [
        *quota(
            {"pods": "0"},
            scopeSelector={
                "matchExpressions": [
                    {"scopeName": "PriorityClass", "operator": "In", "values": ["system-node-critical"]}
                ]
            },
        ),
        post(PODS, pod()),
        post(PODS, pod("q", priorityClassName="system-node-critical")),
    ],
    "quota: a dry run": [
        *quota({"pods": "1"}),
        post(PODS, pod(), dryRun="All"),
        later(get(Q)),
    ],
    "quota: two that say no": [
        *quota({"pods": "0"}),
        post(PODS, pod()),
        post(PODS, {**pod(), "spec": {}}),
    ],
    "quota: is answered when it is deleted": [*quota({"pods": "1"}), delete(Q)],
}
