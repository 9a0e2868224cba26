"""Where a group is reached, and whom it asks for names. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from providers.aci import containers
from providers.aci.config import AciConfig
from providers.errors import Invalid
from providers.types import Container, Pod

DNS_LABEL = "virtualkubelet.io/dnsnamelabel"
"""Annotation of a pod: the first part of its public DNS name."""

MOST_PORTS = 5
"""Of an address."""

_MOST_SERVERS, _MOST_SEARCHES = 3, 6
_LONGEST_SEARCH, _LONGEST_SEARCHES = 253, 256
"""Characters of a search domain, and of all with blanks between them (resolv.conf's limits, as Virtual Kubelet has)."""


def mapped(
    pod: Pod, regular: Sequence[Container], config: AciConfig, domain: str, *, has_address: bool
) -> dict[str, Any]:
    """The group's subnet and DNS, or its public address if it has ports.

    Raises:
        Invalid: more ports than an address has, or spare capacity in a subnet.
    """
    if config.subnet:
        if not has_address:
            raise Invalid("priority Spot: ACI has spare capacity outside of virtual networks only")
        result: dict[str, Any] = {"subnetIds": [{"id": config.subnet}]}
        if dns := _dns(pod, config, domain):
            result["dnsConfig"] = dns
        return result
    ports = {
        (each["containerPort"], containers.protocol(container, each)): None
        for container in regular
        for each in container.get("ports") or []
    }
    if not ports or not has_address:
        return {}
    if len(ports) > MOST_PORTS:
        raise Invalid(
            f"the pod has {len(ports)} ports; a public address of ACI has at most {MOST_PORTS}. In a subnet "
            "(ACI_SUBNET_NAME) there is no such limit"
        )
    address: dict[str, Any] = {
        "type": "Public",
        "ports": [{"port": port, "protocol": protocol} for port, protocol in ports],
    }
    if label := (pod["metadata"].get("annotations") or {}).get(DNS_LABEL):
        address["dnsNameLabel"] = label
    return {"ipAddress": address}


def _dns(pod: Pod, config: AciConfig, domain: str) -> dict[str, Any]:
    """The resolver's configuration; empty where Azure's own is to be used."""
    if config.operating_system == "Windows":
        return {}
    spec: Mapping[str, Any] = pod.get("spec", {})
    own: Mapping[str, Any] = spec.get("dnsConfig") or {}
    servers: list[str] = []
    searches: list[str] = []
    if config.dns_server and spec.get("dnsPolicy", "ClusterFirst") in ("ClusterFirst", "ClusterFirstWithHostNet"):
        namespace = pod["metadata"].get("namespace", "default")
        servers.append(config.dns_server)
        searches += [f"{namespace}.svc.{domain}", f"svc.{domain}", domain]
    servers = list(dict.fromkeys([*servers, *(own.get("nameservers") or [])]))[:_MOST_SERVERS]
    if not servers:
        return {}
    result: dict[str, Any] = {"nameServers": servers}
    if searches := _fitting([*searches, *(own.get("searches") or [])]):
        result["searchDomains"] = " ".join(searches)
    if options := [_option(each) for each in own.get("options") or []]:
        result["options"] = " ".join(options)
    return result


def _fitting(searches: Sequence[str]) -> list[str]:
    """As many of the domains as a resolver takes; those at the end go first."""
    result = [each for each in dict.fromkeys(searches) if len(each) <= _LONGEST_SEARCH][:_MOST_SEARCHES]
    while len(" ".join(result)) > _LONGEST_SEARCHES:
        result.pop()
    return result


def _option(given: Mapping[str, Any]) -> str:
    return f"{given['name']}:{given['value']}" if given.get("value") else str(given["name"])
