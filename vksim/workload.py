"""Plays workloads: creates what arrives when it arrives, and changes and deletes it as the scenario says."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any, NamedTuple, ParamSpec

from runner import kube
from runner.kube import PODS, KubeApi, PatchType, Resource
from vksim import arrivals, trace
from vksim.demand import (
    Controlled,
    CronJob,
    DaemonSet,
    Deployment,
    Job,
    Pods,
    Rollout,
    ScaleStep,
    StatefulSet,
    Trace,
    Workload,
)
from vksim.template import Template

P = ParamSpec("P")

DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment", namespaced=True)
STATEFUL_SETS = Resource("apps", "v1", "statefulsets", "StatefulSet", namespaced=True)
DAEMON_SETS = Resource("apps", "v1", "daemonsets", "DaemonSet", namespaced=True)
JOBS = Resource("batch", "v1", "jobs", "Job", namespaced=True)
CRON_JOBS = Resource("batch", "v1", "cronjobs", "CronJob", namespaced=True)
PRIORITY_CLASSES = Resource("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", namespaced=False)

RESOURCES: dict[type[Workload], Resource] = {
    Pods: PODS,
    Trace: PODS,
    Deployment: DEPLOYMENTS,
    StatefulSet: STATEFUL_SETS,
    DaemonSet: DAEMON_SETS,
    Job: JOBS,
    CronJob: CRON_JOBS,
}

WAIT = 1.0
"""Seconds after which an API server in trouble is asked again, unless it says otherwise."""


class Arrival(NamedTuple):
    """An object, and when it is created."""

    at: float
    object: dict[str, Any]


def arriving(workload: Workload, template: Template, random: Random, folder: Path) -> Iterator[Arrival]:
    """What arrives, in order.

    Args:
        workload: what the scenario says.
        template: makes its pods.
        random: draws when they arrive.
        folder: where the scenario is, for its trace files.

    Raises:
        ValueError: a trace has a row that cannot be a pod.
    """
    if isinstance(workload, Trace):
        yield from (Arrival(*each) for each in trace.pods(workload, template, folder))
        return
    begin, window = workload.at.seconds, workload.over.seconds
    if isinstance(workload, Pods):
        times = arrivals.times(workload.arrival, begin, window, workload.pods, random)
        for number, at in enumerate(times):
            yield Arrival(at, template.pod(f"{workload.name}-{number}"))
    elif isinstance(workload, Controlled):
        names = object_names(workload)
        for name, at in zip(names, arrivals.times(workload.arrival, begin, window, len(names), random), strict=True):
            labels = template.labels
            yield Arrival(at, {"metadata": {"name": name, "labels": labels}, "spec": _spec(workload, template, name)})


def object_names(workload: Controlled) -> list[str]:
    """What the workload's objects are called."""
    return [workload.name] if workload.count == 1 else [f"{workload.name}-{number}" for number in range(workload.count)]


def _spec(workload: Controlled, template: Template, name: str) -> dict[str, Any]:
    """The ``spec`` of a controller's object. Objects of one workload have selectors of their own."""
    pods = template.template()
    if isinstance(workload, CronJob):
        return {
            "schedule": workload.schedule,
            "concurrencyPolicy": workload.concurrency,
            "timeZone": "Etc/UTC",
            "jobTemplate": {"metadata": {"labels": template.labels}, "spec": _job_spec(workload, pods)},
        }
    if isinstance(workload, Job):
        return _job_spec(workload, pods)
    labels = {**pods["metadata"]["labels"], "instance": name}
    pods = {**pods, "metadata": {**pods["metadata"], "labels": labels}}
    spec: dict[str, Any] = {"selector": {"matchLabels": {"app": workload.name, "instance": name}}, "template": pods}
    if isinstance(workload, Deployment):
        spec |= {"replicas": workload.replicas, **({"strategy": workload.strategy} if workload.strategy else {})}
    elif isinstance(workload, StatefulSet):
        policy = "Parallel" if workload.parallel else "OrderedReady"
        spec |= {"replicas": workload.replicas, "serviceName": name, "podManagementPolicy": policy}
    return spec


