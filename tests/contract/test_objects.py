"""Create, read, update and delete, conflicts, and the errors they end in."""

import re

import pytest

from runner.kube import (
    CONFIG_MAPS,
    LEASES,
    NAMESPACES,
    NODES,
    PODS,
    SERVICE_ACCOUNTS,
    AlreadyExists,
    Conflict,
    Forbidden,
    KubeApi,
    NotFound,
    Refused,
    Resource,
)
from tests.contract.support import (
    NS,
    config_map,
    create_config_maps,
    lease,
    node,
    patch_config_map,
    pod,
    take_until,
    until_gone,
    until_there,
)


async def test_a_created_object_gets_an_identity(kube: KubeApi) -> None:
    created = await kube.create(CONFIG_MAPS, config_map(), NS)
    meta = created["metadata"]
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", meta["uid"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", meta["creationTimestamp"])
    assert int(meta["resourceVersion"]) > 0
    assert meta["namespace"] == NS


async def test_what_was_created_can_be_read(kube: KubeApi) -> None:
    created = await kube.create(CONFIG_MAPS, config_map(data={"x": "y"}), NS)
    assert await kube.get(CONFIG_MAPS, "a", NS) == created


async def test_the_server_decides_about_uid_and_times(kube: KubeApi) -> None:
    sent = config_map(uid="mine", creationTimestamp="1999-01-01T00:00:00Z", deletionTimestamp="1999-01-01T00:00:00Z")
    meta = (await kube.create(CONFIG_MAPS, sent, NS))["metadata"]
    assert meta["uid"] != "mine"
    assert not meta["creationTimestamp"].startswith("1999")
    assert "deletionTimestamp" not in meta


async def test_a_name_is_generated(kube: KubeApi) -> None:
    body = config_map()
    body["metadata"] = {"generateName": "job-"}
    first, second = [(await kube.create(CONFIG_MAPS, body, NS))["metadata"]["name"] for _ in range(2)]
    assert re.fullmatch(r"job-[bcdfghjklmnpqrstvwxz2456789]{5}", first)
    assert first != second


async def test_a_missing_object_is_not_found(kube: KubeApi) -> None:
    with pytest.raises(NotFound, match='configmaps "nope" not found') as caught:
        await kube.get(CONFIG_MAPS, "nope", NS)
    assert (caught.value.code, caught.value.reason) == (404, "NotFound")
    assert caught.value.details["name"] == "nope"


async def test_a_name_that_is_taken_already_exists(kube: KubeApi) -> None:
    await create_config_maps(kube, "a")
    with pytest.raises(AlreadyExists, match='configmaps "a" already exists'):
        await create_config_maps(kube, "a")


async def test_an_unknown_resource_is_not_found(kube: KubeApi) -> None:
    with pytest.raises(NotFound):
        await kube.list(Resource("", "v1", "gadgets", "Gadget", namespaced=True), NS)


async def test_a_create_needs_its_namespace(kube: KubeApi) -> None:
    with pytest.raises(NotFound, match='namespaces "nowhere" not found'):
        await kube.create(CONFIG_MAPS, config_map(), "nowhere")


async def test_a_create_in_another_namespace_than_the_object_says_is_refused(kube: KubeApi) -> None:
    with pytest.raises(Refused) as caught:
        await kube.create(CONFIG_MAPS, config_map(namespace="kube-system"), NS)
    assert caught.value.code == 400


async def test_a_list_of_a_missing_namespace_is_empty(kube: KubeApi) -> None:
    assert (await kube.list(CONFIG_MAPS, "nowhere"))["items"] == []


async def test_a_bad_name_is_invalid_with_a_cause(kube: KubeApi) -> None:
    with pytest.raises(Refused, match=r'Pod "BAD_" is invalid: metadata\.name: Invalid value: "BAD_"') as caught:
        await kube.create(PODS, pod("BAD_"), NS)
    assert (caught.value.code, caught.value.reason) == (422, "Invalid")
    (only,) = caught.value.details["causes"]
    assert (only["reason"], only["field"]) == ("FieldValueInvalid", "metadata.name")


async def test_a_pod_without_containers_is_invalid(kube: KubeApi) -> None:
    body = {**pod(), "spec": {"containers": []}}
    with pytest.raises(Refused, match=r"spec\.containers: Required value"):
        await kube.create(PODS, body, NS)


