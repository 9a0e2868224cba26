"""Where pods want to be near one another, and where not: pod affinity, anti-affinity and topology spread.

For each term that some pod has, the pods that it means are counted by the value of its topology key. A pod that comes
or goes changes these counts; a decision reads them. Without such pods nothing is counted.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from vksim.controllers import selector

Object = Mapping[str, Any]
Labels = Mapping[str, str]

AFFINITY = "node(s) didn't match pod affinity rules"
ANTI_AFFINITY = "node(s) didn't match pod anti-affinity rules"
EXISTING_ANTI_AFFINITY = "node(s) didn't satisfy existing pods anti-affinity rules"
SPREAD = "node(s) didn't match pod topology spread constraints"
SPREAD_LABEL = "node(s) didn't match pod topology spread constraints (missing required label)"


@dataclass(frozen=True, slots=True)
class Term:
    """Which pods a term means, and what of their nodes counts.

    Attributes:
        namespaces: where the pods are; none for all namespaces.
        selector: a label selector as JSON, so that equal ones are equal.
        key: the node label that says which nodes are one place.
    """

    namespaces: tuple[str, ...]
    selector: str
    key: str

    def means(self, namespace: str, labels: Labels | None) -> bool:
        """Whether a pod is meant."""
        if self.namespaces and namespace not in self.namespaces:
            return False
        return selector.matches(_read(self.selector), labels)


@dataclass(frozen=True, slots=True)
class Spread:
    """A topology spread constraint.

    Attributes:
        term: what is spread over what.
        skew: how much fuller one place may be than the emptiest.
        least: so many places there must be (``minDomains``).
        hard: whether it keeps a pod from being scheduled.
        own: 1 if the pod counts itself.
    """

    term: Term
    skew: int
    least: int
    hard: bool
    own: int


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a pod wants of its neighbours.

    Attributes:
        near: where some pod of each has to be.
        apart: where none of them may be.
        spread: how even it has to be.
        liked: terms with weights, below 0 for what it would rather not.
        alone: the terms of ``near`` that the pod itself satisfies: the first of a group may go anywhere.
    """

    near: tuple[Term, ...] = ()
    apart: tuple[Term, ...] = ()
    spread: tuple[Spread, ...] = ()
    liked: tuple[tuple[Term, int], ...] = ()
    alone: bool = False

    def terms(self) -> Iterator[Term]:
        """All that has to be counted for it."""
        yield from self.near
        yield from self.apart
        for each in self.spread:
            yield each.term
        for term, _ in self.liked:
            yield term


NONE = Wishes()


def wishes_of(pod: Object) -> Wishes:
    """What the pod wants of its neighbours."""
    spec, metadata = pod["spec"], pod.get("metadata") or {}
    affinity, spread = spec.get("affinity") or {}, spec.get("topologySpreadConstraints") or ()
    near, apart = affinity.get("podAffinity") or {}, affinity.get("podAntiAffinity") or {}
    if not near and not apart and not spread:
        return NONE
    namespace, labels = metadata.get("namespace", "default"), metadata.get("labels") or {}
    wanted = tuple(_term(each, namespace) for each in near.get(_REQUIRED) or ())
    liked = [(_term(each["podAffinityTerm"], namespace), each["weight"]) for each in near.get(_PREFERRED) or ()]
    liked += [(_term(each["podAffinityTerm"], namespace), -each["weight"]) for each in apart.get(_PREFERRED) or ()]
    return Wishes(
        wanted,
        tuple(_term(each, namespace) for each in apart.get(_REQUIRED) or ()),
        tuple(_spread(each, namespace, labels) for each in spread),
        tuple(liked),
        all(each.means(namespace, labels) for each in wanted),
    )


_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


@dataclass(slots=True)
class _Count:
    """How many pods of a term there are, by place."""

    pods: Counter[str] = field(default_factory=Counter)
    places: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class _Placed:
    namespace: str
    labels: Labels
    node: str
    apart: tuple[Term, ...]