def _job_spec(workload: Job, pods: dict[str, Any]) -> dict[str, Any]:
    spec = {
        "completions": workload.completions,
        "parallelism": workload.parallelism,
        "backoffLimit": workload.backoff_limit,
        "completionMode": "Indexed" if workload.indexed else "NonIndexed",
        "template": pods,
    }
    if workload.deadline is not None:
        spec["activeDeadlineSeconds"] = int(workload.deadline.seconds)
    if workload.delete_after is not None:
        spec["ttlSecondsAfterFinished"] = int(workload.delete_after.seconds)
    return spec


async def play(workload: Workload, api: KubeApi, random: Random, folder: Path, *, in_clouds: bool = False) -> None:
    """Create what arrives, then change it over time; an API server in trouble is asked again."""
    loop = asyncio.get_running_loop()
    template = Template(workload, random, in_clouds=in_clouds)
    resource = RESOURCES[type(workload)]
    async with asyncio.TaskGroup() as tasks:
        if isinstance(workload, Controlled):
            for step in getattr(workload, "scale", []):
                tasks.create_task(_scale(workload, step, api))
            for number, rollout in enumerate(getattr(workload, "rollouts", []), start=2):
                tasks.create_task(_roll_out(workload, rollout, number, template, api))
            if workload.delete_at is not None:
                tasks.create_task(_delete(workload, workload.delete_at.seconds, api))
        for at, obj in arriving(workload, template, random, folder):
            if at > loop.time():
                await asyncio.sleep(at - loop.time())
            await _until_done(api.create, resource, obj, workload.namespace)


async def prepare(namespaces: list[str], priorities: dict[str, int], api: KubeApi) -> None:
    """Make the namespaces and priority classes that workloads name."""
    for name in namespaces:
        await _until_done(api.create, kube.NAMESPACES, {"metadata": {"name": name}})
    for name, value in priorities.items():
        await _until_done(api.create, PRIORITY_CLASSES, {"metadata": {"name": name}, "value": value})


async def _scale(workload: Controlled, step: ScaleStep, api: KubeApi) -> None:
    """Change the size: at once, or in as many even steps as there are pods between."""
    await _at(step.at.seconds)
    resource, loop = RESOURCES[type(workload)], asyncio.get_running_loop()
    first = await api.get(resource, object_names(workload)[0], workload.namespace)
    begin, size = loop.time(), int(first["spec"].get("replicas") or 0)
    steps = abs(step.to - size) if step.over.seconds else 1
    for number in range(1, steps + 1):
        await _at(begin + step.over.seconds * number / steps)
        replicas = size + round((step.to - size) * number / steps)
        for name in object_names(workload):
            await _until_done(api.patch, resource, name, {"spec": {"replicas": replicas}}, workload.namespace)


async def _roll_out(workload: Controlled, rollout: Rollout, number: int, template: Template, api: KubeApi) -> None:
    await _at(rollout.at.seconds)
    pods = template.template(rollout.image or f"{workload.name}:{number}", rollout.run_for)
    patch = {"spec": {"template": {"metadata": {"annotations": pods["metadata"]["annotations"]}, "spec": pods["spec"]}}}
    for name in object_names(workload):
        await _until_done(
            api.patch, RESOURCES[type(workload)], name, patch, workload.namespace, patch_type=PatchType.STRATEGIC
        )


async def _delete(workload: Controlled, at: float, api: KubeApi) -> None:
    await _at(at)
    for name in object_names(workload):
        await _until_done(api.delete, RESOURCES[type(workload)], name, workload.namespace)


async def _at(when: float) -> None:
    await asyncio.sleep(max(0.0, when - asyncio.get_running_loop().time()))


async def _until_done(request: Callable[P, Awaitable[object]], *args: P.args, **kwargs: P.kwargs) -> None:
    """Make a request until the API server has heard it; what is done already, or gone, is left so."""
    while True:
        try:
            await request(*args, **kwargs)
        except kube.Unavailable as error:
            await asyncio.sleep(error.retry_after or WAIT)
        except (kube.AlreadyExists, kube.NotFound):
            return
        else:
            return
