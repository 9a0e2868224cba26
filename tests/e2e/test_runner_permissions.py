"""deploy/rbac.yaml grants enough, and nothing less would do: the runner as its service account on a real API server."""

import asyncio
import base64
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import trustme
import yaml

from runner.kube import (
    CONFIG_MAPS,
    NAMESPACES,
    NODES,
    PODS,
    SECRETS,
    SERVICE_ACCOUNTS,
    AlreadyExists,
    KubeApi,
    NotFound,
    Resource,
)
from runner.kube_http import HttpKube
from runner.kubelet.signing import REQUESTS
from runner.ports import real_ports
from tests.contract.backends import the_control_plane
from tests.controlplane import ControlPlane, free_ports
from tests.e2e.processes import NODE, pod_object, running, until_gone, until_ready, until_running, within_patience

pytestmark = [pytest.mark.e2e, pytest.mark.controlplane]

ROOT = Path(__file__).parents[2]
RBAC = "rbac.authorization.k8s.io"
KINDS = {
    "Namespace": NAMESPACES,
    "ServiceAccount": SERVICE_ACCOUNTS,
    "ClusterRole": Resource(RBAC, "v1", "clusterroles", "ClusterRole", namespaced=False),
    "ClusterRoleBinding": Resource(RBAC, "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False),
    "Role": Resource(RBAC, "v1", "roles", "Role", namespaced=True),
    "RoleBinding": Resource(RBAC, "v1", "rolebindings", "RoleBinding", namespaced=True),
}


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """A control plane with the manifests of deploy/ applied, but for the Deployment."""
    plane = the_control_plane()
    asyncio.run(applied(plane, "namespace.yaml", "rbac.yaml"))
    yield plane
    asyncio.run(removed(plane))


async def applied(plane: ControlPlane, *manifests: str) -> None:
    async with HttpKube.connect(plane.kubeconfig, real_ports()) as kube:
        for name in manifests:
            for document in yaml.safe_load_all((ROOT / "deploy" / name).read_text()):
                with suppress(AlreadyExists):
                    await kube.create(KINDS[document["kind"]], document)


async def removed(plane: ControlPlane) -> None:
    async with HttpKube.connect(plane.kubeconfig, real_ports()) as kube:
        await kube.delete(NAMESPACES, "vksim")
        await kube.delete(KINDS["ClusterRole"], "vksim-runner")


async def as_service_account(kube: KubeApi, plane: ControlPlane, path: Path) -> str:
    """A kubeconfig with a token of the manifest's service account."""
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}}
    answer = await kube.create(SERVICE_ACCOUNTS, request, "vksim", name="runner", subresource="token")
    return written(plane, path, answer["status"]["token"])


def written(plane: ControlPlane, path: Path, token: str) -> str:
    config = yaml.safe_load(plane.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token}
    path.write_text(yaml.safe_dump(config))
    return str(path)


def needy_pod() -> dict[str, Any]:
    """A pod that has the runner read a ConfigMap and a Secret."""
    pod = pod_object("needy")
    pod["spec"]["containers"][0]["env"] = [
        {"name": "COLOUR", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "colour"}}},
        {"name": "WORD", "valueFrom": {"secretKeyRef": {"name": "words", "key": "word"}}},
    ]
    return pod


def test_a_check_on_a_real_cluster_finds_all_permissions_and_then_the_one_that_is_missing(
    plane: ControlPlane, tmp_path: Path
) -> None:
    async def go() -> None:
        async with HttpKube.connect(plane.kubeconfig, real_ports()) as kube:
            kubeconfig = await as_service_account(kube, plane, tmp_path / "kubeconfig")
            everything = (
                "--shutdown=delete",
                "--rotate-server-certificates",
                f"--client-verify-ca={plane.folder}/ca.crt",
            )
            command = ("check", "--provider", "mock", "--port", "0", "--kubeconfig", kubeconfig, *everything)
            code, out = await output_of(*command)
            assert code == 0, out
            assert f"ok      {NODE}: permissions: all" in out
            role = await kube.get(KINDS["ClusterRole"], "vksim-runner")
            rules = [rule for rule in role["rules"] if rule["resources"] != ["pods/status"]]
            await kube.update(KINDS["ClusterRole"], {**role, "rules": rules})
            try:
                code, out = await output_of(*command)
            finally:
                await kube.patch(KINDS["ClusterRole"], "vksim-runner", {"rules": role["rules"]})
            assert code == 1, out
            assert f"missing {NODE}: permission: patch pods/status, for reporting; see deploy/rbac.yaml" in out

    within_patience(go())


