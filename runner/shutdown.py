"""The orderly end of a node: cordon it, drain it, delete it, as the operator wants (``runner.config.Shutdown``).

The agent goes on running meanwhile: it is what ends the pods. Draining is ``kubectl drain``'s: evictions, which respect
disruption budgets and are asked for again where one forbids them for now; pods of DaemonSets stay, as their controller
would only bring them back.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping

from providers import pods
from providers.types import Pod
from runner.config import RunnerConfig, Shutdown
from runner.kube import NODES, PODS, ApiError, Conflict, KubeApi, NotFound
from runner.node_controller import NodeController

EVICTION_RETRY = 5.0
"""Seconds until an eviction that was refused is asked for again; kubectl's."""
LOOK_AGAIN = 0.25
"""Seconds between looks at whether the pods have gone."""


async def shut_down(
    kube: KubeApi,
    node: NodeController,
    config: RunnerConfig,
    pods_here: Callable[[], Iterable[Pod]],
    log: logging.Logger | logging.LoggerAdapter[logging.Logger],
) -> None:
    """Do to the node what ``config.shutdown`` says, within ``config.shutdown_timeout``; what fails is logged.

    Args:
        kube: the cluster.
        node: the node's controller; it is told that the node is given up.
        config: the node's.
        pods_here: the pods that are on the node, in the API or at the provider.
        log: where it is told.
    """
    mode = config.shutdown
    if mode is Shutdown.LEAVE:
        return
    try:
        async with asyncio.timeout(config.shutdown_timeout.total_seconds()):
            await node.cordon()
            log.info("node cordoned")
            if mode in (Shutdown.DRAIN, Shutdown.DELETE):
                await _drain(kube, pods_here, log)
            if mode is Shutdown.DELETE:
                node.closing = True
                await _delete(kube, config.node_name, pods_here, log)
    except TimeoutError:
        left = sum(1 for _ in pods_here())
        log.warning("shutdown took longer than %s: %d pods are left", config.shutdown_timeout, left)
    except ApiError as error:
        log.warning("shutdown not finished: %s", error)


async def _drain(
    kube: KubeApi,
    pods_here: Callable[[], Iterable[Pod]],
    log: logging.Logger | logging.LoggerAdapter[logging.Logger],
) -> None:
    """Evict what is evictable until it has gone, also pods that come meanwhile."""
    loop = asyncio.get_running_loop()
    due: dict[str, float] = {}
    while waiting := [pod for pod in pods_here() if not _of_daemon_set(pod)]:
        for pod in waiting:
            uid = pods.uid(pod)
            if not pods.is_deleting(pod) and loop.time() >= due.get(uid, 0.0):
                due[uid] = loop.time() + EVICTION_RETRY
                await _evict(kube, pod, log)
        await asyncio.sleep(LOOK_AGAIN)
    log.info("node drained")


async def _evict(kube: KubeApi, pod: Pod, log: logging.Logger | logging.LoggerAdapter[logging.Logger]) -> None:
    metadata = pod["metadata"]
    name, namespace = metadata["name"], metadata.get("namespace")
    eviction: Mapping[str, object] = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": name, "namespace": namespace},
        "deleteOptions": {"preconditions": {"uid": pods.uid(pod)}},
    }
    try:
        await kube.create(PODS, eviction, namespace, name=name, subresource="eviction")
    except (NotFound, Conflict):
        return  # it has gone, or is another one by now
    except ApiError as error:
        log.info("not evicted yet: %s", error, extra={"pod": pods.ref(pod)})


async def _delete(
    kube: KubeApi,
    name: str,
    pods_here: Callable[[], Iterable[Pod]],
    log: logging.Logger | logging.LoggerAdapter[logging.Logger],
) -> None:
    """Delete the Node object, then what is left on it, and wait until the provider has ended that."""
    try:
        await kube.delete(NODES, name)
    except NotFound:
        log.info("the node was deleted already")
    asked: set[str] = set()
    while left := list(pods_here()):
        for pod in left:
            metadata = pod["metadata"]
            if pods.is_deleting(pod) or pods.uid(pod) in asked:
                continue
            asked.add(pods.uid(pod))
            try:
                await kube.delete(PODS, metadata["name"], metadata.get("namespace"), uid=pods.uid(pod))
            except (NotFound, Conflict):
                continue
        await asyncio.sleep(LOOK_AGAIN)
    log.info("node deleted")


def _of_daemon_set(pod: Pod) -> bool:
    return any(each.get("kind") == "DaemonSet" for each in pod["metadata"].get("ownerReferences") or [])
