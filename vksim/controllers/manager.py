"""All controllers of a cluster together, as kube-controller-manager runs them."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Protocol

from runner import kube
from runner.events import EventRecorder
from runner.ports import Ports
from vksim.controllers.base import Setting, log
from vksim.controllers.cronjobs import CronJobController, TtlController
from vksim.controllers.daemonsets import DaemonSetController
from vksim.controllers.deployments import DeploymentController
from vksim.controllers.jobs import JobController
from vksim.controllers.node_lifecycle import NodeLifecycleController
from vksim.controllers.pod_gc import PodGcController
from vksim.controllers.replicasets import ReplicaSetController
from vksim.controllers.statefulsets import StatefulSetController
from vksim.controllers.taint_eviction import TaintEvictionController
from vksim.controllers.views import Views


class Runs(Protocol):
    """A controller."""

    async def run(self) -> None:
        """Work until cancelled."""


CONTROLLERS: dict[str, Callable[[Setting], Runs]] = {
    each.name: each
    for each in (
        CronJobController,
        DaemonSetController,
        DeploymentController,
        JobController,
        NodeLifecycleController,
        PodGcController,
        ReplicaSetController,
        StatefulSetController,
        TaintEvictionController,
        TtlController,
    )
}
"""Name, as in kube-controller-manager -> what makes the controller."""

OF_WORKLOADS = frozenset(
    each.name
    for each in (
        CronJobController,
        DaemonSetController,
        DeploymentController,
        JobController,
        ReplicaSetController,
        StatefulSetController,
        TtlController,
    )
)
"""Those that have nothing to do where all pods are bare ones."""


class ControllerManager:
    """Runs controllers until it is cancelled.

    Args:
        api: the cluster.
        ports: time and chance.
        names: which controllers; all unless said otherwise.
    """

    def __init__(self, api: kube.KubeApi, ports: Ports, names: Iterable[str] = tuple(CONTROLLERS)) -> None:
        self._events = EventRecorder(api, "kube-controller-manager", clock=ports.clock, random=ports.random, log=log)
        self._views = Views(api, ports)
        setting = Setting(api, self._views, ports, self._events)
        self._controllers = [CONTROLLERS[name](setting) for name in names]

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._events.run())
            for view in self._views.all():
                tasks.create_task(view.run())
            for view in self._views.all():
                await view.synced.wait()
            for controller in self._controllers:
                tasks.create_task(controller.run())
