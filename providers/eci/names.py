"""How a pod is named and found again in ECI: the group's name, its tags, and the token that makes a create idempotent.

Tags hold at most 128 characters, a pod's name up to 253: a longer value goes on in a second tag (``vk-pod.2``). The
tags of the provider of 2018 and 2019 are read too, so that its groups are taken over.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from providers.pods import PodRef
from providers.types import Pod

LONGEST_NAME = 128
"""Of a group; from CreateContainerGroup's reference, as all limits here."""
LONGEST_TAG_VALUE = 128
MOST_TAGS = 20
CONTAINER_ID = "eci://"
"""What container IDs begin with; the group's ID follows."""

_CLUSTER, _NODE, _NAMESPACE, _POD, _UID, _CREATED = (
    "vk-cluster",
    "vk-node",
    "vk-namespace",
    "vk-pod",
    "vk-uid",
    "vk-created",
)
_OLD_CLUSTER, _OLD_NODE, _OLD_NAMESPACE, _OLD_POD, _OLD_UID = "ClusterName", "NodeName", "NameSpace", "PodName", "UID"

Tags = list[dict[str, str]]
"""As the API takes and gives them: ``[{"Key": ..., "Value": ...}]``."""


class Owner(NamedTuple):
    """Whose groups: a node of a cluster, as there may be several clusters in an account."""

    cluster: str
    node: str


def group_name(ref: PodRef) -> str:
    """The group's name: 2 to 128 lower-case letters, digits and hyphens. The end tells namesakes apart."""
    readable = re.sub(r"[^a-z0-9-]", "-", f"{ref.namespace}-{ref.name}".lower()).strip("-")
    return f"{readable[: LONGEST_NAME - 9].rstrip('-')}-{_digest(ref.uid)}"


def client_token(pod: Pod) -> str:
    """The same for each attempt to create the pod; another one once it has run and its group was lost.

    The cloud answers a known token with the first answer, so a lost answer does no harm. A pod whose group is gone, and
    that may run again, needs a new one: its status in the API still names the group that it ran in.
    """
    uid = pod["metadata"]["uid"]
    groups = [
        group_of_container(each.get("containerID", ""))
        for each in (pod.get("status") or {}).get("containerStatuses") or []
    ]
    lost = next((each for each in groups if each), "")
    return f"{uid}-{_digest(lost)}" if lost else uid


def container_id(group_id: str, container: str) -> str:
    """A container's ID in the pod's status."""
    return f"{CONTAINER_ID}{group_id}/{container}"


def group_of_container(container_id: str) -> str:
    """The group that a container's ID names; empty for an ID that is not ours."""
    return container_id.removeprefix(CONTAINER_ID).partition("/")[0] if container_id.startswith(CONTAINER_ID) else ""


def tags(ref: PodRef, owner: Owner, created: str) -> Tags:
    """The tags by which the group of a pod is found again."""
    values = {
        _CLUSTER: owner.cluster,
        _NODE: owner.node,
        _NAMESPACE: ref.namespace,
        _POD: ref.name,
        _UID: ref.uid,
        _CREATED: created,
    }
    return [tag for key, value in values.items() for tag in _split(key, value)]


def filter_by_owner(owner: Owner) -> Tags:
    """What finds all groups of a node."""
    return [*_split(_CLUSTER, owner.cluster), *_split(_NODE, owner.node)]


def old_filter_by_owner(owner: Owner) -> Tags:
    """What finds the groups that the provider of 2018 made for a node; it knew no cluster."""
    return [{"Key": _OLD_NODE, "Value": owner.node}]


def filter_by_uid(uid: str) -> Tags:
    """What finds the groups of a pod."""
    return [{"Key": _UID, "Value": uid}]


def ref_of(group_tags: Iterable[Mapping[str, str]], owner: Owner) -> PodRef | None:
    """The pod that a group belongs to; None if it is nobody's, or another node's or cluster's."""
    values: dict[str, str] = {each.get("Key", ""): each.get("Value", "") for each in group_tags}
    if _UID in values:
        if (_joined(values, _CLUSTER), _joined(values, _NODE)) != owner:
            return None
        return PodRef(values.get(_NAMESPACE, ""), _joined(values, _POD), values[_UID])
    if _OLD_UID in values and values.get(_OLD_NODE) == owner.node:
        if values.get(_OLD_CLUSTER, owner.cluster) != owner.cluster:
            return None
        return PodRef(values.get(_OLD_NAMESPACE, ""), values.get(_OLD_POD, ""), values[_OLD_UID])
    return None


def _split(key: str, value: str) -> Tags:
    first, rest = value[:LONGEST_TAG_VALUE], value[LONGEST_TAG_VALUE:]
    return [{"Key": key, "Value": first}] + ([{"Key": f"{key}.2", "Value": rest}] if rest else [])


def _joined(values: Mapping[str, str], key: str) -> str:
    return values.get(key, "") + values.get(f"{key}.2", "")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
