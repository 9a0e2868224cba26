"""``vksim cloud fargate`` as a process of its own: boto3 at its door, and the runner's provider and checks on it."""

import asyncio
import os
import shlex
import signal
import sys
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import boto3
import pytest

from features.factories import BoundPodFactory
from providers import pods
from providers.base import LogOptions, ProviderContext
from providers.fargate import factory
from runner.config import RunnerConfig
from runner.context import provider_context
from runner.kube import PODS
from runner.ports import real_ports
from tests.e2e.processes import NODE, cluster_in, pod_object, running, until_ready, until_running, within_patience
from tests.unit.test_fargate_exec import Terminal

pytestmark = pytest.mark.e2e
SETTINGS = "latencies: {schedule: {median: 0.1}, start: {median: 0.2}, end: {median: 0.1}}\n"


@asynccontextmanager
async def cloud(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Path]:
    """A served cloud, its variables set: where the provider's configuration is."""
    settings = folder / "settings.yaml"
    settings.write_text(SETTINGS)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "vksim", "cloud", "fargate", "--settings", str(settings)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        assert process.stdout is not None
        for _ in range(6):
            name, _, value = shlex.split((await process.stdout.readline()).decode())[1].partition("=")
            monkeypatch.setenv(name, value)
        yield Path(os.environ["FARGATE_CONFIG"])
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def context(config: Path) -> ProviderContext:
    """What the runner tells the provider; there is no cluster."""
    ports = real_ports()
    parsed = tomllib.loads(config.read_text(encoding="utf-8"))
    cluster = object()
    return provider_context(cluster, RunnerConfig("vk", internal_ip="192.0.2.1"), ports, parsed, str(config))  # type: ignore[arg-type]  # nothing asks it


def test_the_production_provider_runs_a_pod_and_a_command_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene() -> None:
        async with cloud(tmp_path, monkeypatch) as config:
            provider = factory.create(context(config))
            assert isinstance(provider, factory.FargateProvider)
            told = asyncio.Queue[str]()
            provider.notify_pods(lambda pod: told.put_nowait(pods.phase(pod)))
            await provider.start()
            try:
                assert {each.verdict for each in await provider.check()} == {"ok"}
                pod = BoundPodFactory(metadata__uid=f"{Random().getrandbits(64):x}")
                await provider.create_pod(pod)
                while await told.get() != "Running":
                    pass
                ref = pods.ref(pod)
                log = [each async for each in provider.container_logs(ref, "main", LogOptions())]
                assert log == [b"main started\n"]
                io = Terminal(b"typed\n")
                assert await provider.exec_in_container(ref, "main", ["sh", "-c", "echo hello; exit 3"], io) == 3
                assert io.shown == b"hello\n"
                await provider.delete_pod(pod)
                while await told.get() != "Failed":
                    pass
                assert await provider.get_pods() == []
            finally:
                await provider.close()

    within_patience(scene())


def test_boto3_reaches_all_services_at_one_endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked() -> tuple[str, bool, str, str]:
        """What four services say, by the variables alone."""
        subnets = {each["SubnetId"] for each in boto3.client("ec2").describe_subnets()["Subnets"]}
        config = tomllib.loads(Path(os.environ["FARGATE_CONFIG"]).read_text(encoding="utf-8"))
        role = boto3.client("iam").get_role(RoleName="vksim-task")["Role"]["Arn"]
        group = boto3.client("logs").describe_log_groups()["logGroups"][0]["logGroupName"]
        cluster = boto3.client("ecs").create_cluster(clusterName="c")["cluster"]["status"]
        return cluster, set(config["Subnets"]) <= subnets, role, group

    async def scene() -> None:
        async with cloud(tmp_path, monkeypatch):
            told = await asyncio.to_thread(asked)  # noqa: TID251  (boto3 blocks, as it does for its users)
            assert told == ("ACTIVE", True, "arn:aws:iam::123456789012:role/vksim-task", "vksim")

    within_patience(scene())


def test_the_runner_checks_and_runs_a_pod_on_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        async with cloud(tmp_path, monkeypatch) as config, cluster_in(tmp_path) as cluster:
            provider = ("--provider", "fargate", "--provider-config", str(config))
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "runner", "check", *cluster.arguments, *provider, "--nodename", NODE),
                stdout=asyncio.subprocess.PIPE,
            )
            output = (await process.communicate())[0].decode()
            assert process.returncode == 0, output
            assert "execution role: arn:aws:iam::123456789012:role/vksim-execution" in output
            async with running(tmp_path, *cluster.arguments, *provider):
                await until_ready(cluster.kube)
                await cluster.kube.create(PODS, pod_object("web"), "default")
                pod = await until_running(cluster.kube, "web")
                assert pod["status"]["containerStatuses"][0]["containerID"].startswith("fargate://")

    within_patience(scene())