async def test_a_field_of_the_wrong_type_is_a_bad_request(kube: KubeApi) -> None:
    body = {**pod(), "spec": {"containers": "none"}}
    with pytest.raises(Refused) as caught:
        await kube.create(PODS, body, NS)
    assert (caught.value.code, caught.value.reason) == (400, "BadRequest")


async def test_a_resource_version_on_create_is_refused(kube: KubeApi) -> None:
    with pytest.raises(Exception, match="resourceVersion should not be set on objects to be created"):
        await kube.create(CONFIG_MAPS, config_map(resourceVersion="1"), NS)


async def test_an_update_replaces_the_object(kube: KubeApi) -> None:
    created = await kube.create(CONFIG_MAPS, config_map(data={"x": "1"}), NS)
    updated = await kube.update(CONFIG_MAPS, {**created, "data": {"y": "2"}})
    assert updated["data"] == {"y": "2"}
    assert int(updated["metadata"]["resourceVersion"]) > int(created["metadata"]["resourceVersion"])
    assert updated["metadata"]["uid"] == created["metadata"]["uid"]


async def test_a_stale_update_conflicts(kube: KubeApi) -> None:
    created = await kube.create(CONFIG_MAPS, config_map(), NS)
    await patch_config_map(kube, other="1")
    message = 'Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes'
    with pytest.raises(Conflict, match=message) as caught:
        await kube.update(CONFIG_MAPS, {**created, "data": {}})
    assert (caught.value.code, caught.value.reason) == (409, "Conflict")


async def test_an_update_without_a_version_is_unconditional(kube: KubeApi) -> None:
    await create_config_maps(kube, "a")
    await patch_config_map(kube, other="1")
    updated = await kube.update(CONFIG_MAPS, config_map(data={"z": "1"}, namespace=NS))
    assert updated["data"] == {"z": "1"}


async def test_an_update_of_another_uid_conflicts(kube: KubeApi) -> None:
    await create_config_maps(kube, "a")
    with pytest.raises(Conflict, match="UID in precondition: other"):
        await kube.update(CONFIG_MAPS, config_map(uid="other", namespace=NS))


async def test_an_update_of_a_missing_object_is_not_found(kube: KubeApi) -> None:
    with pytest.raises(NotFound):
        await kube.update(CONFIG_MAPS, config_map(namespace=NS))


async def test_an_update_of_a_missing_lease_creates_it(kube: KubeApi) -> None:
    created = await kube.update(LEASES, lease())
    assert created["metadata"]["uid"]
    assert (await kube.get(LEASES, "n1", NS))["spec"]["holderIdentity"] == "n1"


async def test_an_update_of_a_lease_needs_a_version(kube: KubeApi) -> None:
    await kube.create(LEASES, lease(), NS)
    with pytest.raises(Refused, match=r"metadata\.resourceVersion: Invalid value: 0: must be specified for an update"):
        await kube.update(LEASES, lease())


async def test_a_lease_time_needs_six_digits(kube: KubeApi) -> None:
    body = lease()
    body["spec"]["renewTime"] = "2026-01-02T03:04:05Z"
    with pytest.raises(Refused) as caught:
        await kube.create(LEASES, body, NS)
    assert caught.value.code == 400


async def test_a_write_that_changes_nothing_keeps_the_version(kube: KubeApi) -> None:
    created = await kube.create(CONFIG_MAPS, config_map(), NS)
    assert await kube.update(CONFIG_MAPS, created) == created
    assert await kube.patch(CONFIG_MAPS, "a", {"data": {"k": "v"}}, NS) == created


async def test_a_changed_spec_raises_the_generation_and_labels_do_not(kube: KubeApi) -> None:
    created = await kube.create(PODS, pod(), NS)
    labelled = await kube.patch(PODS, "p", {"metadata": {"labels": {"a": "b"}}}, NS)
    changed = await kube.patch(PODS, "p", {"spec": {"activeDeadlineSeconds": 9}}, NS)
    assert [each["metadata"]["generation"] for each in (created, labelled, changed)] == [1, 1, 2]


async def test_a_pod_spec_cannot_change(kube: KubeApi) -> None:
    created = await kube.create(PODS, pod(), NS)
    with pytest.raises(Refused, match="pod updates may not change fields other than") as caught:
        await kube.update(PODS, {**created, "spec": {**created["spec"], "restartPolicy": "Never"}})
    (only,) = caught.value.details["causes"]
    assert (only["reason"], only["field"]) == ("FieldValueForbidden", "spec")


