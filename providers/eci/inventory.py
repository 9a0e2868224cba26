"""Which groups this node has, and how they are: kept up to date by pages of statuses.

A page of 200 statuses tells which groups have changed; only those are asked for in detail, 20 at once. What is known
is only a cache: it is read anew from the cloud's tags after a restart.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from providers.base import Clock
from providers.eci import names, status
from providers.eci.client import EciClient
from providers.eci.names import Owner
from providers.errors import NotFound
from providers.pods import PodRef
from providers.types import Pod

STALE = timedelta(minutes=5)
"""How old details may get though no status tells of a change: a status may say less than the details."""

SETTLING = timedelta(minutes=1)
"""How long the cloud may not yet show what it has accepted."""

Group = dict[str, Any]


@dataclass(slots=True)
class Known:
    """A group.

    Attributes:
        id: the group's.
        ref: the pod's.
        made: when this process made it; None if another did.
        fingerprint: of the status row that the details belong to.
        read: when the details were read.
        group: the details; None before they were read.
        told_to_end: when the cloud last took our word that it is to end; None before.
    """

    id: str
    ref: PodRef
    made: datetime | None = None
    fingerprint: str = ""
    read: datetime | None = None
    group: Group | None = None
    told_to_end: datetime | None = None

    @property
    def ending(self) -> bool:
        """Whether it was told to end."""
        return self.told_to_end is not None

    @property
    def is_over(self) -> bool:
        """Whether it has come to an end."""
        return (self.group or {}).get("Status") in status.FINAL

    @property
    def at_rest(self) -> bool:
        """Whether nothing is to be expected of it by itself."""
        if self.ending or self.group is None or self.group.get("Status") not in status.AT_REST:
            return False
        states = [(each.get("CurrentState") or {}).get("State") for each in self.group.get("Containers") or []]
        return self.is_over or "Waiting" not in states


class Inventory:
    """The groups of a node.

    Args:
        client: the way to the cloud.
        owner: the node and its cluster.
        clock: the wall clock.

    Attributes:
        changed: is told of each pod whose group has changed.
    """

    def __init__(self, client: EciClient, owner: Owner, clock: Clock) -> None:
        self.changed: Callable[[Pod], None] = _nobody
        self._client = client
        self._owner = owner
        self._clock = clock
        self._known: dict[str, Known] = {}
        self._ids: dict[str, str] = {}
        self._has_old: bool | None = None

    @property
    def at_rest(self) -> bool:
        """Whether no group is starting or ending."""
        return all(each.at_rest for each in self._known.values())

    def running(self) -> list[Known]:
        """The groups that run."""
        return [each for each in self._known.values() if (each.group or {}).get("Status") == "Running"]

    def surplus(self) -> list[Known]:
        """Groups of pods that have another one, by a create that the cloud took for a new one."""
        return [each for each in self._known.values() if self._ids.get(each.ref.uid) != each.id and not each.ending]

    def made(self, ref: PodRef, group_id: str) -> None:
        """A group was made for a pod."""
        if group_id not in self._known:
            self._known[group_id] = Known(group_id, ref, made=self._clock.now())
        self._ids[ref.uid] = group_id

    def forget(self, known: Known) -> None:
        """A group is gone."""
        self._known.pop(known.id, None)
        if self._ids.get(known.ref.uid) == known.id:
            del self._ids[known.ref.uid]

    async def find(self, ref: PodRef) -> Known:
        """The group of a pod, which may have been made by another process, or without our hearing of it.

        Raises:
            NotFound: the cloud has none.
        """
        if ref.uid not in self._ids:
            for group in await self._client.tagged(names.filter_by_uid(ref.uid)):
                self._learn(group)
        if ref.uid not in self._ids:
            raise NotFound(f"ECI has no container group of pod {ref}")
        return self._known[self._ids[ref.uid]]

    async def look(self, ref: PodRef) -> Known:
        """The group of a pod as it is now. Raises NotFound."""
        known = await self.find(ref)
        found = [each async for each in self._client.groups([known.id])]
        if not found:
            if known.made is None or self._clock.now() - known.made > SETTLING:
                self.forget(known)
            raise NotFound(f"ECI has no container group {known.id} of pod {ref} any more")
        self._learn(found[0])
        return known

    async def all_pods(self) -> list[Pod]:
        """All pods that the cloud has of this node. What it has no more is forgotten."""
        began = self._clock.now()
        rows = await self._rows()
        await self._refresh(rows, oldest=began - STALE)
        there = {row["ContainerGroupId"] for row in rows}
        for known in list(self._known.values()):
            if known.id not in there and not (known.made is not None and known.made > began - SETTLING):
                self.forget(known)
        mine = (self._known[group_id] for group_id in self._ids.values() if group_id in there)
        return [status.pod_of(each.group, each.ref) for each in mine if each.group is not None]

    async def follow(self, since: timedelta) -> None:
        """Find out what has changed lately, and tell."""
        rows = await self._client.statuses(names.filter_by_owner(self._owner), max(1, round(since.total_seconds())))
        await self._refresh(rows)
        seen = {row["ContainerGroupId"] for row in rows}
        await self._look_at([each for each in self._known.values() if self._may_be_missed(each, seen)])

    def _may_be_missed(self, known: Known, seen: set[str]) -> bool:
        """A group that has ended leaves the lists, and one that was just made may not be in them yet."""
        return known.id not in seen and (known.ending or known.group is None)

    async def _look_at(self, wanted: Sequence[Known]) -> None:
        """Ask for groups by their IDs."""
        if not wanted:
            return
        missing = {each.id: each for each in wanted}
        async for group in self._client.groups(list(missing)):
            missing.pop(group["ContainerGroupId"], None)
            self._learn(group)
        for known in missing.values():
            if known.ending:
                self._gone(known)

    def _gone(self, known: Known) -> None:
        """A group that was told to end is no more: its containers have ended, as far as anybody can tell."""
        self.forget(known)
        over = {**(known.group or {}), "Status": "Failed", "FailedTime": _stamp(self._clock.now())}
        self.changed(status.pod_of(over, known.ref))

    async def _rows(self) -> list[Group]:
        """All status rows. Groups of the provider of 2018 are looked for once, and further on if there are any."""
        rows = await self._client.statuses(names.filter_by_owner(self._owner))
        if self._has_old is not False:
            old = await self._client.statuses(names.old_filter_by_owner(self._owner))
            self._has_old = bool(old)
            rows += old
        return rows

    async def _refresh(self, rows: Sequence[Group], oldest: datetime | None = None) -> None:
        """Read the details of the groups whose rows are new, and of those that were last read before a moment."""
        fresh = {row["ContainerGroupId"]: _fingerprint(row) for row in rows}
        wanted = [each for each, new in fresh.items() if self._is_outdated(self._known.get(each), new, oldest)]
        async for group in self._client.groups(wanted):
            self._learn(group, fresh[group["ContainerGroupId"]])

    @staticmethod
    def _is_outdated(known: Known | None, fingerprint: str, oldest: datetime | None) -> bool:
        if known is None or known.fingerprint != fingerprint:
            return True
        return oldest is not None and not known.is_over and known.read is not None and known.read < oldest

    def _learn(self, group: Group, fingerprint: str = "") -> None:
        """Note the details of a group, and tell if they are new."""
        group_id = group["ContainerGroupId"]
        known = self._known.get(group_id)
        if known is None:
            ref = names.ref_of(group.get("Tags") or [], self._owner)
            if ref is None:
                return
            known = self._known[group_id] = Known(group_id, ref)
        before, known.group, known.read = known.group, group, self._clock.now()
        known.fingerprint = fingerprint or known.fingerprint
        other = self._known.get(self._ids.get(known.ref.uid, ""))
        if other is None or (other.is_over and not known.is_over):
            self._ids[known.ref.uid] = group_id
        if group != before and self._ids[known.ref.uid] == group_id:
            self.changed(status.pod_of(group, known.ref))


def _fingerprint(row: Group) -> str:
    """What of a row changes with the group; a row is small, so its text will do."""
    return f"{row.get('Status')} {row.get('PodStatus')}"


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _nobody(_: Pod) -> None:
    """Nobody wants to be told yet."""
