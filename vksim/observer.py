"""Watches the pods and nodes of a run as any client could: counts phases, times startups, writes the event log."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import BinaryIO

import orjson

from providers.pods import TERMINAL_PHASES
from providers.types import KubeObject, Pod
from runner import kube
from runner.ports import parse_rfc3339
from vksim.invariants import requests
from vksim.loop import EPOCH

PHASES = ("Pending", "Running", "Succeeded", "Failed")


@dataclass(slots=True)
class PodLife:
    """When what happened to a pod, in seconds of virtual time; and what it requests, if it came to run."""

    name: str
    created: float
    phase: str = ""
    node: str = ""
    scheduled: float | None = None
    running: float | None = None
    ended: float | None = None
    deleted: float | None = None
    reasons: tuple[str, ...] = ()
    waiting: str = ""
    accepted: float | None = None
    started: float | None = None
    taken: float | None = None
    asked: float | None = None
    tries: int = 0
    workload: str = ""
    cpu: float = 0.0
    gib: float = 0.0

    @property
    def startup(self) -> float | None:
        """Seconds from creation to Running."""
        return None if self.running is None else self.running - self.created


class Observer:
    """Keeps the lives of all pods, by UID.

    Args:
        time: the virtual time in seconds.
        log: gets a line of JSON for each change that a watch delivers.
        ended: called with a pod when it has become terminal.
        delivered: called with the kind and the resourceVersion of each change that is delivered.
        begun: the wall clock at time 0.

    Attributes:
        lives: of all pods, by UID.
        phases: how many pods are in each phase.
        queued: how many have no node.
        totals: how many were created, succeeded, failed, were deleted, and asked of a provider; and ``retries``, how
            often providers were asked again.
        most_retries: for one pod.
    """

    def __init__(
        self,
        time: Callable[[], float],
        log: BinaryIO,
        ended: Callable[[KubeObject], None],
        delivered: Callable[[str, str], None],
        begun: datetime = EPOCH,
    ) -> None:
        self.lives: dict[str, PodLife] = {}
        self.phases: Counter[str] = Counter()
        self.queued = 0
        self.totals: Counter[str] = Counter()
        self.most_retries = 0
        self._time = time
        self._begun = begun
        self._log = log
        self._hash = hashlib.sha256()
        self._ended = ended
        self._delivered = delivered

    @property
    def digest(self) -> str:
        """SHA-256 of the event log so far."""
        return self._hash.hexdigest()

    async def run(self, api: kube.KubeApi) -> None:
        """Watch pods and nodes until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow(api, kube.PODS, self.saw))
            tasks.create_task(self._follow(api, kube.NODES, self._saw_node))

    async def _follow(self, api: kube.KubeApi, resource: kube.Resource, saw: Callable[[str, KubeObject], None]) -> None:
        listed = await api.list(resource)
        for each in listed["items"]:
            saw("ADDED", each)
        async with api.watch(resource, resource_version=listed["metadata"]["resourceVersion"]) as events:
            async for event in events:
                if event.type != "BOOKMARK":
                    self._delivered(event.object["kind"], event.object["metadata"]["resourceVersion"])
                    saw(event.type, event.object)

    def saw(self, kind: str, pod: KubeObject) -> None:
        """Take in a change of a pod."""
        metadata, spec, status = pod["metadata"], pod["spec"], pod.get("status") or {}
        now, phase, node = self._time(), status.get("phase") or "Pending", spec.get("nodeName") or ""
        life = self._life(metadata["uid"], metadata["name"], now)
        if node and life.scheduled is None:
            life.node, life.scheduled, life.waiting = node, now, ""
            self.queued -= 1
        elif not node:
            life.waiting = _unscheduled(status)
        if phase != life.phase:
            self._phase(life, phase, now, pod)
        reason = status.get("reason")
        if reason and (not life.reasons or life.reasons[-1] != reason):
            life.reasons += (reason,)
        if kind == "DELETED":
            life.deleted = now
            self.queued -= life.scheduled is None
            self.phases[life.phase] -= 1
            self.totals["deleted"] += 1
        self._write(kind, pod, now, {"phase": phase, "node": node, "reason": reason or ""})

    def taken(self, uid: object) -> None:
        """The scheduler takes up a pod; what it knows before anybody else has waited for nothing."""
        life = self.lives.get(str(uid))
        if life is not None:
            now = self._time()
            life.taken = _same(now, life.created)

    def asked(self, pod: Pod) -> None:
        """A runner asks its provider for a pod, for the first time or again."""
        now = self._time()
        life = self._life(pod["metadata"]["uid"], pod["metadata"]["name"], now)
        life.tries += 1
        if life.tries == 1:
            life.asked = _same(now, life.scheduled)
            self.totals["asked"] += 1
        else:
            self.totals["retries"] += 1
            self.most_retries = max(self.most_retries, life.tries - 1)

    def retries(self) -> dict[str, float]:
        """The series about them."""
        mean = self.totals["retries"] / (self.totals["asked"] or 1)
        return {"pod.retries.mean": round(mean, 6), "pod.retries.max": float(self.most_retries)}

    def _life(self, uid: str, name: str, now: float) -> PodLife:
        """A pod's life, which begins when it is seen first."""
        life = self.lives.get(uid)
        if life is None:
            life = self.lives[uid] = PodLife(name, now)
            self.totals["created"] += 1
            self.queued += 1
        return life

    def _saw_node(self, kind: str, node: KubeObject) -> None:
        conditions = (node.get("status") or {}).get("conditions") or []
        ready = next((each["status"] for each in conditions if each["type"] == "Ready"), "")
        self._write(kind, node, self._time(), {"ready": ready})

    def _phase(self, life: PodLife, phase: str, now: float, pod: KubeObject) -> None:
        if life.phase:
            self.phases[life.phase] -= 1
        self.phases[phase] += 1
        life.phase = phase
        if phase == "Running" and life.running is None:
            life.running = now
            life.accepted, life.started = self._in_cloud(pod["status"], life)
            life.workload = (pod["metadata"].get("labels") or {}).get("app", "")
            wanted = requests(pod["spec"])
            life.cpu, life.gib = _amounts(wanted.get("cpu", 0), wanted.get("memory", 0))
        if phase in TERMINAL_PHASES:
            life.ended = now
            self.totals[phase.lower()] += 1
            self._ended(pod)

    def _in_cloud(self, status: KubeObject, life: PodLife) -> tuple[float | None, float | None]:
        """When the cloud accepted the pod, and when its last container started.

        Clouds tell whole seconds, cut off: what seems to be earlier than what came before it was at the same time.
        """
        begins = [(each.get("state") or {}).get("running") or {} for each in status.get("containerStatuses") or ()]
        started = max((each["startedAt"] for each in begins if each.get("startedAt")), default=None)
        accepted = status.get("startTime")
        if accepted is None or started is None or life.scheduled is None or life.running is None:
            return None, None
        before = life.scheduled if life.asked is None else life.asked
        first = min(max(_seconds(accepted, self._begun), before), life.running)
        return first, min(max(_seconds(started, self._begun), first), life.running)

    def _write(self, kind: str, obj: KubeObject, now: float, facts: dict[str, str]) -> None:
        metadata = obj["metadata"]
        namespace = metadata.get("namespace")
        record = {
            "time": round(now, 6),
            "type": kind,
            "kind": obj["kind"],
            "name": f"{namespace}/{metadata['name']}" if namespace else metadata["name"],
            "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
            **{name: value for name, value in facts.items() if value},
            **({"deleting": True} if "deletionTimestamp" in metadata else {}),
        }
        line = orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
        self._hash.update(line)
        self._log.write(line)


@lru_cache(maxsize=1024)
def _seconds(moment: str, begun: datetime) -> float:
    """A Kubernetes timestamp in seconds of virtual time; the same object for the same second."""
    return (parse_rfc3339(moment) - begun).total_seconds()


@lru_cache(maxsize=1024)
def _amounts(cpu: int, memory: int) -> tuple[float, float]:
    """CPUs and GiB of amounts in thousandths; the same objects for all pods that want the same."""
    return cpu / 1e3, memory / 1e3 / 2**30


def _same(now: float, before: float | None) -> float:
    """Now; the object of before, if that is the same moment: it is kept for each pod."""
    return before if before == now and before is not None else now


def _unscheduled(status: KubeObject) -> str:
    """What the scheduler says about a pod that it cannot place."""
    conditions = status.get("conditions") or []
    return next((each.get("message", "") for each in conditions if each["type"] == "PodScheduled"), "")