class Neighbours:
    """Counts the pods that somebody wants to be near or apart from."""

    def __init__(self) -> None:
        self._counts: dict[Term, _Count] = {}
        self._holders: dict[Term, Counter[str]] = {}
        self._placed: dict[str, _Placed] = {}
        self._nodes: dict[str, Labels] = {}

    def node(self, name: str, labels: Labels | None) -> None:
        """A node is there with these labels; None: it is gone."""
        before = self._nodes.get(name)
        if before == labels:
            return
        for term, count in self._counts.items():
            _move(count.places, before, labels, term.key, 1)
            for placed in self._on(name):
                if term.means(placed.namespace, placed.labels):
                    _move(count.pods, before, labels, term.key, 1)
        for term, holders in self._holders.items():
            for placed in self._on(name):
                _move(holders, before, labels, term.key, placed.apart.count(term))
        if labels is None:
            self._nodes.pop(name, None)
        else:
            self._nodes[name] = labels

    def place(self, uid: str, pod: Object, node: str, wishes: Wishes) -> None:
        """A pod is on a node."""
        metadata = pod["metadata"]
        placed = _Placed(metadata.get("namespace", "default"), metadata.get("labels") or {}, node, wishes.apart)
        self._placed[uid] = placed
        self._change(placed, 1)

    def remove(self, uid: str) -> None:
        """It is there no more."""
        placed = self._placed.pop(uid, None)
        if placed is not None:
            self._change(placed, -1)

    def refusal(self, node: Labels, pod: Object, wishes: Wishes) -> str:
        """Why a node will not do because of its neighbours, in kube-scheduler's words; empty if it will."""
        if self._holders:
            metadata = pod["metadata"]
            namespace, labels = metadata.get("namespace", "default"), metadata.get("labels")
            for term, holders in self._holders.items():
                if holders.get(node.get(term.key, "")) and term.means(namespace, labels):
                    return EXISTING_ANTI_AFFINITY
        if wishes is NONE:
            return ""
        return self._not_near(node, wishes) or self._not_apart(node, wishes) or self._uneven(node, wishes)

    def score(self, node: Labels, wishes: Wishes) -> float:
        """How much a pod likes a node for its neighbours; more is better, 0 is indifferent."""
        liking = 0.0
        for term, weight in wishes.liked:
            value = node.get(term.key)
            if value is not None:
                liking += weight * self._count(term).pods[value]
        for each in wishes.spread:
            value = node.get(each.term.key)
            if not each.hard and value is not None:
                liking -= self._count(each.term).pods[value]
        return liking

    def _not_near(self, node: Labels, wishes: Wishes) -> str:
        if not wishes.near:
            return ""
        if any(term.key not in node for term in wishes.near):
            return AFFINITY
        if all(self._count(term).pods[node[term.key]] > 0 for term in wishes.near):
            return ""
        first = wishes.alone and not any(self._count(term).pods.total() for term in wishes.near)
        return "" if first else AFFINITY

    def _not_apart(self, node: Labels, wishes: Wishes) -> str:
        taken = any(term.key in node and self._count(term).pods[node[term.key]] > 0 for term in wishes.apart)
        return ANTI_AFFINITY if taken else ""

    def _uneven(self, node: Labels, wishes: Wishes) -> str:
        for each in wishes.spread:
            if not each.hard:
                continue
            value = node.get(each.term.key)
            if value is None:
                return SPREAD_LABEL
            count = self._count(each.term)
            emptiest = min((count.pods[place] for place in count.places), default=0)
            if len(count.places) < each.least:
                emptiest = 0
            if count.pods[value] + each.own - emptiest > each.skew:
                return SPREAD
        return ""

    def _count(self, term: Term) -> _Count:
        """The count of a term, made when somebody asks for it first."""
        count = self._counts.get(term)
        if count is None:
            count = self._counts[term] = _Count()
            for labels in self._nodes.values():
                _move(count.places, None, labels, term.key, 1)
            for placed in self._placed.values():
                if term.means(placed.namespace, placed.labels):
                    _move(count.pods, None, self._nodes.get(placed.node), term.key, 1)
        return count

    def _change(self, placed: _Placed, by: int) -> None:
        labels = self._nodes.get(placed.node)
        for term, count in self._counts.items():
            if term.means(placed.namespace, placed.labels):
                _move(count.pods, None, labels, term.key, by)
        for term in placed.apart:
            holders = self._holders.setdefault(term, Counter())
            _move(holders, None, labels, term.key, by)
            if not holders:
                del self._holders[term]

    def _on(self, node: str) -> Iterable[_Placed]:
        return [each for each in self._placed.values() if each.node == node]


def _move(counter: Counter[str], before: Labels | None, after: Labels | None, key: str, by: int) -> None:
    """Count something at its new place instead of the old one."""
    for labels, change in ((before, -by), (after, by)):
        if labels is None or key not in labels:
            continue
        counter[labels[key]] += change
        if not counter[labels[key]]:
            del counter[labels[key]]


def _term(term: Object, namespace: str) -> Term:
    given = term.get("namespaces") or ()
    everywhere = "namespaceSelector" in term and not given
    namespaces: Sequence[str] = () if everywhere else given or (namespace,)
    return Term(tuple(namespaces), _text(term.get("labelSelector")), term["topologyKey"])


def _spread(constraint: Object, namespace: str, labels: Labels) -> Spread:
    term = Term((namespace,), _text(constraint.get("labelSelector")), constraint["topologyKey"])
    hard = constraint["whenUnsatisfiable"] == "DoNotSchedule"
    own = int(term.means(namespace, labels))
    return Spread(term, constraint["maxSkew"], constraint.get("minDomains") or 1, hard, own)


def _text(wanted: Object | None) -> str:
    return json.dumps(wanted, sort_keys=True)


@lru_cache(maxsize=4096)
def _read(text: str) -> Object | None:
    found: Object | None = json.loads(text)
    return found
