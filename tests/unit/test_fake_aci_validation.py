"""What the fake Azure refuses, as the real one does: one rule a line."""

from typing import Any

import pytest

from tests.unit.aci_setting import GROUPS, RESOURCE_GROUP, Azure, code, container, group

SUBNET = f"{RESOURCE_GROUP}/providers/Microsoft.Network/virtualNetworks/net/subnets/aci"
PORT = {"port": 80, "protocol": "TCP"}
PUBLIC = {"type": "Public", "ports": [PORT]}


def sized(cpu: float, memory: float, /, **limits: float) -> dict[str, Any]:
    resources: dict[str, Any] = {"requests": {"cpu": cpu, "memoryInGB": memory}}
    if limits:
        resources["limits"] = limits
    return container(resources=resources)


def with_gpu(count: int, sku: str = "V100") -> dict[str, Any]:
    return container(resources={"requests": {"cpu": 1.0, "memoryInGB": 1.0, "gpu": {"count": count, "sku": sku}}})


def with_volume(**source: Any) -> dict[str, Any]:
    return group(volumes=[{"name": "files", **source}])


def with_login(**login: Any) -> dict[str, Any]:
    return group(imageRegistryCredentials=[{"server": "me.azurecr.io", **login}])


def with_variable(**variable: Any) -> dict[str, Any]:
    return group(container(environmentVariables=[variable]))


def with_probe(**probe: Any) -> dict[str, Any]:
    return group(container(livenessProbe=probe))


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("MissingContainers", {"location": "westeurope", "properties": {"osType": "Linux", "containers": []}}),
    ("InvalidOsType", group(osType="Solaris")),
    ("InvalidOsType", group(osType=None)),
    ("InvalidRestartPolicy", group(restartPolicy="Sometimes")),
    ("InvalidSku", group(sku="Gold")),
    ("InvalidPriority", group(priority="Low")),
    ("ContainerCountLimitExceeded", group(*(container(f"c-{number}") for number in range(61)))),
    ("InvalidContainerName", group(container("Main"))),
    ("InvalidContainerName", group(container("a" * 64))),
    ("DuplicateContainerName", group(container("a"), container("a"))),
    ("MissingImage", group(container(image=""))),
    ("InvalidImageName", group(container(image="https://registry/image"))),
    ("InvalidEnvironmentVariableName", with_variable(name="A-B", value="c")),
    ("InvalidEnvironmentVariableName", with_variable(name="_A", value="c")),
    ("InvalidEnvironmentVariable", with_variable(name="A")),
    ("InvalidEnvironmentVariable", with_variable(name="A", value="b", secureValue="c")),
    ("ResourceRequestsNotSpecified", group(container(resources={"requests": {"cpu": 1.0}}))),
    ("ResourceRequestsNotSpecified", group(container(resources=None))),
    ("InvalidResourceRequest", group(sized(0.005, 1.0))),
    ("InvalidResourceRequest", group(sized(1.0, 0.25))),
    ("ResourceRequestsExceedLimit", group(sized(4.5, 1.0))),
    ("ResourceRequestsExceedLimit", group(sized(1.0, 16.5))),
    ("ResourceRequestsExceedLimit", group(*(container(f"c-{number}") for number in range(5)))),
    ("ContainerLimitGreaterThanContainerGroupTotalRequest", group(sized(1.0, 1.0, cpu=2.0))),
    ("ContainerLimitLessThanRequest", group(sized(1.0, 1.0, memoryInGB=0.5))),
    ("InvalidGpuResource", group(with_gpu(3))),
    ("InvalidGpuResource", group(with_gpu(1, "K80"))),
    ("GpuNotSupported", group(with_gpu(1), osType="Windows")),
    ("InvalidPort", group(container(ports=[{"port": 70000}]))),
    ("InvalidPort", group(container(ports=[{"port": 80, "protocol": "SCTP"}]))),
    ("DuplicateContainerPorts", group(container("a", ports=[PORT]), container("b", ports=[PORT]))),
    ("MissingIpAddressPorts", group(ipAddress={"type": "Public", "ports": []})),
    ("InvalidIpAddressPorts", group(ipAddress=PUBLIC)),
    ("InvalidType", group(container(ports=[PORT]), ipAddress={"type": "Elastic", "ports": [PORT]})),
    ("PrivateIPAddressNotSupported", group(container(ports=[PORT]), ipAddress={"type": "Private", "ports": [PORT]})),
    ("PublicIPAddressNotSupported", group(container(ports=[PORT]), ipAddress=PUBLIC, subnetIds=[{"id": SUBNET}])),
    ("InvalidDnsNameLabel", group(container(ports=[PORT]), ipAddress={**PUBLIC, "dnsNameLabel": "abc"})),
    ("DnsConfigNotSupported", group(dnsConfig={"nameServers": ["1.1.1.1"]})),
    ("SubnetIdsLimitExceeded", group(subnetIds=[{"id": SUBNET}, {"id": SUBNET}])),
    ("VirtualNetworkNotFound", group(subnetIds=[{"id": SUBNET}])),
    ("InvalidProbe", with_probe()),
    ("InvalidProbe", with_probe(exec={"command": []})),
    ("InvalidProbe", with_probe(exec={"command": ["true"]}, httpGet={"port": 80})),
    ("InvalidProbe", with_probe(exec={"command": ["true"]}, periodSeconds=0)),
    ("InvalidPort", with_probe(httpGet={"port": 0})),
    ("InvalidVolumeName", group(volumes=[{"name": "tiny", "emptyDir": {}}])),
    ("DuplicateVolumeName", group(volumes=[{"name": "files", "emptyDir": {}}] * 2)),
    ("VolumeCountLimitExceeded", group(volumes=[{"name": f"files-{each}", "emptyDir": {}} for each in range(21)])),
    ("InvalidVolume", with_volume()),
    ("InvalidVolume", with_volume(emptyDir=None)),
    ("InvalidVolume", with_volume(emptyDir={}, secret={})),
    ("InvalidSecretVolumeValue", with_volume(secret={"key": "no base64"})),
    ("MissingStorageAccountKey", with_volume(azureFile={"shareName": "s", "storageAccountName": "a"})),
    ("VolumeMountNameNotFound", group(container(volumeMounts=[{"name": "other", "mountPath": "/x"}]))),
    (
        "InvalidVolumeMountPath",
        group(
            container(volumeMounts=[{"name": "files", "mountPath": "/a:b"}]),
            volumes=[{"name": "files", "emptyDir": {}}],
        ),
    ),
    ("InvalidImageRegistryServer", group(imageRegistryCredentials=[{"server": "https://me.azurecr.io"}])),
    ("InvalidImageRegistryCredentialType", with_login(username="me")),
    ("LinkedInvalidPropertyId", {**group(), "identity": {"type": "UserAssigned"}}),
    ("LinkedInvalidPropertyId", {**group(), "identity": {"type": "None", "userAssignedIdentities": {"me": {}}}}),
    ("InvalidLogAnalyticsWorkspaceKey", group(diagnostics={"logAnalytics": {"workspaceId": "w", "workspaceKey": "%"}})),
    ("ConfidentialComputePropertiesNotSupported", group(confidentialComputeProperties={"ccePolicy": "cA=="})),
    ("SpotNetworkNotSupported", group(container(ports=[PORT]), ipAddress=PUBLIC, priority="Spot")),
    ("InvalidTags", {**group(), "tags": {f"tag-{number}": "" for number in range(51)}}),
    ("InvalidTagNameCharacters", {**group(), "tags": {"a/b": "c"}}),
    ("TagValueTooLong", {**group(), "tags": {"a": "b" * 257}}),
    ("LocationRequired", {**group(), "location": ""}),
    ("InvalidRequestContent", group(container(environmentVariables={"a": "b"}))),
    ("InvalidRequestContent", group(container(lifecycle={}))),
    ("InvalidRequestContent", group(initContainers=[container("init")])),
    ("InvalidRequestContent", group(container(environmentVariables=[{"name": "VKSIM_SCRIPT", "value": "{"}]))),
]


