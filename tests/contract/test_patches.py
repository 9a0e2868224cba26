"""The three patch types, and the subresources that take them."""

from typing import Any

import pytest

from runner.kube import CONFIG_MAPS, NODES, PODS, ApiError, Conflict, KubeApi, NotFound, PatchType, Refused
from tests.contract.support import NS, bind, config_map, create_config_maps, node, patch_config_map, patch_pod, pod


async def test_a_merge_patch_sets_and_removes(kube: KubeApi) -> None:
    await kube.create(CONFIG_MAPS, config_map(data={"a": "1", "b": "2"}), NS)
    patched = await kube.patch(CONFIG_MAPS, "a", {"data": {"a": None, "c": "3"}}, NS)
    assert patched["data"] == {"b": "2", "c": "3"}


async def test_a_json_patch_applies_in_order(kube: KubeApi) -> None:
    await create_config_maps(kube, "a")
    operations = [
        {"op": "test", "path": "/data/k", "value": "v"},
        {"op": "add", "path": "/data/x~1y", "value": "1"},
        {"op": "move", "from": "/data/k", "path": "/data/moved"},
        {"op": "replace", "path": "/data/moved", "value": "2"},
    ]
    with pytest.raises(Refused):  # a slash may not be in a key, so the escape has been understood
        await kube.patch(CONFIG_MAPS, "a", operations, NS, patch_type=PatchType.JSON)
    del operations[1]
    patched = await kube.patch(CONFIG_MAPS, "a", operations, NS, patch_type=PatchType.JSON)
    assert patched["data"] == {"moved": "2"}


async def test_a_failing_test_of_a_json_patch_changes_nothing(kube: KubeApi) -> None:
    await create_config_maps(kube, "a")
    operations = [
        {"op": "replace", "path": "/data/k", "value": "changed"},
        {"op": "test", "path": "/data/k", "value": "v"},
    ]
    with pytest.raises(Refused, match="the server rejected our request due to an error in our request") as caught:
        await kube.patch(CONFIG_MAPS, "a", operations, NS, patch_type=PatchType.JSON)
    assert caught.value.code == 422
    assert (await kube.get(CONFIG_MAPS, "a", NS))["data"] == {"k": "v"}


async def test_a_strategic_patch_merges_lists_by_key(kube: KubeApi) -> None:
    await kube.create(PODS, pod(), NS)
    patched = await patch_pod(
        kube, {"spec": {"containers": [{"name": "main", "image": "registry.example/app:2"}]}}, PatchType.STRATEGIC
    )
    (container,) = patched["spec"]["containers"]
    assert container["image"] == "registry.example/app:2"
    assert container["terminationMessagePath"] == "/dev/termination-log"


def states(obj: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["type"], each["status"]) for each in obj["status"]["conditions"]]


async def test_a_strategic_patch_merges_conditions(kube: KubeApi) -> None:
    body = node()
    body["status"]["conditions"] = [{"type": "Ready", "status": "True"}, {"type": "Theirs", "status": "False"}]
    await kube.create(NODES, body)
    patch = {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}
    patched = await kube.patch(NODES, "n1", patch, patch_type=PatchType.STRATEGIC, subresource="status")
    assert states(patched) == [("Ready", "False"), ("Theirs", "False")]


async def test_a_strategic_patch_deletes_an_element(kube: KubeApi) -> None:
    body = node()
    body["status"]["conditions"] = [{"type": "Ready", "status": "True"}, {"type": "Theirs", "status": "False"}]
    await kube.create(NODES, body)
    patch = {"status": {"conditions": [{"$patch": "delete", "type": "Theirs"}]}}
    patched = await kube.patch(NODES, "n1", patch, patch_type=PatchType.STRATEGIC, subresource="status")
    assert states(patched) == [("Ready", "True")]


async def test_times_that_a_condition_lacks_are_null(kube: KubeApi) -> None:
    await kube.create(NODES, node())
    patch = {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}
    patched = await kube.patch(NODES, "n1", patch, patch_type=PatchType.STRATEGIC, subresource="status")
    (condition,) = patched["status"]["conditions"]
    assert condition == {"type": "Ready", "status": "False", "lastHeartbeatTime": None, "lastTransitionTime": None}


