"""The names of things in ACI: deterministic, unambiguous, and within ACI's rules, which are narrower than Kubernetes'.

A container group is told apart by its tags, never by its name. The name only has to be the same each time it is made
for a pod, and different for different pods. Groups that Virtual Kubelet has made, ``NAMESPACE-POD``, carry the same
tags and so are found all the same.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping

from providers.pods import PodRef

LONGEST = 63
"""Of a group's, container's or volume's name."""

SHORTEST_VOLUME = 5
"""Characters of a volume's name."""

LONGEST_VARIABLE = 63

_DIGEST = 10
"""Hexadecimal digits of the pod's UID in a group's name: 40 bits, in one resource group."""

_VARIABLE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_]*[A-Za-z0-9])?")
_SERVICE_VARIABLE = re.compile(
    r"[A-Z0-9_]+_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_\d+_[A-Z]+(_(PROTO|PORT|ADDR))?)?)"
)


def group(ref: PodRef) -> str:
    """The container group of a pod: readable in the portal, and the pod's alone by a digest of its UID."""
    digest = hashlib.sha256(ref.uid.encode()).hexdigest()[:_DIGEST]
    readable = re.sub(r"[^a-z0-9]+", "-", f"{ref.namespace}-{ref.name}".lower())
    readable = readable[: LONGEST - _DIGEST - 1].strip("-")
    return f"{readable}-{digest}"


def volumes(names: Iterable[str]) -> Mapping[str, str]:
    """ACI's names for a pod's volumes: the same, but no shorter than ACI allows, and no two alike."""
    wanted = list(names)
    taken = {name for name in wanted if len(name) >= SHORTEST_VOLUME}
    result: dict[str, str] = {}
    for name in wanted:
        result[name] = name if name in taken else free(f"volume-{name}", taken)
        taken.add(result[name])
    return result


def free(name: str, taken: Iterable[str]) -> str:
    """The name, or the first of ``NAME-2``, ``NAME-3`` ... that is not taken."""
    there = set(taken)
    candidate, number = name[:LONGEST], 2
    while candidate in there:
        suffix = f"-{number}"
        candidate, number = f"{name[: LONGEST - len(suffix)].rstrip('-')}{suffix}", number + 1
    return candidate


def is_variable(name: str) -> bool:
    """Whether ACI takes an environment variable of that name."""
    return len(name) <= LONGEST_VARIABLE and _VARIABLE.fullmatch(name) is not None


def is_of_service(name: str) -> bool:
    """Whether a variable is one of those by which a pod is told of a Service: nobody wrote it into the pod."""
    return _SERVICE_VARIABLE.fullmatch(name) is not None


def container_id(group_id: str, container: str) -> str:
    """What a container is called in a pod's status, as Virtual Kubelet makes it."""
    path = f"{group_id}/containers/{container}".upper()
    return f"aci://{hashlib.sha256(path.encode()).hexdigest()}"
