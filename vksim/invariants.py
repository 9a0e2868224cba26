"""What must hold in every run, whether the scenario asks for it or not: the names, and the rules. Pure.

Some hold at every write to a pod; others only at rest, when nothing happens any more. ``vksim.checker`` applies them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from fakes.apiserver import quantity
from providers.types import KubeObject


@dataclass(frozen=True, slots=True)
class Invariant:
    """A name, and its meaning."""

    name: str
    meaning: str


LOST = Invariant("no pod lost", "what the API calls Running, runs; a runner ends no pod unasked")
TWICE = Invariant("none running twice", "no pod is started from nothing more than once, nor in two places")
LEAKED = Invariant("nothing leaked", "what runs in a cloud, the API knows")
TERMINAL = Invariant("terminal is terminal", "no pod leaves Succeeded or Failed")
FORWARD = Invariant("phases go forward", "no pod that runs is Pending again")
TRUTH = Invariant("the API tells the truth", "at rest, its phases are the cloud's")
GONE = Invariant("deleted means gone", "a deleted pod is gone within its grace and two minutes")
FINAL = Invariant("a deletion is final", "no deletion is taken back or put off")
CAPACITY = Invariant("capacity is kept", "the requests on a node are never more than it offers")
ONE_NODE = Invariant("one node for a pod", "no pod that has a node gets another one")
RESTARTS = Invariant("restarts are counted", "no restart count ever falls")
READY = Invariant("ready means running", "nothing is ready that does not run")
VERSIONS = Invariant("versions rise", "a watch delivers each resourceVersion after the one before it")
EVENTS = Invariant("events have objects", "each event is about something that is or was there")
QUIET = Invariant("quiet", "no pod is written again and again while nothing happens")
ADDRESSES = Invariant("addresses are unique", "no two pods that run have the same address")
OWNED = Invariant("no orphans", "at rest, no pod has outlived its controller")

INVARIANTS = (
    *(
        LOST,
        TWICE,
        LEAKED,
        TERMINAL,
        FORWARD,
        TRUTH,
        GONE,
        FINAL,
        CAPACITY,
        ONE_NODE,
        RESTARTS,
        READY,
        VERSIONS,
        EVENTS,
    ),
    *(QUIET, ADDRESSES, OWNED),
)

TERMINAL_PHASES = frozenset({"Succeeded", "Failed"})


# --- at every write -------------------------------------------------------------------------------------------------


def status_violations(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[Invariant, str]]:
    """What a pod's new status may not be after the old one."""
    before, after = old.get("phase") or "Pending", new.get("phase") or "Pending"
    if before != after:
        if before in TERMINAL_PHASES:
            yield TERMINAL, f"was {before} and became {after}"
        elif after == "Pending":
            yield FORWARD, f"was {before} and became Pending"
    containers = new.get("containerStatuses") or ()
    if containers:
        yield from _container_violations(old.get("containerStatuses") or (), containers)
    if after != "Running":
        for condition in new.get("conditions") or ():
            if condition["type"] == "Ready" and condition["status"] == "True":
                yield READY, f"is Ready, and {after}"


def _container_violations(
    old: Iterable[Mapping[str, Any]], new: Iterable[Mapping[str, Any]]
) -> Iterator[tuple[Invariant, str]]:
    before = {each["name"]: each.get("restartCount", 0) for each in old}
    for each in new:
        name, count = each["name"], each.get("restartCount", 0)
        if count < before.get(name, 0):
            yield RESTARTS, f"had {before[name]} restarts of {name}, and has {count}"
        if each.get("ready") and "running" not in (each.get("state") or {}):
            yield READY, f"has the container {name} ready that does not run"


def metadata_violations(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[Invariant, str]]:
    """What a pod's new metadata may not be after the old ones."""
    before, after = old.get("deletionTimestamp"), new.get("deletionTimestamp")
    if before is not None and (after is None or after > before):
        yield FINAL, f"was to be gone at {before}, and now {f'at {after}' if after else 'is not deleted any more'}"


