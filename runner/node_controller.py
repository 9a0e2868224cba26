"""Keeps the virtual node registered, alive and truthful: registration, lease, status, ping."""

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from providers.base import NodeNotifier, Pinger, Provider
from providers.errors import ProviderError
from providers.types import KubeObject, Node
from runner import backoff
from runner import node as nodes
from runner.config import RunnerConfig
from runner.flag import Flag
from runner.kube import LEASES, NODES, AlreadyExists, ApiError, Conflict, KubeApi, NotFound, PatchType, Refused
from runner.ports import Ports, rfc3339_micro

HEARTBEAT = "heartbeat"
"""The duty of renewing the lease."""


class NodeController:
    """Registers the node and keeps its lease and status fresh.

    Attributes:
        registered: set once the node is in the API.
        node: the node as the API last showed it.
        closing: the node is being given up: should it go, it is not registered again.

    Args:
        kube: the cluster.
        provider: says what the node offers and how it is.
        config: how the node is to be.
        ports: time and chance.
        log: where trouble is told.
    """

    def __init__(
        self,
        kube: KubeApi,
        provider: Provider,
        config: RunnerConfig,
        ports: Ports,
        log: logging.Logger | logging.LoggerAdapter[logging.Logger],
    ) -> None:
        self.registered = Flag()
        self.node: Node = {}
        self.closing = False
        self._kube = kube
        self._provider = provider
        self._config = config
        self._ports = ports
        self._log = log
        self._lease: KubeObject | None = None
        self._told: Node = {}
        self._down = ""
        self._changed = asyncio.Event()
        self._status_due = datetime.min.replace(tzinfo=ports.clock.now().tzinfo)
        self._pushes = isinstance(provider, NodeNotifier)
        if isinstance(provider, NodeNotifier):
            provider.notify_node(self._notified)

    async def run(self) -> None:
        """Register, then beat until cancelled.

        Raises:
            Refused: the node may not be registered (a wrong credential, a wrong name). Later nothing ends it.
        """
        failures = 0
        while True:
            try:
                if not self.registered.is_set():
                    await self._register()
                    self.registered.set()
                await self._beat()
                failures = 0
                wait = self._config.lease_renewal.total_seconds()
                settled = not (self._down or self.closing)
            except (ApiError, ProviderError) as error:
                if isinstance(error, Refused) and not self.registered.is_set():
                    raise
                failures += 1
                settled = False
                wait = backoff.delay(failures, self._ports.random, longest=7.0)
                if isinstance(error, ApiError):
                    wait = max(wait, error.retry_after or 0.0)
                self._log.warning("cannot update the node: %s; again in %.1f s", error, wait)
            # not longer than until the provider tells a change of the node
            await self._ports.rest(HEARTBEAT, wait, settled=settled, wake=self._changed if self._pushes else None)

    async def _register(self) -> None:
        """Create the node, or adopt the one that is there: our labels, taints and status, the rest as it is."""
        wanted = nodes.with_record(await self._wanted())
        now = self._ports.clock.now()
        conditions = nodes.with_times(wanted["status"]["conditions"], [], now)
        fresh: Node = {**wanted, "status": {**wanted["status"], "conditions": conditions}}
        try:
            self.node = cast("Node", await self._kube.create(NODES, cast("KubeObject", fresh)))
            self._log.info("node registered")
        except AlreadyExists:
            self.node = await self._live()
            self._log.info("node adopted")
            await self._uncordon()
        await self._write_status(wanted)

    async def _beat(self) -> None:
        """Ping, renew the lease, write the status if it is due or differs; bring a deleted node back."""
        changed = self._changed.is_set()
        self._changed.clear()
        if self.closing:
            return
        down = await self._ping()
        now = self._ports.clock.now()
        if changed or down != self._down:
            self._down, self._status_due = down, now  # due until it is written
        await self._renew_lease()
        if now >= self._status_due:
            try:
                await self._write_status(nodes.with_record(await self._wanted()))
            except NotFound:
                self._log.warning("the node was deleted; registering it again")
                await self._register()
                self._lease = None  # it goes with the node that owned it
                await self._renew_lease()

    async def _write_status(self, wanted: Node) -> None:
        name = self._config.node_name
        await self._write_metadata(wanted)
        now = self._ports.clock.now()
        patch = nodes.status_patch(wanted, self.node, now)
        self.node = cast(
            "Node",
            await self._kube.patch(NODES, name, patch, patch_type=PatchType.STRATEGIC, subresource="status"),
        )
        await self._write_metadata(wanted)  # the answer shows what others have changed meanwhile
        self._status_due = now + self._config.status_interval

    async def _write_metadata(self, wanted: Node) -> None:
        """Labels, annotations, taints, provider ID; from a fresh look if another one changed the node meanwhile."""
        while patch := nodes.metadata_patch(wanted, self.node):
            try:
                self.node = cast("Node", await self._kube.patch(NODES, self._config.node_name, patch))
            except Conflict:
                self.node = await self._live()

    async def _live(self) -> Node:
        return cast("Node", await self._kube.get(NODES, self._config.node_name))

    async def cordon(self) -> None:
        """Let no more pods be scheduled to the node, and note that it was us; an operator's cordon stays his."""
        live = await self._kube.get(NODES, self._config.node_name)
        if live.get("spec", {}).get("unschedulable"):
            return
        patch = {"metadata": {"annotations": {nodes.CORDONED: "true"}}, "spec": {"unschedulable": True}}
        await self._kube.patch(NODES, self._config.node_name, patch)

    async def _uncordon(self) -> None:
        """Lift the cordon of a runner that ended; an operator's stays."""
        if nodes.CORDONED in (self.node["metadata"].get("annotations") or {}):
            patch = {"metadata": {"annotations": {nodes.CORDONED: None}}, "spec": {"unschedulable": None}}
            self.node = cast("Node", await self._kube.patch(NODES, self._config.node_name, patch))

    async def _wanted(self) -> Node:
        """The node as provider and operator want it.

        Raises:
            ProviderError: the provider does not say.
        """
        provider = self._provider
        try:
            async with asyncio.timeout(self._config.provider_timeout.total_seconds()):
                wanted = nodes.node_object(
                    self._config,
                    operating_system=provider.operating_system(),
                    capacity=await provider.capacity(),
                    conditions=list(await provider.node_conditions()),
                    addresses=await provider.node_addresses(),
                    endpoints=await provider.node_daemon_endpoints(),
                    provider_id=provider.provider_id(),
                )
        except Exception as error:  # a provider may raise anything; the node's life must not end with it
            raise ProviderError(f"the provider does not describe the node: {error!r}") from error
        wanted = _overlaid(wanted, self._told)
        if not self._down:
            return wanted
        conditions = nodes.provider_down(wanted["status"]["conditions"], self._down)
        return {**wanted, "status": {**wanted["status"], "conditions": conditions}}

    async def _ping(self) -> str:
        """Why the provider counts as down; empty if it is up."""
        if not isinstance(self._provider, Pinger):
            return ""
        seconds = self._config.ping_timeout.total_seconds()
        try:
            async with asyncio.timeout(seconds):
                await self._provider.ping()
        except TimeoutError:
            return f"the provider did not answer a ping within {seconds:.0f} s"
        except Exception as error:  # noqa: BLE001  (whatever a provider raises here means: down)
            return f"ping failed: {error}"
        return ""

    async def _renew_lease(self) -> None:
        """Renew from the last known lease; on a conflict or a loss, look at what is there."""
        now = self._ports.clock.now()
        if self._lease is None:
            self._lease = await self._take_lease(now)
            return
        renewed = {**self._lease, "spec": {**self._lease["spec"], "renewTime": rfc3339_micro(now)}}
        try:
            self._lease = await self._kube.update(LEASES, renewed)
        except (Conflict, NotFound):
            self._lease = await self._take_lease(now)

    async def _take_lease(self, now: datetime) -> KubeObject:
        wanted = nodes.lease_object(self._config, self.node["metadata"]["uid"], now)
        try:
            return await self._kube.create(LEASES, wanted, nodes.LEASE_NAMESPACE)
        except AlreadyExists:
            live = await self._kube.get(LEASES, self._config.node_name, nodes.LEASE_NAMESPACE)
            return await self._kube.update(LEASES, _taken_over(live, wanted))

    def _notified(self, told: Node) -> None:
        self._told = told
        self._changed.set()


def _taken_over(live: KubeObject, wanted: Mapping[str, Any]) -> KubeObject:
    owners = wanted["metadata"]["ownerReferences"]
    return {
        **live,
        "metadata": {**live["metadata"], "ownerReferences": owners},
        "spec": {**live.get("spec", {}), **wanted["spec"]},
    }


def _overlaid(wanted: Node, told: Node) -> Node:
    """The node with what the provider pushed: its status, labels and annotations."""
    if not told:
        return wanted
    metadata, new = wanted["metadata"], told.get("metadata", {})
    labels = {**(metadata.get("labels") or {}), **(new.get("labels") or {})}
    annotations = {**(metadata.get("annotations") or {}), **(new.get("annotations") or {})}
    return {
        **wanted,
        "metadata": {**metadata, "labels": labels, "annotations": annotations},
        "status": {**wanted["status"], **(told.get("status") or {})},
    }
