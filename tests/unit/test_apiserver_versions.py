"""Kinds in two versions: what one version cannot say comes back from the other unharmed."""

from typing import Any

import pytest

from fakes.apiserver import autoscalers, newevents
from fakes.apiserver.catalog import OTHER_VERSIONS
from fakes.apiserver.errors import StatusError
from fakes.apiserver.resources import ResourceType
from fakes.apiserver.versions import Versions
from tests.contract.backends import fake_server

METRIC = {"name": "requests", "selector": {"matchLabels": {"a": "b"}}}
DESCRIBED = {"apiVersion": "v1", "kind": "Service", "name": "s"}
WANTED: list[dict[str, Any]] = [
    {"type": "Resource", "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "1Gi"}}},
    {"type": "Pods", "pods": {"metric": METRIC, "target": {"type": "AverageValue", "averageValue": "5"}}},
    {
        "type": "Object",
        "object": {"describedObject": DESCRIBED, "metric": METRIC, "target": {"type": "Value", "value": "7"}},
    },
    {"type": "External", "external": {"metric": METRIC, "target": {"type": "Value", "value": "7"}}},
    {
        "type": "ContainerResource",
        "containerResource": {
            "name": "cpu",
            "container": "main",
            "target": {"type": "Utilization", "averageUtilization": 50},
        },
    },
    {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}},
]


def autoscaler(**more: Any) -> dict[str, Any]:
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    return {
        "kind": "HorizontalPodAutoscaler",
        "apiVersion": "autoscaling/v2",
        "metadata": {"name": "a"},
        "spec": {"scaleTargetRef": reference, "maxReplicas": 3},
        "status": {"desiredReplicas": 0, "currentMetrics": None},
        **more,
    }


def test_every_metric_comes_back_as_it_was() -> None:
    stored = autoscaler()
    stored["spec"] |= {"metrics": WANTED}
    assert autoscalers.as_v2(autoscalers.as_v1(stored)) == stored


def test_behavior_comes_back_as_it_was() -> None:
    rules = {"stabilizationWindowSeconds": 60, "selectPolicy": "Min", "policies": [{"type": "Pods", "value": 1}]}
    stored = autoscaler()
    stored["spec"] |= {"behavior": {"scaleUp": rules}}
    assert autoscalers.as_v2(autoscalers.as_v1(stored)) == stored


def test_what_is_used_comes_back_as_it_was() -> None:
    used = [
        {"type": "Pods", "pods": {"metric": METRIC, "current": {"averageValue": "5"}}},
        {"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 70, "averageValue": "7m"}}},
    ]
    stored = autoscaler(status={"desiredReplicas": 2, "currentReplicas": 1, "currentMetrics": used})
    assert autoscalers.as_v2(autoscalers.as_v1(stored)) == stored


@pytest.mark.parametrize("text", ["", "no JSON", '"text"', '{"a": 1}', "[1, null]", '[{"pods": 3}]'])
def test_annotations_that_cannot_be_read_are_let_be(text: str) -> None:
    names = (autoscalers.METRICS, autoscalers.CURRENT, autoscalers.CONDITIONS)
    old = autoscaler(metadata={"name": "a", "annotations": dict.fromkeys(names, text)})
    assert autoscalers.as_v2(old)["spec"]["maxReplicas"] == 3


@pytest.mark.parametrize(
    "text", ["5", "[1]", '{"ScaleUp": 5}', '{"ScaleDown": {"Policies": [1]}}', '{"ScaleUp": {"SelectPolicy": 3}}']
)
def test_a_behavior_that_cannot_be_read_is_let_be(text: str) -> None:
    old = autoscaler(metadata={"name": "a", "annotations": {autoscalers.BEHAVIOR: text}})
    stored = autoscalers.autoscaler_update(autoscalers.as_v2(old), old)
    assert stored["spec"].get("behavior") is None
    assert autoscalers.validate(stored) == []
    autoscalers.as_v1(stored)


@pytest.mark.parametrize(
    "text",
    [
        '[{"type": "Resource", "resource": {"name": "cpu", "targetAverageUtilization": "many"}}]',
        '[{"type": "Pods", "pods": {"metricName": {"a": 1}}}]',
        '[{"type": 3}]',
    ],
)
def test_metrics_of_the_wrong_type_are_let_be(text: str) -> None:
    old = autoscaler(metadata={"name": "a", "annotations": {autoscalers.METRICS: text, autoscalers.CURRENT: text}})
    stored = autoscalers.autoscaler_update(autoscalers.as_v2(old), old)
    assert autoscalers.validate(stored) == []
    autoscalers.as_v1(stored)


@pytest.mark.parametrize("resource", OTHER_VERSIONS, ids=lambda each: each.api_version)
@pytest.mark.parametrize("body", [{}, {"metadata": {}}, {"metadata": None}])
def test_an_object_without_a_name_is_refused_in_any_version(resource: ResourceType, body: dict[str, Any]) -> None:
    versions = Versions(fake_server())
    for write in (
        lambda: versions.update(resource, "default", "x", body),
        lambda: versions.create(resource, "default", body),
    ):
        with pytest.raises(StatusError) as caught:
            write()
        assert caught.value.code in (400, 422)


def test_a_persons_own_annotations_stay() -> None:
    stored = autoscaler(metadata={"name": "a", "annotations": {"mine": "kept"}})
    stored["spec"] |= {"metrics": WANTED}
    assert autoscalers.as_v1(stored)["metadata"]["annotations"].keys() == {"mine", autoscalers.METRICS}
    assert autoscalers.as_v2(autoscalers.as_v1(stored))["metadata"]["annotations"] == {"mine": "kept"}


def test_an_event_comes_back_as_it_was() -> None:
    core = {
        "kind": "Event",
        "apiVersion": "v1",
        "metadata": {"name": "e"},
        "involvedObject": {"kind": "Pod"},
        "message": "m",
        "reportingComponent": "c",
        "source": {},
        "count": 2,
    }
    assert newevents.as_core(newevents.from_core(core)) == core


def test_a_selector_is_translated_where_it_names_a_field() -> None:
    events = next(each.conversion for each in OTHER_VERSIONS if each.group == "events.k8s.io")
    assert events is not None
    assert events.selector("reason=regarding.,regarding.name=p") == "reason=regarding.,involvedObject.name=p"
