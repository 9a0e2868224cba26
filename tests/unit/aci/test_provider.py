"""The provider on Azure's client and the fake: what it asks of Azure, and what it makes of the answers.

The tests below the line are for what Virtual Kubelet's own ACI provider is known to get wrong.
"""

import asyncio
import base64
from dataclasses import replace
from typing import Any

import pytest

from fakes.aci.script import VARIABLE
from fakes.cloud.settings import CloudSettings, Fault, FaultKind, Rate
from providers import pods
from providers.aci import tags
from providers.aci.config import LogAnalytics
from providers.aci.group import container_group
from providers.base import LogOptions
from providers.data import NO_DATA
from providers.errors import Invalid, NotFound, Permanent, Retryable, Unsupported
from providers.pods import PodRef
from tests.unit.aci.setting import QUICK, Azure, a_pod, play
from tests.unit.aci.typical import CONFIG


def quick(**more: Any) -> CloudSettings:
    return CloudSettings(latencies=QUICK, **more)


def test_a_pod_becomes_a_group_that_carries_its_identity() -> None:
    async def story(azure: Azure) -> None:
        pod = a_pod()
        found = await azure.running(pod)
        [group] = azure.groups()
        owner = tags.owner(group.tags)
        assert owner is not None
        assert owner.ref == pods.ref(pod) == pods.ref(found)
        assert owner.node == "vk"
        assert pods.status(found)["podIP"] == group.address

    play(story)


def test_a_create_whose_answer_was_lost_is_found_again() -> None:
    async def story(azure: Azure) -> None:
        pod = a_pod()
        azure.model.faults.append(Fault(FaultKind.LOST_ANSWER, operations=("create",)))
        with pytest.raises(Retryable, match="Azure did not answer"):
            await azure.provider.create_pod(pod)
        await azure.provider.create_pod(pod)
        assert azure.calls("create") == 1

    play(story)


def test_a_second_create_by_another_process_changes_nothing() -> None:
    async def story(azure: Azure) -> None:
        pod = a_pod()
        await azure.running(pod)
        other = azure.new_provider()
        await other.get_pods()  # as the core does when it starts
        await other.create_pod(pod)
        assert azure.calls("create") == 1

    play(story)


def test_a_group_of_somebody_else_is_not_taken_for_the_pods() -> None:
    async def story(azure: Azure) -> None:
        pod = a_pod()
        await azure.running(pod)
        [group] = azure.groups()
        assert group.spec.tags is not None
        group.spec.tags[tags.UID] = "another"
        group._render()
        with pytest.raises(Invalid, match="there already"):
            await azure.new_provider().get_pod(pods.ref(pod))

    play(story)


def test_a_second_create_while_the_group_is_being_made_changes_nothing() -> None:
    async def story(azure: Azure) -> None:
        pod = a_pod()
        await azure.provider.create_pod(pod)
        other = azure.new_provider()
        with pytest.raises(Retryable, match="ContainerGroupTransitioning"):
            await other.create_pod(pod)
        await asyncio.sleep(60)
        await other.create_pod(pod)
        assert azure.model.counts["create", "ok"] == 2
        assert list(azure.cloud.groups.starts.values()) == [1]

    latencies = {name: value for name, value in QUICK.items() if name != "transition"}
    play(story, CloudSettings(latencies=latencies))


def test_a_restarted_runner_finds_its_pods_and_no_others() -> None:
    async def story(azure: Azure) -> None:
        mine, other = a_pod(), a_pod()
        await azure.provider.create_pod(mine)
        await azure.new_provider("another-node").create_pod(other)
        await asyncio.sleep(10)
        [found] = await azure.new_provider().get_pods()
        assert pods.ref(found) == pods.ref(mine)
        assert found["spec"]["nodeName"] == "vk"
        assert pods.phase(found) == "Running"

    play(story)


def test_groups_of_a_node_that_is_gone_for_good_are_taken_over() -> None:
    async def story(azure: Azure) -> None:
        await azure.new_provider("gone").create_pod(a_pod())
        [found] = await azure.provider.get_pods()
        assert found["spec"]["nodeName"] == "vk"

    play(story, FormerNodes=["gone"])


