"""Where a pod may run: filter and score, as kube-scheduler's default plug-ins do it, in their plain parts. Pure.

Kept are taints, node selectors, ``unschedulable`` and the fit of requests; nodes are scored by what is least allocated.
Like kube-scheduler on a large cluster it looks only at as many nodes as it needs, from where it stopped the last time:
the cost of a decision does not grow with the cluster while there is room.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from fakes.apiserver import quantity

ENOUGH = 16
"""So many feasible nodes are scored; kube-scheduler's least is 100, at the price of looking at more."""

Amounts = dict[str, int]
"""Resource -> amount, in thousandths, so that ``500m`` is a whole number."""


@dataclass(slots=True)
class NodeState:
    """A node, and what is taken of it.

    Attributes:
        name: its name.
        labels: its labels.
        taints: those with the effects NoSchedule and NoExecute.
        unschedulable: cordoned.
        allocatable: what it offers.
        taken: what its pods ask for.
        refusals: why it keeps off the pods of a need, whether there is room or not; empty if it does not.
    """

    name: str
    labels: Mapping[str, str]
    taints: Sequence[Mapping[str, Any]]
    unschedulable: bool
    allocatable: Amounts
    taken: Amounts = field(default_factory=dict)
    refusals: "dict[Need, str]" = field(default_factory=dict)


@dataclass(frozen=True)
class Need:
    """What a pod asks of a node: the same for all pods of a template, so that they are judged alike."""

    requests: tuple[tuple[str, int], ...]
    selector: tuple[tuple[str, str], ...]
    tolerations: tuple[tuple[str, str, str, str], ...]

    @cached_property
    def scored(self) -> tuple[tuple[str, int], ...]:
        """The resources that nodes are compared by."""
        wanted = dict(self.requests)
        return tuple((name, wanted.get(name, 0)) for name in ("cpu", "memory"))

    @cached_property
    def _hash(self) -> int:
        return hash((self.requests, self.selector, self.tolerations))

    def __hash__(self) -> int:
        """Worked out once: needs are looked up for each pod and node."""
        return self._hash


def node_state(node: Mapping[str, Any]) -> NodeState:
    """The node as the scheduler sees it."""
    spec, status = node.get("spec") or {}, node.get("status") or {}
    taints = [each for each in spec.get("taints") or [] if each["effect"] in ("NoSchedule", "NoExecute")]
    allocatable = {name: amount(value) for name, value in (status.get("allocatable") or {}).items()}
    name = node["metadata"]["name"]
    labels = node["metadata"].get("labels") or {}
    return NodeState(name, labels, taints, bool(spec.get("unschedulable")), allocatable)


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
    return Need(tuple(total.items()), tuple((spec.get("nodeSelector") or {}).items()), tolerations)


@lru_cache(maxsize=4096)
def amount(value: str | int) -> int:
    """A quantity in thousandths, rounded up; 0 for what is none."""
    number = quantity.parse(value)
    return 0 if number is None else -int(-number * 1000 // 1)


def refusal(need: Need, node: NodeState) -> str:
    """Why the node will not do, in kube-scheduler's words; empty if it will."""
    kept_off = node.refusals.get(need)
    if kept_off is None:
        kept_off = node.refusals[need] = _kept_off(need, node)
    if kept_off:
        return kept_off
    for name, wanted in need.requests:
        if wanted > node.allocatable.get(name, 0) - node.taken.get(name, 0):
            return "Too many pods" if name == "pods" else f"Insufficient {name}"
    return ""


def _kept_off(need: Need, node: NodeState) -> str:
    """What is in the way whether there is room or not."""
    if node.unschedulable:
        return "node(s) were unschedulable"
    for key, value in need.selector:
        if node.labels.get(key) != value:
            return "node(s) didn't match Pod's node affinity/selector"
    for taint in node.taints:
        if not _tolerated(taint, need):
            return f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value', '')}}}"
    return ""


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
    free, offers, taken = 0.0, node.allocatable, node.taken
    for name, wanted in need.scored:
        offered = offers.get(name, 0)
        if offered:
            free += (offered - taken.get(name, 0) - wanted) / offered
    return free / 2


def choose(need: Need, nodes: Sequence[NodeState], start: int) -> tuple[NodeState | None, int, str]:
    """The best of the first feasible nodes from ``start`` on.

    Returns:
        The node, or None; where to begin the next time; and, without a node, why there is none.
    """
    feasible: list[NodeState] = []
    refusals: Counter[str] = Counter()
    looked = 0
    for looked in range(1, len(nodes) + 1):
        node = nodes[(start + looked - 1) % len(nodes)]
        reason = refusal(need, node)
        if reason:
            refusals[reason] += 1
            continue
        feasible.append(node)
        if len(feasible) == ENOUGH:
            break
    following = (start + looked) % len(nodes) if nodes else 0
    if not feasible:
        return None, following, _unschedulable(len(nodes), refusals)
    return max(feasible, key=lambda node: score(need, node)), following, ""


def _unschedulable(count: int, refusals: Counter[str]) -> str:
    if not count:
        return "no nodes available to schedule pods"
    reasons = ", ".join(f"{number} {reason}" for reason, number in sorted(refusals.items()))
    return f"0/{count} nodes are available: {reasons}."


def take(node: NodeState, need: Need, sign: int = 1) -> None:
    """Count a pod's requests as taken, or, with ``sign`` -1, as given back."""
    for name, wanted in need.requests:
        node.taken[name] = node.taken.get(name, 0) + sign * wanted


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
        return [kind.head for kind in self._kinds.values()]

    def offer(self, node: NodeState) -> list[str]:
        """A node has changed: the pods that could go there, one for each need."""
        heads = []
        for need, kind in self._kinds.items():
            if not refusal(need, node):
                kind.room[node.name] = None
                heads.append(kind.head)
        return heads


def best(need: Need, nodes: Iterable[NodeState]) -> NodeState | None:
    """The node with the most room among those that will do."""
    feasible = [node for node in nodes if not refusal(need, node)]
    return max(feasible, key=lambda node: score(need, node), default=None)
