"""Measures how a cloud behaves behind its production provider, and prints it as a profile for ``vksim/profiles.py``.

    python tools/cloud_profile.py aci

One pod after the other is created, waited for and deleted, on the fake cloud as it is in reality, in virtual time.
"""

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from importlib.metadata import entry_points
from random import Random
from statistics import median
from typing import Any

from fakes.apiserver.server import ApiServer
from providers import pods
from providers.base import Provider
from providers.errors import NotFound
from runner.config import RunnerConfig
from runner.context import provider_context
from vksim import loop
from vksim.clouds.base import GROUP
from vksim.kube import InProcessKube

PODS = 80
PAUSE = 60.0
"""Seconds between pods: nothing is throttled."""
LIFE = 30.0
"""Seconds that a pod runs: some clouds refuse changes of what has just begun."""
LOOK = 0.1
"""Seconds between looks at a pod."""


async def measured(name: str) -> dict[str, str]:
    """The profile of a cloud."""
    running = asyncio.get_running_loop()
    assert isinstance(running, loop.VirtualLoop)  # noqa: S101  (this is what it is for)
    ports = loop.ports(running, Random(1))
    (point,) = entry_points(group=GROUP, name=name)
    backend = point.load()(None, ports.clock, Random(2))
    kube = InProcessKube(ApiServer(now=ports.clock.now, random=Random(3)))
    config = RunnerConfig(node_name="measured", internal_ip="10.1.0.1")
    provider = backend.provider(provider_context(kube, config, ports, {}, "measured"))
    await provider.start()
    takes: dict[str, list[float]] = {"create-takes": [], "start-after": [], "end-after": []}
    for number in range(PODS):
        pod: Any = _pod(number)
        begun = running.time()
        await provider.create_pod(pod)
        takes["create-takes"].append(running.time() - begun)
        await _until(lambda pod=pod: _phase(provider, pod), "Running")
        takes["start-after"].append(running.time() - begun)
        await asyncio.sleep(LIFE)
        begun = running.time()
        await provider.delete_pod(pod)
        await _until(lambda pod=pod: _phase(provider, pod), "")
        takes["end-after"].append(running.time() - begun)
        await asyncio.sleep(PAUSE)
    await provider.close()
    return {each: _lognormal(found) for each, found in takes.items()}


async def _until(look: Callable[[], Awaitable[str]], wanted: str) -> None:
    while await look() != wanted:  # noqa: ASYNC110  (a cloud tells nobody)
        await asyncio.sleep(LOOK)


async def _phase(provider: Provider, pod: Any) -> str:
    """The pod's phase at the provider; empty if it has ended."""
    try:
        phase = (await provider.get_pod_status(pods.ref(pod))).get("phase") or "Pending"
    except NotFound:
        return ""
    return "" if phase in pods.TERMINAL_PHASES else phase


def _lognormal(values: list[float]) -> str:
    ordered = sorted(values)
    middle, last = median(ordered), ordered[int(len(ordered) * 0.99)]
    return f"lognormal(median={middle:.2f}s, p99={last:.2f}s)"


def _pod(number: int) -> dict[str, Any]:
    uid = f"00000000-0000-4000-8000-{number:012}"
    resources = {"requests": {"cpu": "1", "memory": "2Gi"}}
    return {
        "metadata": {"name": f"p-{number}", "namespace": "default", "uid": uid},
        "spec": {
            "nodeName": "measured",
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 30,
            "containers": [{"name": "main", "image": "nginx:1", "resources": resources}],
        },
        "status": {"phase": "Pending"},
    }


def main() -> None:
    """Print the profile."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cloud")
    options = parser.parse_args()
    for setting, value in loop.run(measured(options.cloud)).items():
        print(f'        "{setting}": "{value}",')  # noqa: T201  (what it is for)


if __name__ == "__main__":
    main()