async def output_of(*arguments: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "runner", *arguments), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    out, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode()


def test_the_cluster_signs_the_certificate_that_an_operator_approves(plane: ControlPlane, tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "signer.crt")
    authority.private_key_pem.write_to_path(tmp_path / "signer.key")

    async def go() -> None:
        async with HttpKube.connect(plane.kubeconfig, real_ports()) as kube:
            kubeconfig = await as_service_account(kube, plane, tmp_path / "kubeconfig")
            port = free_ports(1)[0]
            arguments = ("--kubeconfig", kubeconfig, "--port", str(port), "--metrics-addr", "")
            async with running(tmp_path, *arguments, "--rotate-server-certificates"):
                await approved(kube)
                trust = ssl.create_default_context(cafile=str(tmp_path / "signer.crt"))
                async with aiohttp.ClientSession() as client:
                    while True:
                        try:
                            async with client.get(f"https://127.0.0.1:{port}/healthz", ssl=trust) as response:
                                assert response.status == 200
                                return
                        except aiohttp.ClientConnectorError:  # its own certificate, or not up yet
                            await asyncio.sleep(0.2)

    signer = (f"--cluster-signing-cert-file={tmp_path}/signer.crt", f"--cluster-signing-key-file={tmp_path}/signer.key")
    with plane.component(
        "kube-controller-manager", "--controllers=certificatesigningrequest-signing-controller", *signer
    ):
        within_patience(go())


async def approved(kube: KubeApi) -> None:
    """Approve the first request for a serving certificate that there is."""
    while not (items := (await kube.list(REQUESTS))["items"]):  # noqa: ASYNC110  (it is in another process)
        await asyncio.sleep(0.2)
    condition = {"type": "Approved", "status": "True", "reason": "Test", "message": "it is ours"}
    await kube.update(REQUESTS, {**items[0], "status": {"conditions": [condition]}}, subresource="approval")


def test_what_the_manifest_grants_is_enough_from_the_registration_to_the_deletion(
    plane: ControlPlane, tmp_path: Path
) -> None:
    async def go() -> None:
        async with HttpKube.connect(plane.kubeconfig, real_ports()) as kube:
            kubeconfig = await as_service_account(kube, plane, tmp_path / "kubeconfig")
            await kube.create(CONFIG_MAPS, {"metadata": {"name": "settings"}, "data": {"colour": "blue"}}, "default")
            word = base64.b64encode(b"please").decode()
            await kube.create(SECRETS, {"metadata": {"name": "words"}, "data": {"word": word}}, "default")
            arguments = ("--kubeconfig", kubeconfig, "--port", "0", "--metrics-addr", "", "--shutdown", "delete")
            async with running(tmp_path, *arguments) as process:
                await until_ready(kube)
                for pod in (pod_object("web"), needy_pod()):
                    await kube.create(PODS, pod, "default")
                    await until_running(kube, pod["metadata"]["name"])
                await kube.delete(PODS, "web", "default")
                await until_gone(kube, "web")
                process.terminate()
                _, log = await process.communicate()
                assert process.returncode == 0
            assert "forbidden" not in log.decode(), log.decode()
            with pytest.raises(NotFound):
                await kube.get(PODS, "needy", "default")
            with pytest.raises(NotFound):
                await kube.get(NODES, NODE)

    within_patience(go())
