"""The operator's configuration: Virtual Kubelet's file, environment and credential files."""

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from providers.aci import config as configuration
from providers.aci.config import AciConfig, parse
from providers.errors import InvalidConfig

ROOT = Path(__file__).parents[3]
FILE = {"Region": "West Europe", "ResourceGroup": "vk", "SubscriptionID": "sub"}


def config(file: Mapping[str, Any] = FILE, environ: Mapping[str, str] | None = None) -> AciConfig:
    return parse(file, environ or {}, operating_system="linux", source="aci.toml")


def test_the_file_of_virtual_kubelet_is_understood() -> None:
    file = {
        "Region": "westus",
        "ResourceGroup": "virtual-kubeletrg",
        "OperatingSystem": "Linux",
        "CPU": "100",
        "Memory": "100Gi",
        "Pods": "50",
    }
    found = config(file, {"AZURE_SUBSCRIPTION_ID": "sub"})
    assert (found.region, found.resource_group, found.operating_system) == ("westus", "virtual-kubeletrg", "Linux")
    assert found.capacity == {"cpu": "100", "memory": "100Gi", "pods": "50"}


def test_the_environment_wins_over_the_file() -> None:
    found = config(
        {**FILE, "Pods": "50"}, {"ACI_QUOTA_POD": "7", "ACI_REGION": "East US", "ACI_RESOURCE_GROUP": "other"}
    )
    assert (found.capacity["pods"], found.region, found.resource_group) == ("7", "eastus", "other")


def test_keys_are_understood_in_any_case() -> None:
    assert config({"region": "x", "RESOURCEGROUP": "vk", "subscriptionId": "sub"}).resource_group == "vk"


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ({}, r"aci\.toml: SubscriptionID: missing; write it there or set AZURE_SUBSCRIPTION_ID"),
        ({**FILE, "Regoin": "x"}, "Regoin: unknown field"),
        ({**FILE, "OperatingSystem": "Solaris"}, "OperatingSystem: 'Solaris' is not one of Linux, Windows"),
        ({**FILE, "CPU": "many"}, r"aci\.toml: CPU: 'many' is not a quantity"),
        ({**FILE, "SubnetCIDR": "10.0.0.0/8"}, "SubnetCIDR: goes with SubnetName"),
        ({**FILE, "SubnetName": "x"}, "VnetName: missing"),
        ({**FILE, "SubnetName": "x", "VnetName": "y", "SubnetCIDR": "10.0.0.1/8"}, "SubnetCIDR: "),
        ({**FILE, "Cloud": "AzureMoon"}, "Cloud: 'AzureMoon' is not known"),
        ({**FILE, "ManagementEndpoint": "http://azure.example"}, "would send tokens in clear"),
        ({**FILE, "Limits": {"ReadsPerHour": 0}}, r"Limits\.ReadsPerHour: 0 is not a number of at least 1"),
        ({**FILE, "Limits": {"Reads": 1}}, r"Limits\.Reads: unknown field"),
        ({**FILE, "KubeProxyConfig": "/nowhere"}, "KubeProxyConfig: /nowhere: No such file"),
        ({**FILE, "Zones": "1"}, "Zones: '1' is not a list"),
        ({**FILE, "KubeDNSIP": "dns"}, "KubeDNSIP: 'dns' is not an IP address"),
    ],
)
def test_a_mistake_is_named_with_its_remedy(file: Mapping[str, Any], message: str) -> None:
    with pytest.raises(InvalidConfig, match=message):
        config(file)


def test_a_subnet_is_found_from_its_names() -> None:
    environ = {"ACI_VNET_NAME": "net", "ACI_SUBNET_NAME": "aci", "ACI_VNET_RESOURCE_GROUP": "netgroup"}
    assert config(FILE, environ).subnet == (
        "/subscriptions/sub/resourceGroups/netgroup/providers/Microsoft.Network/virtualNetworks/net/subnets/aci"
    )


def test_no_virtual_network_is_needed_without_a_subnet() -> None:
    assert config().subnet == ""


# --- credentials ------------------------------------------------------------------------------------------------------