async def test_an_image_of_a_pod_can_change(kube: KubeApi) -> None:
    created = await kube.create(PODS, pod(), NS)
    container = {**created["spec"]["containers"][0], "image": "registry.example/app:2"}
    updated = await kube.update(PODS, {**created, "spec": {**created["spec"], "containers": [container]}})
    assert updated["spec"]["containers"][0]["image"] == "registry.example/app:2"


async def test_a_uid_cannot_be_patched(kube: KubeApi) -> None:
    await create_config_maps(kube, "a")
    with pytest.raises(Refused, match=r"metadata\.uid: Invalid value"):
        await kube.patch(CONFIG_MAPS, "a", {"metadata": {"uid": "mine"}}, NS)


async def test_a_new_pod_is_completed(kube: KubeApi) -> None:
    created = await kube.create(PODS, pod(), NS)
    spec, (container,) = created["spec"], created["spec"]["containers"]
    assert spec["restartPolicy"] == "Always"
    assert spec["terminationGracePeriodSeconds"] == 30
    assert spec["serviceAccountName"] == "default"
    assert [each["key"].rpartition("/")[2] for each in spec["tolerations"]] == ["not-ready", "unreachable"]
    assert container["imagePullPolicy"] == "IfNotPresent"
    assert container["volumeMounts"][0]["name"] == spec["volumes"][0]["name"]
    assert created["status"] == {"phase": "Pending", "qosClass": "BestEffort"}


async def test_a_pod_of_a_missing_service_account_is_forbidden(kube: KubeApi) -> None:
    body = pod()
    body["spec"]["serviceAccountName"] = "nobody"
    with pytest.raises(Forbidden, match='error looking up service account default/nobody: serviceaccount "nobody"'):
        await kube.create(PODS, body, NS)


async def test_a_new_node_keeps_the_status_sent_along(kube: KubeApi) -> None:
    created = await kube.create(NODES, node())
    assert created["status"]["allocatable"] == {"cpu": "4"}


async def test_a_new_namespace_has_what_pods_need(kube: KubeApi) -> None:
    created = await kube.create(NAMESPACES, {"metadata": {"name": "team"}})
    assert created["status"] == {"phase": "Active"}
    assert created["metadata"]["labels"] == {"kubernetes.io/metadata.name": "team"}
    await until_there(kube, SERVICE_ACCOUNTS, "default", "team")
    await until_there(kube, CONFIG_MAPS, "kube-root-ca.crt", "team")


async def test_a_deleted_namespace_takes_its_content_along(kube: KubeApi) -> None:
    await kube.create(NAMESPACES, {"metadata": {"name": "team"}})
    await kube.create(CONFIG_MAPS, config_map(), "team")
    async with kube.watch(NAMESPACES, field_selector="metadata.name=team") as events:
        await kube.delete(NAMESPACES, "team")
        added, *modified, deleted = await take_until(events, "DELETED")
    assert added.type == "ADDED"
    assert {event.type for event in modified} == {"MODIFIED"}
    assert modified[0].object["status"]["phase"] == deleted.object["status"]["phase"] == "Terminating"
    assert (await kube.list(CONFIG_MAPS, "team"))["items"] == []


async def test_a_terminating_namespace_waits_for_its_pods_and_takes_nothing_new(kube: KubeApi) -> None:
    await kube.create(NAMESPACES, {"metadata": {"name": "team"}})
    await until_there(kube, SERVICE_ACCOUNTS, "default", "team")
    await kube.create(PODS, pod(node="n1"), "team")
    await kube.delete(NAMESPACES, "team")
    with pytest.raises(Forbidden, match="because it is being terminated"):
        await kube.create(CONFIG_MAPS, config_map(), "team")
    assert (await kube.get(NAMESPACES, "team"))["status"]["phase"] == "Terminating"
    await kube.delete(PODS, "p", "team", grace_period_seconds=0)
    await until_gone(kube, NAMESPACES, "team")


async def test_the_default_namespace_cannot_be_deleted(kube: KubeApi) -> None:
    with pytest.raises(Forbidden, match='namespaces "default" is forbidden: this namespace may not be deleted'):
        await kube.delete(NAMESPACES, "default")
