"""The kinds beyond the core: what a new object is completed with, what is refused, how workloads are scaled."""

from typing import Any

from tests.contract.wire import STRATEGIC, TABLE, Ask, Cases, core, get, group, patch, post, put

TEMPLATE: dict[str, Any] = {
    "metadata": {"labels": {"app": "web"}},
    "spec": {"containers": [{"name": "main", "image": "registry.example/app:1"}]},
}
SELECTING = {"selector": {"matchLabels": {"app": "web"}}, "template": TEMPLATE}
NEVER = {"template": {"spec": {**TEMPLATE["spec"], "restartPolicy": "Never"}}}
APPS, BATCH = "apps/v1", "batch/v1"
DEPLOYMENTS = group(APPS, "deployments")


def make(where: str, kind: str, plural: str, **content: Any) -> Ask:
    path = core(plural) if where == "v1" else group(where, plural)
    return post(path, {"apiVersion": where, "kind": kind, "metadata": {"name": "w"}, **content})


def deployment(**spec: Any) -> Ask:
    return make(APPS, "Deployment", "deployments", spec={**SELECTING, **spec})


CASES: Cases = {
    "a deployment": [deployment(), get(f"{DEPLOYMENTS}/w"), get(DEPLOYMENTS, TABLE)],
    "a replica set": [
        make(APPS, "ReplicaSet", "replicasets", spec=SELECTING),
        get(group(APPS, "replicasets"), TABLE),
    ],
    "a stateful set": [
        make(APPS, "StatefulSet", "statefulsets", spec={**SELECTING, "serviceName": "web"}),
        get(group(APPS, "statefulsets"), TABLE),
    ],
    "a daemon set": [
        make(APPS, "DaemonSet", "daemonsets", spec=SELECTING),
        get(group(APPS, "daemonsets"), TABLE),
    ],
    "a replication controller": [
        make("v1", "ReplicationController", "replicationcontrollers", spec={"template": TEMPLATE}),
        get(core("replicationcontrollers"), TABLE),
    ],
    "a job": [make(BATCH, "Job", "jobs", spec=NEVER), get(group(BATCH, "jobs"), TABLE)],
    "a job of many": [make(BATCH, "Job", "jobs", spec={**NEVER, "parallelism": 3})],
    "a job's own labels": [
        post(group(BATCH, "jobs"), {"metadata": {"name": "w", "labels": {"a": "b"}}, "spec": NEVER}),
    ],
    "a cron job": [
        make(BATCH, "CronJob", "cronjobs", spec={"schedule": "* * * * *", "jobTemplate": {"spec": NEVER}}),
        get(group(BATCH, "cronjobs"), TABLE),
    ],
    "a disruption budget": [
        make(
            "policy/v1",
            "PodDisruptionBudget",
            "poddisruptionbudgets",
            spec={"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}},
        ),
        get(group("policy/v1", "poddisruptionbudgets"), TABLE),
    ],
    "a role": [
        make(
            "rbac.authorization.k8s.io/v1",
            "Role",
            "roles",
            rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}],
        ),
    ],
    "a role's name may have a colon": [
        post(group("rbac.authorization.k8s.io/v1", "roles"), {"metadata": {"name": "a:b"}}),
    ],
    "a role binding": [
        make(
            "rbac.authorization.k8s.io/v1",
            "RoleBinding",
            "rolebindings",
            roleRef={"kind": "Role", "name": "w"},
            subjects=[{"kind": "User", "name": "me"}, {"kind": "ServiceAccount", "name": "sa", "namespace": "x"}],
        ),
    ],
    "a claim": [
        make(
            "v1",
            "PersistentVolumeClaim",
            "persistentvolumeclaims",
            spec={"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        ),
    ],
    "an endpoint slice": [
        make(
            "discovery.k8s.io/v1",
            "EndpointSlice",
            "endpointslices",
            addressType="IPv4",
            endpoints=[{"addresses": ["10.0.0.1"]}],
            ports=[{"port": 80}],
        ),
    ],
    "an ingress": [
        make(
            "networking.k8s.io/v1",
            "Ingress",
            "ingresses",
            spec={"defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}},
        ),
    ],
    "a network policy": [
        make("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies", spec={"podSelector": {}}),
    ],
    "a pod template": [make("v1", "PodTemplate", "podtemplates", template=TEMPLATE)],
    "a controller revision": [
        make(APPS, "ControllerRevision", "controllerrevisions", revision=1, data={"a": 1}),
    ],
    "an autoscaler": [
        make(
            "autoscaling/v2",
            "HorizontalPodAutoscaler",
            "horizontalpodautoscalers",
            spec={
                "maxReplicas": 3,
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "w"},
                "metrics": [
                    {
                        "type": "Resource",
                        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}},
                    }
                ],
            },
        ),
    ],
    "a changed template counts": [
        deployment(),
        patch(
            f"{DEPLOYMENTS}/w",
            {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "registry.example/app:2"}]}}}},
            STRATEGIC,
        ),
        patch(f"{DEPLOYMENTS}/w", {"metadata": {"labels": {"a": "b"}}}),
    ],
    "a status by itself": [
        deployment(),
        patch(f"{DEPLOYMENTS}/w/status", {"status": {"replicas": 2}, "spec": {"replicas": 9}}),
    ],
    "a recreating deployment": [deployment(strategy={"type": "Recreate"})],
    "half a strategy": [deployment(strategy={"rollingUpdate": {"maxSurge": 1}})],
    "without a selector": [make(APPS, "Deployment", "deployments", spec={"template": TEMPLATE})],
    "a selector that selects others": [deployment(selector={"matchLabels": {"app": "db"}})],
    "a selector that changes": [
        deployment(),
        patch(f"{DEPLOYMENTS}/w", {"spec": {"selector": {"matchLabels": {"x": "y"}}}}),
    ],
    "fewer than none": [deployment(replicas=-1)],
    "pods that end are no deployment's": [
        deployment(template={**TEMPLATE, "spec": {**TEMPLATE["spec"], "restartPolicy": "Never"}}),
    ],
    "pods that never end are no job's": [make(BATCH, "Job", "jobs", spec={"template": {"spec": TEMPLATE["spec"]}})],
    "a template without containers": [deployment(template={**TEMPLATE, "spec": {}})],
    "a scale": [
        deployment(replicas=2),
        get(f"{DEPLOYMENTS}/w/scale"),
        patch(f"{DEPLOYMENTS}/w/scale", {"spec": {"replicas": 5}}),
        get(f"{DEPLOYMENTS}/w"),
    ],
    "a scale that is put": [
        deployment(),
        put(f"{DEPLOYMENTS}/w/scale", {"metadata": {"name": "w", "namespace": "$NS"}, "spec": {"replicas": 0}}),
        get(f"{DEPLOYMENTS}/w/scale"),
    ],
    "a scale of fewer than none": [deployment(), patch(f"{DEPLOYMENTS}/w/scale", {"spec": {"replicas": -1}})],
    "a scale of what has none": [
        make(APPS, "DaemonSet", "daemonsets", spec=SELECTING),
        get(group(APPS, "daemonsets/w/scale")),
    ],
    "a scale of an old version": [
        deployment(),
        patch(f"{DEPLOYMENTS}/w", {"metadata": {"labels": {"a": "b"}}}),
        put(
            f"{DEPLOYMENTS}/w/scale",
            {"metadata": {"name": "w", "namespace": "$NS", "resourceVersion": "$RV0"}, "spec": {"replicas": 1}},
        ),
    ],
}
