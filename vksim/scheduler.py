"""Where a pod may run: filter and score, as kube-scheduler's default plug-ins do it. Pure.

Kept are taints, node selectors and affinity, ``unschedulable``, host ports, the fit of requests, and what pods want of
their neighbours (``vksim.topology``). Nodes are scored by what is least allocated, and by what pods and taints prefer.
Like kube-scheduler on a large cluster it looks only at as many nodes as it needs, from where it stopped the last time:
the cost of a decision does not grow with the cluster while there is room.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from itertools import count
from operator import itemgetter
from typing import Any

from fakes.apiserver import quantity
from vksim.affinity import term_matches
from vksim.topology import NONE, Wishes, wishes_of

NOT_SELECTED = "node(s) didn't match Pod's node affinity/selector"

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"

ENOUGH = 16
"""So many feasible nodes are scored; kube-scheduler's least is 100, at the price of looking at more."""

MOST_REFUSALS = 256
"""So many needs a node remembers its answer for; needs that are rare come and go."""

_numbers = count()

Amounts = dict[str, int]
"""Resource -> amount, in thousandths, so that ``500m`` is a whole number."""


Also = Callable[["NodeState"], tuple[str, float]]
"""Says why a node will not do, empty if it will; and how much it is liked."""


@dataclass(slots=True, eq=False)
class NodeState:
    """A node, and what is free of it.

    Attributes:
        name: its name.
        labels: its labels.
        taints: its taints.
        unschedulable: cordoned.
        allocatable: what it offers.
        free: what its pods leave of that; negative where they ask for more.
        discourages: whether it has a taint that would rather be left alone.
        refusals: why it keeps off the pods of a need, by its number, whether there is room or not; empty if it does
            not.
    """

    name: str
    labels: Mapping[str, str]
    taints: Sequence[Mapping[str, Any]]
    unschedulable: bool
    allocatable: Amounts
    free: Amounts
    refusals: dict[int, str] = field(default_factory=dict)
    discourages: bool = False

    def become(self, new: "NodeState") -> None:
        """The node has changed; its pods are the same."""
        for name in self.allocatable.keys() | new.allocatable.keys():
            more = new.allocatable.get(name, 0) - self.allocatable.get(name, 0)
            self.free[name] = self.free.get(name, 0) + more
        self.labels, self.taints, self.discourages = new.labels, new.taints, new.discourages
        self.unschedulable, self.allocatable = new.unschedulable, new.allocatable
        self.refusals.clear()


@dataclass(frozen=True)
class Need:
    """What a pod asks of a node: the same for all pods of a template, so that they are judged alike."""

    requests: tuple[tuple[str, int], ...]
    selector: tuple[tuple[str, str], ...]
    tolerations: tuple[tuple[str, str, str, str], ...]
    node_affinity: str = ""
    wishes: Wishes = NONE
    priority: int = 0
    preempts: bool = True

    @cached_property
    def scored(self) -> tuple[tuple[str, int], ...]:
        """The resources that nodes are compared by."""
        wanted = dict(self.requests)
        return tuple((name, wanted.get(name, 0)) for name in ("cpu", "memory"))

    @cached_property
    def number(self) -> int:
        """Stands for the need, and for no other."""
        return next(_numbers)

    @cached_property
    def _hash(self) -> int:
        return hash((self.requests, self.selector, self.tolerations, self.node_affinity, self.wishes, self.priority))

    @cached_property
    def affinity(self) -> Mapping[str, Any]:
        """The node affinity, read."""
        found: Mapping[str, Any] = json.loads(self.node_affinity) if self.node_affinity else {}
        return found

    @cached_property
    def only(self) -> tuple[str, ...] | None:
        """The names of the only nodes that it may go to, as a DaemonSet's pod has them; None if it names none."""
        required = self.affinity.get(_REQUIRED) or {}
        names: list[str] = []
        for term in required.get("nodeSelectorTerms") or ():
            fields = [each for each in term.get("matchFields") or () if each["operator"] == "In"]
            if not fields:
                return None
            names += fields[0]["values"]
        return tuple(names) or None

    def __hash__(self) -> int:
        """Worked out once: needs are looked up for each pod and node."""
        return self._hash


def node_state(node: Mapping[str, Any]) -> NodeState:
    """The node as the scheduler sees it."""
    spec, status = node.get("spec") or {}, node.get("status") or {}
    taints = list(spec.get("taints") or [])
    allocatable = {name: amount(value) for name, value in (status.get("allocatable") or {}).items()}
    name = node["metadata"]["name"]
    labels = node["metadata"].get("labels") or {}
    discourages = any(each["effect"] == "PreferNoSchedule" for each in taints)
    cordoned = bool(spec.get("unschedulable"))
    return NodeState(name, labels, taints, cordoned, allocatable, dict(allocatable), discourages=discourages)