def test_clusters_that_share_a_resource_group_leave_each_other_alone() -> None:
    async def story(azure: Azure) -> None:
        azure.config["ClusterName"] = "one"
        await azure.new_provider().create_pod(a_pod())
        for name in ("two", ""):
            azure.config["ClusterName"] = name
            assert await azure.new_provider().get_pods() == []

    play(story)


def test_a_group_on_the_second_page_is_found() -> None:
    async def story(azure: Azure) -> None:
        azure.cloud.groups.page_size = 2
        for _ in range(5):
            await azure.provider.create_pod(a_pod())
        assert len(await azure.new_provider().get_pods()) == 5
        assert azure.calls("list") == 3

    play(story)


def test_a_changed_image_is_sent_and_a_changed_label_is_not() -> None:
    async def story(azure: Azure) -> None:
        pod = a_pod()
        await azure.running(pod)
        await azure.provider.update_pod({**pod, "metadata": {**pod["metadata"], "labels": {"a": "b"}}})
        assert azure.calls("create") == 1
        changed = {**pod, "spec": {**pod["spec"], "containers": [{"name": "main", "image": "registry.example/app:2"}]}}
        await azure.provider.update_pod(changed)  # type: ignore[arg-type]  # a Pod
        assert azure.calls("create") == 2
        [group] = azure.groups()
        assert (group.spec.properties.containers or ())[0].properties.image == "registry.example/app:2"

    play(story)


