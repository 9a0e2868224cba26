"""The pods of the comparison of clouds (``features.comparison``): each asks for one feature, and for nothing else."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from providers.data import File, PodData, RegistryCredential
from providers.types import Pod


@dataclass(frozen=True, slots=True)
class Feature:
    """Something that a pod may ask for.

    Attributes:
        part: under which heading it is told.
        name: what it is.
        pod: a pod that asks for it, and for nothing else.
        data: what comes beside the pod.
    """

    part: str
    name: str
    pod: Pod
    data: PodData = field(default_factory=PodData)


_Fields = Mapping[str, Any] | None
_PORT = {"name": "http", "containerPort": 80}
_TRUE = {"exec": {"command": ["true"]}}
_GET = {"httpGet": {"path": "/", "port": 80}}
_HEADERS = {"httpGet": {"port": 80, "httpHeaders": [{"name": "A", "value": "b"}]}}
_SIZE = {"cpu": "1", "memory": "2Gi"}


def features() -> list[Feature]:
    """All of them, in the order of the table."""
    return [
        Feature(part, name, _pod(number, **fields), data) for number, (part, name, fields, data) in enumerate(_all())
    ]


def _pod(
    number: int, container: Mapping[str, Any] | None = None, meta: Mapping[str, Any] | None = None, **spec: Any
) -> Pod:
    main = {
        "name": "main",
        "image": "nginx:1.27",
        "resources": {"requests": _SIZE, "limits": _SIZE},
        **(container or {}),
    }
    metadata = {
        "name": f"pod-{number}",
        "namespace": "default",
        "uid": f"{number:08d}-0000-4000-8000-000000000000",
        "creationTimestamp": "2026-01-01T00:00:00Z",
        **(meta or {}),
    }
    defaults = {
        "restartPolicy": "Always",
        "nodeName": "vk",
        "dnsPolicy": "Default",
        "terminationGracePeriodSeconds": 30,
    }
    return cast("Pod", {"metadata": metadata, "spec": {"containers": [main], **defaults, **spec}})


Row = tuple[str, str, dict[str, Any], PodData]


def _all() -> Iterator[Row]:
    for part, rows in (
        ("Containers", _containers()),
        ("Init containers and sidecars", _initial()),
        ("Probes and hooks", _probes()),
        ("Volumes", _volumes()),
        ("Security", _security()),
        ("Network", _network()),
        ("The pod", _whole()),
    ):
        for name, fields, data in rows:
            yield part, name, fields, data


_Rows = Iterator[tuple[str, dict[str, Any], PodData]]
_NONE = PodData()


def _containers() -> _Rows:
    secret = PodData(secret_env=frozenset({("main", "PASSWORD")}))
    value = {"env": [{"name": "PASSWORD", "value": "s3cret"}]}
    limits = {"cpu": "2", "memory": "4Gi"}
    for name, fields in (
        ("command and arguments", {"command": ["sh", "-c"], "args": ["sleep infinity"]}),
        ("arguments alone, with the image's entry point", {"args": ["--verbose"]}),
        ("working directory", {"workingDir": "/tmp"}),  # noqa: S108  (a path in a container)
        ("environment", {"env": [{"name": "COLOUR", "value": "blue"}]}),
        ("TCP port", {"ports": [_PORT]}),
        ("UDP port", {"ports": [{"containerPort": 53, "protocol": "UDP"}]}),
        ("SCTP port", {"ports": [{"containerPort": 36412, "protocol": "SCTP"}]}),
        ("hostPort", {"ports": [{**_PORT, "hostPort": 80}]}),
        ("requests below limits", {"resources": {"requests": _SIZE, "limits": limits}}),
        ("no requests, no limits", {"resources": {}}),
        ("an odd size: 300m and 700Mi", {"resources": {"requests": {"cpu": "300m", "memory": "700Mi"}}}),
        ("50 GiB of ephemeral storage", {"resources": {"requests": {**_SIZE, "ephemeral-storage": "50Gi"}}}),
        ("imagePullPolicy Always", {"imagePullPolicy": "Always"}),
        ("terminal and input (tty, stdin)", {"tty": True, "stdin": True}),
        ("terminationMessagePath", {"terminationMessagePath": "/tmp/end"}),  # noqa: S108  (as above)
        ("terminationMessagePolicy FallbackToLogsOnError", {"terminationMessagePolicy": "FallbackToLogsOnError"}),
    ):
        yield name, {"container": fields}, _NONE
    gpu = {"resources": {"limits": {**_SIZE, "nvidia.com/gpu": "1"}}}
    kind = {"annotations": {"k8s.aliyun.com/eci-use-specs": "ecs.gn6i-c4g1.xlarge"}}
    yield "GPU (of a kind that is named, where a cloud wants that)", {"container": gpu, "meta": kind}, _NONE
    yield "environment from a Secret", {"container": value}, secret
    yield "status.podIP in the environment", {}, PodData(late_env=(("main", "MY_IP"),))
    many = [{"name": f"c{n}", "image": "nginx:1.27"} for n in range(21)]
    yield "21 containers", {"containers": many}, _NONE


def _initial() -> _Rows:
    init = {"name": "prepare", "image": "busybox:1", "command": ["true"]}
    sidecar = {"name": "proxy", "image": "envoy:1", "restartPolicy": "Always"}
    yield "init container", {"initContainers": [init]}, _NONE
    yield "two init containers in order", {"initContainers": [init, {**init, "name": "then"}]}, _NONE
    yield (
        "init container with a volume",
        {
            "initContainers": [{**init, "volumeMounts": [{"name": "v", "mountPath": "/v"}]}],
            "volumes": [{"name": "v", "emptyDir": {}}],
        },
        _NONE,
    )
    yield "sidecar", {"initContainers": [sidecar]}, _NONE
    yield "sidecar before an init container", {"initContainers": [sidecar, init]}, _NONE
    yield "sidecar with a readiness probe", {"initContainers": [{**sidecar, "readinessProbe": _TRUE}]}, _NONE


def _probes() -> _Rows:
    for name, fields in (
        ("liveness probe: exec", {"livenessProbe": _TRUE}),
        ("liveness probe: HTTP", {"livenessProbe": _GET, "ports": [_PORT]}),
        ("liveness probe: TCP", {"livenessProbe": {"tcpSocket": {"port": 80}}, "ports": [_PORT]}),
        ("liveness probe: gRPC", {"livenessProbe": {"grpc": {"port": 80}}, "ports": [_PORT]}),
        ("probe of a named port", {"livenessProbe": {"httpGet": {"port": "http"}}, "ports": [_PORT]}),
        (
            "probe with HTTP headers",
            {
                "livenessProbe": {"httpGet": {"port": 80, "httpHeaders": [{"name": "A", "value": "b"}]}},
                "ports": [_PORT],
            },
        ),
        ("readiness probe", {"readinessProbe": _TRUE}),
        ("startup probe", {"startupProbe": _TRUE}),
        ("startup and liveness probe", {"startupProbe": {**_TRUE, "failureThreshold": 6}, "livenessProbe": _TRUE}),
        ("postStart hook", {"lifecycle": {"postStart": _TRUE}}),
        ("preStop hook: exec", {"lifecycle": {"preStop": _TRUE}}),
        ("preStop hook: HTTP", {"lifecycle": {"preStop": _GET}, "ports": [_PORT]}),
        ("preStop hook: sleep", {"lifecycle": {"preStop": {"sleep": {"seconds": 5}}}}),
    ):
        yield name, {"container": fields}, _NONE


def _volumes() -> _Rows:
    def mounted(source: Mapping[str, Any], **mount: Any) -> dict[str, Any]:
        mounts = [{"name": "v", "mountPath": "/v", **mount}]
        return {"volumes": [{"name": "v", **source}], "container": {"volumeMounts": mounts}}

    def files(*of: File, secret: bool = False) -> PodData:
        return PodData(files={"v": of}, secret_volumes=frozenset({"v"} if secret else ()))

    one = File("key", 0o644, b"value")
    config = {"configMap": {"name": "c"}}
    yield "emptyDir", mounted({"emptyDir": {}}), _NONE
    yield "emptyDir in memory, with a limit", mounted({"emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}}), _NONE
    yield "configMap", mounted(config), files(one)
    yield "configMap, a file in a folder", mounted(config), files(File("deep/key", 0o644, b"value"))
    yield "configMap, a file with a mode", mounted(config), files(File("key", 0o400, b"value"))
    yield "configMap of 100 KiB", mounted(config), files(File("key", 0o644, bytes(100 * 1024)))
    yield "configMap without keys", mounted(config), files()
    yield "secret", mounted({"secret": {"secretName": "s"}}), files(one, secret=True)
    yield "projected, with a service-account token", mounted({"projected": {"sources": []}}), files(one, secret=True)
    yield "downwardAPI", mounted({"downwardAPI": {"items": []}}), files(one)
    yield "subPath", mounted({"emptyDir": {}}, subPath="part"), _NONE
    yield "subPath of a configMap", mounted(config, subPath="key"), files(one)
    yield "read-only mount", mounted({"emptyDir": {}}, readOnly=True), _NONE
    yield "mount propagation", mounted({"emptyDir": {}}, mountPropagation="HostToContainer"), _NONE
    yield "NFS", mounted({"nfs": {"server": "nfs.example", "path": "/"}}), _NONE
    yield "persistentVolumeClaim", mounted({"persistentVolumeClaim": {"claimName": "c"}}), _NONE
    yield "hostPath", mounted({"hostPath": {"path": "/var/log"}}), _NONE
    yield "gitRepo", mounted({"gitRepo": {"repository": "https://git.example/r"}}), _NONE
    disk = {"driver": "diskplugin.csi.alibabacloud.com", "volumeAttributes": {"diskId": "d-1"}}
    yield "CSI: Alibaba's disks", mounted({"csi": disk}), _NONE
    yield "CSI: another driver", mounted({"csi": {"driver": "csi.example"}}), _NONE


def _security() -> _Rows:
    for name, fields in (
        ("runAsUser", {"runAsUser": 1000}),
        ("runAsGroup", {"runAsGroup": 1000}),
        ("runAsNonRoot", {"runAsNonRoot": True}),
        ("readOnlyRootFilesystem", {"readOnlyRootFilesystem": True}),
        ("capabilities to add", {"capabilities": {"add": ["NET_ADMIN"]}}),
        ("capabilities to drop", {"capabilities": {"drop": ["ALL"]}}),
        ("allowPrivilegeEscalation: false", {"allowPrivilegeEscalation": False}),
        ("privileged", {"privileged": True}),
        ("seccomp RuntimeDefault", {"seccompProfile": {"type": "RuntimeDefault"}}),
        ("SELinux", {"seLinuxOptions": {"level": "s0"}}),
    ):
        yield name, {"container": {"securityContext": fields}}, _NONE
    pod_wide: tuple[tuple[str, dict[str, Any]], ...] = (
        ("runAsUser of the pod", {"runAsUser": 1000}),
        ("fsGroup", {"fsGroup": 2000}),
        ("supplementalGroups", {"supplementalGroups": [3000]}),
        ("sysctl, a safe one", {"sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]}),
        ("sysctl, an unsafe one", {"sysctls": [{"name": "net.core.somaxconn", "value": "1024"}]}),
    )
    for name, context in pod_wide:
        yield name, {"securityContext": context}, _NONE
    for field_name in ("hostPID", "hostIPC"):
        yield field_name, {field_name: True}, _NONE
    yield "shareProcessNamespace", {"shareProcessNamespace": True}, _NONE


def _network() -> _Rows:
    own = {"nameservers": ["10.0.0.10"], "searches": ["example"], "options": [{"name": "ndots", "value": "2"}]}
    yield "hostNetwork", {"hostNetwork": True}, _NONE
    yield "hostname", {"hostname": "web"}, _NONE
    yield "hostAliases", {"hostAliases": [{"ip": "10.0.0.1", "hostnames": ["db"]}]}, _NONE
    yield "dnsPolicy ClusterFirst", {"dnsPolicy": "ClusterFirst"}, _NONE
    yield "dnsPolicy None with a dnsConfig", {"dnsPolicy": "None", "dnsConfig": own}, _NONE


def _whole() -> _Rows:
    for policy in ("Always", "OnFailure", "Never"):
        yield f"restartPolicy {policy}", {"restartPolicy": policy}, _NONE
    yield "a grace period of 5 min", {"terminationGracePeriodSeconds": 300}, _NONE
    yield "activeDeadlineSeconds", {"activeDeadlineSeconds": 3600}, _NONE
    yield "image pull secret", {}, PodData(registries=(RegistryCredential("registry.example", "me", "s3cret"),))
    owner = {
        "ownerReferences": [{"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "d", "uid": "u", "controller": True}]
    }
    yield "a DaemonSet's pod", {"meta": owner}, _NONE
    yield "a name of 200 characters", {"meta": {"name": "x" * 200}}, _NONE
    yield "a name with dots", {"meta": {"name": "web.example.0"}}, _NONE
    yield "Windows", {"os": {"name": "windows"}}, _NONE