@pytest.mark.parametrize(("why", "body"), REFUSED, ids=[f"{why}-{number}" for number, (why, _) in enumerate(REFUSED)])
def test_a_group_that_breaks_a_rule_is_refused_and_leaves_nothing(why: str, body: dict[str, Any]) -> None:
    azure = Azure()
    assert code(azure.put(body=body)) == (400, why)
    assert azure.ask("GET", f"{GROUPS}/web").status == 404
    assert azure.cloud.model.quotas.usage("ContainerGroups") == 0


@pytest.mark.parametrize("name", ["Web", "-web", "web-", "a--b", "a" * 64, "a.b", "a_b"])
def test_a_bad_name_is_refused(name: str) -> None:
    assert code(Azure().put(name)) == (400, "InvalidContainerGroupName")


@pytest.mark.parametrize(
    "body",
    [
        group(),
        group(sized(0.01, 0.1)),
        group(sized(4.0, 16.0)),
        group(sized(0.25, 0.5), container("b", resources={"requests": {"cpu": 0.25, "memoryInGB": 0.3}})),
        group(sized(1.0, 1.0, cpu=1.0, memoryInGB=1.0)),
        group(container("a", ports=[PORT]), container("b", ports=[{"port": 80, "protocol": "UDP"}])),
        group(osType="linux", restartPolicy="onfailure"),
        with_volume(emptyDir={}),
        with_volume(secret={}),
        with_login(username="me", password="hush"),
        with_login(identity="/subscriptions/x"),
        with_variable(name="A", value=""),
        with_probe(httpGet={"port": 80, "scheme": "HTTP"}),
        {**group(), "id": "x", "name": "y", "type": "z"},
        {**group(), "properties": {**group()["properties"], "provisioningState": "Failed", "instanceView": {}}},
    ],
)
def test_a_group_that_keeps_the_rules_is_accepted(body: dict[str, Any]) -> None:
    assert Azure().put(body=body).status == 201


def test_an_unknown_member_is_named_with_its_path() -> None:
    response = Azure().put(body=group(container(colour="red")))
    message = response.json()["error"]["message"]
    assert "Could not find member 'colour'" in message
    assert "properties.containers[0].properties" in message


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"[]", b'"x"', b"\xff"])
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    assert code(Azure().put(body=body)) == (400, "InvalidRequestContent")


def test_an_exec_without_a_command_is_refused() -> None:
    azure = Azure()
    azure.running()
    path = f"{GROUPS}/web/containers/main/exec"
    assert code(azure.ask("POST", path, {"command": " "})) == (400, "InvalidExecCommand")
    assert code(azure.ask("POST", path, {"command": ["ls"]})) == (400, "InvalidRequestContent")


def test_log_options_are_checked() -> None:
    azure = Azure()
    azure.running()
    path = f"{GROUPS}/web/containers/main/logs"
    assert code(azure.ask("GET", f"{path}?tail=many")) == (400, "InvalidTail")
    assert code(azure.ask("GET", f"{path}?timestamps=perhaps")) == (400, "InvalidTimestamps")
    assert azure.ask("GET", f"{path}?tail=0").json() == {"content": ""}
