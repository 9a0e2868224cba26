"""The cluster's Services, followed by one watch from the first pod on, and the variables that tell pods of them."""

import asyncio
import logging
from collections.abc import Mapping
from random import Random

from providers.types import EnvVar, KubeObject, Pod
from runner import kube, logs
from runner.informer import Informer
from runner.service_links import MASTER_NAME, MASTER_NAMESPACE, service_variables

Variables = Mapping[str, EnvVar]
"""By name; shared by all pods that have them."""


class Services:
    """What pods are told of Services.

    Args:
        api: the cluster.
        namespace: the only one that the runner looks at; empty for all.
        random: spreads watches and retries.
        log: where trouble is told.
    """

    def __init__(
        self,
        api: kube.KubeApi,
        namespace: str,
        random: Random,
        log: logging.Logger | logging.LoggerAdapter[logging.Logger],
    ) -> None:
        wanted = dict.fromkeys([namespace, MASTER_NAMESPACE]) if namespace else {None: None}
        self._informers = [
            Informer(
                api,
                kube.SERVICES,
                namespace=each,
                changed=self._changed,
                deleted=self._deleted,
                random=random,
                log=log,
            )
            for each in wanted
        ]
        self._log = log
        self._tasks: list[asyncio.Task[None]] = []
        self._refused = False
        self._by_namespace: dict[str, dict[str, KubeObject]] = {}
        self._known: dict[tuple[str, bool], Variables] = {}

    async def variables(self, pod: Pod) -> Variables:
        """The variables of the Services of the pod's namespace, and of the API server's.

        Raises:
            kube.ApiError: the API server could not be asked. One that refuses is told of, once: there are none then.
        """
        if self._refused:
            return {}
        if not self._tasks:
            loop = asyncio.get_running_loop()
            self._tasks = [loop.create_task(each.run(), context=logs.context_of_node()) for each in self._informers]
        for informer in self._informers:
            if not informer.synced.is_set():
                await informer.asked.wait()
                if (error := informer.error) is not None:
                    return self._without(error)
        namespace = pod["metadata"].get("namespace", "default")
        key = (namespace, pod.get("spec", {}).get("enableServiceLinks") is not False)
        if key not in self._known:
            self._known[key] = self._made(*key)
        return self._known[key]

    def close(self) -> None:
        """Follow no more."""
        for task in self._tasks:
            task.cancel()

    def _without(self, error: kube.ApiError) -> Variables:
        if not isinstance(error, kube.Forbidden):
            raise error
        if not self._refused:
            self._refused = True
            self._log.warning("pods get no variables for Services: %s", error)
            self.close()
        return {}

    def _made(self, namespace: str, enabled: bool) -> Variables:
        here = self._by_namespace.get(namespace, {})
        master = self._by_namespace.get(MASTER_NAMESPACE, {}).get(MASTER_NAME)
        found = service_variables(here.values(), master, enabled=enabled)
        return {name: {"name": name, "value": value} for name, value in found.items()}

    def _changed(self, service: KubeObject) -> None:
        metadata = service["metadata"]
        self._by_namespace.setdefault(metadata["namespace"], {})[metadata["name"]] = service
        self._outdated(metadata["namespace"], metadata["name"])

    def _deleted(self, service: KubeObject) -> None:
        metadata = service["metadata"]
        self._by_namespace.get(metadata["namespace"], {}).pop(metadata["name"], None)
        self._outdated(metadata["namespace"], metadata["name"])

    def _outdated(self, namespace: str, name: str) -> None:
        if (namespace, name) == (MASTER_NAMESPACE, MASTER_NAME):
            self._known.clear()
        else:
            self._known.pop((namespace, True), None)
