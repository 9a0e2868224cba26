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

SETTLING = timedelta(minutes=1)
"""How long the cloud may not yet show what it has accepted."""


@dataclass(slots=True)
class Known:
    """A group.

    Attributes:
        id: the group's.
        ref: the pod's.
        made: when this process made it; None if another did.
        fingerprint: of the status row that the details belong to.
        group: the details; None before they were read.
        ending: whether it was told to end.
    """

    id: str
    ref: PodRef
    made: datetime | None = None
    fingerprint: str = ""
    group: dict[str, Any] | None = None
    ending: bool = False

    @property
    def at_rest(self) -> bool:
        """Whether nothing is to be expected of it by itself."""
        if self.ending or self.group is None:
            return False
        containers = self.group.get("Containers") or []
        steady = all((each.get("CurrentState") or {}).get("State") != "Waiting" for each in containers)
        return self.group.get("Status") in status.FINAL or (self.group.get("Status") in status.AT_REST and steady)


class Inventory:
    """The groups of a node.

    Args:
        client: the way to the cloud.
        owner: the node and its cluster.
        clock: the wall clock.
    """

    def __init__(self, client: EciClient, owner: Owner, clock: Clock) -> None:
        self._client = client
        self._owner = owner
        self._clock = clock
        self._known: dict[str, Known] = {}
        self._ids: dict[str, str] = {}
        self._old: bool | None = None
        self.changed: Callable[[Pod], None] = lambda _: None
        """Is told of each pod whose group has changed."""

    @property
    def at_rest(self) -> bool:
        """Whether no group is starting or ending."""
        return all(each.at_rest for each in self._known.values())

    def running(self) -> list[Known]:
        """The groups that run."""
        return [each for each in self._known.values() if (each.group or {}).get("Status") == "Running"]

    def made(self, ref: PodRef, group_id: str) -> None:
        """A group was made for a pod."""
        if group_id not in self._known:
            self._known[group_id] = Known(group_id, ref, made=self._clock.now())
        self._ids[ref.uid] = group_id

    async def find(self, ref: PodRef) -> Known:
        """The group of a pod, which may have been made by another process, or without our hearing of it.

        Raises:
            NotFound: the cloud has none.
        """
        group_id = self._ids.get(ref.uid)
        if group_id is not None:
            return self._known[group_id]
        for group in await self._client.tagged(names.filter_by_uid(ref.uid)):
            self._learn(group)
        group_id = self._ids.get(ref.uid)
        if group_id is None:
            raise NotFound(f"ECI has no container group of pod {ref}")
        return self._known[group_id]

    async def look(self, ref: PodRef) -> Known:
        """The group of a pod as it is now. Raises NotFound."""
        known = await self.find(ref)
        found = await self._client.groups([known.id])
        if not found:
            if not self._is_settling(known):
                self.forget(known)
            raise NotFound(f"ECI has no container group {known.id} of pod {ref} any more")
        self._learn(found[0])
        return known

    def forget(self, known: Known) -> None:
        """A group is gone."""
        self._known.pop(known.id, None)
        if self._ids.get(known.ref.uid) == known.id:
            del self._ids[known.ref.uid]

    async def all_pods(self) -> list[Pod]:
        """All pods that the cloud has of this node. What it has no more is forgotten."""
        began = self._clock.now()
        rows = await self._rows()
        await self._refresh(rows)
        there = {row["ContainerGroupId"] for row in rows}
        for known in list(self._known.values()):
            if known.id not in there and not (known.made is not None and known.made > began - SETTLING):
                self.forget(known)
        return [self._pod(each) for each in self._known.values() if each.group is not None and each.id in there]

    async def follow(self, since: timedelta) -> None:
        """Find out what has changed lately, and tell."""
        rows = await self._client.statuses(names.filter_by_owner(self._owner), round(since.total_seconds()))
        rows += await self._endings({row["ContainerGroupId"] for row in rows})
        await self._refresh(rows)

    async def _endings(self, seen: set[str]) -> list[dict[str, Any]]:
        """Groups that were told to end: they leave the lists when they have, so they are asked for by ID."""
        ending = [each for each in self._known.values() if each.ending and each.id not in seen]
        if not ending:
            return []
        found = {each["ContainerGroupId"]: each for each in await self._client.groups([each.id for each in ending])}
        for known in ending:
            if known.id in found:
                self._learn(found[known.id])
            else:
                self._gone(known)
        return []

    def _gone(self, known: Known) -> None:
        """A group that was told to end is no more: its containers have ended, as far as anybody can tell."""
        self.forget(known)
        if known.group is not None:
            over = {**known.group, "Status": "Failed", "FailedTime": _stamp(self._clock.now())}
            self.changed(status.pod_of(over, known.ref))

    async def _rows(self) -> list[dict[str, Any]]:
        """All status rows. Groups of the provider of 2018 are looked for once, and further on if there are any."""
        rows = await self._client.statuses(names.filter_by_owner(self._owner))
        if self._old is not False:
            old = await self._client.statuses(names.old_filter_by_owner(self._owner))
            self._old = bool(old)
            rows += old
        return rows

    async def _refresh(self, rows: Sequence[dict[str, Any]]) -> None:
        """Read the details of the groups whose rows are new."""
        fresh = {row["ContainerGroupId"]: _fingerprint(row) for row in rows}
        wanted = [
            group_id
            for group_id, fingerprint in fresh.items()
            if group_id not in self._known or self._known[group_id].fingerprint != fingerprint
        ]
        for group in await self._client.groups(wanted):
            self._learn(group, fresh.get(group["ContainerGroupId"], ""))

    def _learn(self, group: dict[str, Any], fingerprint: str = "") -> None:
        group_id = group["ContainerGroupId"]
        known = self._known.get(group_id)
        if known is None:
            ref = names.ref_of(group.get("Tags") or [], self._owner)
            if ref is None:
                return
            known = self._known[group_id] = Known(group_id, ref)
        if known.ref.uid not in self._ids:
            self._ids[known.ref.uid] = group_id
        before, known.group = known.group, group
        known.fingerprint = fingerprint or known.fingerprint
        if group != before:
            self.changed(self._pod(known))

    def _pod(self, known: Known) -> Pod:
        return status.pod_of(known.group or {}, known.ref)

    def _is_settling(self, known: Known) -> bool:
        return known.made is not None and self._clock.now() - known.made < SETTLING


def _fingerprint(row: dict[str, Any]) -> str:
    return repr(sorted((key, value) for key, value in row.items() if key in ("Status", "PodStatus")))


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
