"""``vksim cloud eci`` as a process of its own, with the runner's provider and Alibaba's SDK at it over HTTP."""

import asyncio
import os
import shlex
import signal
import sys
import tomllib
from pathlib import Path
from random import Random

import pytest

from features.factories import BoundPodFactory
from providers import pods
from providers.base import LogOptions, ProviderContext
from providers.eci import factory
from runner.config import RunnerConfig
from runner.context import provider_context
from runner.ports import real_ports
from tests.e2e.processes import within_patience
from tests.unit.test_eci_provider import User, text_of

pytestmark = pytest.mark.e2e
SETTINGS = "latencies: {schedule: {median: 0.1}, start: {median: 0.2}}\n"


def context(config: Path) -> ProviderContext:
    """What the runner tells the provider; there is no cluster."""
    ports = real_ports()
    parsed = tomllib.loads(config.read_text(encoding="utf-8"))
    cluster = object()
    return provider_context(cluster, RunnerConfig("vk", internal_ip="192.0.2.1"), ports, parsed, str(config))  # type: ignore[arg-type]  # nothing asks it


def test_the_production_provider_runs_a_pod_on_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text(SETTINGS)

    async def scene() -> None:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "vksim", "cloud", "eci", "--settings", str(settings)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        try:
            assert process.stdout is not None
            for _ in range(3):
                line = (await process.stdout.readline()).decode()
                name, _, value = shlex.split(line)[1].partition("=")
                monkeypatch.setenv(name, value)
            await a_life(Path(os.environ["ECI_CONFIG"]))
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()

    within_patience(scene())


async def a_life(config: Path) -> None:
    """A pod is created, runs, is looked at from all sides, and ends."""
    provider = factory.create(context(config))
    assert isinstance(provider, factory.EciProvider)
    told = asyncio.Queue[str]()
    provider.notify_pods(lambda pod: told.put_nowait(pods.phase(pod)))
    await provider.start()
    try:
        pod = BoundPodFactory(metadata__uid=f"{Random().getrandbits(64):x}")
        await provider.create_pod(pod)
        while await told.get() != "Running":
            pass
        ref = pods.ref(pod)
        assert await text_of(provider.container_logs(ref, "main", LogOptions())) == ["main started"]
        user = User(b"echo hello\n", b"exit 3\n")
        assert await provider.exec_in_container(ref, "main", ["sh"], user) == 3
        assert user.seen == b"hello\n"
        assert [each["podRef"]["name"] for each in (await provider.stats_summary())["pods"]] == [ref.name]
        await provider.delete_pod(pod)
        while await told.get() != "Failed":
            pass
        assert await provider.get_pods() == []
    finally:
        await provider.close()
