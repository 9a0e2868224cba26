"""What a region tells of itself: quotas and their usage, capabilities, cached images; and the provider's operations."""

from typing import Any

from fakes.aci import defaults, errors, views
from fakes.aci.groups import IN_SUBSCRIPTION
from fakes.aci.messages import Response, answer
from fakes.aci.routes import Call, Route
from fakes.cloud.model import CloudModel

_QUOTA_NAMES = {
    "ContainerGroups": ("ContainerGroups", "Container Groups"),
    "StandardCores": ("standardCores", "Standard Cores"),
    "StandardSpotCores": ("standardSpotCores", "Standard Spot Cores"),
    "StandardK80Cores": ("standardK80Cores", "Standard K80 Cores"),
    "StandardP100Cores": ("standardP100Cores", "Standard P100 Cores"),
    "StandardV100Cores": ("standardV100Cores", "Standard V100 Cores"),
    "DedicatedContainerGroups": ("DedicatedContainerGroups", "Dedicated Container Groups"),
    "DedicatedCores": ("dedicatedCores", "Dedicated Cores"),
    "ConfidentialContainerGroups": ("ConfidentialContainerGroups", "Dedicated Container Groups"),
    "ConfidentialCores": ("confidentialCores", "Dedicated Cores"),
}
"""Quota -> the last part of its ID and its name for people, as the service spells them (seen)."""

_VERBS = ("read", "write", "delete", "restart/action", "stop/action", "start/action")


class Locations:
    """A region's own resources."""

    def __init__(self, model: CloudModel, region: str) -> None:
        self._model = model
        self._region = region

    def routes(self) -> list[Route]:
        """What is served."""
        location, kind = f"{IN_SUBSCRIPTION}/locations/{{location}}", "locations"
        return [
            Route("GET", f"{location}/usages", "usages", kind, "read", self.usages),
            Route("GET", f"{location}/capabilities", "capabilities", kind, "read", self.capabilities),
            Route("GET", f"{location}/cachedimages", "cached-images", kind, "read", self.cached_images),
            Route(
                "GET", "/providers/microsoft.containerinstance/operations", "operations", kind, "read", self.operations
            ),
        ]

    def usages(self, call: Call) -> Response:
        """Each quota, with how much of it is taken."""
        self._check(call)
        base = f"/subscriptions/{call.names['subscription']}/providers/Microsoft.ContainerInstance"
        quotas = self._model.quotas
        usages = [
            {
                "id": f"{base}/locations/{self._region}/usages/{last}",
                "unit": "Count",
                "currentValue": int(quotas.usage(name)),
                "limit": int(quotas.limits.get(name, 0)),
                "name": {"value": name, "localizedValue": label},
            }
            for name, (last, label) in _QUOTA_NAMES.items()
        ]
        return answer(200, {"value": usages})

    def capabilities(self, call: Call) -> Response:
        """The largest groups that there may be."""
        self._check(call)
        found = [
            self._capability("NotSpecified", address, "None", defaults.MAX_CPU, defaults.MAX_MEMORY_GB, 0)
            for address in ("Public", "Private")
        ]
        for sku, sizes in defaults.GPU_LIMITS.items():
            cpu, memory = sizes[max(sizes)]
            found.append(self._capability("Linux", "Public", sku, cpu, memory, max(sizes)))
        return answer(200, {"value": found})

    def cached_images(self, call: Call) -> Response:
        """Images that need not be fetched."""
        self._check(call)
        return answer(
            200, {"value": [{"osType": os_type, "image": image} for os_type, image in defaults.CACHED_IMAGES]}
        )

    def operations(self, _: Call) -> Response:
        """What can be done with container groups, as roles name it."""
        operations = [
            {
                "name": f"Microsoft.ContainerInstance/containerGroups/{verb}",
                "display": {
                    "provider": "Microsoft Container Instance",
                    "resource": "Container Group",
                    "operation": verb.removesuffix("/action").capitalize(),
                    "description": f"{verb.removesuffix('/action').capitalize()} container groups.",
                },
                "origin": "User",
            }
            for verb in _VERBS
        ]
        return answer(200, {"value": operations})

    def _capability(self, os_type: str, address: str, gpu: str, cpu: float, memory: float, gpus: int) -> dict[str, Any]:
        return {
            "resourceType": "containerGroups",
            "osType": os_type,
            "location": self._region,
            "ipAddressType": address,
            "gpu": gpu,
            "capabilities": {"maxMemoryInGB": memory, "maxCpu": cpu, "maxGpuCount": gpus},
        }

    def _check(self, call: Call) -> None:
        if views.region(call.names["location"]) != self._region:
            raise errors.location_not_available(call.names["location"], [self._region])
