"""A fake cluster over TLS, and the runner as a process of its own in it."""

import asyncio
import json
import os
import ssl
import sys
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import yaml

from fakes.apiserver.access import kubeconfig
from fakes.apiserver.certificates import make_certificates
from fakes.apiserver.http import HttpDoor
from fakes.apiserver.server import ApiServer
from runner.kube import NODES, PODS, KubeApi, NotFound
from runner.kube_http import HttpKube
from runner.ports import real_ports

OTHERS_VARIABLES = ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBELET_PORT", "VKUBELET_POD_IP", "DEFAULT_NODE_NAME")
PATIENCE_SECONDS = 30.0
NODE = "virtual-kubelet"


def within_patience(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, PATIENCE_SECONDS))


def write_kubeconfig(path: Path, server: str, user: Mapping[str, Any], cluster: Mapping[str, Any] | None = None) -> str:
    """A kubeconfig; its path."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "it",
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "clusters": [{"name": "it", "cluster": {"server": server, **(cluster or {})}}],
        "users": [{"name": "it", "user": dict(user)}],
    }
    path.write_text(yaml.safe_dump(content))
    return str(path)


@asynccontextmanager
async def running(folder: Path, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A runner with the mock provider, killed at the end if it still lives."""
    environment = {name: value for name, value in os.environ.items() if name not in OTHERS_VARIABLES}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "runner", "--provider", "mock", *arguments),
        env={**environment, "HOME": str(folder)},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@dataclass(frozen=True)
class Cluster:
    """A fake API server over TLS, and what a runner of it is started with."""

    kube: KubeApi
    arguments: tuple[str, ...]
    cloud: Path
    door: HttpDoor
    tls: ssl.SSLContext

    def starts(self) -> list[int]:
        """How often each pod of the mock cloud was started."""
        return [json.loads(path.read_text())["starts"] for path in sorted(self.cloud.rglob("*.json"))]


@asynccontextmanager
async def cluster_in(folder: Path) -> AsyncIterator[Cluster]:
    ports = real_ports()
    certificates = make_certificates(["127.0.0.1"], ports.clock.now())
    door = HttpDoor(ApiServer(now=ports.clock.now, random=Random(1)), now=ports.clock.now, token="secret")
    await door.start(ssl=certificates.context())
    path = folder / "kubeconfig"
    path.write_text(kubeconfig(f"https://127.0.0.1:{door.port}", "secret", certificates.authority))
    config = folder / "mock.yaml"
    config.write_text(yaml.safe_dump({"script": {"start-after": "100ms", "log": "hello"}, "state": f"{folder}/cloud"}))
    arguments = ("--kubeconfig", str(path), "--provider-config", str(config), "--port", "0")
    try:
        async with HttpKube.connect(path, ports) as kube:
            yield Cluster(kube, arguments, folder / "cloud", door, certificates.context())
    finally:
        await door.stop()


def pod_object(name: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": {
            "nodeName": NODE,
            "terminationGracePeriodSeconds": 1,
            "containers": [{"name": "main", "image": "registry.example/app:1"}],
        },
    }


async def until_running(kube: KubeApi, name: str) -> dict[str, Any]:
    """The pod, once it runs."""
    while True:
        pod = await kube.get(PODS, name, "default")
        if pod["status"].get("phase") == "Running":
            return pod
        await asyncio.sleep(0.05)


async def until_gone(kube: KubeApi, name: str) -> None:
    while True:
        try:
            await kube.get(PODS, name, "default")
        except NotFound:
            return
        await asyncio.sleep(0.05)


async def until_ready(kube: KubeApi) -> dict[str, Any]:
    """The node, once it says that it is ready."""
    while True:
        try:
            node = await kube.get(NODES, NODE)
        except NotFound:
            node = {}
        conditions = node.get("status", {}).get("conditions") or []
        if any((each["type"], each["status"]) == ("Ready", "True") for each in conditions):
            return node
        await asyncio.sleep(0.05)
