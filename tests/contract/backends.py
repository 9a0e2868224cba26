"""What the contract suite runs over: each back end starts an API server and yields a client of it.

To add one, write a function like ``in_process`` and name it in ``BACKENDS``.
"""

import asyncio
import atexit
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from fakes.apiserver import controllers
from fakes.apiserver.http import HttpDoor
from fakes.apiserver.server import ApiServer
from runner.kube import (
    CONFIG_MAPS,
    EVENTS,
    LEASES,
    NAMESPACES,
    NODES,
    PODS,
    SECRETS,
    SERVICE_ACCOUNTS,
    SERVICES,
    KubeApi,
    NotFound,
    Resource,
)
from runner.kube_config import Connection
from runner.kube_http import HttpKube
from runner.ports import real_ports
from tests.contract.support import until_gone, until_there
from tests.controlplane import ControlPlane, control_plane, programs_or_skip
from vksim.kube import InProcessKube

WATCH_CACHE = 50
"""How many changes of a resource the servers remember: little, so that a test can be too late."""

Backend = Callable[[], AbstractAsyncContextManager[KubeApi]]


def now() -> datetime:
    """The servers' clock, which stands still."""
    return datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def fake_server() -> ApiServer:
    """A fake API server whose objects nobody may change, with the controllers that a real one has here."""
    return ApiServer(now=now, random=Random(1), checked=True, watch_cache=WATCH_CACHE, running=controllers.ALL)


@asynccontextmanager
async def in_process() -> AsyncIterator[KubeApi]:
    """The fake API server by direct calls."""
    yield InProcessKube(fake_server())


@asynccontextmanager
async def over_http() -> AsyncIterator[KubeApi]:
    """The fake API server through its HTTP door, asked by the client that the runner uses on a real cluster."""

    async def authorization() -> str:
        return "Bearer secret"

    door = HttpDoor(fake_server(), now=now, token="secret")
    await door.start()
    try:
        async with HttpKube.over(Connection(f"http://127.0.0.1:{door.port}", authorization), Random(1)) as kube:
            yield kube
    finally:
        await door.stop()


@asynccontextmanager
async def real() -> AsyncIterator[KubeApi]:
    """A kube-apiserver with etcd, emptied of what the test before left. One serves the whole session."""
    async with HttpKube.connect(the_control_plane().kubeconfig, real_ports()) as kube:
        await _empty(kube)
        yield kube


BACKENDS: Mapping[str, Backend] = {"in-process": in_process, "http": over_http, "real": real}
REAL = "real"
"""The one that needs programs that not every machine has; its tests are marked ``controlplane``."""


@cache
def the_control_plane() -> ControlPlane:
    """Started by whoever asks first, outside of any event loop; ended with the process."""
    folder = tempfile.TemporaryDirectory(prefix="vksim-control-plane-")
    stack = ExitStack()
    atexit.register(stack.close)
    stack.enter_context(folder)
    plane = stack.enter_context(control_plane(Path(folder.name), programs_or_skip()))
    stack.enter_context(plane.component("kube-controller-manager", *AS_THE_FAKE))
    asyncio.run(_furnished(plane))
    return plane


AS_THE_FAKE = (
    f"--controllers={','.join(sorted(controllers.ALL))}",
    "--use-service-account-credentials=false",
)
"""The controllers whose work the fake does too; others would meddle with what tests make."""


async def _furnished(plane: ControlPlane) -> None:
    async with HttpKube.connect(plane.kubeconfig, real_ports()) as kube:
        await until_there(kube, SERVICE_ACCOUNTS, "default", "default")
        await until_there(kube, CONFIG_MAPS, "kube-root-ca.crt", "default")


LITTERED = (CONFIG_MAPS, SECRETS, SERVICES, PODS, LEASES, EVENTS, SERVICE_ACCOUNTS)
"""What tests make in namespaces."""


async def _empty(kube: KubeApi) -> None:
    """Delete what tests may have made. The recorded cases have namespaces of their own, which disturb nobody."""
    for resource in LITTERED:
        for each in (await kube.list(resource))["items"]:
            namespace, name = each["metadata"]["namespace"], each["metadata"]["name"]
            if not _is_others(namespace) and (resource, name) not in KEPT:
                await _delete(kube, resource, each)
    for each in (await kube.list(NODES))["items"]:
        await _delete(kube, NODES, each)
    for each in (await kube.list(NAMESPACES))["items"]:
        name = each["metadata"]["name"]
        if name != "default" and not _is_others(name):
            await _delete(kube, NAMESPACES, each)


def _is_others(namespace: str) -> bool:
    return namespace in SYSTEM or namespace.startswith("case-")


SYSTEM = ("kube-system", "kube-public", "kube-node-lease")
KEPT = ((SERVICES, "kubernetes"), (CONFIG_MAPS, "kube-root-ca.crt"), (SERVICE_ACCOUNTS, "default"))


async def _delete(kube: KubeApi, resource: Resource, obj: Mapping[str, Any]) -> None:
    name, namespace = obj["metadata"]["name"], obj["metadata"].get("namespace")
    with suppress(NotFound):
        if obj["metadata"].get("finalizers"):
            await kube.patch(resource, name, {"metadata": {"finalizers": None}}, namespace)
        await kube.delete(resource, name, namespace, grace_period_seconds=0)
        if resource == NAMESPACES:
            await until_gone(kube, resource, name)