def write(path: Path, data: Mapping[str, Any], encoding: str = "utf-8") -> str:
    path.write_text(json.dumps(data), encoding=encoding)
    return str(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_an_auth_file_is_read_in_the_encodings_that_tools_write(tmp_path: Path, encoding: str) -> None:
    path = write(
        tmp_path / "auth.json",
        {"clientId": "c", "clientSecret": "s", "subscriptionId": "of-file", "tenantId": "t"},
        encoding,
    )
    found = config({"Region": "r", "ResourceGroup": "g"}, {"AZURE_AUTH_LOCATION": path})
    assert found.subscription == "of-file"
    assert (found.credential.client, found.credential.secret, found.credential.tenant) == ("c", "s", "t")


def test_the_file_of_aks_gives_a_managed_identity_and_the_place(tmp_path: Path) -> None:
    data = {
        "cloud": "AzureUSGovernmentCloud",
        "tenantId": "t",
        "subscriptionId": "sub",
        "aadClientId": "msi",
        "aadClientSecret": "msi",
        "resourceGroup": "MC_x",
        "location": "usgovvirginia",
        "vnetName": "net",
        "vnetResourceGroup": "netgroup",
        "userAssignedIdentityID": "identity",
    }
    found = config({}, {"AKS_CREDENTIAL_LOCATION": write(tmp_path / "azure.json", data), "ACI_SUBNET_NAME": "aci"})
    assert (found.resource_group, found.region) == ("MC_x", "usgovvirginia")
    assert found.credential.managed
    assert found.credential.client == "identity"
    assert found.credential.secret == ""
    assert found.cloud.endpoint == "https://management.usgovcloudapi.net"
    assert found.subnet.endswith("netgroup/providers/Microsoft.Network/virtualNetworks/net/subnets/aci")


def test_variables_alone_make_a_service_principal() -> None:
    found = config(FILE, {"AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": "s", "AZURE_TENANT_ID": "t"}).credential
    assert (found.client, found.secret, found.tenant, found.managed) == ("c", "s", "t", False)


def test_workload_identity_is_seen_by_its_token() -> None:
    found = config(FILE, {"AZURE_CLIENT_ID": "c", "AZURE_TENANT_ID": "t", "AZURE_FEDERATED_TOKEN_FILE": "/token"})
    assert found.credential.token_file == "/token"
    assert not found.credential.managed


def test_the_identity_of_a_virtual_node_is_a_managed_one() -> None:
    found = config(FILE, {"VIRTUALNODE_USER_IDENTITY_CLIENTID": "i"}).credential
    assert (found.managed, found.client) == (True, "i")


def test_a_broken_credential_file_is_named_and_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "auth.json"
    path.write_text('{"clientSecret": "s3cret"')
    with pytest.raises(InvalidConfig, match="AZURE_AUTH_LOCATION") as caught:
        config(FILE, {"AZURE_AUTH_LOCATION": str(path)})
    assert "s3cret" not in str(caught.value)


def test_no_secret_is_shown() -> None:
    environ = {
        "AZURE_CLIENT_ID": "c",
        "AZURE_CLIENT_SECRET": "s3cret",
        "AZURE_TENANT_ID": "t",
        "LOG_ANALYTICS_ID": "w",
        "LOG_ANALYTICS_KEY": "s3cret",
    }
    assert "s3cret" not in repr(config(FILE, environ))


def test_half_of_log_analytics_is_a_mistake() -> None:
    with pytest.raises(InvalidConfig, match="LOG_ANALYTICS_KEY"):
        config(FILE, {"LOG_ANALYTICS_ID": "w"})


def test_the_log_analytics_file_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "log.json", {"workspaceID": "w", "workspaceKey": "k"})
    found = config(FILE, {"LOG_ANALYTICS_AUTH_LOCATION": path, "CLUSTER_RESOURCE_ID": "/aks"}).log_analytics
    assert found is not None
    assert (found.workspace, found.key, found.cluster) == ("w", "k", "/aks")


# --- what is written about it -----------------------------------------------------------------------------------------


def test_the_example_is_understood() -> None:
    found = config(tomllib.loads((ROOT / "providers/aci/example.toml").read_text()))
    assert found.subnet.endswith("/aks-network/providers/Microsoft.Network/virtualNetworks/aks-vnet/subnets/aci")
    assert found.limits == configuration.Limits()


def test_the_page_explains_every_key() -> None:
    text = (ROOT / "docs/aci.md").read_text()
    shown = re.findall(r"^\| `([A-Za-z]+)` \|", text, flags=re.MULTILINE)
    assert sorted(shown) == sorted(configuration._KEYS.values())
