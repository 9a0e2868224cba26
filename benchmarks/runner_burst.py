"""What the runner costs: 500 pods bound to its node at once, and (with ``--idle``) 5,000 that only run.

Three processes, as in real life: ``vksim serve`` is the API server (over TLS), ``python -m runner`` the runner with its
mock provider, and this one creates the pods and looks on. Aims: all Running within 1.3 times the time that creating
takes, 2.5 ms of the runner's CPU for each pod, 90 MiB; idle below 2 % of a core.

``python benchmarks/runner_burst.py [--pods 500] [--idle] [--kubeconfig FILE] [--profile FILE]``
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml

from runner.kube import NODES, PODS, KubeApi, NotFound
from runner.kube_http import HttpKube
from runner.ports import real_ports

NODE = "burst"
CREATORS = 1
"""How many requests the creator has under way at once."""
IDLE_PODS = 5_000
IDLE_SECONDS = 60.0
TICKS = os.sysconf("SC_CLK_TCK")


async def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--pods", type=int, default=500)
    arguments.add_argument("--idle", action="store_true", help=f"also {IDLE_PODS} pods that only run (minutes)")
    arguments.add_argument("--kubeconfig", type=Path, help="another API server than vksim serve")
    arguments.add_argument("--profile", help="write the runner's cProfile there")
    wanted = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        async with (
            cluster(wanted.kubeconfig) as (kubeconfig, kube),
            runner(Path(folder), kubeconfig, wanted.profile) as pid,
        ):
            await ready(kube)
            await asyncio.sleep(1.0)
            print(f"runner at rest: {rss_mib(pid):.0f} MiB RSS, {cpu_seconds(pid):.2f} s of CPU to start")
            await burst(kube, pid, wanted.pods)
            if wanted.idle:
                await idle(kube, pid, wanted.pods)


async def burst(kube: KubeApi, pid: int, count: int) -> None:
    """Create the pods, wait until all run."""
    cpu, began = cpu_seconds(pid), time.perf_counter()
    listed = await kube.list(PODS, limit=1)
    running = asyncio.create_task(until_running(kube, listed["metadata"]["resourceVersion"], count))
    await create(kube, 0, count)
    created = time.perf_counter() - began
    await running
    took = time.perf_counter() - began
    await asyncio.sleep(1.0)  # what it does after the last status: events
    print(f"{count} pods created in {created:.2f} s, all Running after {took:.2f} s: ratio {took / created:.2f}")
    print(f"runner: {(cpu_seconds(pid) - cpu) / count * 1000:.2f} ms of CPU a pod, {rss_mib(pid):.0f} MiB RSS")


async def idle(kube: KubeApi, pid: int, there: int) -> None:
    """Fill up, and measure while nothing happens."""
    listed = await kube.list(PODS, limit=1)
    running = asyncio.create_task(until_running(kube, listed["metadata"]["resourceVersion"], IDLE_PODS - there))
    await create(kube, there, IDLE_PODS)
    await running
    await asyncio.sleep(10.0)
    cpu = cpu_seconds(pid)
    await asyncio.sleep(IDLE_SECONDS)
    share = (cpu_seconds(pid) - cpu) / IDLE_SECONDS
    print(f"{IDLE_PODS} running pods, idle: {share:.2%} of a core, {rss_mib(pid):.0f} MiB RSS")


# --- the cast -------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def cluster(there: Path | None) -> AsyncIterator[tuple[Path, KubeApi]]:
    """An API server without nodes, and a client of it."""
    if there is not None:
        async with HttpKube.connect(there, real_ports()) as kube:
            yield there, kube
        return
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "vksim", "serve", "--nodes", "0"), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode().strip()
        kubeconfig = Path(line.removeprefix("export KUBECONFIG="))
        async with HttpKube.connect(kubeconfig, real_ports()) as kube:
            yield kubeconfig, kube
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def runner(folder: Path, kubeconfig: Path, profile: str | None) -> AsyncIterator[int]:
    """A runner for the node; its process ID."""
    config = folder / "mock.yaml"
    config.write_text(yaml.safe_dump({"capacity": {"pods": "10000"}, "script": {"start-after": "0s"}}))
    profiler = ("-m", "cProfile", "-o", profile) if profile else ()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *profiler, "-m", "runner", "--provider", "mock", "--nodename", NODE, "--port", "0"),
        *("--kubeconfig", str(kubeconfig), "--provider-config", str(config), "--metrics-addr", "127.0.0.1:0"),
        *("--log-level", "warn"),
    )
    try:
        yield process.pid
    finally:
        process.terminate()
        await process.wait()


async def ready(kube: KubeApi) -> None:
    while True:
        try:
            await kube.get(NODES, NODE)
        except NotFound:
            await asyncio.sleep(0.05)
        else:
            return


async def create(kube: KubeApi, first: int, end: int) -> None:
    """Create pods that are bound to the node already."""
    numbers = iter(range(first, end))

    async def creator() -> None:
        for number in numbers:
            await kube.create(PODS, pod(number), "default")

    async with asyncio.TaskGroup() as tasks:
        for _ in range(CREATORS):
            tasks.create_task(creator())


async def until_running(kube: KubeApi, version: str, count: int) -> None:
    """Watch until so many pods have come to run."""
    running: set[str] = set()
    async with kube.watch(PODS, resource_version=version) as events:
        async for event in events:
            if event.object.get("status", {}).get("phase") == "Running":
                running.add(event.object["metadata"]["uid"])
                if len(running) == count:
                    return


def pod(number: int) -> dict[str, Any]:
    """A pod such as a Deployment makes: labels, an environment, resources; the API server adds a token."""
    return {
        "metadata": {"name": f"web-{number:05d}", "labels": {"app": "web", "pod-template-hash": "5d4f8c7b9"}},
        "spec": {
            "nodeName": NODE,
            "containers": [
                {
                    "name": "main",
                    "image": "registry.example/web:1.2.3",
                    "env": [
                        {"name": "MODE", "value": "production"},
                        {"name": "URL", "value": "http://$(MODE).example"},
                    ],
                    "ports": [{"containerPort": 8080}],
                    "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
                }
            ],
        },
    }


# --- what the system says of a process ------------------------------------------------------------------------------


def cpu_seconds(pid: int) -> float:
    """User and system time so far, of the process and its children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rss_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


if __name__ == "__main__":
    asyncio.run(main())
