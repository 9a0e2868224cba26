"""``python -m runner`` as a process of its own: what an operator sees of it."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

pytestmark = pytest.mark.e2e

OTHERS_VARIABLES = ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBELET_PORT", "VKUBELET_POD_IP", "DEFAULT_NODE_NAME")
PATIENCE_SECONDS = 30.0


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


async def last_words(folder: Path, *arguments: str) -> tuple[int, str]:
    """The exit code of a runner that ends by itself, and its last line on stderr. There is no traceback."""
    async with running(folder, *arguments) as process:
        _, errors = await process.communicate()
        text = errors.decode()
        assert "Traceback" not in text
        assert process.returncode is not None
        return process.returncode, text.splitlines()[-1]


@asynccontextmanager
async def refusing_server(folder: Path, code: int, message: str = "no") -> AsyncIterator[str]:
    """The kubeconfig of an API server that answers everything with this ``Status``."""

    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"kind": "Status", "code": code, "message": message}, status=code)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield write_kubeconfig(folder / "kubeconfig", f"http://127.0.0.1:{runner.addresses[0][1]}", {"token": "t"})
    finally:
        await runner.cleanup()


def test_a_kubeconfig_that_is_not_there(tmp_path: Path) -> None:
    async def go() -> None:
        code, line = await last_words(tmp_path, "--kubeconfig", f"{tmp_path}/none")
        assert code == 2
        assert line.startswith(f"runner: {tmp_path}/none: no such file")

    within_patience(go())


def test_a_kubeconfig_of_broken_yaml(tmp_path: Path) -> None:
    async def go() -> None:
        (tmp_path / "kubeconfig").write_text("clusters: [\n")
        code, line = await last_words(tmp_path, "--kubeconfig", f"{tmp_path}/kubeconfig")
        assert code == 2
        assert "kubeconfig, line 2: broken YAML" in line

    within_patience(go())


def test_an_exec_plug_in_that_fails(tmp_path: Path) -> None:
    async def go() -> None:
        user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "false"}}
        kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", "https://127.0.0.1:1", user)
        code, line = await last_words(tmp_path, "--kubeconfig", kubeconfig)
        assert code == 2
        assert "user 'it': exec plug-in 'false' failed" in line

    within_patience(go())


def test_a_field_that_the_provider_does_not_know(tmp_path: Path) -> None:
    async def go() -> None:
        config = tmp_path / "mock.toml"
        config.write_text('speed = "high"\n[capacity]\ncpu = "4"\n')
        async with refusing_server(tmp_path, 404) as kubeconfig:
            code, line = await last_words(
                tmp_path, "--kubeconfig", kubeconfig, "--port", "0", "--provider-config", str(config)
            )
        assert code == 2
        assert f"{config}: speed: unknown field" in line

    within_patience(go())


def test_an_api_server_that_cannot_be_reached(tmp_path: Path) -> None:
    async def go() -> None:
        kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", "https://127.0.0.1:1", {"token": "t"})
        code, line = await last_words(tmp_path, "--kubeconfig", kubeconfig, "--startup-timeout", "1s")
        assert code == 1
        assert line == "runner: cannot reach the API server https://127.0.0.1:1: Connection refused"

    within_patience(go())


@pytest.mark.parametrize(("status", "says"), [(401, "refuses the credential"), (403, "does not allow it")])
def test_an_api_server_that_refuses(tmp_path: Path, status: int, says: str) -> None:
    async def go() -> None:
        async with refusing_server(tmp_path, status, "not you") as kubeconfig:
            code, line = await last_words(tmp_path, "--kubeconfig", kubeconfig, "--port", "0")
        assert code == 1
        assert says in line
        assert "not you" in line

    within_patience(go())


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    async def go() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            async with refusing_server(tmp_path, 404) as kubeconfig:
                code, line = await last_words(tmp_path, "--kubeconfig", kubeconfig, "--port", str(port))
        assert code == 1
        assert f"127.0.0.1 port {port}: Address already in use" in line

    within_patience(go())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_in_order_even_while_it_waits_for_the_cluster(tmp_path: Path, number: signal.Signals) -> None:
    async def go() -> None:
        kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", "https://127.0.0.1:1", {"token": "t"})
        async with running(tmp_path, "--kubeconfig", kubeconfig, "--startup-timeout", "0") as process:
            assert process.stderr is not None
            await process.stderr.readline()
            process.send_signal(number)
            assert await process.wait() == 0

    within_patience(go())
