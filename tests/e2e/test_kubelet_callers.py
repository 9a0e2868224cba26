"""Who may call a runner's kubelet API, as a real API server says: tokens by TokenReview, rights by RBAC."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import pytest

from runner.kube import NODES, SERVICE_ACCOUNTS, AlreadyExists, KubeApi, NotFound, Resource
from runner.kube_http import HttpKube
from runner.ports import real_ports
from tests.contract.backends import the_control_plane
from tests.controlplane import ControlPlane
from tests.e2e.processes import NODE, running, until_ready, within_patience

pytestmark = [pytest.mark.e2e, pytest.mark.controlplane]

RBAC = "rbac.authorization.k8s.io"
CLUSTER_ROLES = Resource(RBAC, "v1", "clusterroles", "ClusterRole", namespaced=False)
CLUSTER_ROLE_BINDINGS = Resource(RBAC, "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False)

EXEC = "/exec/default/web/main?command=true&output=1"
PATHS = ("/healthz", "/metrics/resource", "/stats/summary", "/pods", "/configz", EXEC)


@pytest.fixture(scope="module")
def plane() -> ControlPlane:
    return the_control_plane()


@asynccontextmanager
async def asked_runner(plane: ControlPlane, folder: Path) -> AsyncIterator[tuple[KubeApi, str]]:
    """A runner that asks who calls; the cluster, and where the runner's kubelet API is."""
    arguments = ("--kubeconfig", str(plane.kubeconfig), "--port", "0", "--metrics-addr", "", "--shutdown", "delete")
    async with (
        HttpKube.connect(plane.kubeconfig, real_ports()) as kube,
        running(folder, *arguments, "--client-verify-ca", f"{plane.folder}/ca.crt") as process,
    ):
        node = await until_ready(kube)
        yield kube, f"https://127.0.0.1:{node['status']['daemonEndpoints']['kubeletEndpoint']['Port']}"
        process.terminate()
        await process.wait()
        with suppress(NotFound):
            await kube.delete(NODES, NODE)


async def token_for(kube: KubeApi, name: str, *subresources: str) -> str:
    """A token of a new service account that may get these subresources of nodes."""
    resources = [f"nodes/{each}" for each in subresources]
    subject = {"kind": "ServiceAccount", "namespace": "default", "name": name}
    objects = (
        (SERVICE_ACCOUNTS, {"metadata": {"name": name}}, "default"),
        (CLUSTER_ROLES, {"metadata": {"name": name}, "rules": [_rule(resources)] if resources else []}, None),
        (CLUSTER_ROLE_BINDINGS, {"metadata": {"name": name}, "roleRef": _role(name), "subjects": [subject]}, None),
    )
    for resource, content, namespace in objects:
        with suppress(AlreadyExists):
            kind = {"apiVersion": resource.api_version, "kind": resource.kind}
            await kube.create(resource, {**kind, **content}, namespace)
    wanted = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}}
    answer = await kube.create(SERVICE_ACCOUNTS, wanted, "default", name=name, subresource="token")
    return str(answer["status"]["token"])


def _rule(resources: list[str]) -> dict[str, list[str]]:
    return {"apiGroups": [""], "resources": resources, "verbs": ["get"]}


def _role(name: str) -> dict[str, str]:
    return {"apiGroup": RBAC, "kind": "ClusterRole", "name": name}


async def statuses(url: str, token: str) -> list[int]:
    """What a caller with this token is answered."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with aiohttp.ClientSession(url, headers=headers, connector=aiohttp.TCPConnector(ssl=False)) as session:
        return [(await session.get(path)).status for path in PATHS]


def test_a_caller_may_do_what_its_role_says_and_nothing_else(plane: ControlPlane, tmp_path: Path) -> None:
    async def go() -> None:
        async with asked_runner(plane, tmp_path) as (kube, url):
            tokens = {
                "nobody": "",
                "a stranger": "stranger",
                "without a role": await token_for(kube, "kubelet-none"),
                "metrics": await token_for(kube, "kubelet-metrics", "metrics", "stats"),
                "pods": await token_for(kube, "kubelet-pods", "pods"),
                "proxy": await token_for(kube, "kubelet-proxy", "proxy"),
            }
            found = {who: await statuses(url, token) for who, token in tokens.items()}
        assert found == {
            "nobody": [200, 401, 401, 401, 401, 401],
            "a stranger": [200, 401, 401, 401, 401, 401],
            "without a role": [200, 403, 403, 403, 403, 403],
            "metrics": [200, 200, 200, 403, 403, 403],
            "pods": [200, 403, 403, 200, 403, 403],
            "proxy": [200, 403, 403, 200, 200, 403],
        }

    within_patience(go())
