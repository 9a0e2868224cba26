"""Objects as a user or the API server would write them: complete, valid, each a little different."""

from typing import Any

from factory.base import DictFactory
from factory.declarations import LazyAttribute, Sequence, SubFactory


class ContainerFactory(DictFactory):
    name = "main"
    image = "registry.example/app:1"


class MetadataFactory(DictFactory):
    name = Sequence(lambda n: f"pod-{n}")
    namespace = "default"


class PodFactory(DictFactory):
    """A pod as its author writes it."""

    apiVersion = "v1"
    kind = "Pod"
    metadata = SubFactory(MetadataFactory)
    spec = LazyAttribute(lambda _: {"containers": [ContainerFactory()], "restartPolicy": "Always"})


def a_pod() -> dict[str, Any]:
    """A pod as its author writes it, as the dict that it is."""
    pod: dict[str, Any] = PodFactory()  # type: ignore[assignment]  # a DictFactory makes dicts
    return pod


class AdmittedMetadataFactory(MetadataFactory):
    uid = Sequence(lambda n: f"00000000-0000-4000-8000-{n:012d}")
    resourceVersion = Sequence(lambda n: str(1000 + n))
    creationTimestamp = "2026-01-01T00:00:00Z"


class BoundPodFactory(PodFactory):
    """A pod as the API server shows it once it is bound to a node."""

    metadata = SubFactory(AdmittedMetadataFactory)
    spec = LazyAttribute(lambda _: {"containers": [ContainerFactory()], "restartPolicy": "Always", "nodeName": "vk"})
    status = LazyAttribute(lambda _: {"phase": "Pending", "qosClass": "BestEffort"})


def running(started_at: str = "2026-01-01T00:00:05Z", name: str = "main") -> dict[str, Any]:
    """The status of a pod that runs, as a provider reports it."""
    return {
        "phase": "Running",
        "podIP": "10.0.0.1",
        "podIPs": [{"ip": "10.0.0.1"}],
        "startTime": started_at,
        "containerStatuses": [
            {
                "name": name,
                "image": "registry.example/app:1",
                "imageID": "",
                "ready": True,
                "started": True,
                "restartCount": 0,
                "state": {"running": {"startedAt": started_at}},
            }
        ],
        "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": started_at}],
    }


def ended(exit_code: int = 0, at: str = "2026-01-01T00:01:00Z", name: str = "main") -> dict[str, Any]:
    """The status of a pod that has run its course."""
    terminated = {"exitCode": exit_code, "reason": "Error" if exit_code else "Completed", "finishedAt": at}
    container = {**running(name=name)["containerStatuses"][0], "ready": False, "state": {"terminated": terminated}}
    return {
        **running(name=name),
        "phase": "Failed" if exit_code else "Succeeded",
        "containerStatuses": [container],
        "conditions": [{"type": "Ready", "status": "False", "reason": "PodCompleted", "lastTransitionTime": at}],
    }
