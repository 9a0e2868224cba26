"""Strategic merge patch: lists that are maps in disguise, and the directives."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.apiserver import strategic
from fakes.apiserver.errors import StatusError
from fakes.apiserver.frozen import freeze
from fakes.apiserver.schema import of_kind

TYPES = st.lists(st.sampled_from("ABCD"), unique=True)


def pod(*containers: str, **metadata: Any) -> dict[str, Any]:
    return {"metadata": metadata, "spec": {"containers": [{"name": name, "image": f"{name}:1"} for name in containers]}}


def apply(target: dict[str, Any], patch: dict[str, Any], kind: str = "Pod", group: str = "v1") -> Any:
    schema = of_kind(group, kind)
    assert schema is not None
    return strategic.apply(freeze(target), patch, schema)


def container_names(obj: dict[str, Any]) -> list[str]:
    return [each["name"] for each in obj["spec"]["containers"]]


def patched_containers(target: dict[str, Any], **patch: Any) -> Any:
    return apply(target, {"spec": patch})


def test_an_element_is_merged_by_its_key() -> None:
    patched = patched_containers(pod("a", "b"), containers=[{"name": "b", "image": "b:2"}])
    assert [each["image"] for each in patched["spec"]["containers"]] == ["a:1", "b:2"]


def test_a_nested_list_is_merged_by_its_own_key() -> None:
    target = pod("a")
    target["spec"]["containers"][0]["env"] = [{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}]
    patched = patched_containers(target, containers=[{"name": "a", "env": [{"name": "Y", "value": "3"}]}])
    values = [each["value"] for each in patched["spec"]["containers"][0]["env"]]
    assert values == ["1", "3"]


def test_a_new_element_goes_in_front() -> None:
    assert container_names(patched_containers(pod("a", "b"), containers=[{"name": "new"}])) == ["new", "a", "b"]


def test_a_given_order_is_kept() -> None:
    order = [{"name": "b"}, {"name": "new"}, {"name": "a"}]
    patch = {"containers": [{"name": "new"}], "$setElementOrder/containers": order}
    assert container_names(patched_containers(pod("a", "b"), **patch)) == ["b", "new", "a"]


def test_an_order_alone_reorders() -> None:
    patch = {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}
    assert container_names(patched_containers(pod("a", "b"), **patch)) == ["b", "a"]


def test_an_element_is_deleted() -> None:
    patched = patched_containers(pod("a", "b"), containers=[{"$patch": "delete", "name": "a"}])
    assert container_names(patched) == ["b"]


def test_a_list_is_replaced_on_demand() -> None:
    patched = patched_containers(pod("a", "b"), containers=[{"$patch": "replace"}, {"name": "c"}])
    assert container_names(patched) == ["c"]


def test_an_element_without_its_key_is_an_error() -> None:
    with pytest.raises(StatusError, match=r"map: map\[image:noname\] does not contain declared merge key: name"):
        patched_containers(pod("a"), containers=[{"image": "noname"}])


def test_a_list_without_a_key_is_replaced() -> None:
    target = pod("a")
    target["spec"]["tolerations"] = [{"key": "x"}, {"key": "y"}]
    assert patched_containers(target, tolerations=[{"key": "z"}])["spec"]["tolerations"] == [{"key": "z"}]


def test_a_set_is_united() -> None:
    patched = apply(pod(finalizers=["a", "b"]), {"metadata": {"finalizers": ["c", "b"]}})
    assert patched["metadata"]["finalizers"] == ["c", "a", "b"]


def test_values_are_deleted_from_a_set() -> None:
    patched = apply(pod(finalizers=["a", "b"]), {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}})
    assert patched["metadata"]["finalizers"] == ["b"]


def test_a_null_deletes_a_field() -> None:
    assert apply(pod(labels={"a": "1", "b": "2"}), {"metadata": {"labels": {"a": None}}}) == pod(labels={"b": "2"})


def test_nulls_and_directives_of_new_parts_do_not_stay() -> None:
    patched = apply(pod(), {"metadata": {"labels": {"$patch": "merge", "a": None, "b": "1"}}})
    assert patched["metadata"]["labels"] == {"b": "1"}


def test_retained_keys_drop_the_others() -> None:
    target = pod()
    target["spec"]["volumes"] = [{"name": "v", "emptyDir": {}}]
    volume = {"name": "v", "$retainKeys": ["name", "hostPath"], "hostPath": {"path": "/x"}}
    assert patched_containers(target, volumes=[volume])["spec"]["volumes"] == [
        {"name": "v", "hostPath": {"path": "/x"}}
    ]


def test_a_replaced_map_is_emptied() -> None:
    patched = apply(pod(labels={"a": "1"}), {"metadata": {"labels": {"$patch": "replace", "b": "2"}}})
    assert patched["metadata"]["labels"] == {}


def test_an_unknown_directive_is_refused() -> None:
    with pytest.raises(StatusError, match="unknown patch type: dance in map"):
        apply(pod(), {"metadata": {"$patch": "dance"}})


def test_a_service_merges_its_ports_by_number() -> None:
    target = {"metadata": {}, "spec": {"ports": [{"port": 80, "targetPort": 1}, {"port": 81}]}}
    patched = apply(target, {"spec": {"ports": [{"port": 80, "targetPort": 2}]}}, "Service")
    assert patched["spec"]["ports"] == [{"port": 80, "targetPort": 2}, {"port": 81}]


@given(TYPES, TYPES)
def test_conditions_are_united_and_each_list_keeps_its_order(ours: list[str], theirs: list[str]) -> None:
    target = {"metadata": {}, "status": {"conditions": [{"type": name, "status": "True"} for name in ours]}}
    patch = {"status": {"conditions": [{"type": name, "status": "False"} for name in theirs]}}
    conditions = apply(target, patch, "Node")["status"]["conditions"]
    names = [each["type"] for each in conditions]
    assert sorted(names) == sorted({*ours, *theirs})
    assert [name for name in names if name in theirs] == theirs
    assert [name for name in names if name not in theirs] == [name for name in ours if name not in theirs]
    assert all((each["status"] == "False") == (each["type"] in theirs) for each in conditions)


@given(TYPES)
def test_a_patch_that_changes_nothing_gives_the_same_object(types: list[str]) -> None:
    target = freeze({"metadata": {}, "status": {"conditions": [{"type": name} for name in types]}})
    assert apply(target, {"status": {"conditions": list(target["status"]["conditions"])}}, "Node") is target


def test_a_selector_that_is_one_value_is_replaced() -> None:
    target = {"metadata": {}, "spec": {"selector": {"matchLabels": {"a": "1"}}}}
    patch = {"spec": {"selector": {"matchLabels": {"b": "2"}}}}
    patched = apply(target, patch, "PodDisruptionBudget", "policy/v1")
    assert patched["spec"]["selector"] == {"matchLabels": {"b": "2"}}


def test_a_pod_template_merges_as_a_pod_does() -> None:
    target = {"metadata": {}, "spec": {"template": pod("a", "b")}}
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "b", "image": "b:2"}]}}}}
    patched = apply(target, patch, "Deployment", "apps/v1")
    assert [each["image"] for each in patched["spec"]["template"]["spec"]["containers"]] == ["a:1", "b:2"]


def test_taints_are_replaced() -> None:
    target = {"metadata": {}, "spec": {"taints": [{"key": "a", "effect": "NoSchedule"}]}}
    patched = apply(target, {"spec": {"taints": [{"key": "b", "effect": "NoSchedule"}]}}, "Node")
    assert [each["key"] for each in patched["spec"]["taints"]] == ["b"]


@pytest.mark.parametrize(
    ("patch", "why"),
    [
        ({"spec": {"$retainKeys": True}}, "invalid patch format of retainKeys"),
        ({"spec": {"$setElementOrder/containers": "a"}}, "invalid patch format of setElementOrder list"),
        ({"metadata": {"$deleteFromPrimitiveList/finalizers": 1}}, "invalid patch format of primitive list"),
        ({"spec": {"containers": [{"name": "a", "$patch": "merge"}, "b"]}}, "an object was expected"),
        ({"spec": {"containers": [{"name": ["a"]}]}}, "a simple value was expected"),
        ({"metadata": {"finalizers": [{}]}}, "a simple value was expected"),
    ],
)
def test_what_is_written_wrong_is_refused(patch: dict[str, Any], why: str) -> None:
    with pytest.raises(StatusError, match=why):
        apply(pod("a"), patch)