async def test_a_strategic_patch_replaces_other_lists(kube: KubeApi) -> None:
    body = {**node(), "spec": {"taints": [{"key": "a", "effect": "NoSchedule"}]}}
    await kube.create(NODES, body)
    taints = [{"key": "b", "effect": "NoExecute"}]
    patched = await kube.patch(NODES, "n1", {"spec": {"taints": taints}}, patch_type=PatchType.STRATEGIC)
    assert patched["spec"]["taints"] == taints


async def test_a_strategic_patch_needs_the_merge_key(kube: KubeApi) -> None:
    await kube.create(PODS, pod(), NS)
    with pytest.raises(ApiError, match="does not contain declared merge key: name") as caught:
        await patch_pod(kube, {"spec": {"containers": [{"image": "noname"}]}}, PatchType.STRATEGIC)
    assert caught.value.code == 500


async def test_a_patch_with_a_version_is_a_lock(kube: KubeApi) -> None:
    created = await kube.create(CONFIG_MAPS, config_map(), NS)
    stale = {"metadata": {"resourceVersion": created["metadata"]["resourceVersion"]}, "data": {"k": "mine"}}
    await patch_config_map(kube, k="theirs")
    with pytest.raises(Conflict, match="the object has been modified"):
        await kube.patch(CONFIG_MAPS, "a", stale, NS)


async def test_a_patch_of_a_missing_object_is_not_found(kube: KubeApi) -> None:
    with pytest.raises(NotFound):
        await patch_config_map(kube, k="v")


async def test_a_status_patch_changes_the_status_alone(kube: KubeApi) -> None:
    created = await kube.create(PODS, pod(node="n1"), NS)
    patch = {"spec": {"activeDeadlineSeconds": 1}, "status": {"phase": "Running"}}
    patched = await kube.patch(PODS, "p", patch, NS, subresource="status")
    assert patched["status"] == {"phase": "Running", "qosClass": "BestEffort"}
    assert patched["spec"] == created["spec"]
    assert patched["metadata"]["generation"] == 1


async def test_a_status_update_changes_the_status_alone(kube: KubeApi) -> None:
    created = await kube.create(NODES, node())
    wanted = {**created, "spec": {"unschedulable": True}, "status": {"capacity": {"cpu": "8"}}}
    updated = await kube.update(NODES, wanted, subresource="status")
    assert updated["status"]["capacity"] == {"cpu": "8"}
    assert "unschedulable" not in updated.get("spec", {})


async def test_a_patch_of_the_object_leaves_the_status(kube: KubeApi) -> None:
    created = await kube.create(PODS, pod(), NS)
    assert await patch_pod(kube, {"status": {"phase": "Running"}}) == created


async def test_a_status_that_does_not_exist_is_not_found(kube: KubeApi) -> None:
    await create_config_maps(kube, "a")
    with pytest.raises(NotFound):
        await kube.patch(CONFIG_MAPS, "a", {"status": {}}, NS, subresource="status")


async def test_a_binding_puts_a_pod_on_a_node(kube: KubeApi) -> None:
    await kube.create(PODS, pod(), NS)
    answer = await bind(kube, "p", "n1")
    bound = await kube.get(PODS, "p", NS)
    assert answer["status"] == "Success"
    assert bound["spec"]["nodeName"] == "n1"
    (condition,) = bound["status"]["conditions"]
    assert (condition["type"], condition["status"]) == ("PodScheduled", "True")


async def test_a_pod_is_bound_only_once(kube: KubeApi) -> None:
    await kube.create(PODS, pod(node="n1"), NS)
    with pytest.raises(Conflict, match='pod p is already assigned to node "n1"'):
        await bind(kube, "p", "n2")


async def test_a_binding_can_name_the_pod_it_means(kube: KubeApi) -> None:
    await kube.create(PODS, pod(), NS)
    with pytest.raises(Conflict):
        await bind(kube, "p", "n1", uid="another")


async def test_a_binding_has_to_name_the_pod(kube: KubeApi) -> None:
    await kube.create(PODS, pod(), NS)
    with pytest.raises(Refused, match="name in URL does not match name in Binding object"):
        await kube.create(PODS, {"target": {"name": "n1"}}, NS, name="p", subresource="binding")
