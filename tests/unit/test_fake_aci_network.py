"""Resource groups, subnets and their links on the fake Azure, and what Azure Monitor tells there."""

from typing import Any

import pytest

from fakes.aci import defaults
from tests.unit.aci_setting import GROUPS, RESOURCE_GROUP, Azure, code, container, group, scripted

SUBNET = f"{RESOURCE_GROUP}/providers/Microsoft.Network/virtualNetworks/net/subnets/aci"
LINK = f"{SUBNET}/providers/Microsoft.ContainerInstance/serviceAssociationLinks/default"
DELEGATION = {"name": "aci", "properties": {"serviceName": "Microsoft.ContainerInstance/containerGroups"}}
METRICS = f"{GROUPS}/web/providers/microsoft.Insights/metrics?api-version=2018-01-01&"


def with_subnet(*delegations: dict[str, Any]) -> Azure:
    azure = Azure()
    body = {"properties": {"addressPrefix": "10.0.0.0/24", "delegations": list(delegations)}}
    assert azure.ask("PUT", SUBNET, body, version="2023-04-01").status == 201
    return azure


def test_a_resource_group_can_be_made_and_found() -> None:
    azure = Azure()
    path = f"/subscriptions/{defaults.SUBSCRIPTION}/resourcegroups/mine"
    assert code(azure.ask("GET", path)) == (404, "ResourceGroupNotFound")
    assert azure.ask("PUT", path, {"location": "West Europe"}).status == 201
    assert azure.ask("PUT", path, {"location": "westeurope"}).status == 200
    assert azure.ask("GET", path.upper().replace("/SUBSCRIPTIONS", "/subscriptions")).json()["name"] == "mine"
    assert azure.ask("HEAD", path).status == 204
    assert azure.put().status == 201


def test_a_subnet_must_be_delegated() -> None:
    assert code(with_subnet().put(body=group(subnetIds=[{"id": SUBNET}]))) == (400, "SubnetDelegationMissing")
    assert with_subnet(DELEGATION).put(body=group(subnetIds=[{"id": SUBNET.lower()}])).status == 201


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        [],
        {},
        {"properties": {}},
        {"properties": {"addressPrefix": "10.0.0.0/24", "delegations": ["aci"]}},
        {"properties": {"addressPrefix": "10.0.0.0/24", "delegations": [{"name": "aci"}]}},
    ],
)
def test_what_is_no_subnet_is_refused(body: Any) -> None:
    assert Azure().ask("PUT", SUBNET, body).status == 400


def test_a_subnet_must_be_one_that_may_be_joined() -> None:
    azure = with_subnet(DELEGATION)
    azure.cloud.denied.add("Microsoft.Network/virtualNetworks/subnets/join/action")
    assert code(azure.put(body=group(subnetIds=[{"id": SUBNET}]))) == (403, "LinkedAuthorizationFailed")
    assert azure.put().status == 201


def test_a_subnet_is_linked_by_its_first_group_and_stays_so() -> None:
    azure = with_subnet(DELEGATION)
    assert "serviceAssociationLinks" not in azure.ask("GET", SUBNET).json()["properties"]
    azure.running(body=group(subnetIds=[{"id": SUBNET}]))
    (link,) = azure.ask("GET", SUBNET).json()["properties"]["serviceAssociationLinks"]
    assert link["properties"]["linkedResourceType"] == "Microsoft.ContainerInstance/containerGroups"
    assert code(azure.ask("DELETE", SUBNET)) == (400, "InUseSubnetCannotBeDeleted")
    assert code(azure.ask("DELETE", LINK)) == (409, "SubnetServiceAssociationLinkInUse")
    azure.ask("DELETE", f"{GROUPS}/web")
    assert code(azure.ask("DELETE", SUBNET)) == (400, "InUseSubnetCannotBeDeleted")
    assert azure.ask("DELETE", LINK.replace("resourceGroups", "resourcegroups")).status == 200
    assert azure.ask("DELETE", LINK).status == 204
    assert azure.ask("DELETE", SUBNET).status == 200
    assert code(azure.ask("GET", SUBNET)) == (404, "ResourceNotFound")


def test_a_group_in_a_subnet_has_a_private_address_once_it_is_there() -> None:
    azure = with_subnet(DELEGATION)
    body = group(container(ports=[{"port": 80}]), subnetIds=[{"id": SUBNET}])
    assert "ipAddress" not in azure.put(body=body).json()["properties"]
    azure.passes(20)
    assert azure.get()["properties"]["ipAddress"] == {"type": "Private", "ports": [{"port": 80}], "ip": "10.0.0.4"}


def test_usage_follows_from_what_is_requested() -> None:
    azure = Azure()
    azure.running(body=group(container("a"), container("b")))
    azure.passes(120)
    names = "metricnames=CpuUsage,MemoryUsage&aggregation=average&interval=PT1M"
    span = "timespan=2026-03-01T12:01:00Z/2026-03-01T12:02:00Z"
    answer = azure.ask("GET", f"{METRICS}{names}&{span}&$filter=containerName eq '*'".replace(" ", "%20")).json()
    cpu, memory = answer["value"]
    assert [each["metadatavalues"][0]["value"] for each in cpu["timeseries"]] == ["a", "b"]
    assert [each["average"] for each in cpu["timeseries"][0]["data"]] == [500.0]
    assert memory["timeseries"][0]["data"] == [{"timeStamp": "2026-03-01T12:01:00Z", "average": 0.75e9}]


def test_usage_begins_and_ends_with_the_containers() -> None:
    azure = Azure()
    azure.running(body=group(scripted(run_for=30), restartPolicy="Never"))
    azure.passes(300)
    span = "timespan=2026-03-01T11:58:00Z/2026-03-01T12:03:00Z"
    answer = azure.ask("GET", f"{METRICS}metricnames=NetworkBytesReceivedPerSecond&{span}").json()
    (series,) = answer["value"][0]["timeseries"]
    assert ["average" in each for each in series["data"]] == [False, False, True, False, False]


def test_bad_questions_about_usage_are_refused() -> None:
    azure = Azure()
    azure.running()
    for query in ("metricnames=Mood", "", "metricnames=CpuUsage&interval=PT1S", "metricnames=CpuUsage&timespan=now"):
        assert code(azure.ask("GET", METRICS + query)) == (400, "BadRequest")
