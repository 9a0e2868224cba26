"""Objects as a user or the API server would write them: complete, valid, each a little different."""

from typing import Any

import factory


class ContainerFactory(factory.DictFactory):  # type: ignore[misc]  # factory-boy has no types
    name = "main"
    image = "registry.example/app:1"


class MetadataFactory(factory.DictFactory):  # type: ignore[misc]  # as above
    name = factory.Sequence(lambda n: f"pod-{n}")
    namespace = "default"


class PodFactory(factory.DictFactory):  # type: ignore[misc]  # as above
    """A pod as its author writes it."""

    apiVersion = "v1"
    kind = "Pod"
    metadata = factory.SubFactory(MetadataFactory)
    spec = factory.LazyAttribute(lambda _: {"containers": [ContainerFactory()], "restartPolicy": "Always"})


class AdmittedMetadataFactory(MetadataFactory):
    uid = factory.Sequence(lambda n: f"00000000-0000-4000-8000-{n:012d}")
    resourceVersion = factory.Sequence(lambda n: str(1000 + n))
    creationTimestamp = "2026-01-01T00:00:00Z"


class BoundPodFactory(PodFactory):
    """A pod as the API server shows it once it is bound to a node."""

    metadata = factory.SubFactory(AdmittedMetadataFactory)
    spec = factory.LazyAttribute(
        lambda _: {"containers": [ContainerFactory()], "restartPolicy": "Always", "nodeName": "vk"}
    )
    status = factory.LazyAttribute(lambda _: {"phase": "Pending", "qosClass": "BestEffort"})


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
