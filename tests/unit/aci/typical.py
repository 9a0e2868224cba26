"""Twenty pods as people write them, each with what the runner hands over beside it. Their groups are in golden/."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from providers.aci.config import AciConfig, LogAnalytics
from providers.aci.volumes import SecretKey, Storage
from providers.data import NO_DATA, File, PodData, RegistryCredential
from providers.types import Pod

CONFIG = AciConfig(subscription="sub", resource_group="vk", region="westeurope")
NETWORK = "/subscriptions/sub/resourceGroups/vk/providers/Microsoft.Network/virtualNetworks/net/subnets/aci"
IN_SUBNET = replace(CONFIG, subnet=NETWORK, dns_server="10.0.0.10")
IDENTITY = "/subscriptions/sub/resourceGroups/vk/providers/Microsoft.ManagedIdentity/userAssignedIdentities/puller"


@dataclass(frozen=True)
class Case:
    """A pod, and what is known beside it."""

    pod: Pod
    data: PodData = NO_DATA
    config: AciConfig = CONFIG
    storage: Mapping[SecretKey, Storage] = field(default_factory=dict)


def pod(*containers: Mapping[str, Any], annotations: Mapping[str, str] | None = None, **spec: Any) -> Pod:
    metadata: dict[str, Any] = {
        "namespace": "shop",
        "name": "web-0",
        "uid": "6b3f4c1e-0000-4000-8000-000000000001",
        "creationTimestamp": "2026-01-02T03:04:05Z",
    }
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {"metadata": metadata, "spec": {"containers": [*containers], **spec}}  # type: ignore[return-value,typeddict-item]


def main(**fields: Any) -> dict[str, Any]:
    return {"name": "main", "image": "registry.example/app:1", **fields}


def mounted(*mounts: tuple[str, str], **fields: Any) -> dict[str, Any]:
    return main(volumeMounts=[{"name": name, "mountPath": path} for name, path in mounts], **fields)


def file(path: str, data: str, mode: int = 0o644) -> File:
    return File(path, mode, data.encode())


_VARIABLES = [{"name": "PLAIN", "value": "v"}, {"name": "EMPTY", "value": ""}, {"name": "PASSWORD", "value": "s3cret"}]

CASES: dict[str, Case] = {
    "plain": Case(pod(main())),
    "job": Case(pod(main(command=["sh", "-c"], args=["echo $HOME; exit 3"]), restartPolicy="Never")),
    "environment": Case(pod(main(env=_VARIABLES)), PodData(secret_env=frozenset({("main", "PASSWORD")}))),
    "public-ports": Case(
        pod(
            main(ports=[{"name": "http", "containerPort": 80}, {"containerPort": 53, "protocol": "UDP"}]),
            annotations={"virtualkubelet.io/dnsnamelabel": "shop-web"},
        )
    ),
    "subnet": Case(pod(main(ports=[{"containerPort": 80}]), dnsPolicy="ClusterFirst"), config=IN_SUBNET),
    "subnet-dns": Case(
        pod(
            main(),
            dnsPolicy="None",
            dnsConfig={
                "nameservers": ["10.1.1.1"],
                "searches": ["example.com"],
                "options": [{"name": "ndots", "value": "2"}, {"name": "rotate"}],
            },
        ),
        config=IN_SUBNET,
    ),
    "requests": Case(pod(main(resources={"requests": {"cpu": "255m", "memory": "128Mi"}}))),
    "burstable": Case(
        pod(
            main(resources={"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}}),
            {
                "name": "helper",
                "image": "registry.example/helper:1",
                "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "64Mi"}},
            },
        )
    ),
    "gpu": Case(
        pod(
            main(resources={"requests": {"cpu": "4", "memory": "20G"}, "limits": {"nvidia.com/gpu": "1"}}),
            annotations={"virtual-kubelet.io/gpu-type": "V100"},
        )
    ),
    "config-map": Case(
        pod(
            mounted(("cfg", "/etc/app"), ("empty", "/etc/none")),
            volumes=[
                {"name": "cfg", "configMap": {"name": "settings"}},
                {"name": "empty", "configMap": {"name": "gone", "optional": True}},
            ],
        ),
        PodData(
            files={
                "cfg": (file("a.conf", "a=1"), file("deep/er/b.conf", "b=2"), file("deep/c.conf", "c=3")),
                "empty": (),
            }
        ),
    ),
    "secret-directory": Case(
        pod(
            main(volumeMounts=[{"name": "certificates", "mountPath": "/tls/", "subPath": "server", "readOnly": True}]),
            volumes=[{"name": "certificates", "secret": {"secretName": "tls"}}],
        ),
        PodData(
            files={
                "certificates": (
                    file("ca.crt", "CA"),
                    file("server/tls.crt", "CRT", 0o400),
                    file("server/tls.key", "KEY", 0o400),
                )
            },
            secret_volumes=frozenset({"certificates"}),
        ),
    ),
    "service-account": Case(
        pod(
            mounted(("kube-api-access-x2x", "/var/run/secrets/kubernetes.io/serviceaccount")),
            volumes=[{"name": "kube-api-access-x2x", "projected": {"sources": []}}],
        ),
        PodData(files={"kube-api-access-x2x": (file("ca.crt", "CA"), file("namespace", "shop"), file("token", "ey"))}),
    ),
    "azure-files": Case(
        pod(
            mounted(("share", "/data"), ("inline", "/more"), ("tmp", "/tmp")),
            volumes=[
                {"name": "share", "azureFile": {"shareName": "data", "secretName": "account", "readOnly": True}},
                {
                    "name": "inline",
                    "csi": {
                        "driver": "file.csi.azure.com",
                        "volumeAttributes": {"shareName": "more", "secretName": "account"},
                    },
                },
                {"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}},
            ],
        ),
        storage={("shop", "account"): Storage("storeacct", "a2V5")},
    ),
    "git": Case(
        pod(
            mounted(("source", "/src")),
            volumes=[{"name": "source", "gitRepo": {"repository": "https://git.example/x.git", "revision": "abc"}}],
        )
    ),
    "init-and-sidecar": Case(
        pod(
            main(),
            initContainers=[
                {
                    "name": "prepare",
                    "image": "registry.example/tool:1",
                    "command": ["/prepare"],
                    "resources": {"requests": {"memory": "2G"}},
                },
                {"name": "proxy", "image": "registry.example/proxy:1", "restartPolicy": "Always"},
            ],
        )
    ),
    "probes": Case(
        pod(
            main(
                ports=[{"name": "http", "containerPort": 8080}],
                livenessProbe={"httpGet": {"path": "/live", "port": "http", "scheme": "HTTPS"}, "periodSeconds": 5},
                readinessProbe={
                    "exec": {"command": ["cat", "/ready"]},
                    "failureThreshold": 2,
                    "initialDelaySeconds": 1,
                },
                startupProbe={"httpGet": {"path": "/live", "port": 8080}, "failureThreshold": 30, "periodSeconds": 2},
            )
        )
    ),
    "security": Case(
        pod(
            main(
                securityContext={
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "runAsUser": 1000,
                    "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]},
                    "seccompProfile": {"type": "RuntimeDefault"},
                }
            ),
            securityContext={"runAsUser": 0, "runAsGroup": 2000, "runAsNonRoot": True, "fsGroup": 2000},
        )
    ),
    "registries": Case(
        pod(main(image="ours.azurecr.io/app:1"), {"name": "two", "image": "busybox"}),
        PodData(registries=(RegistryCredential("https://index.docker.io/v1/", "me", "pw"),)),
        replace(CONFIG, registry_identities={"ours.azurecr.io": IDENTITY}),
    ),
    "log-analytics": Case(
        pod(main()),
        config=replace(CONFIG, log_analytics=LogAnalytics("ws", "a2V5", "/subscriptions/sub/aks"), cluster="prod"),
    ),
    "spot-zone-identity": Case(
        pod(
            main(ports=[{"containerPort": 80}]),
            restartPolicy="OnFailure",
            annotations={
                "virtual-kubelet.io/priority": "Spot",
                "virtual-kubelet.io/zones": "1",
                "virtual-kubelet.io/user-assigned-identities": IDENTITY,
                "virtual-kubelet.io/system-assigned-identity": "true",
            },
        )
    ),
    "confidential": Case(
        pod(main(), annotations={"virtual-kubelet.io/confidential-compute-cce-policy": "cGFja2FnZQ=="})
    ),
    "extensions": Case(
        pod(main()),
        config=replace(IN_SUBNET, kube_proxy='{"kind": "Config"}', cluster_cidr="10.240.0.0/16", realtime_metrics=True),
    ),
    "windows": Case(
        pod(
            mounted(
                ("token", "/var/run/secrets/kubernetes.io/serviceaccount"), ("data", "C:/data".replace("C:", "/c"))
            ),
            volumes=[{"name": "token", "projected": {"sources": []}}, {"name": "data", "emptyDir": {}}],
        ),
        PodData(files={"token": (file("token", "ey"),)}),
        replace(IN_SUBNET, operating_system="Windows"),
    ),
}
