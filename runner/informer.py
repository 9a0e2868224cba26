"""A list and a watch kept together: an up-to-date view of some objects, and a call for each change.

The field's informer (client-go's reflector): list in pages, watch from there, resume where the stream ended, list again
when the version is too old and tell what was deleted meanwhile, back off when the server is in trouble.
"""

import asyncio
import logging
from collections.abc import Callable
from random import Random

from providers.types import KubeObject
from runner import backoff
from runner.flag import Flag
from runner.kube import ApiError, Gone, KubeApi, Resource

PAGE_SIZE = 500
WATCH_SECONDS = (300, 600)
"""How long a watch lasts, drawn at random as client-go does, so that watches do not end together."""
SHORTEST_WATCH = 1.0
"""A server that ends watches sooner than this is not asked more often than this."""


class Informer:
    """Follows the objects of a resource, by UID.

    Args:
        kube: the cluster.
        resource: what to follow.
        namespace: only there; None for everywhere.
        field_selector: only these.
        changed: called with each object that is new or has changed.
        deleted: called with the last state of each object that is gone.
        random: spreads watches and retries.
        log: where trouble is told.

    Attributes:
        objects: as they are now, by UID.
        synced: set once they are known.
        asked: set once the server has answered, or not answered, at all.
        error: what went wrong last; None once they are known again.
    """

    def __init__(
        self,
        kube: KubeApi,
        resource: Resource,
        *,
        changed: Callable[[KubeObject], None],
        deleted: Callable[[KubeObject], None],
        random: Random,
        log: logging.Logger | logging.LoggerAdapter[logging.Logger],
        namespace: str | None = None,
        field_selector: str = "",
    ) -> None:
        self.objects: dict[str, KubeObject] = {}
        self.synced = Flag()
        self.asked = Flag()
        self.error: ApiError | None = None
        self._version = ""
        self._kube = kube
        self._resource = resource
        self._namespace = namespace
        self._field_selector = field_selector
        self._changed = changed
        self._deleted = deleted
        self._random = random
        self._log = log

    async def run(self) -> None:
        """Follow until cancelled."""
        failures = 0
        while True:
            try:
                if not self._version:
                    self._version = await self._list()
                    self.error = None
                    self.synced.set()
                    self.asked.set()
                await self._watch()
                failures = 0
            except Gone:
                self._version = ""
            except ApiError as error:
                failures += 1
                self.error = error
                self.asked.set()
                wait = max(backoff.delay(failures, self._random, longest=30.0), error.retry_after or 0.0)
                self._log.warning("cannot follow %s: %s; again in %.1f s", self._resource, error, wait)
                await asyncio.sleep(wait)

    async def _list(self) -> str:
        """Bring the view up to date with one list; tell what changed and what was deleted."""
        listed: dict[str, KubeObject] = {}
        token = version = ""
        while True:
            page = await self._kube.list(
                self._resource,
                self._namespace,
                field_selector=self._field_selector,
                limit=PAGE_SIZE,
                continue_token=token,
            )
            version = version or page["metadata"]["resourceVersion"]
            for item in page["items"]:
                uid = item["metadata"]["uid"]
                listed[uid] = _kept(item, self.objects.get(uid))
            token = page["metadata"].get("continue") or ""
            if not token:
                break
        before, self.objects = self.objects, listed
        for uid, old in before.items():
            if uid not in listed:
                self._deleted(old)
        for uid, new in listed.items():
            if uid not in before or before[uid]["metadata"]["resourceVersion"] != new["metadata"]["resourceVersion"]:
                self._changed(new)
        return version

    async def _watch(self) -> None:
        """Watch once, until the server ends the stream."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        async with self._kube.watch(
            self._resource,
            self._namespace,
            field_selector=self._field_selector,
            resource_version=self._version,
            timeout_seconds=self._random.randint(*WATCH_SECONDS),
        ) as events:
            async for event in events:
                metadata = event.object["metadata"]
                self._version = metadata["resourceVersion"]
                if event.type == "DELETED":
                    self.objects.pop(metadata["uid"], None)
                    self._deleted(event.object)
                elif event.type != "BOOKMARK":
                    uid = metadata["uid"]
                    kept = self.objects[uid] = _kept(event.object, self.objects.get(uid))
                    self._changed(kept)
        await asyncio.sleep(max(0.0, begun + SHORTEST_WATCH - loop.time()))


def _kept(new: KubeObject, old: KubeObject | None) -> KubeObject:
    """The object as it is kept: without what only servers need, and with the old one's parts where they are the same.

    A pod changes its status several times and its spec hardly ever, and the spec is most of it.
    """
    metadata, spec = new["metadata"], new.get("spec")
    if "managedFields" in metadata:
        new = {**new, "metadata": {name: value for name, value in metadata.items() if name != "managedFields"}}
    if old is not None and spec is not (before := old.get("spec")) and spec == before:
        new = {**new, "spec": before}
    return new
