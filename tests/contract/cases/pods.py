"""Pods: what is filled in, what is refused, what can be changed."""

from typing import Any

from tests.contract.cases.bodies import pod
from tests.contract.wire import Ask, Cases, core, patch, post, put

PODS, P = core("pods"), core("pods/p")
MAIN = {"name": "main", "image": "registry.example/app:1"}


def spec(**fields: Any) -> list[Ask]:
    return [post(PODS, pod(**fields))]


def container(**fields: Any) -> list[Ask]:
    return [post(PODS, pod(container=fields))]


def changed(**fields: Any) -> list[Ask]:
    return [post(PODS, pod(terminationGracePeriodSeconds=5)), patch(P, {"spec": fields})]


def status(*patches: Any, **fields: Any) -> list[Ask]:
    return [post(PODS, pod(**fields)), *(patch(f"{P}/status", {"status": each}) for each in patches)]


HTTP = {"httpGet": {"path": "/", "port": 80}}

CASES: Cases = {
    "a small pod is filled in": spec(),
    "no containers": spec(containers=[]),
    "no spec": [post(PODS, {"metadata": {"name": "p"}})],
    "two containers of a name": spec(containers=[MAIN, MAIN]),
    "a container without name": spec(containers=[{"image": "a"}]),
    "a container without image": spec(containers=[{"name": "a"}]),
    "a container's name in capitals": spec(containers=[{**MAIN, "name": "A"}]),
    "an image with a space": container(image=" a"),
    "an image without tag is pulled always": container(image="registry.example/app"),
    "an image by digest": container(image=f"registry.example/app@sha256:{'0' * 64}"),
    "a pull policy that is none": container(imagePullPolicy="Sometimes"),
    "a restart policy that is none": spec(restartPolicy="Sometimes"),
    "a DNS policy that is none": spec(dnsPolicy="Sometimes"),
    "a negative grace period": spec(terminationGracePeriodSeconds=-1),
    "a deadline of nothing": spec(activeDeadlineSeconds=0),
    "a host name": spec(hostname="a", subdomain="b"),
    "a host name with a dot": spec(hostname="a.b"),
    "host aliases": spec(hostAliases=[{"ip": "1.2.3.4", "hostnames": ["a"]}]),
    "a host alias that is no address": spec(hostAliases=[{"ip": "x", "hostnames": ["a"]}]),
    "a service account that is not there": spec(serviceAccountName="missing"),
    "no token is wanted": spec(automountServiceAccountToken=False),
    "a node's name": spec(nodeName="n1"),
    "a node's name that is none": spec(nodeName="N 1"),
    "a node selector": spec(nodeSelector={"a": "b"}),
    "a node selector that is none": spec(nodeSelector={"a b": "c"}),
    "a priority class that is not there": spec(priorityClassName="missing"),
    "the highest priority": spec(priorityClassName="system-node-critical"),
    "a priority of one's own": spec(priority=5),
    "requests": container(resources={"requests": {"cpu": "100m", "memory": "1Gi"}}),
    "limits become requests": container(resources={"limits": {"cpu": "1", "memory": "1Gi"}}),
    "a request above its limit": container(resources={"limits": {"cpu": "1"}, "requests": {"cpu": "2"}}),
    "a negative request": container(resources={"requests": {"cpu": "-1"}}),
    "a quantity that is none": container(resources={"requests": {"cpu": "many"}}),
    "quantities are as written": container(resources={"requests": {"cpu": "0.5", "memory": "1024Mi"}}),
    "a resource that is none": container(resources={"requests": {"gpu": "1"}}),
    "a fraction of a device": container(resources={"limits": {"example.org/gpu": "500m"}}),
    "devices are wanted and limited alike": container(resources={"limits": {"example.org/gpu": "1"}}),
    "best effort": status({"phase": "Running"}),
    "ports": container(ports=[{"containerPort": 80}, {"containerPort": 81, "name": "b", "protocol": "UDP"}]),
    "a port above all": container(ports=[{"containerPort": 65536}]),
    "a port's protocol that is none": container(ports=[{"containerPort": 1, "protocol": "ICMP"}]),
    "two ports of a name": container(ports=[{"containerPort": 1, "name": "a"}, {"containerPort": 2, "name": "a"}]),
    "a port's name of 16 characters": container(ports=[{"containerPort": 1, "name": "a" * 16}]),
    "environment": container(
        env=[
            {"name": "A", "value": "1"},
            {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "C", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k", "optional": True}}},
            {"name": "D", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
        ]
    ),
    "an environment variable without name": container(env=[{"value": "1"}]),
    "an environment variable of two sources": container(
        env=[{"name": "A", "value": "1", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]
    ),
    "an environment variable of a field that is none": container(
        env=[{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.x"}}}]
    ),
    "an environment variable of no source": container(env=[{"name": "A", "valueFrom": {}}]),
    "an HTTP probe is filled in": container(livenessProbe=HTTP),
    "a command's probe": container(readinessProbe={"exec": {"command": ["true"]}, "periodSeconds": 3}),
    "a TCP probe": container(startupProbe={"tcpSocket": {"port": "web"}}),
    "a gRPC probe": container(livenessProbe={"grpc": {"port": 9}}),
    "a probe of nothing": container(livenessProbe={"periodSeconds": 3}),
    "a probe of two": container(livenessProbe={**HTTP, "exec": {"command": ["true"]}}),
    "a liveness probe that must succeed twice": container(livenessProbe={**HTTP, "successThreshold": 2}),
    "a probe with a negative period": container(livenessProbe={**HTTP, "periodSeconds": -1}),
    "a command at the start": container(lifecycle={"postStart": {"exec": {"command": ["true"]}}}),
    "a command at the end without words": container(lifecycle={"preStop": {"exec": {"command": []}}}),
    "an init container": spec(initContainers=[{"name": "first", "image": "a"}]),
    "an init container that stays": spec(initContainers=[{"name": "first", "image": "a", "restartPolicy": "Always"}]),
    "an init container of the same name": spec(initContainers=[MAIN]),
    "an init container with a probe": spec(initContainers=[{"name": "first", "image": "a", "livenessProbe": HTTP}]),
    "volumes of all kinds": spec(
        volumes=[
            {"name": "a", "emptyDir": {}},
            {"name": "b", "configMap": {"name": "c"}},
            {"name": "c", "secret": {"secretName": "s"}},
            {"name": "d", "hostPath": {"path": "/x"}},
            {"name": "e", "downwardAPI": {"items": [{"path": "l", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
            {"name": "f", "projected": {"sources": [{"secret": {"name": "s"}}]}},
            {"name": "g", "persistentVolumeClaim": {"claimName": "c"}},
        ]
    ),
    "a volume without kind is an empty folder": spec(volumes=[{"name": "a"}]),
    "a volume of two kinds": spec(volumes=[{"name": "a", "emptyDir": {}, "hostPath": {"path": "/"}}]),
    "two volumes of a name": spec(volumes=[{"name": "a"}, {"name": "a"}]),
    "a volume without name": spec(volumes=[{"emptyDir": {}}]),
    "a mount of a volume": spec(
        container={"volumeMounts": [{"name": "a", "mountPath": "/a"}]}, volumes=[{"name": "a", "emptyDir": {}}]
    ),
    "a mount of no volume": container(volumeMounts=[{"name": "a", "mountPath": "/a"}]),
    "a mount at no path": spec(container={"volumeMounts": [{"name": "a"}]}, volumes=[{"name": "a"}]),
    "two mounts at a path": spec(
        container={"volumeMounts": [{"name": "a", "mountPath": "/a"}, {"name": "a", "mountPath": "/a"}]},
        volumes=[{"name": "a"}],
    ),
    "a toleration": spec(tolerations=[{"key": "a", "operator": "Exists", "effect": "NoExecute"}]),
    "a toleration that exists with a value": spec(tolerations=[{"key": "a", "operator": "Exists", "value": "b"}]),
    "a toleration of everything but no operator": spec(tolerations=[{"effect": "NoSchedule"}]),
    "a toleration for seconds": spec(tolerations=[{"key": "a", "effect": "NoSchedule", "tolerationSeconds": 5}]),
    "an operator that is none": spec(tolerations=[{"key": "a", "operator": "Near"}]),
    "a gate before the scheduler": spec(schedulingGates=[{"name": "example.org/g"}]),
    "an affinity": spec(
        affinity={
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]}]
                }
            }
        }
    ),
    "an affinity without terms": spec(
        affinity={"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}}
    ),
    "spread over a topology": spec(
        topologySpreadConstraints=[
            {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {}}
        ]
    ),
    "a spread of nothing": spec(
        topologySpreadConstraints=[{"maxSkew": 0, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}]
    ),
    "host network": spec(hostNetwork=True, container={"ports": [{"containerPort": 80}]}),
    "share of processes": spec(shareProcessNamespace=True, hostPID=True),
    "a security context": spec(
        securityContext={"runAsUser": 5, "fsGroup": 6}, container={"securityContext": {"runAsNonRoot": True}}
    ),
    "a negative user": spec(securityContext={"runAsUser": -1}),
    "the image can be changed": changed(containers=[{**MAIN, "image": "registry.example/app:2"}]),
    "the deadline can be set": changed(activeDeadlineSeconds=5),
    "a toleration can be added": changed(
        tolerations=[
            {
                "effect": "NoExecute",
                "key": "node.kubernetes.io/not-ready",
                "operator": "Exists",
                "tolerationSeconds": 300,
            },
            {
                "effect": "NoExecute",
                "key": "node.kubernetes.io/unreachable",
                "operator": "Exists",
                "tolerationSeconds": 300,
            },
            {"key": "more", "operator": "Exists"},
        ]
    ),
    "the node cannot be changed": changed(nodeName="n2"),
    "the service account cannot be changed": changed(serviceAccountName="other"),
    "the grace period cannot be changed": changed(terminationGracePeriodSeconds=7),
    "the containers cannot become more": changed(containers=[MAIN, {"name": "b", "image": "c"}]),
    "an update by what was sent": [post(PODS, pod()), put(P, pod())],
    "status: phase": status({"phase": "Running", "podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}]}),
    "status: a phase that is none": status({"phase": "Sleeping"}),
    "status: conditions": status({"conditions": [{"type": "Ready", "status": "True"}]}),
    "status: a container's end": status(
        {
            "phase": "Succeeded",
            "containerStatuses": [
                {
                    "name": "main",
                    "image": "i",
                    "imageID": "d",
                    "ready": False,
                    "restartCount": 0,
                    "state": {"terminated": {"exitCode": 0}},
                }
            ],
        }
    ),
    "status: of the wrong type": status({"phase": 5}),
    "status: from the start is not taken": [post(PODS, {**pod(), "status": {"phase": "Running"}})],
}
