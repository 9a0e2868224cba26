"""Pods for the Fargate provider, and their mapping with an ordinary configuration."""

from typing import Any

from features.factories import BoundPodFactory
from providers.data import NO_DATA, PodData
from providers.fargate import task_definition
from providers.fargate.config import FargateConfig
from providers.fargate.task_definition import Built

CONFIG = FargateConfig(
    region="eu-west-1", subnets=("subnet-a",), execution_role="arn:aws:iam::1:role/x", log_group="pods"
)


def a_pod(name: str = "web", container: dict[str, Any] | None = None, **spec: Any) -> Any:
    """A pod with one container; further fields of the container and of the spec."""
    main = {"name": "main", "image": "registry.example/app:1", **(container or {})}
    return BoundPodFactory(metadata__name=name, spec={"containers": [main], **spec})


def annotated(pod: Any, **annotations: str) -> Any:
    """The pod with annotations of ``fargate.virtual-kubelet.io/``."""
    named = {f"fargate.virtual-kubelet.io/{name.replace('_', '-')}": value for name, value in annotations.items()}
    return {**pod, "metadata": {**pod["metadata"], "annotations": named}}


def built(pod: Any, data: PodData = NO_DATA, config: FargateConfig = CONFIG) -> Built:
    """The pod's task."""
    return task_definition.build(pod, data, config)


def main_of(pod: Any, data: PodData = NO_DATA, config: FargateConfig = CONFIG) -> dict[str, Any]:
    """The definition of the pod's first container."""
    container: dict[str, Any] = built(pod, data, config).definition["containerDefinitions"][0]
    return container
