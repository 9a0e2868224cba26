"""Events: what the runner tells people about a pod or the node.

Told in the background, repeated ones counted, never in the way of the work: an event that cannot be written is logged
and dropped, as client-go's recorder does.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from random import Random
from typing import Any, NamedTuple

from providers.base import Clock
from providers.types import KubeObject
from runner.kube import EVENTS, ApiError, KubeApi
from runner.ports import rfc3339

BACKLOG = 1000
REMEMBERED = 256
"""How many different events are known for counting repeats."""
LONGEST_MESSAGE = 1024
"""The API server refuses more (core/v1 validation)."""

NORMAL = "Normal"
WARNING = "Warning"


class _Told(NamedTuple):
    about: Mapping[str, Any]
    type: str
    reason: str
    message: str


class EventRecorder:
    """Writes events.

    Args:
        kube: the cluster.
        component: who tells, in the events' source.
        host: the node it tells from; empty for none.
        clock: their times.
        random: their names.
        log: where dropped ones are told.
    """

    def __init__(
        self,
        kube: KubeApi,
        component: str,
        *,
        host: str = "",
        clock: Clock,
        random: Random,
        log: logging.Logger | logging.LoggerAdapter[logging.Logger],
    ) -> None:
        self._kube = kube
        self._source = {"component": component, **({"host": host} if host else {})}
        self._clock = clock
        self._random = random
        self._log = log
        self._told: deque[_Told] = deque()
        self._idle: asyncio.Future[None] | None = None
        self._dropped = 0
        self._known: dict[tuple[str, str, str], str] = {}
        """The names of the events that were told lately,"""
        self._counts: dict[str, int] = {}
        """and how often those were told that were told more than once."""

    def tell(self, about: Mapping[str, Any], type_: str, reason: str, message: str) -> None:
        """Tell an event about an object; returns at once."""
        if len(self._told) >= BACKLOG:
            if not self._dropped:
                self._log.warning("events are dropped, %d wait already; the first is %s %s", BACKLOG, reason, message)
            self._dropped += 1
            return
        self._told.append(_Told(about, type_, reason, message[:LONGEST_MESSAGE]))
        if self._idle is not None and not self._idle.done():
            self._idle.set_result(None)

    async def run(self) -> None:
        """Write what was told, until cancelled."""
        while True:
            if not self._told:
                if self._dropped:
                    self._log.warning("%d events were dropped", self._dropped)
                    self._dropped = 0
                self._idle = asyncio.get_running_loop().create_future()
                await self._idle
            told = self._told.popleft()
            try:
                await self._write(told)
            except ApiError as error:
                about = {"pod": _name(told.about)} if told.about.get("kind", "Pod") == "Pod" else {}
                self._log.warning("event not written: %s %s: %s", told.reason, told.message, error, extra=about)

    async def _write(self, told: _Told) -> None:
        metadata = told.about["metadata"]
        namespace = metadata.get("namespace") or "default"
        key = (metadata["uid"], told.reason, told.message)
        now = rfc3339(self._clock.now())
        if key in self._known:
            name = self._known[key] = self._known.pop(key)  # as the latest
            count = self._counts[name] = self._counts.get(name, 1) + 1
            try:
                await self._kube.patch(EVENTS, name, {"count": count, "lastTimestamp": now}, namespace)
            except ApiError as error:
                if error.code != 404:
                    raise
                self._forget(key)  # it has expired: tell it anew
            else:
                return
        event = self._event(told, namespace, now)
        await self._kube.create(EVENTS, event, namespace)
        self._known[key] = event["metadata"]["name"]
        if len(self._known) > REMEMBERED:
            self._forget(next(iter(self._known)))

    def _forget(self, key: tuple[str, str, str]) -> None:
        self._counts.pop(self._known.pop(key), None)

    def _event(self, told: _Told, namespace: str, now: str) -> KubeObject:
        about, metadata = told.about, told.about["metadata"]
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{metadata['name']}.{self._random.getrandbits(64):016x}", "namespace": namespace},
            "involvedObject": {
                "apiVersion": about.get("apiVersion", "v1"),
                "kind": about.get("kind", "Pod"),
                "name": metadata["name"],
                **({"namespace": metadata["namespace"]} if metadata.get("namespace") else {}),
                "uid": metadata["uid"],
                "resourceVersion": metadata.get("resourceVersion", ""),
            },
            "type": told.type,
            "reason": told.reason,
            "message": told.message,
            "source": self._source,
            "reportingComponent": self._source["component"],
            "reportingInstance": self._source.get("host", ""),
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }


def _name(about: Mapping[str, Any]) -> str:
    metadata = about["metadata"]
    return f"{metadata.get('namespace')}/{metadata['name']}"
