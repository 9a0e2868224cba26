"""What the server makes of a pod: defaults, quality of service, and what it refuses."""

from typing import Any

import pytest

from fakes.apiserver import defaults, pod_defaults, pod_validation, quantity
from fakes.apiserver.admission import AdmissionPlugins
from fakes.apiserver.controllers import RESOURCE_QUOTA, WorkQueue
from fakes.apiserver.metacauses import named, updated
from fakes.apiserver.names import dns_subdomain, label_value, qualified_name
from fakes.apiserver.resources import PODS
from tests.contract.backends import fake_server

Object = dict[str, Any]
SERVER = fake_server()


def completed(spec: Object | None = None, **container: Any) -> Object:
    """A new pod of one container, after defaulting."""
    body = {"containers": [{"name": "c", "image": "app:1", **container}], **(spec or {})}
    pod = pod_defaults.pod({"metadata": {"name": "p", "namespace": "default"}, "spec": body}, defaults.admission())
    return AdmissionPlugins(SERVER, WorkQueue(), running={RESOURCE_QUOTA}).mutate(PODS, pod)


def container_of(pod: Object) -> Object:
    only: Object = pod["spec"]["containers"][0]
    return only


def fields(pod: Object) -> list[tuple[str, str]]:
    """What is wrong with a pod: reason and field."""
    return [(each["reason"].removeprefix("FieldValue"), each["field"]) for each in pod_validation.pod(pod)]


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("app", "Always"),
        ("app:latest", "Always"),
        ("app:1", "IfNotPresent"),
        ("registry:5000/app", "Always"),
        ("registry:5000/app:1", "IfNotPresent"),
        ("app@sha256:abc", "IfNotPresent"),
    ],
)
def test_an_image_is_pulled_always_if_its_tag_may_move(image: str, policy: str) -> None:
    assert container_of(completed(image=image))["imagePullPolicy"] == policy


def test_requests_default_to_limits() -> None:
    resources = container_of(completed(resources={"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "0"}}))
    assert resources["resources"]["requests"] == {"cpu": "0", "memory": "1Gi"}


def test_probes_and_ports_are_completed() -> None:
    container = container_of(completed(livenessProbe={"httpGet": {"port": 80}}, ports=[{"containerPort": 80}]))
    assert container["livenessProbe"] == {
        "httpGet": {"path": "/", "scheme": "HTTP", "port": 80},
        "timeoutSeconds": 1,
        "periodSeconds": 10,
        "successThreshold": 1,
        "failureThreshold": 3,
    }
    assert container["ports"] == [{"protocol": "TCP", "containerPort": 80}]


def test_the_host_network_takes_the_host_port() -> None:
    pod = completed({"hostNetwork": True}, ports=[{"containerPort": 80}])
    assert container_of(pod)["ports"][0]["hostPort"] == 80


def test_volumes_are_completed() -> None:
    volumes = completed({"volumes": [{"name": "a"}, {"name": "b", "secret": {"secretName": "s"}}]})["spec"]["volumes"]
    assert volumes[:2] == [
        {"name": "a", "emptyDir": {}},
        {"name": "b", "secret": {"secretName": "s", "defaultMode": 420}},
    ]


def test_the_token_is_mounted_unless_the_pod_declines() -> None:
    mounted, declined = completed(), completed({"automountServiceAccountToken": False})
    (volume,), (mount,) = mounted["spec"]["volumes"], container_of(mounted)["volumeMounts"]
    assert volume["name"] == mount["name"]
    assert mount["mountPath"] == "/var/run/secrets/kubernetes.io/serviceaccount"
    assert "volumes" not in declined["spec"]
    assert "volumeMounts" not in container_of(declined)


def test_a_pod_that_is_sent_again_keeps_its_token_volume() -> None:
    first = completed()
    again = completed(first["spec"])
    assert again["spec"]["volumes"] == first["spec"]["volumes"]
    assert again["spec"]["containers"] == first["spec"]["containers"]


def test_a_toleration_that_is_there_is_not_added() -> None:
    own = {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5}
    tolerations = completed({"tolerations": [own]})["spec"]["tolerations"]
    assert [each["tolerationSeconds"] for each in tolerations] == [5, 300]
    assert len(completed({"tolerations": [{"operator": "Exists"}]})["spec"]["tolerations"]) == 1


def test_what_is_the_same_for_all_pods_is_shared() -> None:
    assert completed()["spec"]["tolerations"] is completed()["spec"]["tolerations"]
    assert completed()["spec"]["volumes"][0]["projected"] is completed()["spec"]["volumes"][0]["projected"]


def test_a_priority_class_has_its_value() -> None:
    assert completed({"priorityClassName": "system-node-critical"})["spec"]["priority"] == 2_000_001_000
    assert completed()["spec"]["priority"] == 0


def test_a_gated_pod_says_that_it_is() -> None:
    (condition,) = completed({"schedulingGates": [{"name": "g"}]})["status"]["conditions"]
    assert (condition["type"], condition["reason"]) == ("PodScheduled", "SchedulingGated")


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({}, "BestEffort"),
        ({"requests": {"example.com/gpu": "1"}}, "BestEffort"),
        ({"requests": {"cpu": "1"}}, "Burstable"),
        ({"limits": {"cpu": "1"}}, "Burstable"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}}, "Guaranteed"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1000m", "memory": "1024Mi"}}, "Guaranteed"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}}, "Burstable"),
    ],
)
def test_the_quality_of_service_follows_from_the_resources(resources: Object, expected: str) -> None:
    assert completed(resources=resources)["status"]["qosClass"] == expected


