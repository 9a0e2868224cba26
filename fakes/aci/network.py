"""Resource groups, virtual networks and addresses: what a container group needs around it, and no more of it."""

from collections import deque
from ipaddress import IPv4Address
from typing import Any

import msgspec
import orjson

from fakes.aci import errors, shapes, views
from fakes.aci.errors import ArmError, invalid
from fakes.aci.messages import Response, answer
from fakes.aci.routes import Call, Route

DELEGATE = "Microsoft.ContainerInstance/containerGroups"
JOIN = "Microsoft.Network/virtualNetworks/subnets/join/action"
NETWORK_TYPE = "Microsoft.Network/virtualNetworks"
ADDRESSES_AT_REST = 256
"""So many addresses that were given back rest before the first of them is given out again."""


class Addresses:
    """Gives out IP addresses."""

    def __init__(self) -> None:
        self._next = {True: IPv4Address("10.0.0.4"), False: IPv4Address("20.50.0.1")}
        self._free: dict[bool, deque[str]] = {True: deque(), False: deque()}

    def take(self, *, private: bool) -> str:
        """An address that nobody has, the longest unused first."""
        free = self._free[private]
        if len(free) > ADDRESSES_AT_REST:
            return free.popleft()
        address = self._next[private]
        self._next[private] = address + 1
        return str(address)

    def give_back(self, address: str) -> None:
        """It is free; none is given back where there was none."""
        if address:
            self._free[IPv4Address(address).is_private].append(address)


class _DelegationProperties(msgspec.Struct, rename="camel"):
    service_name: str


class _Delegation(msgspec.Struct):
    properties: _DelegationProperties


class _SubnetProperties(msgspec.Struct, rename="camel"):
    address_prefix: str | None = None
    address_prefixes: list[str] | None = None
    delegations: list[_Delegation] | None = None


class _Subnet(msgspec.Struct):
    """What is read of a subnet; the rest is kept as it was sent."""

    properties: _SubnetProperties


class _ResourceGroup(msgspec.Struct):
    location: str = ""
    tags: dict[str, str] | None = None


