"""Applies the invariants to a run: at each write as it is made, and once at rest. The first violation ends the run.

Nothing is scanned while the run goes on: what a check needs, it keeps up to date from the changes that it is told.
"""

import asyncio
import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from fakes.apiserver import resources
from fakes.apiserver.watch import Change
from providers import pods
from providers.mock.cloud import MockCloud
from providers.types import KubeObject
from runner.ports import parse_rfc3339
from vksim import invariants as rules
from vksim.clouds.base import CloudBackend
from vksim.cluster import Cluster
from vksim.faults.base import World
from vksim.faults.kinds import Player
from vksim.invariants import INVARIANTS, End, InCloud, Invariant
from vksim.result import Checked
from vksim.trail import CloudCall, Trail, Write

PATIENCE = 120.0
"""Seconds that a deleted pod may take longer than its grace: a runner that restarts, a cloud that is slow."""
WRITES, WINDOW = 120, 60.0
"""A pod that is written so often within so many seconds is written for nothing."""


@dataclass(frozen=True, slots=True)
class Violation:
    """The first thing that went wrong.

    Attributes:
        invariant: which one.
        text: how it was violated.
        at: when, in seconds.
        uid: of the pod that it is about; empty for none.
    """

    invariant: Invariant
    text: str
    at: float
    uid: str = ""


@dataclass(slots=True)
class _Taken:
    """What is taken of a node, and by whom."""

    offered: dict[str, int] | None = None
    amounts: dict[str, int] = field(default_factory=dict)