@pytest.mark.parametrize(
    ("text", "value"), [("1", 1), ("500m", 0.5), ("1Ki", 1024), ("1e3", 1000), ("2k", 2000), ("x", None), ("", None)]
)
def test_a_quantity_is_read(text: str, value: float | None) -> None:
    assert quantity.parse(text) == value


def test_a_grace_below_zero_is_a_second() -> None:
    assert completed({"terminationGracePeriodSeconds": -1})["spec"]["terminationGracePeriodSeconds"] == 1


def test_quantities_are_kept_in_the_notation_of_kubernetes() -> None:
    container = container_of(completed(resources={"limits": {"memory": "1024Mi"}, "requests": {"cpu": "0.5"}}))
    assert container["resources"] == {"limits": {"memory": "1Gi"}, "requests": {"cpu": "500m", "memory": "1Gi"}}


def test_a_completed_pod_is_valid() -> None:
    assert fields(completed()) == []


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        ({"name": ""}, [("Required", "spec.containers[0].name")]),
        ({"name": "Big"}, [("Invalid", "spec.containers[0].name")]),
        ({"image": ""}, [("Required", "spec.containers[0].image")]),
        ({"imagePullPolicy": "Maybe"}, [("NotSupported", "spec.containers[0].imagePullPolicy")]),
        ({"ports": [{"containerPort": 0}]}, [("Required", "spec.containers[0].ports[0].containerPort")]),
        ({"ports": [{}]}, [("Required", "spec.containers[0].ports[0].containerPort")]),
        ({"env": [{"value": "x"}]}, [("Required", "spec.containers[0].env[0].name")]),
        (
            {"resources": {"limits": {"cpu": "lots"}, "requests": {"cpu": "1"}}},
            [("Invalid", "spec.containers[0].resources.limits[cpu]")],
        ),
        (
            {"resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "2"}}},
            [("Invalid", "spec.containers[0].resources.requests")],
        ),
    ],
)
def test_a_wrong_container_is_refused(container: Object, expected: list[tuple[str, str]]) -> None:
    assert fields(completed(**container)) == expected


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"containers": []}, [("Required", "spec.containers")]),
        ({"restartPolicy": "Sometimes"}, [("NotSupported", "spec.restartPolicy")]),
        ({"dnsPolicy": "Odd"}, [("NotSupported", "spec.dnsPolicy")]),
        ({"activeDeadlineSeconds": 0}, [("Invalid", "spec.activeDeadlineSeconds")]),
        ({"nodeName": "Node_1"}, [("Invalid", "spec.nodeName")]),
        ({"volumes": [{"name": "v"}, {"name": "v"}]}, [("Duplicate", "spec.volumes[1].name")]),
        ({"initContainers": [{"name": "c", "image": "x"}]}, [("Duplicate", "spec.initContainers[0].name")]),
        ({"tolerations": [{"operator": "Is", "key": "k"}]}, [("NotSupported", "spec.tolerations[0].operator")]),
    ],
)
def test_a_wrong_pod_is_refused(spec: Object, expected: list[tuple[str, str]]) -> None:
    assert fields(completed(spec)) == expected


