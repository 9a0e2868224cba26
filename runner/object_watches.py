"""Watches single objects for as long as some pod needs to hear of their changes."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from random import Random
from typing import NamedTuple

from providers.types import KubeObject
from runner import logs
from runner.informer import Informer
from runner.kube import KubeApi, Resource


class Watched(NamedTuple):
    """An object."""

    resource: Resource
    namespace: str
    name: str


class ObjectWatches:
    """One watch for each object that somebody wants to hear of, however many want it.

    Args:
        kube: the cluster.
        changed: called with the UID of each pod that wanted to hear of an object that has changed, come or gone.
        random: spreads watches and retries.
        log: where trouble is told.
    """

    def __init__(
        self,
        kube: KubeApi,
        changed: Callable[[str], None],
        random: Random,
        log: logging.Logger | logging.LoggerAdapter[logging.Logger],
    ) -> None:
        self._kube = kube
        self._changed = changed
        self._random = random
        self._log = log
        self._wanted: dict[str, tuple[Watched, ...]] = {}
        self._listeners: dict[Watched, dict[str, None]] = {}
        self._tasks: dict[Watched, asyncio.Task[None]] = {}

    def __len__(self) -> int:
        return len(self._tasks)

    def want(self, uid: str, objects: Iterable[Watched]) -> None:
        """From now on the pod hears of these objects, and of no others."""
        new = tuple(dict.fromkeys(objects))
        old = self._wanted.pop(uid, ())
        if new:
            self._wanted[uid] = new
        for each in new:
            listeners = self._listeners.setdefault(each, {})
            listeners[uid] = None
            if each not in self._tasks:
                loop, work = asyncio.get_running_loop(), self._informer(each).run()
                self._tasks[each] = loop.create_task(work, context=logs.context_of_node())
        for each in old:
            if each in new:
                continue
            del self._listeners[each][uid]
            if not self._listeners[each]:
                del self._listeners[each]
                self._tasks.pop(each).cancel()

    def close(self) -> None:
        """End all watches."""
        for task in self._tasks.values():
            task.cancel()
        self._wanted, self._listeners, self._tasks = {}, {}, {}

    def _informer(self, watched: Watched) -> Informer:
        def changed(obj: KubeObject) -> None:
            if obj.get("immutable") is True and watched in self._tasks:
                self._tasks[watched].cancel()  # as on a kubelet: read once, it needs no watching
            tell(obj)

        def tell(_: KubeObject) -> None:
            for uid in list(self._listeners.get(watched, ())):
                self._changed(uid)

        return Informer(
            self._kube,
            watched.resource,
            namespace=watched.namespace,
            field_selector=f"metadata.name={watched.name}",
            changed=changed,
            deleted=tell,
            random=self._random,
            log=self._log,
        )
