"""``vksim serve`` as a process of its own: a cluster that comes, answers real clients, and goes."""

import asyncio
import base64
import os
import signal
import ssl
import stat
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from runner.kube import NODES, PODS, KubeApi
from runner.kube_http import HttpKube
from runner.ports import real_ports

pytestmark = pytest.mark.e2e

PATIENCE_SECONDS = 30.0
POD = {"metadata": {"name": "hello"}, "spec": {"containers": [{"name": "main", "image": "nginx"}]}}


def within_patience(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, PATIENCE_SECONDS))


@asynccontextmanager
async def served(*arguments: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, Path]]:
    """A served cluster and its kubeconfig; ended, if the test has not done so."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "vksim", "serve", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode()
        assert line.startswith("export KUBECONFIG="), line
        yield process, Path(line.removeprefix("export KUBECONFIG=").strip())
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def becomes(api: KubeApi, phase: str) -> dict[str, Any]:
    while True:
        pod = await api.get(PODS, "hello", "default")
        if pod.get("status", {}).get("phase") == phase:
            return pod
        await asyncio.sleep(0.1)


async def get(kubeconfig: Path, path: str, *, token: str | None = None) -> tuple[int, str]:
    """What the API server answers to a plain HTTPS client that trusts the kubeconfig's authority."""
    server, authority, right = credentials(kubeconfig)
    connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cadata=authority))
    headers = {"Authorization": f"Bearer {right if token is None else token}"}
    async with aiohttp.ClientSession(connector=connector) as http, http.get(server + path, headers=headers) as answer:
        return answer.status, await answer.text()


def credentials(kubeconfig: Path) -> tuple[str, str, str]:
    """Server, authority and token."""
    config = yaml.safe_load(kubeconfig.read_text())
    cluster = config["clusters"][0]["cluster"]
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    return cluster["server"], authority, config["users"][0]["user"]["token"]


def test_a_pod_runs_and_has_a_log() -> None:
    async def scene() -> None:
        async with (
            served("--nodes", "2") as (_, kubeconfig),
            HttpKube.connect(kubeconfig, real_ports()) as api,
        ):
            nodes = (await api.list(NODES))["items"]
            assert [each["metadata"]["name"] for each in nodes] == ["virtual-0", "virtual-1"]
            await api.create(PODS, POD, "default")
            pod = await becomes(api, "Running")
            assert pod["spec"]["nodeName"] in {"virtual-0", "virtual-1"}
            path = "/api/v1/namespaces/default/pods/hello/log"
            status, text = await get(kubeconfig, path)
            assert (status, text) == (200, "main started\n")

    within_patience(scene())


def test_a_cluster_without_nodes_leaves_pods_pending() -> None:
    async def scene() -> None:
        async with (
            served("--nodes", "0") as (_, kubeconfig),
            HttpKube.connect(kubeconfig, real_ports()) as api,
        ):
            assert (await api.list(NODES))["items"] == []
            await api.create(PODS, POD, "default")
            while not (pod := await api.get(PODS, "hello", "default"))["status"].get("conditions"):  # noqa: ASYNC110  (looks, as a user does)
                await asyncio.sleep(0.1)
            [condition] = pod["status"]["conditions"]
            assert (condition["reason"], condition["message"]) == (
                "Unschedulable",
                "no nodes available to schedule pods",
            )

    within_patience(scene())


def test_only_the_token_opens_the_door() -> None:
    async def scene() -> None:
        async with served("--nodes", "0") as (_, kubeconfig):
            assert (await get(kubeconfig, "/api/v1/nodes", token="wrong"))[0] == 401
            assert (await get(kubeconfig, "/api/v1/nodes"))[0] == 200

    within_patience(scene())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_and_takes_the_kubeconfig_away(number: signal.Signals, tmp_path: Path) -> None:
    async def scene() -> None:
        path = tmp_path / "kubeconfig"
        async with served("--nodes", "1", "--kubeconfig", str(path)) as (process, kubeconfig):
            assert kubeconfig == path
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            process.send_signal(number)
            _, errors = await process.communicate()
            assert process.returncode == 0
            assert b"Traceback" not in errors
            assert not path.exists()

    within_patience(scene())


def test_its_own_folder_goes_with_it() -> None:
    async def scene() -> None:
        async with served("--nodes", "0") as (process, kubeconfig):
            assert kubeconfig.exists()
            process.send_signal(signal.SIGTERM)
            await process.communicate()
            assert not kubeconfig.parent.exists()

    within_patience(scene())


def test_a_port_that_is_taken_is_one_line() -> None:
    async def scene() -> None:
        async with served("--nodes", "0") as (_, kubeconfig):
            port = credentials(kubeconfig)[0].rpartition(":")[2]
            second = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "vksim", "serve", "--nodes", "0", "--port", port),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            _, errors = await second.communicate()
            assert second.returncode == 1
            assert f"port {port} is in use, give another --port" in errors.decode()
            assert len(errors.decode().splitlines()) == 1

    within_patience(scene())


def test_objects_outlive_a_kill(tmp_path: Path) -> None:
    arguments = ("--nodes", "0", "--data-dir", str(tmp_path))

    async def scene() -> None:
        async with served(*arguments) as (process, kubeconfig), HttpKube.connect(kubeconfig, real_ports()) as api:
            before = await api.create(PODS, POD, "default")
            process.kill()
            await process.wait()
        async with served(*arguments) as (_, kubeconfig), HttpKube.connect(kubeconfig, real_ports()) as api:
            after = await api.get(PODS, "hello", "default")
            assert after["metadata"]["uid"] == before["metadata"]["uid"]

    within_patience(scene())


def test_a_folder_is_served_once(tmp_path: Path) -> None:
    async def scene() -> None:
        arguments = ("--nodes", "0", "--data-dir", str(tmp_path))
        async with served(*arguments):
            second = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "vksim", "serve", *arguments), stderr=asyncio.subprocess.PIPE
            )
            _, said = await second.communicate()
            assert second.returncode == 1
            assert "another process is serving it; end that first" in said.decode()

    within_patience(scene())


def test_faults_come_from_a_file(tmp_path: Path) -> None:
    rules = tmp_path / "faults.yaml"
    rules.write_text("- {error: 503, verbs: [list], resources: [secrets]}\n")

    async def scene() -> None:
        async with served("--nodes", "0", "--faults", str(rules)) as (_, kubeconfig):
            assert (await get(kubeconfig, "/api/v1/secrets"))[0] == 503
            assert (await get(kubeconfig, "/api/v1/pods"))[0] == 200

    within_patience(scene())


def test_a_mistake_in_a_file_of_faults_is_told(tmp_path: Path) -> None:
    rules = tmp_path / "faults.yaml"
    rules.write_text("- {eror: 503}\n")

    async def scene() -> None:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "vksim", "serve", "--faults", str(rules)), stderr=asyncio.subprocess.PIPE
        )
        _, said = await process.communicate()
        assert process.returncode == 2
        assert f"--faults: {rules}: " in said.decode()
        assert "unknown field `eror`" in said.decode()

    within_patience(scene())


def test_an_unknown_controller_is_told() -> None:
    async def scene() -> None:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "vksim", "serve", "--controllers", "gc"), stderr=asyncio.subprocess.PIPE
        )
        _, said = await process.communicate()
        assert process.returncode == 2
        assert "--controllers: no controller is named 'gc'" in said.decode()

    within_patience(scene())
