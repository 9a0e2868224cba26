"""Which tasks this node has, and how they are: kept up to date by lists in pages and describes in hundreds.

What is known is only a cache: after a restart it is read anew from what the tasks carry. A task that runs is looked at
again only when a list shows that it has moved on, or once a minute.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from providers.base import Clock
from providers.errors import NotFound
from providers.fargate import names, status
from providers.fargate.client import FargateClient
from providers.fargate.names import Identity
from providers.pods import PodRef
from providers.types import Pod

STALE = timedelta(minutes=1)
"""How old the description of a task at rest may get."""
SETTLING = timedelta(minutes=1)
"""How long the cloud may not yet show what it has accepted."""

NOT_IN_EVENTS = ("overrides", "tags", "healthStatus")
"""What of a task events do not tell, or not all of."""

Task = dict[str, Any]
Tell = Callable[[Pod], None]


@dataclass(slots=True)
class Known:
    """A pod's latest task.

    Attributes:
        whose: the pod, and which of its tasks this is.
        task: as it was last described.
        read: when that was.
        made: when this process made it; None if another did.
        before: the pod's task before this one.
        network: where this process launched it; None if another did.
        told_to_end: when the cloud last took our word that it is to end; None before.
        due: when the next task is to follow; None if none is.
        in_a_row: how many of the pod's tasks ended soon, one after the other.
        shown: what was last told of the pod.
    """

    whose: Identity
    task: Task
    read: datetime
    made: datetime | None = None
    before: Task | None = None
    network: dict[str, Any] | None = None
    told_to_end: datetime | None = None
    due: datetime | None = None
    in_a_row: int = 0
    shown: Pod | None = None

    @property
    def arn(self) -> str:
        """What the cloud calls the task."""
        return str(self.task["taskArn"])

    @property
    def is_over(self) -> bool:
        """Whether the task has stopped."""
        return bool(self.task.get("lastStatus") == status.STOPPED)

    @property
    def was_deleted(self) -> bool:
        """Whether somebody ended the task, and so the pod."""
        by_hand = self.task.get("stopCode") == "UserInitiated"
        return self.told_to_end is not None or (by_hand and status.ALL_ENDED not in self.task.get("stoppedReason", ""))

    @property
    def runs_again(self) -> bool:
        """Whether another task has to follow."""
        return not self.was_deleted and status.runs_again(self.task, self.whose)

    @property
    def at_rest(self) -> bool:
        """Whether a list would show all that can become of it."""
        if self.is_over:
            return not self.runs_again
        single = len(self.task.get("containers") or []) == 1 and self.task.get("healthStatus") in (None, "UNKNOWN")
        return single and self.task.get("lastStatus") == "RUNNING" and self.task.get("desiredStatus") == "RUNNING"

    def pod(self) -> Pod:
        """The pod that it stands for."""
        return status.pod_of(self.task, self.whose, self.before, again=self.runs_again)


class Inventory:
    """The tasks of a node.

    Args:
        client: the way to the cloud.
        node: the node's name.
        clock: the wall clock.

    Attributes:
        changed: is told of each pod whose task has changed.
        surplus: ARNs of tasks that run beside a pod's latest, or of pods that are deleted: to be ended.
    """

    def __init__(self, client: FargateClient, node: str, clock: Clock) -> None:
        self.changed: Tell = _nobody
        self.surplus: dict[str, None] = {}
        self._client = client
        self._started_by = names.started_by(node)
        self._clock = clock
        self._known: dict[str, Known] = {}
        self._by_arn: dict[str, str] = {}
        self._others: dict[str, None] = {}
        self._deleted: dict[str, datetime] = {}
        self._looking = asyncio.Lock()
        self._looked = 0

    @property
    def at_rest(self) -> bool:
        """Whether nothing is starting or ending."""
        return all(each.at_rest for each in self._known.values())

    def known(self) -> list[Known]:
        """All that is known."""
        return list(self._known.values())

    def get(self, uid: str) -> Known | None:
        """What is known of a pod, without a look."""
        return self._known.get(uid)

    def made(self, task: Task, network: dict[str, Any] | None) -> Known | None:
        """A task was made for a pod; None if the pod was deleted meanwhile."""
        known = self._learn(task)
        if known is not None and known.arn == task["taskArn"]:
            known.made, known.network = self._clock.now(), network
        return known

    def deleted(self, uid: str) -> None:
        """A pod is deleted: what may yet be found of it is to be ended."""
        self._deleted[uid] = self._clock.now()

    def wanted_again(self, uid: str) -> None:
        """A pod is to be there."""
        self._deleted.pop(uid, None)

    def is_deleted(self, uid: str) -> bool:
        """Whether the pod was deleted."""
        return uid in self._deleted

    def forget(self, known: Known) -> None:
        """A task is gone."""
        self._by_arn.pop(known.arn, None)
        if self._known.get(known.whose.ref.uid) is known:
            del self._known[known.whose.ref.uid]

    async def find(self, ref: PodRef) -> Known:
        """The task of a pod, which may have been made by another process, or without our hearing of it.

        Raises:
            NotFound: the cloud has none.
        """
        if ref.uid not in self._known:
            await self.follow()
        if ref.uid not in self._known:
            raise NotFound(f"ECS has no task of pod {ref}")
        return self._known[ref.uid]

    async def look(self, ref: PodRef) -> Known:
        """The task of a pod as it is now. Raises NotFound."""
        known = await self.find(ref)
        found = await self._client.tasks([known.arn])
        if not found:
            self._missing(known)
            raise NotFound(f"ECS has no task {known.arn} of pod {ref}")
        self._learn(found[0])
        return self._known[ref.uid]

    async def all_pods(self) -> list[Pod]:
        """All pods that the cloud has of this node, but those that are ended on purpose and over."""
        await self.follow()
        return [each.pod() for each in self._known.values() if not (each.is_over and each.was_deleted)]

    def told(self, task: Task) -> bool:
        """An event brings a task up to date; false if only a look can tell what it is.

        What is not in events stays as it was: whose the task is, and its containers' health.
        """
        known = self._known.get(self._by_arn.get(task["taskArn"], ""))
        if known is None or known.arn != task["taskArn"]:
            return task["taskArn"] in self._others or task.get("startedBy") != self._started_by
        if task.get("version", 0) > known.task.get("version", 0):
            health = {each["name"]: each.get("healthStatus", "UNKNOWN") for each in known.task.get("containers") or []}
            containers = [
                {"healthStatus": health.get(each["name"], "UNKNOWN"), **each} for each in task.get("containers") or []
            ]
            kept: Task = {name: known.task[name] for name in NOT_IN_EVENTS if name in known.task}
            self._learn({**task, **kept, "containers": containers})
        return True

    async def follow(self) -> None:
        """Find out what has changed, and tell. Who asks while somebody looks has the next look, with all others."""
        wanted = self._looked + (2 if self._looking.locked() else 1)
        async with self._looking:
            if self._looked >= wanted:
                return
            await self._look_at_all()
            self._looked += 1

    async def _look_at_all(self) -> None:
        began = self._clock.now()
        running = dict.fromkeys(await self._client.arns("RUNNING"))
        stopped = dict.fromkeys(await self._client.arns("STOPPED"))
        listed = {**running, **stopped}
        for each in [each for each in self._others if each not in listed]:
            del self._others[each]
        wanted = [each for each in listed if each not in self._by_arn and each not in self._others]
        wanted += [each.arn for each in self._known.values() if self._is_wanted(each, running, stopped, began)]
        found = await self._client.tasks(wanted)
        for task in sorted(found, key=_run):
            self._learn(task)
        there = {each["taskArn"] for each in found}
        for arn in wanted:
            lost = self._known.get(self._by_arn.get(arn, ""))
            if arn not in there and arn not in listed and lost is not None and lost.arn == arn:
                self._missing(lost)
        for uid in [uid for uid, since in self._deleted.items() if began - since > timedelta(hours=1)]:
            del self._deleted[uid]

    @staticmethod
    def _is_wanted(known: Known, running: dict[str, None], stopped: dict[str, None], now: datetime) -> bool:
        if known.is_over:
            return known.runs_again and known.arn not in stopped
        return not known.at_rest or known.arn not in running or now - known.read > STALE

    def _missing(self, known: Known) -> None:
        """The cloud does not know the task: gone, unless it was only just made, or over and told."""
        young = known.made is not None and self._clock.now() - known.made < SETTLING
        unseen = young and not known.is_over and known.told_to_end is None
        if not unseen and (not known.is_over or known.runs_again):
            self.forget(known)

    def _learn(self, task: Task) -> Known | None:
        """Note a task, and tell of the pod if it is new."""
        arn, whose = task["taskArn"], names.identity(task)
        if whose is None or task.get("startedBy") != self._started_by:
            self._others[arn] = None
            return None
        uid = whose.ref.uid
        known = self._known.get(uid)
        alive = task.get("desiredStatus") != status.STOPPED
        self._by_arn[arn] = uid
        if alive and uid in self._deleted and (known is None or known.told_to_end is None):
            self.surplus[arn] = None
        if known is None:
            known = self._known[uid] = Known(whose, task, self._clock.now())
        elif known.arn == arn:
            known.task, known.read = task, self._clock.now()
        elif whose.run < known.whose.run or (whose.run == known.whose.run and (known.is_over <= (not alive))):
            if alive:
                self.surplus[arn] = None
            if whose.run == known.whose.run - 1:
                known.before = task
        else:
            before = known.task if known.is_over and whose.run > known.whose.run else None
            known = self._known[uid] = Known(
                whose, task, self._clock.now(), before=before, network=known.network, in_a_row=known.in_a_row
            )
        pod = known.pod()
        if pod != known.shown:
            known.shown = pod
            self.changed(pod)
        return known


def _run(task: Task) -> int:
    whose = names.identity(task)
    return whose.run if whose else 0


def _nobody(_: Pod) -> None:
    """Nobody wants to be told yet."""