def test_what_azure_refuses_is_told_in_its_own_words() -> None:
    async def story(azure: Azure) -> None:
        huge = a_pod()
        huge["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "64"}}
        with pytest.raises(Invalid, match=r"ResourceRequestsExceedLimit: .*'64' CPU"):
            await azure.provider.create_pod(huge)

    play(story)


def test_a_full_quota_is_waited_for() -> None:
    async def story(azure: Azure) -> None:
        await azure.provider.create_pod(a_pod())
        with pytest.raises(Retryable, match="ContainerGroupQuotaReached") as caught:
            await azure.provider.create_pod(a_pod())
        assert caught.value.delay is not None
        assert caught.value.delay.total_seconds() == 60

    play(story, quick(quotas={"ContainerGroups": 1}))


def test_a_full_region_is_waited_for() -> None:
    async def story(azure: Azure) -> None:
        azure.model.faults.append(Fault(FaultKind.NO_CAPACITY, operations=("create",)))
        with pytest.raises(Retryable, match="not available in the location"):
            await azure.provider.create_pod(a_pod())

    play(story)


def test_an_image_that_cannot_be_had_is_not_tried_again() -> None:
    async def story(azure: Azure) -> None:
        pod = a_pod()
        pod["spec"]["containers"][0]["env"] = [{"name": VARIABLE, "value": '{"create_error": "permanent"}'}]
        with pytest.raises(Permanent, match="InaccessibleImage"):
            await azure.provider.create_pod(pod)

    play(story)


def test_throttling_is_obeyed_by_all_nodes_without_a_further_call() -> None:
    async def story(azure: Azure) -> None:
        throttled = Fault(FaultKind.THROTTLED)
        azure.model.faults.append(throttled)
        with pytest.raises(Retryable) as caught:
            await azure.provider.get_pods()
        assert caught.value.delay is not None
        azure.model.faults.remove(throttled)
        asked = azure.calls("list")
        with pytest.raises(Retryable, match="Azure has asked to send no GET"):
            await azure.new_provider("another").get_pods()
        assert azure.calls("list") == asked
        await asyncio.sleep(caught.value.delay.total_seconds())
        assert await azure.provider.get_pods() == []

    play(story)


def test_creates_are_paced_below_the_documented_limit() -> None:
    async def story(azure: Azure) -> None:
        for _ in range(19):
            await azure.provider.create_pod(a_pod())
        late = a_pod()
        with pytest.raises(Retryable, match="its turn to create") as caught:
            await azure.provider.create_pod(late)
        assert azure.model.counts["create", "throttled"] == 0
        assert caught.value.delay is not None
        await asyncio.sleep(caught.value.delay.total_seconds())
        await azure.provider.create_pod(late)

    rates = {"creates-pt5m": Rate(20, 20 / 300, ("creates-pt5m", "create"))}
    play(story, quick(rates=rates))


def test_an_outage_fails_the_ping_and_throttling_does_not() -> None:
    async def story(azure: Azure) -> None:
        await azure.provider.ping()
        await asyncio.sleep(60)
        azure.model.faults.append(Fault(FaultKind.OUTAGE))
        with pytest.raises(Retryable):
            await azure.provider.ping()

    play(story)


def test_a_refusal_is_a_sign_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused() -> None:
        raise Retryable("AuthorizationFailed: no right to read the resource group")

    async def story(azure: Azure) -> None:
        monkeypatch.setattr(azure.provider._client, "resource_group", refused)
        await azure.provider.ping()

    play(story)


def test_the_key_of_a_share_is_read_from_its_secret() -> None:
    async def story(azure: Azure) -> None:
        data = {"azurestorageaccountname": "acct", "azurestorageaccountkey": "a2V5"}
        encoded = {name: base64.b64encode(value.encode()).decode() for name, value in data.items()}
        provider = azure.new_provider(secrets={"default/account": {"data": encoded}})
        pod = a_pod()
        pod["spec"]["volumes"] = [{"name": "share", "azureFile": {"shareName": "data", "secretName": "account"}}]
        pod["spec"]["containers"][0]["volumeMounts"] = [{"name": "share", "mountPath": "/data"}]
        await provider.create_pod(pod)
        [group] = azure.groups()
        [volume] = group.spec.properties.volumes or ()
        assert volume.azure_file is not None
        assert volume.azure_file.storage_account_key == "a2V5"

    play(story)


def test_the_capacity_is_what_the_quotas_leave_unless_the_operator_says() -> None:
    async def story(azure: Azure) -> None:
        await azure.provider.start()
        assert await azure.provider.capacity() == {"cpu": "100", "memory": "4Ti", "pods": "7"}

    play(story, Pods="7")


def test_an_idle_pod_is_looked_at_ever_more_rarely() -> None:
    async def story(azure: Azure) -> None:
        await azure.running(a_pod())
        before = azure.calls("get")
        for _ in range(3600 // 5):
            await azure.provider.get_pods()
            await asyncio.sleep(5)
        assert azure.calls("get") - before < 150

    play(story)


def test_an_ended_pod_is_never_looked_at_again() -> None:
    async def story(azure: Azure) -> None:
        pod = a_pod()
        pod["spec"]["restartPolicy"] = "Never"
        pod["spec"]["containers"][0]["env"] = [{"name": VARIABLE, "value": '{"run_for": 5, "exit_code": 3}'}]
        await azure.provider.create_pod(pod)
        for _ in range(10):
            await asyncio.sleep(5)
            [found] = await azure.provider.get_pods()
        assert pods.phase(found) == "Failed"
        before = azure.calls("get")
        for _ in range(100):
            await asyncio.sleep(5)
            await azure.provider.get_pods()
        assert azure.calls("get") == before

    play(story)


# --- what Virtual Kubelet's provider is known to get wrong ----------------------------------------------------------


def test_a_waiting_container_without_a_start_time_does_not_keep_the_status_back() -> None:
    async def story(azure: Azure) -> None:
        pod = a_pod()
        pod["spec"]["containers"][0]["env"] = [{"name": VARIABLE, "value": '{"never_starts": "ImagePullBackOff"}'}]
        await azure.provider.create_pod(pod)
        await asyncio.sleep(20)
        shown = pods.status(await azure.provider.get_pod(pods.ref(pod)))
        assert shown["phase"] == "Pending"
        assert shown["containerStatuses"][0]["state"]["waiting"]["reason"] == "ImagePullBackOff"

    play(story)


def test_the_exit_code_of_an_ended_container_is_its_own() -> None:
    async def story(azure: Azure) -> None:
        pod = a_pod()
        pod["spec"]["restartPolicy"] = "Never"
        pod["spec"]["containers"][0]["env"] = [{"name": VARIABLE, "value": '{"run_for": 1, "exit_code": 42}'}]
        await azure.provider.create_pod(pod)
        await asyncio.sleep(20)
        shown = pods.status(await azure.provider.get_pod(pods.ref(pod)))
        assert shown["phase"] == "Failed"
        assert shown["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 42
        assert shown["containerStatuses"][0]["started"] is False

    play(story)


def test_a_group_that_is_being_changed_refuses_its_deletion_and_is_deleted_later() -> None:
    async def story(azure: Azure) -> None:
        pod = a_pod()
        await azure.provider.create_pod(pod)
        with pytest.raises(Retryable, match="ContainerGroupTransitioning") as caught:
            await azure.provider.delete_pod(pod)
        assert caught.value.delay is not None
        await asyncio.sleep(caught.value.delay.total_seconds())
        await azure.provider.delete_pod(pod)
        await asyncio.sleep(30)
        assert azure.groups() == []
        with pytest.raises(NotFound):
            await azure.provider.delete_pod(pod)

    latencies = {name: value for name, value in QUICK.items() if name != "transition"}
    play(story, CloudSettings(latencies=latencies))


def test_a_deletion_that_azure_forgot_is_seen_in_the_next_list() -> None:
    async def story(azure: Azure) -> None:
        pod = a_pod()
        await azure.running(pod)
        azure.cloud.groups.trouble.ignored_deletes = 1
        await azure.provider.delete_pod(pod)
        await asyncio.sleep(30)
        [found] = await azure.provider.get_pods()
        assert pods.ref(found) == pods.ref(pod)

    play(story)


def test_a_group_made_by_virtual_kubelet_is_found_by_its_tags() -> None:
    async def story(azure: Azure) -> None:
        pod = a_pod()
        await azure.running(pod)
        [group] = azure.groups()
        azure.cloud.groups.store.remove(group)
        ref = pods.ref(pod)
        group.place = group.place.__class__(group.place.subscription, group.place.resource_group, "default-old")
        del (group.spec.tags or {})[tags.SPEC]
        group._render()
        azure.cloud.groups.store.add(group)
        provider = azure.new_provider()
        await provider.get_pods()
        assert pods.phase(await provider.get_pod(ref)) == "Running"
        changed = {**pod, "spec": {**pod["spec"], "containers": [{"name": "main", "image": "x:2"}]}}
        with pytest.raises(Unsupported, match="another Virtual Kubelet"):
            await provider.update_pod(changed)  # type: ignore[arg-type]  # a Pod
        await provider.delete_pod(pod)
        assert azure.groups() == []

    play(story)


def test_a_group_that_vanished_before_it_ran_is_missed() -> None:
    async def story(azure: Azure) -> None:
        pod = a_pod()
        await azure.provider.create_pod(pod)
        azure.cloud.groups.remove(azure.groups()[0], azure.clock.now())
        await asyncio.sleep(10)
        assert await azure.provider.get_pods() == []
        with pytest.raises(NotFound):
            await azure.provider.get_pod(pods.ref(pod))

    play(story)


def test_a_broken_connection_is_no_crash() -> None:
    async def story(azure: Azure) -> None:
        azure.model.faults.append(Fault(FaultKind.LOST_REQUEST))
        with pytest.raises(Retryable, match="Azure did not answer"):
            await azure.provider.get_pods()

    play(story)


def test_one_group_that_cannot_be_looked_at_does_not_hide_the_others() -> None:
    async def story(azure: Azure) -> None:
        one, two = a_pod(), a_pod()
        await azure.provider.create_pod(one)
        await azure.provider.create_pod(two)
        name = azure.groups()[0].place.name
        azure.model.faults.append(Fault(FaultKind.OUTAGE, operations=("get",), resources=(f"*/{name}",)))
        await asyncio.sleep(10)
        found = await azure.provider.get_pods()
        assert sorted(pods.phase(each) for each in found) == ["Pending", "Running"]

    play(story)


def test_the_log_analytics_of_one_pod_is_not_anothers() -> None:
    config = replace(CONFIG, log_analytics=LogAnalytics("w", "a2V5", "/aks"))
    one, two = (
        container_group(each, NO_DATA, config, node="vk", domain="cluster.local", storage={})
        for each in (a_pod(), a_pod())
    )
    uuids = [each["properties"]["diagnostics"]["logAnalytics"]["metadata"]["pod-uuid"] for each in (one, two)]
    assert uuids[0] != uuids[1]


def test_a_pod_that_was_never_created_has_no_log() -> None:
    async def story(azure: Azure) -> None:
        pieces = azure.provider.container_logs(PodRef("default", "x", "1"), "main", LogOptions(follow=True))
        with pytest.raises(NotFound):
            [each async for each in pieces]

    play(story)