class Checker:
    """Watches over a run.

    Args:
        cluster: whose API server it is told of.
        clouds: the scenario's clouds, by name.
        time: the virtual time in seconds.
        world: what faults have done on purpose; None if there are none.
        player: says whether faults are at work; None if there are none.

    Attributes:
        broken: set at the first violation.
        found: all violations, by invariant.
        first: the first one.
    """

    def __init__(
        self,
        cluster: Cluster,
        clouds: Mapping[str, CloudBackend],
        time: Callable[[], float],
        world: World | None,
        player: Player | None,
    ) -> None:
        self.broken = asyncio.Event()
        self.found: dict[Invariant, list[str]] = {each: [] for each in INVARIANTS}
        self.first: Violation | None = None
        self.trail = Trail()
        self._cluster = cluster
        self._clouds = clouds
        self._time = time
        self._player = player
        self._vanished = world.vanished if world is not None else set()
        self._known: set[str] = set()
        self._nodes: dict[str, _Taken] = {}
        self._bound: dict[str, dict[str, int]] = {}
        self._offered: Counter[str] = Counter()
        self._requested: Counter[str] = Counter()
        self._wanted: dict[tuple[tuple[str, int], ...], dict[str, int]] = {}
        self._deleting: dict[str, KubeObject] = {}
        self._due: list[tuple[float, str]] = []
        self._writes: Counter[str] = Counter()
        self._window = 0.0
        self._addresses: dict[str, str] = {}
        self._versions: dict[str, int] = {}
        server = cluster.server
        server.observe(resources.PODS, self._pod_changed)
        server.observe(resources.NODES, self._node_changed)
        server.observe(resources.EVENTS, self._event_changed)
        self._listen()

    def _listen(self) -> None:
        """Hear what clouds are asked."""
        time, called = self._time, self.trail.called
        self._cluster.cloud.journal = lambda what, uid: called(CloudCall(time(), "mock", what, uid))
        for name, backend in self._clouds.items():
            backend.model.listeners.append(
                lambda call, name=name: called(  # type: ignore[misc]  # mypy cannot infer a lambda with a default
                    CloudCall(time(), name, f"{call.operation} ({call.outcome})", call.resource)
                )
            )

    # --- told by the run --------------------------------------------------------------------------------------------

    def delivered(self, kind: str, version: str) -> None:
        """A watch delivered a change of this kind."""
        number = int(version)
        if number <= self._versions.get(kind, 0):
            before = self._versions[kind]
            self._violated(rules.VERSIONS, f"a watch delivered a {kind} of version {number} after one of {before}")
        self._versions[kind] = number

    def tick(self) -> None:
        """Time has passed: look at what is due."""
        now, due = self._time(), self._due
        while due and due[0][0] <= now:
            _, uid = heapq.heappop(due)
            pod = self._deleting.get(uid)
            if pod is None:
                continue
            if self._is_excused(pod, now):
                heapq.heappush(due, (now + PATIENCE, uid))
                continue
            late = f"was deleted and is there {PATIENCE:g} s after its grace"
            self._violated(rules.GONE, f"pod {pod['metadata']['name']} {late}", uid)
        for uid in self._cluster.cloud.started_again:
            if uid not in self._vanished:
                self._violated(rules.TWICE, f"the pod with the UID {uid} was started from nothing again", uid)
        self._cluster.cloud.started_again.clear()

    def _is_excused(self, pod: KubeObject, now: float) -> bool:
        """Whether a pod may still be there: its runner is away, something is broken, or somebody holds it back."""
        player = self._player
        if player is not None and (player.active or now - player.last < PATIENCE):
            return True
        return bool(pod["metadata"].get("finalizers")) or pod["spec"].get("nodeName") in self._cluster.down()

    def requested(self, resource: str) -> float:
        """How much of what all nodes offer is requested by pods that have not ended, as a share."""
        offered = self._offered[resource]
        return self._requested[resource] / offered if offered else 0.0

    # --- told by the API server -------------------------------------------------------------------------------------

    def _pod_changed(self, change: Change) -> None:
        new, old = change.object, change.old
        metadata = new["metadata"]
        uid: str = metadata["uid"]
        actor = self._cluster.server.actor
        now = self._time()
        self.trail.wrote(Write(now, actor, change))
        if change.type == "DELETED":
            self._removed(new, uid, actor)
            return
        if old is None:
            self._known.add(uid)
            if new["spec"].get("nodeName"):
                self._took(new, uid)
            return
        self._wrote(new, uid, now)
        status, spec = new.get("status") or {}, new["spec"]
        if status is not (before := old.get("status") or {}):
            for invariant, text in rules.status_violations(before, status):
                self._violated(invariant, f"pod {metadata['name']} {text}", uid)
            self._status_changed(new, uid, before, status)
        if spec is not old["spec"]:
            node, had = spec.get("nodeName"), old["spec"].get("nodeName")
            if wrong := rules.node_violation(old["spec"], spec):
                self._violated(rules.ONE_NODE, f"pod {metadata['name']} {wrong}", uid)
            elif node and not had:
                self._took(new, uid)
        if metadata is not old["metadata"]:
            self._metadata_changed(old, new, uid, actor)

    def _wrote(self, pod: KubeObject, uid: str, now: float) -> None:
        """Count writes in windows of time."""
        writes = self._writes
        if now - self._window > WINDOW:
            self._window = now
            writes.clear()
        writes[uid] += 1
        if writes[uid] > WRITES:
            name = pod["metadata"]["name"]
            self._violated(rules.QUIET, f"pod {name} was written more than {WRITES} times within a minute", uid)

    def _status_changed(self, pod: KubeObject, uid: str, before: KubeObject, status: KubeObject) -> None:
        phase, address = status.get("phase"), status.get("podIP") or ""
        if phase in rules.TERMINAL_PHASES:
            self._gave_back(pod, uid)
            if self._addresses.get(address) == uid:
                del self._addresses[address]
        elif address and address != before.get("podIP") and self._has_own_address(pod, uid):
            other = self._addresses.setdefault(address, uid)
            if other != uid and other not in self._vanished:
                text = f"pod {pod['metadata']['name']} has the address {address} of another"
                self._violated(rules.ADDRESSES, text, uid)

    def _has_own_address(self, pod: KubeObject, uid: str) -> bool:
        """On a fake of a real cloud, not every pod has."""
        return self._cluster.cloud.has(uid) and not pod["spec"].get("hostNetwork")

    def _metadata_changed(self, old: KubeObject, new: KubeObject, uid: str, actor: str) -> None:
        metadata = new["metadata"]
        for invariant, text in rules.metadata_violations(old["metadata"], metadata):
            self._violated(invariant, f"pod {metadata['name']} {text}", uid)
        deletion = metadata.get("deletionTimestamp")
        if deletion is None:
            return
        if "deletionTimestamp" not in old["metadata"]:
            self._ended_by(new, uid, actor)
            left = float(metadata.get("deletionGracePeriodSeconds") or 0)
            heapq.heappush(self._due, (self._time() + left + PATIENCE, uid))
        self._deleting[uid] = new

    def _removed(self, pod: KubeObject, uid: str, actor: str) -> None:
        if "deletionTimestamp" not in pod["metadata"]:
            self._ended_by(pod, uid, actor)
        self._deleting.pop(uid, None)
        self._writes.pop(uid, None)
        self._gave_back(pod, uid)
        address = (pod.get("status") or {}).get("podIP") or ""
        if self._addresses.get(address) == uid:
            del self._addresses[address]

    def _ended_by(self, pod: KubeObject, uid: str, actor: str) -> None:
        """Somebody wants a pod to end: runners do not, unless it has ended, or they evict it."""
        status = pod.get("status") or {}
        if actor not in self._cluster.nodes or status.get("phase") in rules.TERMINAL_PHASES:
            return
        if any(each["type"] == "DisruptionTarget" for each in status.get("conditions") or ()):
            return
        if any(each.uid == uid for each in in_clouds(self._cluster, self._clouds.values())):
            self._violated(rules.LOST, f"pod {pod['metadata']['name']} runs, and {actor} deleted it unasked", uid)

    def _took(self, pod: KubeObject, uid: str) -> None:
        """A pod is bound: does it fit?"""
        if rules.phase_of(pod) in rules.TERMINAL_PHASES:
            return
        name = pod["spec"]["nodeName"]
        node = self._nodes.setdefault(name, _Taken())
        wanted = rules.requests(pod["spec"])
        wanted = self._wanted.setdefault(tuple(wanted.items()), wanted)
        self._bound[uid] = wanted
        amounts, offered = node.amounts, node.offered
        for resource, amount in wanted.items():
            taken = amounts[resource] = amounts.get(resource, 0) + amount
            if offered is not None and taken > offered.get(resource, 0) and amount:
                text = f"pod {pod['metadata']['name']} was bound to {name}, which has not so much {resource} left"
                self._violated(rules.CAPACITY, text, uid)
            if offered is not None:
                self._requested[resource] += amount

    def _gave_back(self, pod: KubeObject, uid: str) -> None:
        wanted, node = self._bound.pop(uid, None), self._nodes.get(pod["spec"].get("nodeName", ""))
        if wanted is not None and node is not None:
            for resource, amount in wanted.items():
                node.amounts[resource] -= amount
                if node.offered is not None:
                    self._requested[resource] -= amount

    def _node_changed(self, change: Change) -> None:
        node = change.object
        name = node["metadata"]["name"]
        if change.type == "DELETED":
            if name in self._nodes:
                self._offers(self._nodes[name], None)
            return
        allocatable = (node.get("status") or {}).get("allocatable")
        if allocatable is not None and (
            change.old is None or allocatable is not (change.old.get("status") or {}).get("allocatable")
        ):
            taken = self._nodes.setdefault(name, _Taken())
            self._offers(taken, {resource: rules.amount(value) for resource, value in allocatable.items()})

    def _offers(self, node: _Taken, offered: dict[str, int] | None) -> None:
        """A node offers something else than before; None: it has gone."""
        if node.offered is not None:
            self._offered.subtract(node.offered)
            self._requested.subtract(node.amounts)
        node.offered = offered
        if offered is not None:
            self._offered.update(offered)
            self._requested.update(node.amounts)

    def _event_changed(self, change: Change) -> None:
        if change.type != "ADDED":
            return
        about = change.object.get("involvedObject") or {}
        kind, name, uid = about.get("kind"), about.get("name"), about.get("uid")
        if not kind or not name or (kind == "Pod" and uid not in self._known):
            text = f"the event {change.object.get('reason')} is about a {kind or 'thing'} {name or ''} that never was"
            self._violated(rules.EVENTS, text, uid or "")

    # --- at the end -------------------------------------------------------------------------------------------------

    def close(self, end: End | None) -> list[Checked]:
        """How all invariants came out, those of rest too if there is an end to look at."""
        for invariant, uid, text in not_at_rest(end) if end is not None else ():
            self._violated(invariant, text, uid)
        first = self.first
        return [
            Checked(
                each.name,
                each.meaning,
                self.found[each],
                self._chain(first) if first is not None and first.invariant is each else [],
            )
            for each in INVARIANTS
        ]

    def _violated(self, invariant: Invariant, text: str, uid: str = "") -> None:
        now = self._time()
        self.found[invariant].append(f"{text} (at {now:.3f} s)")
        if self.first is None:
            self.first = Violation(invariant, text, now, uid)
            self.broken.set()

    def _chain(self, violation: Violation) -> list[str]:
        if not violation.uid:
            return []
        began = self._cluster.began
        events = [
            ((parse_rfc3339(each["metadata"]["creationTimestamp"]) - began).total_seconds(), each)
            for each in self._cluster.server.list(resources.EVENTS, None)["items"]
            if (each.get("involvedObject") or {}).get("uid") == violation.uid
        ]
        names = [
            each.resource for backend in self._clouds.values() for each in backend.pods() if each.uid == violation.uid
        ]
        return self.trail.chain(violation.uid, names, events)


def not_at_rest(end: End) -> Iterator[tuple[Invariant, str, str]]:
    """What does not hold at rest: of which pod, and how."""
    for invariant, check in rules.AT_REST:
        for uid, text in check(end):
            yield invariant, uid, text


def in_clouds(cluster: Cluster, clouds: Iterable[CloudBackend]) -> tuple[InCloud, ...]:
    """What all clouds have of pods that have not ended."""
    found = in_mock(cluster.cloud)
    for backend in clouds:
        found += [
            InCloud(each.uid, each.name, each.node, "Running" if each.running else "Pending") for each in backend.pods()
        ]
    return tuple(found)


def in_mock(cloud: MockCloud) -> list[InCloud]:
    """What the mock cloud has of pods that have not ended."""
    return [
        InCloud(
            pods.uid(pod),
            pod["metadata"]["name"],
            str((pod.get("spec") or {}).get("nodeName") or ""),
            str(cloud.status(pods.uid(pod)).get("phase")),
        )
        for pod in cloud.alive()
    ]
