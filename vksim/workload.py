"""Pods that arrive: when, and what they look like. And their deletion, where the workload asks for it."""

import asyncio
from random import Random
from typing import Any

from providers.mock.script import PREFIX
from runner import kube
from runner.config import PROVIDER_TAINT_KEY
from vksim.scenario import Workload

NAMESPACE = "default"


def arrivals(workload: Workload, random: Random) -> list[float]:
    """When each pod arrives, in seconds from the start, in order."""
    begin, window, count = workload.at.seconds, workload.over.seconds, workload.pods
    if workload.arrival == "poisson":
        return sorted(begin + random.uniform(0, window) for _ in range(count))
    step = window / (count - 1) if count > 1 else 0.0
    return [begin + number * step for number in range(count)]


class Template:
    """Makes the pods of a workload; what they have in common they share.

    Args:
        workload: what the scenario says.
        random: draws what differs.
    """

    def __init__(self, workload: Workload, random: Random) -> None:
        self._workload = workload
        self._random = random
        requests = {name: str(value) for name, value in workload.requests.items()}
        self._spec = {
            "containers": [{"name": "main", "image": f"{workload.name}:1", "resources": {"requests": requests}}],
            "restartPolicy": workload.restart_policy,
            "terminationGracePeriodSeconds": int(workload.grace_period.seconds),
            "tolerations": [{"key": PROVIDER_TAINT_KEY, "operator": "Exists"}],
            "automountServiceAccountToken": False,
            **({"nodeSelector": dict(workload.node_selector)} if workload.node_selector else {}),
        }
        self._labels = {"app": workload.name, **workload.labels}

    def pod(self, number: int) -> dict[str, Any]:
        """The workload's pod of that number."""
        workload, annotations = self._workload, {}
        if workload.run_for is not None:
            annotations[f"{PREFIX}run-for"] = f"{workload.run_for.draw(self._random):.3f}s"
        code = self._exit_code()
        if code:
            annotations[f"{PREFIX}exit-code"] = str(code)
        return {
            "metadata": {"name": f"{workload.name}-{number}", "labels": self._labels, "annotations": annotations},
            "spec": self._spec,
        }

    def _exit_code(self) -> int:
        codes = self._workload.exit_code
        if isinstance(codes, int):
            return codes
        return self._random.choices(list(codes), list(codes.values()))[0]


async def play(workload: Workload, api: kube.KubeApi, random: Random) -> None:
    """Create the workload's pods as they arrive; an API server in trouble is asked again."""
    loop = asyncio.get_running_loop()
    template = Template(workload, random)
    for number, when in enumerate(arrivals(workload, random)):
        if when > loop.time():
            await asyncio.sleep(when - loop.time())
        pod = template.pod(number)
        while True:
            try:
                await api.create(kube.PODS, pod, NAMESPACE)
            except kube.Unavailable as error:
                await asyncio.sleep(error.retry_after or 1.0)
            except kube.AlreadyExists:
                break
            else:
                break
