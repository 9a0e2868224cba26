"""A pod as a container group: what is sent to ACI. Pure."""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from providers import pods
from providers.aci import containers, network, resources, tags, volumes
from providers.aci.config import AciConfig
from providers.aci.volumes import SecretKey, Storage
from providers.data import PodData
from providers.errors import Invalid
from providers.types import Container, Pod

MOST_CONTAINERS = 60

GPU_TYPE = "virtual-kubelet.io/gpu-type"
CCE_POLICY = "virtual-kubelet.io/confidential-compute-cce-policy"
CONTAINER_SKU = "virtual-kubelet.io/container-sku"
IDENTITIES = "virtual-kubelet.io/user-assigned-identities"
SYSTEM_IDENTITY = "virtual-kubelet.io/system-assigned-identity"
PRIORITY = "virtual-kubelet.io/priority"
ZONES = "virtual-kubelet.io/zones"
"""Annotations of a pod; the first three are Virtual Kubelet's."""

_PROXY_VERSION = "v1.9.10"
"""The only one that Azure's extension knows (Virtual Kubelet sends it)."""

_REFUSED = {
    "hostNetwork": "a container group has a network of its own",
    "hostPID": "there is no host to see",
    "hostIPC": "there is no host to share with",
    "hostAliases": "ACI writes /etc/hosts itself; use names that DNS knows",
    "shareProcessNamespace": "ACI gives each container its own process namespace",
}

_SECRET_FIELDS = frozenset(
    {"secureValue", "secret", "password", "storageAccountKey", "workspaceKey", "protectedSettings"}
)


def container_group(
    pod: Pod, data: PodData, config: AciConfig, *, node: str, domain: str, storage: Mapping[SecretKey, Storage]
) -> dict[str, Any]:
    """The body of the request that makes a pod's group.

    Args:
        pod: the pod, its environment resolved.
        data: what its volumes and its registries need.
        config: the operator's.
        node: the node's name.
        domain: the cluster's DNS domain.
        storage: the accounts of its Azure Files shares.

    Raises:
        Invalid: the pod wants what ACI does not have; the message says what and why.
    """
    for field, reason in _REFUSED.items():
        if pod.get("spec", {}).get(field):
            raise Invalid(f"{field}: {reason}")
    init, regular = _containers(pod)
    annotations = pod["metadata"].get("annotations") or {}
    priority = annotations.get(PRIORITY) or config.priority
    logins, pulling = _registries(regular, init, data, config)
    mounts = volumes.mapped(pod, data, storage, windows=config.operating_system == "Windows")
    made = [containers.container(pod, each, data, mounts.of_container[each["name"]]) for each in regular]
    gpu_sku = annotations.get(GPU_TYPE) or config.gpu_sku
    for each, amounts in zip(made, resources.mapped(regular, init, gpu_sku), strict=True):
        each["properties"]["resources"] = amounts
    properties = {
        "containers": made,
        "initContainers": [
            containers.init_container(pod, each, data, mounts.of_container[each["name"]]) for each in init
        ],
        "osType": config.operating_system,
        "restartPolicy": pods.restart_policy(pod),
        "volumes": mounts.volumes,
        "imageRegistryCredentials": logins,
        "diagnostics": _diagnostics(pod, config, node),
        "extensions": _extensions(config),
        **_offer(annotations, priority),
        **network.mapped(pod, regular, config, domain, has_address=priority.lower() != "spot"),
    }
    group = _present(
        {
            "location": config.region,
            "identity": _identity(annotations, config, pulling),
            "zones": _listed(annotations.get(ZONES)) or list(config.zones),
            "properties": _present(properties),
        }
    )
    _check_gpu(group, config)
    marks = {
        tags.SIDECARS: ",".join(each["name"] for each in regular if each.get("restartPolicy") == "Always"),
        tags.SPEC: _digest(group),
    }
    return {**group, "tags": {**tags.of_pod(pod, node, config.cluster), **_present(marks)}}


def encoded(group: Mapping[str, Any]) -> bytes:
    """The group as it is sent: as bytes, since the SDK drops keys that it does not know from a dict."""
    return orjson.dumps(group)


def _containers(pod: Pod) -> tuple[list[Container], list[Container]]:
    """The containers that run first, and those that run together: a sidecar is one of these."""
    given = pod.get("spec", {}).get("initContainers") or []
    init = [each for each in given if each.get("restartPolicy") != "Always"]
    sidecars = [each for each in given if each.get("restartPolicy") == "Always"]
    if sidecars and pods.restart_policy(pod) != "Always":
        raise Invalid(
            f"init container {sidecars[0]['name']}: restartPolicy Always in a pod that is to end: ACI would wait for "
            "the sidecar; give the pod the restartPolicy Always, or make it an ordinary container that ends"
        )
    regular = [*sidecars, *pods.containers(pod)]
    count = len(init) + len(regular)
    if count > MOST_CONTAINERS:
        raise Invalid(f"the pod has {count} containers; ACI takes at most {MOST_CONTAINERS} in a container group")
    return init, regular


