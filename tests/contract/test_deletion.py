"""Deletion: graceful for pods, held back by finalizers, conditional on a UID."""

from datetime import datetime

import pytest

from runner.kube import CONFIG_MAPS, PODS, Conflict, KubeApi, NotFound, Refused
from tests.contract.support import NS, config_map, create_config_maps, pod, take, take_events, version


async def announced(kube: KubeApi) -> tuple[int, float]:
    """A deleted pod's grace period, and how long after its creation it is due."""
    meta = (await kube.get(PODS, "p", NS))["metadata"]
    due, created = (datetime.fromisoformat(meta[key]) for key in ("deletionTimestamp", "creationTimestamp"))
    return meta["deletionGracePeriodSeconds"], (due - created).total_seconds()


async def test_an_object_without_a_grace_period_goes_at_once(kube: KubeApi) -> None:
    created = await kube.create(CONFIG_MAPS, config_map(), NS)
    answer = await kube.delete(CONFIG_MAPS, "a", NS)
    assert (answer["kind"], answer["status"]) == ("Status", "Success")
    assert answer["details"] == {"name": "a", "kind": "configmaps", "uid": created["metadata"]["uid"]}
    with pytest.raises(NotFound):
        await kube.get(CONFIG_MAPS, "a", NS)


async def test_a_missing_object_cannot_be_deleted(kube: KubeApi) -> None:
    with pytest.raises(NotFound):
        await kube.delete(CONFIG_MAPS, "a", NS)


async def test_a_pod_on_a_node_is_given_time(kube: KubeApi) -> None:
    await kube.create(PODS, pod(node="n1"), NS)
    answer = await kube.delete(PODS, "p", NS)
    grace, due = await announced(kube)
    assert grace == 30
    assert 30 <= due < 60
    assert answer["metadata"]["deletionGracePeriodSeconds"] == 30


async def test_a_deletion_raises_the_generation(kube: KubeApi) -> None:
    await kube.create(PODS, pod(node="n1"), NS)
    assert (await kube.delete(PODS, "p", NS))["metadata"]["generation"] == 2


async def test_a_shorter_grace_period_shortens(kube: KubeApi) -> None:
    await kube.create(PODS, pod(node="n1"), NS)
    await kube.delete(PODS, "p", NS, grace_period_seconds=20)
    await kube.delete(PODS, "p", NS, grace_period_seconds=5)
    grace, due = await announced(kube)
    assert grace == 5
    assert 5 <= due < 20


async def test_an_equal_or_longer_grace_period_changes_nothing(kube: KubeApi) -> None:
    await kube.create(PODS, pod(node="n1"), NS)
    first = await kube.delete(PODS, "p", NS, grace_period_seconds=5)
    assert await kube.delete(PODS, "p", NS, grace_period_seconds=5) == first
    assert await kube.delete(PODS, "p", NS, grace_period_seconds=60) == first


async def test_no_grace_period_ends_it(kube: KubeApi) -> None:
    await kube.create(PODS, pod(node="n1"), NS)
    await kube.delete(PODS, "p", NS)
    await kube.delete(PODS, "p", NS, grace_period_seconds=0)
    with pytest.raises(NotFound):
        await kube.get(PODS, "p", NS)


async def test_a_graceful_deletion_is_watched_in_two_steps(kube: KubeApi) -> None:
    await kube.create(PODS, pod(node="n1"), NS)
    async with kube.watch(PODS, NS, resource_version=await version(kube, PODS)) as events:
        await kube.delete(PODS, "p", NS)
        await kube.delete(PODS, "p", NS, grace_period_seconds=0)
        seen = await take_events(events, 3)
    assert [event.type for event in seen] == ["MODIFIED", "MODIFIED", "DELETED"]
    assert [event.object["metadata"]["deletionGracePeriodSeconds"] for event in seen] == [30, 0, 0]


async def test_an_unassigned_pod_goes_at_once(kube: KubeApi) -> None:
    await kube.create(PODS, pod(), NS)
    answer = await kube.delete(PODS, "p", NS)
    assert (answer["kind"], answer["metadata"]["deletionGracePeriodSeconds"]) == ("Pod", 0)
    with pytest.raises(NotFound):
        await kube.get(PODS, "p", NS)


async def test_a_finished_pod_goes_at_once(kube: KubeApi) -> None:
    await kube.create(PODS, pod(node="n1"), NS)
    await kube.patch(PODS, "p", {"status": {"phase": "Failed"}}, NS, subresource="status")
    await kube.delete(PODS, "p", NS)
    with pytest.raises(NotFound):
        await kube.get(PODS, "p", NS)


