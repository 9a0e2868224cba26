"""``vksim cloud aci`` as a process of its own, and the runner with its production provider on it, over HTTPS."""

import asyncio
import os
import shlex
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import yaml

from runner.kube import PODS
from tests.e2e.processes import cluster_in, pod_object, running, until_ready, until_running, within_patience

pytestmark = pytest.mark.e2e

QUICK = {
    "latencies": {
        "provision": {"median": 0.5},
        "transition": {"median": 0.0},
        "write": {"median": 0.1},
        "delete": {"median": 0.1},
        "read": {"median": 0.02},
    }
}


@asynccontextmanager
async def cloud(*arguments: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, dict[str, str]]]:
    """A served cloud, and the variables that it prints; killed, if the test has not ended it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "vksim", "cloud", "aci", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        assert process.stdout is not None
        variables: dict[str, str] = {}
        while "ACI_CONFIG" not in variables:
            line = (await process.stdout.readline()).decode()
            assert line.startswith("export "), line
            name, _, value = shlex.split(line)[1].partition("=")
            variables[name] = value
        yield process, variables
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def ends(arguments: tuple[str, ...], code: int, said: str) -> None:
    """The command ends by itself with that code, and says so in one line."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "vksim", "cloud", "aci", *arguments), stderr=asyncio.subprocess.PIPE
    )
    _, errors = await process.communicate()
    assert process.returncode == code
    (line,) = errors.decode().splitlines()
    assert said in line


def is_there(path: str) -> bool:
    return Path(path).exists()


def test_the_runner_runs_a_pod_on_the_served_cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text(yaml.safe_dump(QUICK))

    async def scene() -> None:
        async with cloud("--settings", str(settings)) as (_, variables), cluster_in(tmp_path) as cluster:
            for name, value in variables.items():
                monkeypatch.setenv(name, value)
            provider = ("--provider", "aci", "--provider-config", variables["ACI_CONFIG"])
            async with running(tmp_path, *cluster.arguments, *provider):
                await until_ready(cluster.kube)
                await cluster.kube.create(PODS, pod_object("web"), "default")
                pod = await until_running(cluster.kube, "web")
                assert pod["status"]["containerStatuses"][0]["containerID"].startswith("aci://")

    within_patience(scene())


def test_a_signal_ends_it_in_order_and_its_files_go() -> None:
    async def scene() -> None:
        async with cloud() as (process, variables):
            assert is_there(variables["ACI_CONFIG"])
            process.send_signal(signal.SIGTERM)
            _, errors = await process.communicate()
            assert process.returncode == 0
            assert "Azure Container Instances at https://127.0.0.1:" in errors.decode()
            assert not is_there(variables["ACI_CONFIG"])

    within_patience(scene())


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (("--host", "0.0.0.0"), 2, "--allow-remote"),
        (("--host", "here"), 2, "--host: 'here' is not an IP address"),
        (("--settings", "none.yaml"), 2, "none.yaml: No such file"),
    ],
)
def test_what_cannot_be_meant_is_told_in_one_line(arguments: tuple[str, ...], code: int, line: str) -> None:
    within_patience(ends(arguments, code, line))


def test_settings_that_are_none_name_the_field(tmp_path: Path) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text("quotas: {StandardCores: many}\n")

    async def scene() -> None:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "vksim", "cloud", "aci", "--settings", str(settings)),
            stderr=asyncio.subprocess.PIPE,
        )
        _, errors = await process.communicate()
        assert process.returncode == 2
        assert "$.quotas" in errors.decode()

    within_patience(scene())
