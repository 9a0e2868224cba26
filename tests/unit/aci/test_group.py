"""What is sent to ACI for a pod. The bodies in golden/ were reviewed against the REST specification of 2023-05-01."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fakes.aci.messages import Request
from fakes.cloud.settings import CloudSettings
from providers.aci.group import container_group, encoded
from providers.aci.volumes import storage_of, storage_secrets
from providers.data import NO_DATA, PodData
from providers.errors import Invalid
from providers.types import Pod
from tests.unit.aci.setting import Azure, play
from tests.unit.aci.typical import CASES, CONFIG, IN_SUBNET, NETWORK, Case, file, main, mounted, pod

GOLDEN = Path(__file__).parent / "golden"


def body(case: Case) -> dict[str, Any]:
    made = container_group(case.pod, case.data, case.config, node="vk", domain="cluster.local", storage=case.storage)
    again: dict[str, Any] = json.loads(encoded(made))
    return again


@pytest.mark.parametrize("name", CASES)
def test_a_typical_pod_has_the_body_that_was_reviewed(name: str) -> None:
    assert body(CASES[name]) == json.loads((GOLDEN / f"{name}.json").read_text())


def test_each_reviewed_body_has_its_pod() -> None:
    assert {each.stem for each in GOLDEN.glob("*.json")} == set(CASES)


def group_of(given: Pod, data: PodData = NO_DATA) -> Mapping[str, Any]:
    properties: Mapping[str, Any] = body(Case(given, data))["properties"]
    return properties


REFUSED = {
    "args": (pod(main(args=["serve"])), "args without command"),
    "working directory": (pod(main(workingDir="/srv")), "workingDir"),
    "hooks": (pod(main(lifecycle={"preStop": {"exec": {"command": ["x"]}}})), "lifecycle"),
    "tcp probe": (pod(main(readinessProbe={"tcpSocket": {"port": 80}})), "readinessProbe: tcpSocket"),
    "grpc probe": (pod(main(livenessProbe={"grpc": {"port": 80}})), "livenessProbe: grpc"),
    "unknown port": (pod(main(livenessProbe={"httpGet": {"port": "http"}})), "no port named http"),
    "host network": (pod(main(), hostNetwork=True), "hostNetwork"),
    "host aliases": (pod(main(), hostAliases=[{"ip": "10.0.0.1", "hostnames": ["x"]}]), "hostAliases"),
    "sctp": (pod(main(ports=[{"containerPort": 1, "protocol": "SCTP"}])), "SCTP"),
    "six ports": (pod(main(ports=[{"containerPort": each} for each in range(1, 7)])), "6 ports"),
    "host path": (pod(mounted(("v", "/v")), volumes=[{"name": "v", "hostPath": {"path": "/"}}]), "type hostPath"),
    "claim": (pod(mounted(("v", "/v")), volumes=[{"name": "v", "persistentVolumeClaim": {}}]), "persistentVolumeClaim"),
    "other csi": (
        pod(mounted(("v", "/v")), volumes=[{"name": "v", "csi": {"driver": "disk"}}]),
        "csi with driver disk",
    ),
    "colon": (pod(mounted(("v", "/a:b")), volumes=[{"name": "v", "emptyDir": {}}]), "no colon"),
    "variable": (pod(main(env=[{"name": "spring.profile", "value": "x"}])), "spring.profile"),
    "sidecar of a job": (
        pod(main(), restartPolicy="Never", initContainers=[main(name="s", restartPolicy="Always")]),
        "would wait for the sidecar",
    ),
    "61 containers": (pod(*[main(name=f"c{each}") for each in range(61)]), "61 containers"),
    "21 volumes": (
        pod(
            mounted(*[(f"volume{each}", f"/v{each}") for each in range(21)]),
            volumes=[{"name": f"volume{each}", "emptyDir": {}} for each in range(21)],
        ),
        "21 volumes",
    ),
    "foreign secret": (
        pod(
            mounted(("v", "/v")),
            volumes=[
                {
                    "name": "v",
                    "csi": {
                        "driver": "file.csi.azure.com",
                        "volumeAttributes": {"shareName": "s", "secretName": "x", "secretNamespace": "other"},
                    },
                }
            ],
        ),
        "own namespace",
    ),
    "priority": (pod(main(), annotations={"virtual-kubelet.io/priority": "cheap"}), "not Regular or Spot"),
    "local seccomp": (pod(main(securityContext={"seccompProfile": {"type": "Localhost"}})), "seccompProfile"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_aci_does_not_have_is_refused_and_said(what: str) -> None:
    given, message = REFUSED[what]
    with pytest.raises(Invalid, match=message):
        body(Case(given))


def test_a_single_file_of_a_volume_cannot_be_mounted() -> None:
    container = main(volumeMounts=[{"name": "cfg", "mountPath": "/etc/nginx/nginx.conf", "subPath": "nginx.conf"}])
    given = pod(container, volumes=[{"name": "cfg", "configMap": {"name": "nginx"}}])
    with pytest.raises(Invalid, match=r"subPath nginx\.conf of volume cfg"):
        body(Case(given, PodData(files={"cfg": (file("nginx.conf", "x"),)})))


def test_a_gpu_in_a_subnet_is_refused() -> None:
    with pytest.raises(Invalid, match=r"nvidia\.com/gpu"):
        body(replace(CASES["gpu"], config=IN_SUBNET))


def test_spare_capacity_in_a_subnet_is_refused() -> None:
    with pytest.raises(Invalid, match="priority Spot"):
        body(replace(CASES["spot-zone-identity"], config=IN_SUBNET))


def test_a_variable_of_a_service_with_a_long_name_is_left_out() -> None:
    name = f"{'LONG_' * 12}NAME_PORT_443_TCP_PROTO"
    container = main(env=[{"name": name, "value": "tcp"}, {"name": "OTHER", "value": "1"}])
    variables = group_of(pod(container))["containers"][0]["properties"]["environmentVariables"]
    assert variables == [{"name": "OTHER", "value": "1"}]


def test_a_volume_whose_name_is_too_short_for_aci_gets_a_longer_one_that_no_other_has() -> None:
    given = pod(
        mounted(("a", "/a"), ("volume-a", "/b")),
        volumes=[{"name": "a", "emptyDir": {}}, {"name": "volume-a", "emptyDir": {}}],
    )
    assert [each["name"] for each in group_of(given)["volumes"]] == ["volume-a-2", "volume-a"]


def test_the_digest_of_a_group_does_not_depend_on_its_secrets() -> None:
    one = pod(main(env=[{"name": "PASSWORD", "value": "one"}]))
    two = pod(main(env=[{"name": "PASSWORD", "value": "two"}]))
    secret = PodData(secret_env=frozenset({("main", "PASSWORD")}))
    assert body(Case(one, secret))["tags"] == body(Case(two, secret))["tags"]
    assert body(Case(one))["tags"] != body(Case(two))["tags"]


def test_a_label_changes_nothing_that_is_sent() -> None:
    given = pod(main())
    labelled: Pod = {**given, "metadata": {**given["metadata"], "labels": {"colour": "blue"}}}
    assert body(Case(labelled)) == body(Case(given))


def test_the_account_of_a_share_is_read_from_the_pods_own_namespace() -> None:
    assert storage_secrets(CASES["azure-files"].pod) == [("shop", "account")]


def test_a_secret_without_an_account_is_named() -> None:
    with pytest.raises(Invalid, match="shop/account: azurestorageaccountkey"):
        storage_of(("shop", "account"), {"data": {"azurestorageaccountname": "eA=="}})


def test_a_pod_of_a_public_node_without_ports_has_no_address() -> None:
    assert "ipAddress" not in body(Case(pod(main()), config=CONFIG))["properties"]


@pytest.mark.parametrize("name", CASES)
def test_azure_takes_the_body_of_a_typical_pod(name: str) -> None:
    async def story(azure: Azure) -> None:
        url = f"https://management.azure.com/subscriptions/{azure.cloud.account.subscription}/resourceGroups/vksim"
        group = json.dumps(body(CASES[name])).replace(NETWORK, azure.provider._config.subnet)
        token = azure.cloud.tokens.issue(azure.clock.now())
        path = f"/providers/Microsoft.ContainerInstance/containerGroups/{name}?api-version=2023-05-01"
        request = Request("PUT", url + path, {"Authorization": f"Bearer {token}"}, group.encode())
        answer = azure.cloud.handle(request)
        assert answer.status == 201, answer.body

    play(story, CloudSettings(quotas={"StandardV100Cores": 24}))
