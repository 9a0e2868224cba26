"""Which container groups there are, and which of them to look at next. Pure: time and answers come in.

A list costs a read for each page and shows a group's provisioning, but not what its containers do; a look at one group
costs a read, too. So a group is looked at when the list shows a change, soon and often after it has changed, and ever
more rarely while it stays as it is; one that has ended is never looked at again. What the subscription's limit leaves
of reads decides how many looks there are, the longest overdue first.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import nsmallest
from typing import Any

from providers import pods
from providers.aci import status, tags
from providers.pods import PodRef
from providers.types import Pod

SOON = timedelta(seconds=2)
"""The first look after something has happened."""

CALM_PAUSE = timedelta(seconds=30)
"""Between two looks at a group that stays as it is; longer if there are too few reads to look at all so often."""

PROVISIONING_PAUSE = timedelta(seconds=10)
"""Between two looks at a group that is being provisioned, at least: the list shows when that is over."""

CALM = 2
"""A group that has not changed for a time is looked at again after this part of it (the half)."""


@dataclass(slots=True)
class Known:
    """A group, as it was last seen.

    Attributes:
        name: the group's.
        pod: the pod, with the status that the last look showed.
        provisioning: ACI's last operation, as the last answer showed it.
        changed: when it was last seen to change.
        next_look: when to look again; None for never.
        made: when this process made it; None if it did not.
        digest: what it was made of.
    """

    name: str
    pod: Pod
    provisioning: str
    changed: datetime
    next_look: datetime | None
    made: datetime | None = None
    digest: str = ""


class Tracker:
    """The groups of one node.

    Args:
        node: the node.
        cluster: the cluster; groups that name another one are not this node's.
        former: other nodes' names whose groups are this node's now.
        host_ip: the node's address, for the pods' status.
        per_second: how many looks there may be at groups that stay as they are.
    """

    def __init__(self, node: str, cluster: str, former: Sequence[str], host_ip: str, per_second: float) -> None:
        self._nodes = frozenset((node, *former))
        self._node = node
        self._cluster = cluster
        self._host_ip = host_ip
        self._per_second = per_second
        self._known: dict[str, Known] = {}
        self._names: dict[str, str] = {}

    def find(self, uid: str) -> Known | None:
        """The group of a pod."""
        return self._known.get(self._names.get(uid, ""))

    def all(self) -> list[Known]:
        """All groups."""
        return list(self._known.values())

    def pods(self) -> list[Pod]:
        """All pods."""
        return [each.pod for each in self._known.values()]

    def made(self, name: str, pod: Pod, digest: str, now: datetime) -> None:
        """A group was made for a pod; lists may not show it yet."""
        metadata = pod["metadata"]
        ref = pods.ref(pod)
        shown: Pod = {
            "metadata": {"namespace": ref.namespace, "name": ref.name, "uid": ref.uid},
            "spec": {"nodeName": self._node, "containers": pods.containers(pod)},
            "status": {},
        }
        if "creationTimestamp" in metadata:
            shown["metadata"]["creationTimestamp"] = metadata["creationTimestamp"]
        known = Known(name, shown, "Pending", now, now + PROVISIONING_PAUSE, made=now, digest=digest)
        self._put(ref, known)

    def changed(self, uid: str, now: datetime) -> None:
        """Something was done to a group: look soon."""
        known = self.find(uid)
        if known is not None:
            known.changed, known.next_look = now, now + SOON

    def listed(self, groups: Iterable[dict[str, Any]], begun: datetime, now: datetime) -> None:
        """Take in a whole list that was begun at a moment: what it does not show, and was there before, is gone."""
        seen: set[str] = set()
        for group in groups:
            owner = self._owner(group)
            if owner is None:
                continue
            name, provisioning = group["name"], status.provisioning(group)
            seen.add(name)
            known = self._known.get(name)
            if known is None or known.pod["metadata"]["uid"] != owner.uid:
                self._put(owner, self._new(group, now))
            elif known.provisioning != provisioning:
                known.provisioning = provisioning
                known.next_look = now
        gone = [
            each for name, each in self._known.items() if name not in seen and (each.made is None or each.made < begun)
        ]
        for each in gone:
            self.lost(each)

    def looked(self, group: dict[str, Any], now: datetime) -> Known | None:
        """Take in an answer to a look; None if the group is not this node's."""
        owner = self._owner(group)
        if owner is None:
            return None
        known = self._known.get(group["name"])
        if known is None or known.pod["metadata"]["uid"] != owner.uid:
            known = self._new(group, now)
            self._put(owner, known)
        pod = status.pod(group, self._host_ip)
        assert pod is not None  # noqa: S101  (it has an owner)
        pod["spec"]["nodeName"] = self._node
        if pod["status"] != known.pod["status"] or pods.is_deleting(pod) != pods.is_deleting(known.pod):
            known.pod, known.changed = pod, now
        known.provisioning = status.provisioning(group)
        known.next_look = self._next_look(known, now)
        return known

    def lost(self, known: Known) -> None:
        """A group is no longer there; that may be noticed more than once."""
        if self._known.get(known.name) is known:
            del self._known[known.name]
            del self._names[known.pod["metadata"]["uid"]]

    def due(self, now: datetime, most: int) -> list[Known]:
        """The groups to look at now, the longest overdue first, at most so many."""
        overdue = [
            (each.next_look, each.name) for each in self._known.values() if each.next_look and each.next_look <= now
        ]
        return [self._known[name] for _, name in nsmallest(most, overdue)]

    def _next_look(self, known: Known, now: datetime) -> datetime | None:
        if pods.is_terminal(known.pod):
            return None
        longest = max(CALM_PAUSE, timedelta(seconds=len(self._known) / self._per_second))
        least = PROVISIONING_PAUSE if known.provisioning in status.TRANSITIONS else SOON
        return now + max(least, min((now - known.changed) / CALM, longest))

    def _owner(self, group: dict[str, Any]) -> PodRef | None:
        """The pod that a group runs, if it is this node's and this cluster's."""
        owner = tags.owner(group.get("tags"))
        if owner is None or owner.node not in self._nodes:
            return None
        if owner.cluster and owner.cluster != self._cluster:
            return None
        return owner.ref

    def _new(self, group: dict[str, Any], now: datetime) -> Known:
        pod = status.pod(group, self._host_ip)
        assert pod is not None  # noqa: S101  (it has an owner)
        pod = {**pod, "spec": {**pod["spec"], "nodeName": self._node}, "status": {}}
        digest = group["tags"].get(tags.SPEC, "")
        return Known(group["name"], pod, status.provisioning(group), now, now, digest=digest)

    def _put(self, ref: PodRef, known: Known) -> None:
        self._known[known.name] = known
        self._names[ref.uid] = known.name