def _registries(
    regular: Sequence[Container], init: Sequence[Container], data: PodData, config: AciConfig
) -> tuple[list[dict[str, str]], list[str]]:
    """The logins at registries, and the identities that some of them need."""
    logins: dict[str, dict[str, str]] = {}
    for login in data.registries:
        server = _server(login.server)
        logins.setdefault(server, {"server": server, "username": login.username, "password": login.password})
    pulling: dict[str, None] = {}
    for container in (*regular, *init):
        server = container.get("image", "").partition("/")[0].lower()
        identity = config.registry_identities.get(server)
        if identity and server not in logins:
            logins[server] = {"server": server, "identity": identity}
            pulling[identity] = None
    return list(logins.values()), list(pulling)


def _server(name: str) -> str:
    """A registry as ACI wants it: ``https://index.docker.io/v1/`` is ``index.docker.io``."""
    return re.sub(r"^[a-z]+://", "", name.lower()).partition("/")[0]


def _offer(annotations: Mapping[str, str], priority: str) -> dict[str, Any]:
    """What kind of capacity the group is to have."""
    result: dict[str, Any] = {}
    policy = annotations.get(CCE_POLICY)
    if policy or annotations.get(CONTAINER_SKU, "").lower() == "confidential":
        result["sku"] = "Confidential"
    if policy:
        result["confidentialComputeProperties"] = {"ccePolicy": policy}
    match priority.lower():
        case "spot":
            result["priority"] = "Spot"
        case "regular":
            pass
        case _:
            raise Invalid(f"annotation {PRIORITY}: {priority!r} is not Regular or Spot")
    return result


def _identity(annotations: Mapping[str, str], config: AciConfig, pulling: Sequence[str]) -> dict[str, Any]:
    assigned = dict.fromkeys([*config.identities, *_listed(annotations.get(IDENTITIES)), *pulling])
    kinds = ["SystemAssigned"] if annotations.get(SYSTEM_IDENTITY, "").lower() == "true" else []
    if assigned:
        kinds.append("UserAssigned")
    if not kinds:
        return {}
    return {
        "type": ", ".join(kinds),
        **({"userAssignedIdentities": {each: {} for each in assigned}} if assigned else {}),
    }


def _listed(text: str | None) -> list[str]:
    return [each.strip() for each in (text or "").split(",") if each.strip()]


def _diagnostics(pod: Pod, config: AciConfig, node: str) -> dict[str, Any]:
    given = config.log_analytics
    if given is None:
        return {}
    analytics: dict[str, Any] = {"workspaceId": given.workspace, "workspaceKey": given.key}
    if given.cluster:
        analytics["logType"] = "ContainerInsights"
        analytics["metadata"] = {
            "cluster-resource-id": given.cluster,
            "node-name": node,
            "pod-uuid": pods.uid(pod),
        }
    return {"logAnalytics": analytics}


def _extensions(config: AciConfig) -> list[dict[str, Any]]:
    """What Azure adds to groups in a subnet: routes to Services, measures by the second."""
    if config.operating_system == "Windows" or not config.subnet:
        return []
    result = []
    if config.kube_proxy:
        settings = {"clusterCidr": config.cluster_cidr, "kubeVersion": _PROXY_VERSION}
        secret = {"kubeConfig": base64.b64encode(config.kube_proxy.encode()).decode()}
        result.append(_extension("kube-proxy", settings=settings, protectedSettings=secret))
    if config.realtime_metrics:
        result.append(_extension("realtime-metrics"))
    return result


def _extension(name: str, **more: Mapping[str, str]) -> dict[str, Any]:
    return {"name": name, "properties": {"extensionType": name, "version": "1.0", **more}}


def _check_gpu(group: Mapping[str, Any], config: AciConfig) -> None:
    properties = group["properties"]
    if not any("gpu" in each["properties"]["resources"]["requests"] for each in properties["containers"]):
        return
    if config.operating_system == "Windows" or "subnetIds" in properties:
        raise Invalid(f"{resources.GPU}: ACI has GPUs for Linux outside of virtual networks only")


def _digest(group: Mapping[str, Any]) -> str:
    """Stands for what the group is made of. It is a tag for many to read, so no secret goes into it."""
    plain = orjson.dumps(_without_secrets(group), option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(plain).hexdigest()[:32]


def _present(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that have a value."""
    return {key: value for key, value in fields.items() if value}


def _without_secrets(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_secrets(each) for key, each in value.items() if key not in _SECRET_FIELDS}
    if isinstance(value, list):
        return [_without_secrets(each) for each in value]
    return value