def node_violation(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """What is wrong with the node of a pod's new spec; empty if nothing is."""
    before, after = old.get("nodeName"), new.get("nodeName")
    return f"was bound to {before}, and now to {after or 'none'}" if before and before != after else ""


def requests(spec: Mapping[str, Any]) -> dict[str, int]:
    """What a pod takes of a node, in thousandths; init containers count where one asks for more than all others."""
    total = {"pods": 1000}
    for container in spec.get("containers") or ():
        for name, value in ((container.get("resources") or {}).get("requests") or {}).items():
            total[name] = total.get(name, 0) + amount(value)
    for container in spec.get("initContainers") or ():
        for name, value in ((container.get("resources") or {}).get("requests") or {}).items():
            total[name] = max(total.get(name, 0), amount(value))
    return total


@lru_cache(maxsize=4096)
def amount(value: str | int) -> int:
    """A quantity in thousandths, rounded up; 0 for what is none."""
    number = quantity.parse(value)
    return 0 if number is None else -int(-number * 1000 // 1)


# --- at rest --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InCloud:
    """What a cloud has of a pod that has not ended.

    Attributes:
        uid: the pod's.
        name: the pod's.
        node: the node that it belongs to.
        phase: what the cloud would call the pod's phase.
    """

    uid: str
    name: str
    node: str
    phase: str


@dataclass(frozen=True, slots=True)
class End:
    """The run's end, at rest.

    Attributes:
        api_pods: UID -> the pod in the API.
        cloud: what runs in all clouds.
        down: nodes whose runner is down; nobody can tell the truth about their pods.
        owners: UIDs of what controllers look after.
    """

    api_pods: Mapping[str, KubeObject]
    cloud: tuple[InCloud, ...]
    down: frozenset[str] = frozenset()
    owners: frozenset[str] = frozenset()


Wrong = tuple[str, str]
"""The UID of the pod that something is wrong with, and what."""


def _lost(end: End) -> Iterator[Wrong]:
    alive = {each.uid for each in end.cloud}
    for uid, pod in end.api_pods.items():
        if phase_of(pod) == "Running" and uid not in alive and _node(pod) not in end.down:
            yield uid, f"pod {_name(pod)} is Running in the API, and no cloud has anything of it"


def _twice(end: End) -> Iterator[Wrong]:
    seen: dict[str, InCloud] = {}
    for each in end.cloud:
        other = seen.setdefault(each.uid, each)
        if other is not each:
            yield each.uid, f"pod {each.name} is in a cloud twice, for {other.node} and for {each.node}"


def _leaked(end: End) -> Iterator[Wrong]:
    for each in end.cloud:
        if each.uid not in end.api_pods and each.node not in end.down:
            yield (
                each.uid,
                f"pod {each.name} runs in a cloud for {each.node or 'no node'}, and the API does not know it",
            )


def _truth(end: End) -> Iterator[Wrong]:
    for each in end.cloud:
        pod = end.api_pods.get(each.uid)
        if pod is not None and _node(pod) not in end.down and phase_of(pod) != each.phase:
            yield each.uid, f"pod {each.name} is {each.phase} in the cloud and {phase_of(pod)} in the API"


def _gone(end: End) -> Iterator[Wrong]:
    for uid, pod in end.api_pods.items():
        metadata = pod["metadata"]
        if "deletionTimestamp" in metadata and not metadata.get("finalizers") and _node(pod) not in end.down:
            yield uid, f"pod {_name(pod)} was deleted and is still there"


def _orphans(end: End) -> Iterator[Wrong]:
    for uid, pod in end.api_pods.items():
        for owner in pod["metadata"].get("ownerReferences") or ():
            if owner.get("controller") and owner["uid"] not in end.owners:
                yield uid, f"pod {_name(pod)} has outlived its {owner['kind']} {owner['name']}"


AT_REST: tuple[tuple[Invariant, Callable[[End], Iterator[Wrong]]], ...] = (
    (LOST, _lost),
    (TWICE, _twice),
    (LEAKED, _leaked),
    (TRUTH, _truth),
    (GONE, _gone),
    (OWNED, _orphans),
)


def phase_of(pod: KubeObject) -> str:
    """The pod's phase; Pending if nobody has said anything."""
    return str((pod.get("status") or {}).get("phase") or "Pending")


def _node(pod: KubeObject) -> str:
    return str(pod["spec"].get("nodeName") or "")


def _name(pod: KubeObject) -> str:
    return str(pod["metadata"]["name"])