async def test_a_pod_of_another_uid_is_not_deleted(kube: KubeApi) -> None:
    created = await kube.create(PODS, pod(node="n1"), NS)
    with pytest.raises(Conflict, match=r"the UID in the precondition \(other\) does not match") as caught:
        await kube.delete(PODS, "p", NS, grace_period_seconds=0, uid="other")
    assert caught.value.details["kind"] == "Pod"
    await kube.delete(PODS, "p", NS, grace_period_seconds=0, uid=created["metadata"]["uid"])


async def test_a_finalizer_holds_an_object_back(kube: KubeApi) -> None:
    await create_config_maps(kube, "a", finalizers=["example.com/keep"])
    answer = await kube.delete(CONFIG_MAPS, "a", NS)
    assert answer["kind"] == "ConfigMap"
    assert (await kube.get(CONFIG_MAPS, "a", NS))["metadata"]["deletionTimestamp"]


async def test_the_last_finalizer_lets_an_object_go(kube: KubeApi) -> None:
    await create_config_maps(kube, "a", finalizers=["example.com/keep"])
    async with kube.watch(CONFIG_MAPS, NS, resource_version=await version(kube)) as events:
        await kube.delete(CONFIG_MAPS, "a", NS)
        answer = await kube.patch(CONFIG_MAPS, "a", {"metadata": {"finalizers": None}}, NS)
        assert await take(events, 2) == [("MODIFIED", "a"), ("DELETED", "a")]
    assert "finalizers" not in answer["metadata"]
    with pytest.raises(NotFound):
        await kube.get(CONFIG_MAPS, "a", NS)


async def test_a_finalizer_keeps_a_pod_whose_grace_is_over(kube: KubeApi) -> None:
    await kube.create(PODS, pod(node="n1", finalizers=["example.com/keep"]), NS)
    await kube.delete(PODS, "p", NS, grace_period_seconds=0)
    assert (await kube.get(PODS, "p", NS))["metadata"]["deletionGracePeriodSeconds"] == 0
    await kube.patch(PODS, "p", {"metadata": {"finalizers": []}}, NS)
    with pytest.raises(NotFound):
        await kube.get(PODS, "p", NS)


async def test_a_pod_without_finalizers_still_has_its_grace(kube: KubeApi) -> None:
    await kube.create(PODS, pod(node="n1", finalizers=["example.com/keep"]), NS)
    await kube.delete(PODS, "p", NS)
    await kube.patch(PODS, "p", {"metadata": {"finalizers": []}}, NS)
    assert (await announced(kube))[0] == 30


async def test_no_finalizer_is_added_to_what_is_being_deleted(kube: KubeApi) -> None:
    await create_config_maps(kube, "a", finalizers=["example.com/keep"])
    await kube.delete(CONFIG_MAPS, "a", NS)
    finalizers = ["example.com/keep", "example.com/more"]
    with pytest.raises(Refused, match="no new finalizers can be added if the object is being deleted"):
        await kube.patch(CONFIG_MAPS, "a", {"metadata": {"finalizers": finalizers}}, NS)


async def test_a_namesake_is_another_object(kube: KubeApi) -> None:
    first = await kube.create(CONFIG_MAPS, config_map(), NS)
    await kube.delete(CONFIG_MAPS, "a", NS)
    second = await kube.create(CONFIG_MAPS, config_map(), NS)
    assert first["metadata"]["uid"] != second["metadata"]["uid"]


async def test_an_unknown_propagation_policy_is_refused(kube: KubeApi) -> None:
    await create_config_maps(kube, "a")
    with pytest.raises(Refused, match="propagationPolicy: Unsupported value"):
        await kube.delete(CONFIG_MAPS, "a", NS, propagation_policy="Sideways")


async def test_an_eviction_is_a_graceful_deletion_that_says_so(kube: KubeApi) -> None:
    await kube.create(PODS, pod(node="n1"), NS)
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p"}}
    answer = await kube.create(PODS, eviction, NS, name="p", subresource="eviction")
    evicted = await kube.get(PODS, "p", NS)
    assert answer["status"] == "Success"
    assert evicted["metadata"]["deletionGracePeriodSeconds"] == 30
    assert [each["type"] for each in evicted["status"]["conditions"]] == ["DisruptionTarget"]
