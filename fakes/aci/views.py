"""How a container group is answered: what was sent, without its secrets, and what the service adds."""

from hashlib import sha256
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
import orjson

from fakes.aci import defaults, shapes, validation, values
from fakes.aci.errors import GROUP_TYPE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fakes.aci.life import Container

READ_ONLY = ("provisioningState", "instanceView", "provisioningTimeoutInSeconds", "isCustomProvisioningTimeout")
"""Members of a group's properties that a client may send and that only the service fills in."""


class HasId(Protocol):
    """What tells where a group is."""

    @property
    def id(self) -> str:
        """The resource ID."""
        ...

    @property
    def name(self) -> str:
        """The last part of it."""
        ...


class Seen(Protocol):
    """What changes about a group."""

    provisioning: str
    address: str
    init: "list[Container]"
    containers: "list[Container]"

    @property
    def state(self) -> str:
        """The instance view's."""
        ...

    def events(self) -> list[dict[str, Any]]:
        """The group's own events."""
        ...


def static(place: HasId, spec: shapes.ContainerGroup) -> dict[str, Any]:
    """What does not change by itself."""
    group: dict[str, Any] = msgspec.to_builtins(spec)
    properties = _without(group["properties"], *READ_ONLY)
    for member, default in (
        ("sku", values.SKUS),
        ("osType", values.OS_TYPES),
        ("restartPolicy", values.RESTART_POLICIES),
        ("priority", values.PRIORITIES),
    ):
        if member in properties:
            properties[member] = values.same(properties[member], default)
    properties.setdefault("sku", "Standard")
    properties["provisioningTimeoutInSeconds"] = int(defaults.PROVISIONING_TIMEOUT)
    properties["isCustomProvisioningTimeout"] = False
    properties["containers"] = [_container(each, ports=[]) for each in properties.get("containers", ())]
    properties["initContainers"] = [_container(each) for each in properties.get("initContainers", ())]
    _hide_secrets(properties)
    _add_address(properties, spec)
    group["properties"] = properties
    group.update(id=place.id, name=place.name, type=GROUP_TYPE, location=region(spec.location or ""))
    if "identity" in group:
        group["identity"] = _identity(group["identity"], place.id)
    return group


def whole(fixed: dict[str, Any], group: Seen) -> dict[str, Any]:
    """As GET answers it."""
    properties = {**_now(fixed, group), "instanceView": {"events": group.events(), "state": group.state}}
    properties["containers"] = _with_views(properties["containers"], group.containers)
    properties["initContainers"] = _with_views(properties["initContainers"], group.init)
    return {**fixed, "properties": properties}


def listed(fixed: dict[str, Any], group: Seen) -> bytes:
    """As a list has it."""
    return orjson.dumps({**fixed, "properties": _now(fixed, group)})


def region(location: str) -> str:
    """A region's name as the service writes it: ``West Europe`` is ``westeurope``."""
    return location.replace(" ", "").lower()


def guid(*parts: str) -> str:
    """An ID that is always the same for the same thing."""
    text = sha256("/".join(parts).encode()).hexdigest()
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-8{text[17:20]}-{text[20:32]}"


def _now(fixed: dict[str, Any], group: Seen) -> dict[str, Any]:
    properties = {**fixed["properties"], "provisioningState": group.provisioning}
    address = properties.get("ipAddress")
    if address is None:
        return properties
    if group.address:
        properties["ipAddress"] = {**address, "ip": group.address}
    elif address["type"] == "Private":
        del properties["ipAddress"]
    return properties


def _with_views(fixed: list[dict[str, Any]], containers: "Sequence[Container]") -> list[dict[str, Any]]:
    return [
        {**each, "properties": {**each["properties"], "instanceView": container.view()}} if container.seen else each
        for each, container in zip(fixed, containers, strict=True)
    ]


def _container(container: dict[str, Any], **absent: Any) -> dict[str, Any]:
    """A container without its secrets; ``absent`` is told where nothing was sent."""
    properties = {**absent, **_without(container["properties"], "instanceView")}
    variables = properties.get("environmentVariables", ())
    properties["environmentVariables"] = [_without(each, "secureValue") for each in variables]
    return {"name": container["name"], "properties": properties}


def _hide_secrets(properties: dict[str, Any]) -> None:
    if "imageRegistryCredentials" in properties:
        logins = properties["imageRegistryCredentials"]
        properties["imageRegistryCredentials"] = [_without(each, "password") for each in logins]
    if "volumes" in properties:
        properties["volumes"] = [_volume(each) for each in properties["volumes"]]
    if "extensions" in properties:
        properties["extensions"] = [
            {**each, "properties": _without(each["properties"], "protectedSettings")}
            for each in properties["extensions"]
        ]
    analytics = properties.get("diagnostics", {}).get("logAnalytics")
    if analytics is not None:
        properties["diagnostics"] = {"logAnalytics": _without(analytics, "workspaceKey")}


def _volume(volume: dict[str, Any]) -> dict[str, Any]:
    if "secret" in volume:
        return {**volume, "secret": {}}
    if "azureFile" in volume:
        return {**volume, "azureFile": _without(volume["azureFile"], "storageAccountKey")}
    return volume


def _add_address(properties: dict[str, Any], spec: shapes.ContainerGroup) -> None:
    """A group in a subnet has an address also if none was asked for."""
    given = properties.get("ipAddress")
    if given is not None:
        address = _without(given, "ip", "fqdn")
        address["type"] = values.same(address["type"], ("Public", "Private"))
        if "dnsNameLabel" not in address:
            address.pop("autoGeneratedDomainNameLabelScope", None)
        else:
            address["fqdn"] = f"{address['dnsNameLabel']}.{region(spec.location or '')}.azurecontainer.io"
        properties["ipAddress"] = address
    elif spec.properties.subnet_ids:
        ports = [port for each in properties["containers"] for port in each["properties"].get("ports", ())]
        properties["ipAddress"] = {"type": "Private", "ports": ports}


def _identity(identity: dict[str, Any], group: str) -> dict[str, Any]:
    kind = values.same(identity.get("type"), validation.IDENTITIES) or "None"
    shown: dict[str, Any] = {"type": kind}
    if kind != "None":
        shown["tenantId"] = defaults.TENANT
    if "SystemAssigned" in kind:
        shown["principalId"] = guid(group, "principal")
    if "UserAssigned" in kind:
        shown["userAssignedIdentities"] = {
            each: {"principalId": guid(each, "principal"), "clientId": guid(each, "client")}
            for each in identity.get("userAssignedIdentities", ())
        }
    return shown


def _without(members: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in members.items() if name not in names}
