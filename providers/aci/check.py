"""What can be known about Azure before the first pod: the resource group, the region, the quotas, the subnet."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from providers import quantity
from providers.aci.client import AciClient
from providers.aci.config import AciConfig
from providers.aci.resources import GPU
from providers.base import Finding
from providers.errors import Invalid, InvalidConfig, NotFound, ProviderError
from providers.types import ResourceList

DELEGATE = "Microsoft.ContainerInstance/containerGroups"

Log = logging.Logger | logging.LoggerAdapter[logging.Logger]


class Checker:
    """Asks Azure.

    Args:
        config: what the operator decided.
        client: the way to Azure.
    """

    def __init__(self, config: AciConfig, client: AciClient) -> None:
        self._config = config
        self._client = client

    async def start(self, log: Log) -> None:
        """Make sure that the region has ACI. What Azure does not say now, it will say with the first pod.

        Raises:
            InvalidConfig: the region has no ACI.
        """
        finding = await self._region()
        if finding.verdict == "missing":
            raise InvalidConfig(finding.detail)
        if finding.verdict == "warning":
            log.warning("%s: %s", finding.what, finding.detail)

    async def capacity(self, default: ResourceList, log: Log) -> ResourceList:
        """What the operator says; for the rest the subscription's quotas, or this default."""
        given = self._config.capacity
        if {"cpu", "pods"} <= set(given):
            return {**default, **given}
        try:
            limits = await self._client.usages()
        except ProviderError as error:
            log.warning("quotas: Azure does not tell them, so the node offers what is usual: %s", error)
            return {**default, **given}
        return {**default, **_offered(limits), **given}

    async def findings(self) -> Sequence[Finding]:
        """All that can be known, in the order in which a pod would need it."""
        findings = [await self._resource_group(), await self._region(), await self._quotas()]
        if self._config.subnet:
            findings.append(await self._subnet())
        return findings

    async def _resource_group(self) -> Finding:
        name = self._config.resource_group
        try:
            group = await self._client.resource_group()
        except NotFound as error:
            return Finding("resource group", "missing", f"{error}; create it, or correct ResourceGroup")
        except ProviderError as error:
            return Finding("resource group", "missing", str(error))
        return Finding("resource group", "ok", f"{name} in {group.get('location', '?')}")

    async def _region(self) -> Finding:
        region, system = self._config.region, self._config.operating_system
        try:
            capabilities = await self._client.capabilities()
        except (Invalid, NotFound) as error:
            return Finding("region", "missing", f"{region}: {error}; correct Region (ACI_REGION)")
        except ProviderError as error:
            return Finding("region", "warning", f"{region}: Azure does not say what it has: {error}")
        here = [each for each in capabilities if each.get("os_type") in (system, "NotSpecified", None, "")]
        if not here:
            return Finding("region", "missing", f"{region} has no ACI for {system}; choose another Region (ACI_REGION)")
        if GPU in self._config.capacity and not any(each.get("gpu") == self._config.gpu_sku for each in here):
            return Finding("region", "warning", f"{region} has no GPU {self._config.gpu_sku}")
        return Finding("region", "ok", f"{region}: {_largest(here)}")

    async def _quotas(self) -> Finding:
        try:
            offered = _offered(await self._client.usages())
        except ProviderError as error:
            return Finding("quotas", "warning", f"Azure does not tell them: {error}")
        for name, limit in offered.items():
            wanted = self._config.capacity.get(name)
            if wanted is not None and quantity.parse(wanted) > quantity.parse(limit):
                return Finding("quotas", "warning", f"the node is to offer {wanted} {name}, the quota is {limit}")
        return Finding("quotas", "ok", ", ".join(f"{limit} {name}" for name, limit in offered.items()))

    async def _subnet(self) -> Finding:
        identity = self._config.subnet
        try:
            subnet = await self._client.subnet(identity)
        except ProviderError as error:
            return Finding("subnet", "missing", f"{error}; create it, or correct SubnetName and VnetName")
        properties: Mapping[str, Any] = subnet.get("properties") or {}
        delegations = [
            (each.get("properties") or {}).get("serviceName") for each in properties.get("delegations") or []
        ]
        if DELEGATE not in delegations:
            remedy = f"az network vnet subnet update --ids {identity} --delegations {DELEGATE}"
            return Finding("subnet", "missing", f"is not delegated to ACI; do so with: {remedy}")
        return Finding("subnet", "ok", f"{identity.rpartition('/')[2]} {properties.get('addressPrefix', '')}".strip())


def _offered(limits: Mapping[str, int]) -> ResourceList:
    """A node's capacity, as far as quotas say it."""
    names = {"cpu": "StandardCores", "pods": "ContainerGroups"}
    return {resource: str(limits[quota]) for resource, quota in names.items() if quota in limits}


def _largest(capabilities: Sequence[Mapping[str, Any]]) -> str:
    """The largest group that there may be without a GPU."""
    sizes = [each.get("capabilities") or {} for each in capabilities if each.get("gpu") in (None, "", "None")]
    cpu = max((each.get("max_cpu") or 0 for each in sizes), default=0)
    memory = max((each.get("max_memory_in_gb") or 0 for each in sizes), default=0)
    return f"a pod may have {cpu:g} CPUs and {memory:g} GB"