def need_of(pod: Mapping[str, Any]) -> Need:
    """What the pod needs; requests of init containers count where they are larger than the sum of the others."""
    spec = pod["spec"]
    total: Counter[str] = Counter({"pods": 1000})
    for container in spec.get("containers") or []:
        for name, value in ((container.get("resources") or {}).get("requests") or {}).items():
            total[name] += amount(value)
    for container in spec.get("initContainers") or []:
        for name, value in ((container.get("resources") or {}).get("requests") or {}).items():
            total[name] = max(total[name], amount(value))
    tolerations = tuple(
        (each.get("key", ""), each.get("operator", "Equal"), each.get("value", ""), each.get("effect", ""))
        for each in spec.get("tolerations") or []
    )
    node_affinity = (spec.get("affinity") or {}).get("nodeAffinity")
    need = Need(
        tuple(total.items()),
        tuple((spec.get("nodeSelector") or {}).items()),
        tolerations,
        json.dumps(node_affinity, sort_keys=True) if node_affinity else "",
        wishes_of(pod),
        spec.get("priority") or 0,
        spec.get("preemptionPolicy") != "Never",
    )
    return _known(need)


@lru_cache(maxsize=4096)
def _known(need: Need) -> Need:
    """The first that was equal: a need is kept for each pod, and most are the same."""
    return need