class Networks:
    """Resource groups and subnets of a subscription."""

    def __init__(self, subscription: str, region: str, resource_groups: tuple[str, ...]) -> None:
        self._subscription = subscription
        self._region = region
        self._groups: dict[str, dict[str, Any]] = {}
        self._subnets: dict[str, dict[str, Any]] = {}
        self.in_use: dict[str, int] = {}
        for each in resource_groups:
            self._add_group(each, _ResourceGroup(region))

    def routes(self) -> list[Route]:
        """What is served."""
        group = "/subscriptions/{subscription}/resourcegroups/{group}"
        subnet = f"{group}/providers/microsoft.network/virtualnetworks/{{network}}/subnets/{{subnet}}"
        link = f"{subnet}/providers/microsoft.containerinstance/serviceassociationlinks/default"
        return [
            Route("GET", group, "get-resource-group", "", "read", self.get_group),
            Route("HEAD", group, "get-resource-group", "", "read", self.head_group),
            Route("PUT", group, "put-resource-group", "", "write", self.put_group),
            Route("GET", subnet, "get-subnet", "", "read", self.get_subnet),
            Route("PUT", subnet, "put-subnet", "", "write", self.put_subnet),
            Route("DELETE", subnet, "delete-subnet", "", "delete", self.delete_subnet),
            Route("DELETE", link, "delete-link", "", "delete", self.delete_link),
        ]

    def resource_group(self, call: Call) -> str:
        """The resource group of a request, as it was named when it was made. Raises ArmError."""
        group = self._groups.get(call.names["group"].lower())
        if group is None:
            raise errors.resource_group_not_found(call.names["group"])
        return str(group["name"])

    def check(self, spec: shapes.ContainerGroup, name: str, call: Call) -> None:
        """Refuse a group whose subnet cannot take it, or may not be joined. Raises ArmError."""
        for each in spec.properties.subnet_ids or ():
            if JOIN.lower() in call.denied:
                raise errors.link_forbidden(call.client, JOIN, call.request.path, each.id)
            subnet = self._subnets.get(each.id.lower())
            if subnet is None:
                raise invalid(
                    "VirtualNetworkNotFound", f"The subnet '{each.id}' of container group '{name}' was not found."
                )
            delegations = subnet["properties"].get("delegations") or ()
            services = [one["properties"]["serviceName"] for one in delegations]
            if DELEGATE.lower() not in [service.lower() for service in services]:
                raise invalid(
                    "SubnetDelegationMissing",
                    f"The subnet '{each.id}' of container group '{name}' is not delegated to '{DELEGATE}'.",
                )

    def taken(self, spec: shapes.ContainerGroup) -> None:
        """A group is in its subnet: the service links itself to it."""
        for each in spec.properties.subnet_ids or ():
            self.in_use[each.id.lower()] = self.in_use.get(each.id.lower(), 0) + 1
            self._link(self._subnets[each.id.lower()])

    def left(self, spec: shapes.ContainerGroup) -> None:
        """A group is no longer in its subnet; the link stays, as it does in reality."""
        for each in spec.properties.subnet_ids or ():
            self.in_use[each.id.lower()] -= 1

    # --- resource groups --------------------------------------------------------------------------------------------

    def get_group(self, call: Call) -> Response:
        """One."""
        self.resource_group(call)
        return answer(200, self._groups[call.names["group"].lower()])

    def head_group(self, call: Call) -> Response:
        """Whether there is one."""
        self.resource_group(call)
        return answer(204)

    def put_group(self, call: Call) -> Response:
        """Make one, or change its tags."""
        given = shapes.decode(call.request.body, _ResourceGroup)
        if not given.location:
            raise errors.location_required()
        exists = call.names["group"].lower() in self._groups
        return answer(200 if exists else 201, self._add_group(call.names["group"], given))

    def _add_group(self, name: str, given: _ResourceGroup) -> dict[str, Any]:
        known = self._groups.get(name.lower(), {"name": name})
        group = self._groups[name.lower()] = {
            "id": f"/subscriptions/{self._subscription}/resourceGroups/{known['name']}",
            "name": known["name"],
            "type": "Microsoft.Resources/resourceGroups",
            "location": views.region(given.location),
            "tags": given.tags or {},
            "properties": {"provisioningState": "Succeeded"},
        }
        return group

    # --- subnets ----------------------------------------------------------------------------------------------------

    def get_subnet(self, call: Call) -> Response:
        """One."""
        return answer(200, self._subnet(call))

    def put_subnet(self, call: Call) -> Response:
        """Make one, or replace it. Its network need not be made first."""
        group = self.resource_group(call)
        read = shapes.decode(call.request.body, _Subnet).properties
        if not (read.address_prefix or read.address_prefixes):
            raise invalid("InvalidRequestFormat", "The subnet needs 'properties.addressPrefix'.")
        key = self._key(call)
        known = self._subnets.get(key)
        subnet_id = (
            f"/subscriptions/{self._subscription}/resourceGroups/{group}/providers/{NETWORK_TYPE}"
            f"/{call.names['network']}/subnets/{call.names['subnet']}"
        )
        subnet = self._subnets[key] = {
            "name": call.names["subnet"],
            "id": subnet_id,
            "etag": f'W/"{views.guid(subnet_id)}"',
            "properties": {**orjson.loads(call.request.body)["properties"], "provisioningState": "Succeeded"},
            "type": f"{NETWORK_TYPE}/subnets",
        }
        if known is not None and "serviceAssociationLinks" in known["properties"]:
            self._link(subnet)
        return answer(200 if known is not None else 201, subnet)

    def delete_subnet(self, call: Call) -> Response:
        """Remove one that nothing holds."""
        self.resource_group(call)
        subnet = self._subnets.get(self._key(call))
        if subnet is None:
            return answer(204)
        if subnet["properties"].get("serviceAssociationLinks"):
            raise invalid("InUseSubnetCannotBeDeleted", f"Subnet {subnet['name']} is in use and cannot be deleted.")
        del self._subnets[self._key(call)]
        return answer(200)

    def delete_link(self, call: Call) -> Response:
        """Remove what holds a subnet after its last container group is gone."""
        subnet = self._subnets.get(self._key(call))
        if subnet is None or "serviceAssociationLinks" not in subnet["properties"]:
            return answer(204)
        if self.in_use.get(self._key(call), 0):
            raise ArmError(
                409, "SubnetServiceAssociationLinkInUse", f"Container groups are in subnet '{subnet['name']}' yet."
            )
        del subnet["properties"]["serviceAssociationLinks"]
        return answer(200)

    def _link(self, subnet: dict[str, Any]) -> None:
        subnet["properties"]["serviceAssociationLinks"] = [
            {
                "name": "acisal",
                "id": f"{subnet['id']}/serviceAssociationLinks/acisal",
                "properties": {
                    "provisioningState": "Succeeded",
                    "linkedResourceType": DELEGATE,
                    "allowDelete": False,
                    "locations": [],
                },
            }
        ]

    def _subnet(self, call: Call) -> dict[str, Any]:
        group = self.resource_group(call)
        subnet = self._subnets.get(self._key(call))
        if subnet is None:
            raise errors.resource_not_found(
                f"{NETWORK_TYPE}/{call.names['network']}/subnets", call.names["subnet"], group
            )
        return subnet

    def _key(self, call: Call) -> str:
        names = call.names
        return (
            f"/subscriptions/{self._subscription}/resourceGroups/{names['group']}/providers/{NETWORK_TYPE}"
            f"/{names['network']}/subnets/{names['subnet']}"
        ).lower()
