"""All answers of the fake Azure have the shapes that Azure publishes."""

from typing import Any

import pytest

from tests.unit.aci_setting import GROUPS, REGION, RESOURCE_GROUP, Azure, container, group, scripted
from tests.unit.aci_shapes import strictly

SUBNET = f"{RESOURCE_GROUP}/providers/Microsoft.Network/virtualNetworks/net/subnets/aci"
PORTS = [{"port": 80, "protocol": "TCP"}]
IDENTITY = f"{RESOURCE_GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/me"


def rich() -> dict[str, Any]:
    """A group with everything that a group without a network can have."""
    probe = {"httpGet": {"path": "/", "port": 80, "scheme": "HTTP", "httpHeaders": [{"name": "a", "value": "b"}]}}
    main = container(
        ports=PORTS,
        environmentVariables=[{"name": "A", "value": "b"}, {"name": "C", "secureValue": "d"}],
        resources={
            "requests": {"cpu": 1.0, "memoryInGB": 1.5},
            "limits": {"cpu": 1.5, "memoryInGB": 1.5},
        },
        volumeMounts=[{"name": each, "mountPath": f"/{each}", "readOnly": True} for each in ("empty", "files")],
        livenessProbe={**probe, "initialDelaySeconds": 5, "periodSeconds": 3},
        readinessProbe={"exec": {"command": ["true"]}, "failureThreshold": 3},
        securityContext={"runAsUser": 1000, "capabilities": {"add": ["NET_ADMIN"], "drop": ["ALL"]}},
    )
    body = group(
        main,
        container("helper", command=["sleep", "5"]),
        initContainers=[{"name": "init", "properties": {"image": "busybox", "command": ["true"]}}],
        restartPolicy="always",
        imageRegistryCredentials=[{"server": "me.azurecr.io", "username": "me", "password": "hush"}],
        ipAddress={"type": "public", "ports": PORTS, "dnsNameLabel": "hello"},
        volumes=[
            {"name": "empty", "emptyDir": {}},
            {"name": "files", "secret": {"key": "dmFsdWU="}},
            {"name": "share", "azureFile": {"shareName": "s", "storageAccountName": "a", "storageAccountKey": "k"}},
            {"name": "cloned", "gitRepo": {"repository": "https://example.com/it.git"}},
        ],
        diagnostics={"logAnalytics": {"workspaceId": "w", "workspaceKey": "aaaa", "logType": "ContainerInsights"}},
        priority="Regular",
    )
    user = {"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": {IDENTITY: {}}}
    return {**body, "tags": {"a": "b"}, "zones": ["1"], "identity": user}


@pytest.mark.parametrize("seconds", [0, 5, 8, 17, 21, 26, 40])
def test_a_group_at_any_time_of_its_life(seconds: float) -> None:
    azure = Azure()
    created = azure.put(body=rich())
    strictly("ContainerGroup", created.json())
    azure.passes(seconds)
    strictly("ContainerGroup", azure.get())
    strictly("ContainerGroupListResult", azure.ask("GET", GROUPS).json())
    events = azure.ask("GET", created.headers["Azure-AsyncOperation"]).json()["properties"]["events"]
    strictly("[Event]", events)


@pytest.mark.parametrize(
    "script",
    [
        {"run_for": 5, "exit_code": 1},
        {"run_for": 5},
        {"never_starts": "ImagePullBackOff"},
        {"never_starts": "CreateContainerError"},
    ],
)
@pytest.mark.parametrize("policy", ["Always", "OnFailure", "Never"])
def test_a_group_whatever_becomes_of_it(script: dict[str, Any], policy: str) -> None:
    azure = Azure()
    azure.put(body=group(scripted(**script), restartPolicy=policy))
    for _ in range(6):
        azure.passes(9)
        strictly("ContainerGroup", azure.get())


@pytest.mark.parametrize("change", ["evict", "repair", "stop", "start", "restart", "delete"])
def test_a_group_that_is_changed(change: str) -> None:
    azure = Azure()
    azure.running(body=rich())
    (found,) = azure.cloud.groups.store
    if change == "evict":
        found.evict(azure.time)
    elif change == "repair":
        found.repair(azure.time, 5)
    elif change == "delete":
        strictly("ContainerGroup", azure.ask("DELETE", f"{GROUPS}/web").json())
        return
    else:
        assert azure.ask("POST", f"{GROUPS}/web/{change}").status in (202, 204)
    for _ in range(3):
        strictly("ContainerGroup", azure.get())
        azure.passes(4)


def test_a_group_in_a_subnet() -> None:
    azure = Azure()
    delegation = {"name": "aci", "properties": {"serviceName": "Microsoft.ContainerInstance/containerGroups"}}
    azure.ask("PUT", SUBNET, {"properties": {"addressPrefix": "10.0.0.0/24", "delegations": [delegation]}})
    dns = {"nameServers": ["10.0.0.10"], "searchDomains": "a b", "options": "ndots:5"}
    body = group(container(ports=PORTS), subnetIds=[{"id": SUBNET}], dnsConfig=dns)
    strictly("ContainerGroup", azure.put(body=body).json())
    azure.passes(20)
    found = azure.get()
    strictly("ContainerGroup", found)
    assert found["properties"]["ipAddress"]["type"] == "Private"
    assert found["properties"]["ipAddress"]["ip"].startswith("10.")


def test_what_a_region_tells_of_itself() -> None:
    azure = Azure()
    strictly("UsageListResult", azure.ask("GET", f"{REGION}/usages").json())
    strictly("CapabilitiesListResult", azure.ask("GET", f"{REGION}/capabilities").json())
    strictly("CachedImagesListResult", azure.ask("GET", f"{REGION}/cachedImages").json())
    operations = "/providers/Microsoft.ContainerInstance/operations"
    strictly("OperationListResult", azure.ask("GET", operations).json())


def test_what_a_container_answers() -> None:
    azure = Azure()
    azure.running()
    path = f"{GROUPS}/web/containers/main"
    strictly("Logs", azure.ask("GET", f"{path}/logs").json())
    command = {"command": "/bin/sh", "terminalSize": {"rows": 10, "cols": 20}}
    strictly("ContainerExecResponse", azure.ask("POST", f"{path}/exec", command).json())
    strictly("ContainerAttachResponse", azure.ask("POST", f"{path}/attach").json())
    strictly("[str]", azure.ask("GET", f"{GROUPS}/web/outboundNetworkDependenciesEndpoints").json())


def test_errors() -> None:
    azure = Azure()
    for response in (azure.ask("GET", f"{GROUPS}/web"), azure.put(body={}), azure.put(body=b"{")):
        assert list(response.json()) == ["error"]
        strictly("CloudErrorBody", response.json()["error"])


@pytest.mark.parametrize(
    ("kind", "value", "why"),
    [
        ("Event", {"count": "1"}, "no int"),
        ("Event", {"colour": "red"}, "no such member"),
        ("Event", {"firstTimestamp": "2026-03-01T12:00:00"}, "no time zone"),
        ("Container", {"name": "a", "properties": {"image": "b"}}, "must have it"),
    ],
)
def test_the_check_itself_finds_what_is_wrong(kind: str, value: object, why: str) -> None:
    with pytest.raises(AssertionError, match=why):
        strictly(kind, value)
