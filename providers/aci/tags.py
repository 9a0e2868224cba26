"""The tags by which a container group says whose it is. Names and forms are Virtual Kubelet's, so either finds it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from providers import pods
from providers.pods import PodRef
from providers.types import Pod

POD, NAMESPACE, UID, NODE, CREATED = "PodName", "Namespace", "UID", "NodeName", "CreationTimestamp"
CLUSTER = "ClusterName"
SPEC = "SpecDigest"
"""What the group was made of, without secrets; our own."""
SIDECARS = "Sidecars"
"""Which of the group's containers are init containers that go on running in the pod; our own, with commas between."""


class Owner(NamedTuple):
    """The pod, node and cluster that a group belongs to; ``cluster`` is empty where none is named."""

    ref: PodRef
    node: str
    cluster: str


def of_pod(pod: Pod, node: str, cluster: str) -> dict[str, str]:
    """The tags of a pod's group."""
    ref = pods.ref(pod)
    tags = {POD: ref.name, NAMESPACE: ref.namespace, UID: ref.uid, NODE: node}
    created = pod["metadata"].get("creationTimestamp")
    if created:
        moment = datetime.fromisoformat(created).astimezone(UTC)
        tags[CREATED] = moment.strftime("%Y-%m-%d %H:%M:%S +0000 UTC")
    if cluster:
        tags[CLUSTER] = cluster
    return tags


def owner(tags: Mapping[str, str] | None) -> Owner | None:
    """Whose a group is; None if it is no pod's."""
    if not tags or not all(tags.get(name) for name in (POD, NAMESPACE, UID, NODE)):
        return None
    return Owner(PodRef(tags[NAMESPACE], tags[POD], tags[UID]), tags[NODE], tags.get(CLUSTER, ""))


def created(tags: Mapping[str, str]) -> str | None:
    """When the pod was created, as Kubernetes writes it; None if the tag is missing or not understood."""
    try:
        day, time = tags.get(CREATED, "").split(" ")[:2]
        moment = datetime.fromisoformat(f"{day}T{time}+00:00")
    except ValueError:
        return None
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
