"""A pod as the parameters of ``CreateContainerGroup`` and ``UpdateContainerGroup``. Pure; ``status`` is the way back.

What ECI cannot do is refused with a reason (``Invalid``); what it can only do nearly is done, and noted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from providers import pods
from providers.data import PodData
from providers.eci import annotations, containers, names, volumes
from providers.eci.config import EciConfig
from providers.eci.containers import GIB, Notes, Wire
from providers.eci.names import Owner
from providers.errors import Invalid, Unsupported
from providers.types import Pod

MOST_CONTAINERS = 20
MOST_VOLUMES = 20
FREE_STORAGE = 30 * GIB
"""Bytes of ephemeral storage that a group has anyway."""

SAFE_SYSCTLS = ("net.ipv4.ping_group_range", "net.ipv4.ip_unprivileged_port_start")


@dataclass(frozen=True, slots=True)
class Group:
    """What is sent.

    Attributes:
        parameters: of the call, nested, with the API's names.
        approximations: what comes out differently than the pod asks for, a line each.
    """

    parameters: dict[str, Any]
    approximations: tuple[str, ...]


def build(pod: Pod, data: PodData, config: EciConfig, owner: Owner, cluster_domain: str) -> Group:
    """The call that creates the pod's group.

    Raises:
        Invalid: ECI cannot run such a pod; the message names the field and the reason.
    """
    ref, spec, notes = pods.ref(pod), _spec(pod), Notes()
    _refuse(pod)
    chosen = annotations.parameters(pod["metadata"].get("annotations") or {})
    parameters = {
        "RegionId": config.region,
        "ContainerGroupName": names.group_name(ref),
        "ClientToken": names.client_token(pod),
        "Tag": names.tags(ref, owner, pod["metadata"].get("creationTimestamp", "")),
        "RestartPolicy": pods.restart_policy(pod),
        "TerminationGracePeriodSeconds": spec.get("terminationGracePeriodSeconds"),
        "ActiveDeadlineSeconds": spec.get("activeDeadlineSeconds"),
        "HostName": spec.get("hostname"),
        "ShareProcessNamespace": spec.get("shareProcessNamespace") or None,
        "HostAliase": [
            {"Ip": each["ip"], "Hostname": list(each.get("hostnames") or [])} for each in spec.get("hostAliases") or []
        ],
        "ImageRegistryCredential": [
            {"Server": each.server, "UserName": each.username, "Password": each.password} for each in data.registries
        ],
        "Volume": volumes.volumes(spec, data),
        "EphemeralStorage": _storage(spec),
        **_containers(spec, data, notes),
        **_dns(pod, config, cluster_domain, notes),
        **_security(spec, notes),
        **_placement(config, chosen),
        **chosen,
    }
    return Group({key: value for key, value in parameters.items() if value not in (None, [], "")}, notes.lines())


def update(pod: Pod, group_id: str, region: str) -> dict[str, Any]:
    """The call that brings the containers' images in line with the pod: all that the API lets change, and ECI too.

    Raises:
        Unsupported: the pod's containers are not to be started twice, and an update does that.
    """
    if pods.restart_policy(pod) == "Never":
        raise Unsupported("ECI restarts the containers for an update, and this pod's restartPolicy is Never")
    if pod["spec"].get("ephemeralContainers"):
        raise Unsupported("ECI has no ephemeral containers")
    regular, initial, sidecars = _sorted(_spec(pod))
    parameters = {
        "RegionId": region,
        "ContainerGroupId": group_id,
        "UpdateType": "IncrementalUpdate",
        "Container": [{"Name": each["name"], "Image": each["image"]} for each in regular + sidecars],
        "InitContainer": [{"Name": each["name"], "Image": each["image"]} for each in initial],
    }
    return {key: value for key, value in parameters.items() if value}


def images(pod: Pod) -> dict[str, str]:
    """Container -> image: what an update can change."""
    spec = _spec(pod)
    return {each["name"]: each["image"] for each in (spec.get("containers") or []) + (spec.get("initContainers") or [])}


def _spec(pod: Pod) -> Wire:
    """The pod's spec, with more fields than ``providers.types`` names."""
    return cast("Wire", pod["spec"])


def _refuse(pod: Pod) -> None:
    """What no field of a group stands for."""
    spec = _spec(pod)
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(field):
            raise Invalid(f"{field}: a group of ECI shares nothing with a host")
    owners = pod["metadata"].get("ownerReferences") or []
    if any(each.get("kind") == "DaemonSet" for each in owners):
        raise Invalid("it belongs to a DaemonSet, and there is no machine here that it could look after")
    count = len(spec.get("containers") or []) + len(spec.get("initContainers") or [])
    if count > MOST_CONTAINERS:
        raise Invalid(f"{count} containers: a group has at most {MOST_CONTAINERS}")
    if len(spec.get("volumes") or []) > MOST_VOLUMES:
        raise Invalid(f"{len(spec['volumes'])} volumes: a group has at most {MOST_VOLUMES}")
    if (spec.get("os") or {}).get("name", "linux") != "linux":
        raise Invalid(f"os {spec['os']['name']}: only Linux containers are supported here")


