"""What must hold in every run, whether the scenario asks for it or not.

Each invariant is a function from the run's end to the ways it was violated; an empty list is what one wants to see.
"""

from collections.abc import Callable
from dataclasses import dataclass

from providers import pods
from providers.mock.cloud import MockCloud
from providers.types import KubeObject
from vksim.observer import Observer


@dataclass(frozen=True, slots=True)
class End:
    """The run's end, at rest.

    Attributes:
        observer: what a client saw.
        api_pods: UID -> the pod in the API.
        cloud: where the pods ran.
        down: nodes whose runner is down; nobody can tell the truth about their pods.
    """

    observer: Observer
    api_pods: dict[str, KubeObject]
    cloud: MockCloud
    down: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Invariant:
    """A name, its meaning, and the check."""

    name: str
    meaning: str
    check: Callable[[End], list[str]]


def _no_pod_lost(end: End) -> list[str]:
    alive = {pods.uid(pod) for pod in end.cloud.alive()}
    return end.observer.lost + [
        f"pod {pod['metadata']['name']} is Running in the API, and the cloud has nothing of it"
        for uid, pod in end.api_pods.items()
        if _phase(pod) == "Running" and uid not in alive and _node(pod) not in end.down
    ]


def _none_running_twice(end: End) -> list[str]:
    return [
        f"the pod with the UID {uid} was started {count} times" for uid, count in end.cloud.starts.items() if count > 1
    ]


def _nothing_leaked(end: End) -> list[str]:
    return [
        f"pod {pod['metadata']['name']} runs in the cloud, and the API does not know it"
        for pod in end.cloud.alive()
        if pods.uid(pod) not in end.api_pods and (pod.get("spec") or {}).get("nodeName") not in end.down
    ]


def _terminal_is_terminal(end: End) -> list[str]:
    return list(end.observer.violations)


def _api_tells_the_truth(end: End) -> list[str]:
    wrong = []
    for pod in end.cloud.alive():
        api_pod = end.api_pods.get(pods.uid(pod))
        if api_pod is None or _node(api_pod) in end.down:
            continue
        there = end.cloud.status(pods.uid(pod)).get("phase")
        if there != _phase(api_pod):
            wrong.append(f"pod {pod['metadata']['name']} is {there} in the cloud and {_phase(api_pod)} in the API")
    return wrong


def _deleted_means_gone(end: End) -> list[str]:
    return [
        f"pod {pod['metadata']['name']} was deleted and is still there"
        for pod in end.api_pods.values()
        if "deletionTimestamp" in pod["metadata"]
        and not pod["metadata"].get("finalizers")
        and _node(pod) not in end.down
    ]


INVARIANTS = (
    Invariant("no pod lost", "what the API calls Running, runs; what has not ended, is there", _no_pod_lost),
    Invariant("none running twice", "no pod was started from nothing more than once", _none_running_twice),
    Invariant("nothing leaked", "what runs in the cloud, the API knows", _nothing_leaked),
    Invariant("terminal is terminal", "no pod left Succeeded or Failed", _terminal_is_terminal),
    Invariant("the API tells the truth", "at rest, its phases are the cloud's", _api_tells_the_truth),
    Invariant("deleted means gone", "at rest, no pod is still being deleted", _deleted_means_gone),
)


def _phase(pod: KubeObject) -> str:
    return str((pod.get("status") or {}).get("phase") or "Pending")


def _node(pod: KubeObject) -> str:
    return str(pod["spec"].get("nodeName") or "")