@lru_cache(maxsize=4096)
def amount(value: str | int) -> int:
    """A quantity in thousandths, rounded up; 0 for what is none."""
    number = quantity.parse(value)
    return 0 if number is None else -int(-number * 1000 // 1)


def refusal(need: Need, node: NodeState) -> str:
    """Why the node will not do, in kube-scheduler's words; empty if it will."""
    kept_off = node.refusals.get(need.number)
    if kept_off is None:
        if len(node.refusals) > MOST_REFUSALS:
            node.refusals.clear()
        kept_off = node.refusals[need.number] = _kept_off(need, node)
    if kept_off:
        return kept_off
    free = node.free
    for name, wanted in need.requests:
        if wanted > free.get(name, 0):
            return "Too many pods" if name == "pods" else f"Insufficient {name}"
    return ""


def _kept_off(need: Need, node: NodeState) -> str:
    """What is in the way whether there is room or not."""
    if node.unschedulable:
        return "node(s) were unschedulable"
    for key, value in need.selector:
        if node.labels.get(key) != value:
            return NOT_SELECTED
    required = need.affinity.get(_REQUIRED)
    if required is not None and not any(_term_fits(each, node) for each in required.get("nodeSelectorTerms") or ()):
        return NOT_SELECTED
    for taint in node.taints:
        if taint["effect"] != "PreferNoSchedule" and not _tolerated(taint, need):
            return f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value', '')}}}"
    return ""


def _term_fits(term: Mapping[str, Any], node: NodeState) -> bool:
    return term_matches(term, {"metadata": {"name": node.name, "labels": node.labels}})


def _tolerated(taint: Mapping[str, Any], need: Need) -> bool:
    for key, operator, value, effect in need.tolerations:
        if effect not in ("", taint["effect"]):
            continue
        if operator == "Exists" and key in ("", taint["key"]):
            return True
        if operator == "Equal" and key == taint["key"] and value == taint.get("value", ""):
            return True
    return False


def score(need: Need, node: NodeState) -> float:
    """NodeResourcesFit's LeastAllocated over cpu and memory: from 0, full, to 1, empty."""
    total, offers, free = 0.0, node.allocatable, node.free
    for name, wanted in need.scored:
        offered = offers.get(name, 0)
        if offered:
            total += (free.get(name, 0) - wanted) / offered
    return total / 2


def liking(need: Need, node: NodeState) -> float:
    """What speaks for a node besides room: preferred node affinity, and no taint that would rather be left alone."""
    total = 0.0
    for each in need.affinity.get(_PREFERRED) or ():
        if _term_fits(each["preference"], node):
            total += each["weight"] / 100
    for taint in node.taints:
        if taint["effect"] == "PreferNoSchedule" and not _tolerated(taint, need):
            total -= 1.0
    return total


def choose(
    need: Need, nodes: Sequence[NodeState], start: int, also: Also | None = None
) -> tuple[NodeState | None, int, str]:
    """The best of the first feasible nodes from ``start`` on.

    Args:
        need: what the pod needs.
        nodes: all nodes.
        start: where to begin.
        also: says of a node why it will not do for the pod's neighbours' sake, and how much the pod likes it.

    Returns:
        The node, or None; where to begin the next time; and, without a node, why there is none.
    """
    feasible: list[tuple[float, NodeState]] = []
    refusals: Counter[str] = Counter()
    looked = 0
    plain = not need.node_affinity
    for looked in range(1, len(nodes) + 1):
        node = nodes[(start + looked - 1) % len(nodes)]
        reason = refusal(need, node)
        extra = 0.0
        if not reason and also is not None:
            reason, extra = also(node)
        if reason:
            refusals[reason] += 1
            continue
        if node.discourages or not plain:
            extra += liking(need, node)
        feasible.append((score(need, node) + extra, node))
        if len(feasible) == ENOUGH:
            break
    following = (start + looked) % len(nodes) if nodes else 0
    if not feasible:
        return None, following, unschedulable(len(nodes), refusals)
    return max(feasible, key=itemgetter(0))[1], following, ""


def unschedulable(count: int, refusals: Counter[str]) -> str:
    """What a pod is told that fits nowhere."""
    if not count:
        return "no nodes available to schedule pods"
    reasons = ", ".join(f"{number} {reason}" for reason, number in sorted(refusals.items()))
    return f"0/{count} nodes are available: {reasons}."


def take(node: NodeState, need: Need, sign: int = 1) -> None:
    """Count a pod's requests as taken, or, with ``sign`` -1, as given back."""
    for name, wanted in need.requests:
        node.free[name] = node.free.get(name, 0) - sign * wanted


@dataclass(slots=True)
class Kind:
    """The pods of one need that fitted nowhere.

    Attributes:
        why: what they were told.
        pods: their UIDs, the oldest first.
        room: nodes that have changed since, and would take one.
        stale: whether there are other nodes now, so that ``why`` may be wrong.
    """

    why: str
    pods: dict[str, None] = field(default_factory=dict)
    room: dict[str, None] = field(default_factory=dict)
    stale: bool = False

    @property
    def head(self) -> str:
        """The pod whose turn it is."""
        return next(iter(self.pods))


class Unschedulable:
    """Pods that fitted nowhere, by what they need. They wait until a node changes, and are not looked at before.

    What a change costs does not depend on how many pods wait, nor on how many nodes there are.
    """

    def __init__(self) -> None:
        self._kinds: dict[Need, Kind] = {}

    def kind(self, need: Need) -> Kind | None:
        """Those who wait with this need; None if nobody does."""
        return self._kinds.get(need)

    def add(self, uid: str, need: Need, why: str) -> None:
        """Have the pod wait, behind those that wait already; one that waits keeps its place."""
        kind = self._kinds.setdefault(need, Kind(why))
        kind.pods[uid] = None

    def remove(self, uid: str, need: Need) -> str | None:
        """The pod waits no more. Returns the pod that could take its chance, if there is room for one."""
        kind = self._kinds.get(need)
        if kind is None or uid not in kind.pods:
            return None
        del kind.pods[uid]
        if not kind.pods:
            del self._kinds[need]
            return None
        return kind.head if kind.room else None

    def other_nodes(self) -> list[str]:
        """A node has come or gone: the pods that should hear the new reason, one for each need."""
        for kind in self._kinds.values():
            kind.stale = True
        return self._heads(self._kinds)

    def offer(self, node: NodeState) -> list[str]:
        """A node has changed: the pods that could go there, one for each need."""
        able = [need for need in self._kinds if not refusal(need, node)]
        for need in able:
            self._kinds[need].room[node.name] = None
        return self._heads(able)

    def neighbours_changed(self) -> list[str]:
        """Somebody's neighbour has come or gone: the pods that may fit now, one for each need that cares."""
        caring = [need for need in self._kinds if need.wishes is not NONE]
        for need in caring:
            self._kinds[need].stale = True
        return self._heads(caring)

    def _heads(self, needs: Iterable[Need]) -> list[str]:
        """Whose turn it is, the most important first."""
        return [self._kinds[each].head for each in sorted(needs, key=lambda need: -need.priority)]


def best(need: Need, nodes: Iterable[NodeState], also: Also | None = None) -> NodeState | None:
    """The node with the most room among those that will do."""
    feasible = [node for node in nodes if not refusal(need, node) and (also is None or not also(node)[0])]
    return max(feasible, key=lambda node: score(need, node), default=None)


def victims(need: Need, node: NodeState, placed: Mapping[str, Need]) -> list[str] | None:
    """The pods that would have to go from a node so that a more important one fits: as few as possible.

    None if even without all less important pods there would not be room, or if room is not what is missing.
    """
    if _kept_off(need, node):
        return None
    lower = sorted(
        (uid for uid, each in placed.items() if each.priority < need.priority), key=lambda uid: -placed[uid].priority
    )
    without = replace(node, free=dict(node.free))
    for uid in lower:
        take(without, placed[uid], -1)
    if not lower or refusal(need, without):
        return None
    going = []
    for uid in lower:  # the most important ones are spared first
        take(without, placed[uid])
        if refusal(need, without):
            take(without, placed[uid], -1)
            going.append(uid)
    return going
