"""Pods for the ECI provider, and their mapping with an ordinary configuration."""

from typing import Any

from features.factories import BoundPodFactory
from providers.data import NO_DATA, PodData
from providers.eci import group
from providers.eci.config import EciConfig
from providers.eci.group import Group
from providers.eci.names import Owner

OWNER = Owner("default", "vk")
CONFIG = EciConfig(vswitches=("vsw-b", "vsw-h"), security_group="sg-1", cluster_dns=("172.21.0.10",))


def a_pod(name: str = "web", container: dict[str, Any] | None = None, **spec: Any) -> Any:
    """A pod with one container; further fields of the container and of the spec."""
    main = {"name": "main", "image": "registry.example/app:1", **(container or {})}
    return BoundPodFactory(metadata__name=name, spec={"containers": [main], **spec})


def annotated(pod: Any, **annotations: str) -> Any:
    """The pod with annotations of ``k8s.aliyun.com/``."""
    named = {f"k8s.aliyun.com/{name.replace('_', '-')}": value for name, value in annotations.items()}
    return {**pod, "metadata": {**pod["metadata"], "annotations": named}}


def built(pod: Any, data: PodData = NO_DATA, config: EciConfig = CONFIG) -> Group:
    """The pod's group."""
    return group.build(pod, data, config, OWNER, "cluster.local")


def main_of(pod: Any, data: PodData = NO_DATA) -> dict[str, Any]:
    """The pod's first container, mapped."""
    container: dict[str, Any] = built(pod, data).parameters["Container"][0]
    return container