def _containers(spec: Wire, data: PodData, notes: Notes) -> dict[str, Any]:
    security = spec.get("securityContext") or {}
    regular, initial, sidecars = _sorted(spec)
    if sidecars and initial:
        notes.add("sidecars start when all init containers have ended, not among them")
    mapped = [containers.container(each, security, data, notes) for each in regular]
    mapped += [containers.sidecar(each, place, security, data, notes) for place, each in enumerate(sidecars)]
    return {
        "Container": mapped,
        "InitContainer": [containers.init_container(each, security, data, notes) for each in initial],
    }


def _sorted(spec: Wire) -> tuple[list[Wire], list[Wire], list[Wire]]:
    """Regular containers, init containers, sidecars."""
    before = spec.get("initContainers") or []
    sidecars = [each for each in before if each.get("restartPolicy") == "Always"]
    return spec.get("containers") or [], [each for each in before if each not in sidecars], sidecars


def _storage(spec: Wire) -> int | None:
    """GiB of ephemeral storage beyond what is free."""
    asked = sum(containers.resource(each, "ephemeral-storage") or 0 for each in spec.get("containers") or [])
    beyond = asked - FREE_STORAGE
    return -int(-beyond // GIB) if beyond > 0 else None


def _dns(pod: Pod, config: EciConfig, cluster_domain: str, notes: Notes) -> dict[str, Any]:
    spec = _spec(pod)
    policy, own = spec.get("dnsPolicy", "ClusterFirst"), spec.get("dnsConfig") or {}
    servers, searches = list(own.get("nameservers") or []), list(own.get("searches") or [])
    options = {each["name"]: each.get("value") for each in own.get("options") or []}
    if policy == "ClusterFirst" and config.cluster_dns:
        namespace = pods.ref(pod).namespace
        cluster = [f"{namespace}.svc.{cluster_domain}", f"svc.{cluster_domain}", cluster_domain]
        servers, searches = [*config.cluster_dns, *servers], [*cluster, *searches]
        options = {"ndots": "5", **options}
    elif policy == "ClusterFirst":
        notes.add("dnsPolicy ClusterFirst: the VPC's DNS answers; set ClusterDNS in the provider's configuration")
    if not servers:
        if own:
            notes.add("dnsConfig: left out; ECI takes it with nameservers only")
        return {"DnsPolicy": "Default"}
    if policy == "Default":
        notes.add("dnsPolicy Default: with a dnsConfig of its own the pod asks its nameservers only")
    config_ = {
        "NameServer": servers,
        "Search": searches,
        "Option": [
            {"Name": name, **({"Value": value} if value is not None else {})} for name, value in options.items()
        ],
    }
    return {"DnsPolicy": "None", "DnsConfig": {key: value for key, value in config_.items() if value}}


def _security(spec: Wire, notes: Notes) -> dict[str, Any]:
    context = spec.get("securityContext") or {}
    lost = [
        name
        for name in ("fsGroup", "supplementalGroups", "seLinuxOptions", "appArmorProfile")
        if context.get(name) not in (None, [], {})
    ]
    if (context.get("seccompProfile") or {}).get("type", "RuntimeDefault") != "RuntimeDefault":
        lost.append("seccompProfile")
    if lost:
        notes.add(f"securityContext: ECI does not do {', '.join(lost)}")
    sysctls = [{"Name": each["name"], "Value": each["value"]} for each in context.get("sysctls") or []]
    safe = [each for each in sysctls if each["Name"] in SAFE_SYSCTLS]
    unsafe = [each for each in sysctls if each["Name"] not in SAFE_SYSCTLS]
    mapped: dict[str, Any] = {}
    if safe:
        mapped["SecurityContext"] = {"Sysctl": safe}
    if unsafe:
        mapped["HostSecurityContext"] = {"Sysctl": unsafe}
    return mapped


def _placement(config: EciConfig, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Where the group goes, unless the pod says otherwise. Of several vSwitches one may lie in a zone that is full."""
    mapped: dict[str, Any] = {
        "ZoneId": config.zone,
        "VSwitchId": ",".join(config.vswitches),
        "SecurityGroupId": config.security_group,
        "ResourceGroupId": config.resource_group,
        "RamRoleName": config.ram_role,
        "InstanceType": ",".join(config.instance_types) if "Cpu" not in chosen else "",
        "AutoMatchImageCache": config.image_cache or None,
    }
    if "," in str(chosen.get("VSwitchId", mapped["VSwitchId"])):
        mapped["ScheduleStrategy"] = config.schedule_strategy or "VSwitchOrdered"
    if config.spot_strategy != "NoSpot" and "SpotStrategy" not in chosen:
        mapped |= {"SpotStrategy": config.spot_strategy, "SpotPriceLimit": config.spot_price_limit}
    return mapped