def test_a_mount_needs_its_volume() -> None:
    pod = completed(volumeMounts=[{"name": "nope", "mountPath": "/x"}])
    assert ("NotFound", "spec.containers[0].volumeMounts[0].name") in fields(pod)


def changed(**spec: Any) -> list[str]:
    """The fields that a change of a pod's spec is refused for."""
    old = completed({"activeDeadlineSeconds": 10, "tolerations": [{"key": "a", "operator": "Exists"}]})
    new = {**old, "spec": {**old["spec"], **spec}}
    return [each["field"] for each in pod_validation.pod_update(new, old)]


def test_a_spec_may_change_where_kubernetes_lets_it() -> None:
    assert changed(activeDeadlineSeconds=5) == []
    old = completed({"tolerations": [{"key": "a", "operator": "Exists"}]})["spec"]["tolerations"]
    assert changed(tolerations=[*old, {"key": "b", "operator": "Exists"}]) == []
    container = container_of(completed())
    assert changed(containers=[{**container, "image": "app:2"}]) == []


def test_a_spec_may_not_change_elsewhere() -> None:
    assert changed(activeDeadlineSeconds=11) == ["spec.activeDeadlineSeconds"]
    assert changed(tolerations=[]) == ["spec.tolerations"]
    assert changed(containers=[]) == ["spec.containers"]
    assert changed(hostNetwork=True) == ["spec"]
    assert changed(schedulingGates=[{"name": "g"}]) == ["spec.schedulingGates"]


@pytest.mark.parametrize("key", ["a", "a.b/c", "A-b_c.d", "example.com/x"])
def test_a_good_key_is_taken(key: str) -> None:
    assert qualified_name(key) == ()


@pytest.mark.parametrize("key", ["", "-a", "/a", "a/", "A.com/x", "a b", "x" * 64])
def test_a_bad_key_is_refused(key: str) -> None:
    assert qualified_name(key)


def test_label_values_are_short_words() -> None:
    assert [bool(label_value(value)) for value in ("", "a", "a b", "-a", "x" * 64)] == [False, False, True, True, True]


def test_metadata_is_checked_whole() -> None:
    wrong = {
        "name": "A",
        "labels": {"a b": "c d"},
        "annotations": {"-": "anything goes"},
        "finalizers": ["no good!"],
        "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p"}],
    }
    assert [each["field"] for each in named({"metadata": wrong}, dns_subdomain)] == [
        "metadata.name",
        "metadata.labels",
        "metadata.labels",
        "metadata.annotations",
        "metadata.ownerReferences.uid",
        "metadata.finalizers",
        "metadata.finalizers[0]",
    ]


def test_what_is_set_once_does_not_change() -> None:
    before = {"name": "a", "uid": "1", "deletionTimestamp": "2026-01-02T03:04:05Z"}
    sent = {**before, "uid": "2", "deletionTimestamp": "2027-01-02T03:04:05Z"}
    assert {each["field"] for each in updated(before, sent, before)} == {"metadata.uid"}
    assert updated(before, {"name": "a"}, before) == []
