"""Watches: what comes, in which order, where it resumes and how it ends."""

import asyncio

import pytest

from runner.kube import CONFIG_MAPS, NAMESPACES, NODES, PODS, Gone, KubeApi, Refused
from tests.contract.backends import WATCH_CACHE
from tests.contract.support import (
    NS,
    bind,
    config_map,
    create_config_maps,
    node,
    patch_config_map,
    pod,
    take,
    take_events,
    version,
)

ON_N1 = "spec.nodeName=n1"


async def test_a_watch_without_a_version_begins_with_what_there_is(kube: KubeApi) -> None:
    await create_config_maps(kube, "b", "a")
    async with kube.watch(CONFIG_MAPS, NS, field_selector="metadata.name!=kube-root-ca.crt") as events:
        await create_config_maps(kube, "c")
        assert await take(events, 3) == [("ADDED", "a"), ("ADDED", "b"), ("ADDED", "c")]


async def test_a_watch_tells_of_each_change(kube: KubeApi) -> None:
    async with kube.watch(CONFIG_MAPS, NS, resource_version=await version(kube)) as events:
        await create_config_maps(kube, "a")
        await patch_config_map(kube, k="2")
        await kube.delete(CONFIG_MAPS, "a", NS)
        assert await take(events, 3) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]


async def test_a_watch_resumes_after_a_version(kube: KubeApi) -> None:
    await create_config_maps(kube, "a")
    since = await version(kube)
    await patch_config_map(kube, k="2")
    await create_config_maps(kube, "b")
    async with kube.watch(CONFIG_MAPS, NS, resource_version=since) as events:
        await kube.delete(CONFIG_MAPS, "b", NS)
        assert await take(events, 3) == [("MODIFIED", "a"), ("ADDED", "b"), ("DELETED", "b")]


async def test_a_deleted_object_carries_the_version_of_its_deletion(kube: KubeApi) -> None:
    created = await kube.create(CONFIG_MAPS, config_map(), NS)
    async with kube.watch(CONFIG_MAPS, NS, resource_version=created["metadata"]["resourceVersion"]) as events:
        await kube.delete(CONFIG_MAPS, "a", NS)
        (event,) = await take_events(events, 1)
    assert int(event.object["metadata"]["resourceVersion"]) > int(created["metadata"]["resourceVersion"])
    assert event.object["data"] == created["data"]


async def test_a_write_that_changes_nothing_is_no_event(kube: KubeApi) -> None:
    await create_config_maps(kube, "a")
    async with kube.watch(CONFIG_MAPS, NS, resource_version=await version(kube)) as events:
        await patch_config_map(kube, k="v")
        await patch_config_map(kube, k="2")
        (event,) = await take_events(events, 1)
    assert event.object["data"] == {"k": "2"}


async def test_a_watch_keeps_to_its_namespace(kube: KubeApi) -> None:
    async with kube.watch(CONFIG_MAPS, NS, resource_version=await version(kube)) as events:
        await kube.create(CONFIG_MAPS, config_map("elsewhere"), "kube-system")
        await create_config_maps(kube, "here")
        assert await take(events, 1) == [("ADDED", "here")]


async def test_a_pod_comes_to_its_node_by_binding(kube: KubeApi) -> None:
    await kube.create(PODS, pod("a"), NS)
    await kube.create(PODS, pod("b"), NS)
    async with kube.watch(PODS, field_selector=ON_N1, resource_version=await version(kube, PODS)) as events:
        await bind(kube, "b", "n2")
        await bind(kube, "a", "n1")
        (event,) = await take_events(events, 1)
    assert (event.type, event.object["metadata"]["name"]) == ("ADDED", "a")
    assert event.object["spec"]["nodeName"] == "n1"


async def test_a_bound_pod_leaves_those_that_watch_for_unbound_ones(kube: KubeApi) -> None:
    created = await kube.create(PODS, pod("a"), NS)
    async with kube.watch(PODS, field_selector="spec.nodeName=") as events:
        await bind(kube, "a", "n1")
        added, deleted = await take_events(events, 2)
    assert [added.type, deleted.type] == ["ADDED", "DELETED"]
    assert "nodeName" not in deleted.object["spec"]
    assert int(deleted.object["metadata"]["resourceVersion"]) > int(created["metadata"]["resourceVersion"])


async def test_a_pod_moves_between_label_selectors(kube: KubeApi) -> None:
    await kube.create(PODS, pod(labels={"app": "web"}), NS)
    async with kube.watch(PODS, label_selector="app=web") as events:
        await kube.patch(PODS, "p", {"metadata": {"labels": {"app": "db"}}}, NS)
        await kube.patch(PODS, "p", {"metadata": {"labels": {"x": "y"}}}, NS)
        await kube.patch(PODS, "p", {"metadata": {"labels": {"app": "web"}}}, NS)
        seen = await take_events(events, 3)
    assert [event.type for event in seen] == ["ADDED", "DELETED", "ADDED"]
    assert seen[1].object["metadata"]["labels"] == {"app": "web"}


async def test_a_finished_pod_leaves_those_that_watch_for_running_ones(kube: KubeApi) -> None:
    await kube.create(PODS, pod(node="n1"), NS)
    async with kube.watch(PODS, field_selector="status.phase!=Succeeded") as events:
        await kube.patch(PODS, "p", {"status": {"phase": "Succeeded"}}, NS, subresource="status")
        assert await take(events, 2) == [("ADDED", "p"), ("DELETED", "p")]


async def test_a_watch_of_one_name_hears_of_no_other(kube: KubeApi) -> None:
    async with kube.watch(NODES, field_selector="metadata.name=n2") as events:
        await kube.create(NODES, node("n1"))
        await kube.create(NODES, node("n2"))
        assert await take(events, 1) == [("ADDED", "n2")]


@pytest.mark.fakes_only("a real server remembers more than a test can overtake")
async def test_a_version_of_long_ago_is_gone(kube: KubeApi) -> None:
    await create_config_maps(kube, "a")
    since = await version(kube)
    for at in range(WATCH_CACHE + 1):
        await patch_config_map(kube, k=str(at))
    with pytest.raises(Gone, match="too old resource version") as caught:
        async with kube.watch(CONFIG_MAPS, NS, resource_version=since) as events:
            await take_events(events, 1)
    assert (caught.value.code, caught.value.reason) == (410, "Expired")


async def test_a_watch_from_the_future_waits(kube: KubeApi) -> None:
    now = int(await version(kube))
    async with kube.watch(CONFIG_MAPS, NS, resource_version=str(now + 1)) as events:
        await create_config_maps(kube, "a", "b")
        assert await take(events, 1) == [("ADDED", "b")]


async def test_a_watch_ends_at_its_timeout(kube: KubeApi) -> None:
    async with kube.watch(NAMESPACES, resource_version=await version(kube), timeout_seconds=1) as events:
        async with asyncio.timeout(5):
            assert [event async for event in events] == []


@pytest.mark.fakes_only("a real server sends none while nothing changes")
async def test_a_bookmark_comes_before_the_timeout(kube: KubeApi) -> None:
    await create_config_maps(kube, "a")
    since = await version(kube)
    others = "metadata.name=another"
    async with kube.watch(CONFIG_MAPS, NS, field_selector=others, resource_version=since, timeout_seconds=3) as events:
        (event,) = await take_events(events, 1, bookmarks=True)
    assert event.type == "BOOKMARK"
    assert event.object["kind"] == "ConfigMap"
    assert int(event.object["metadata"]["resourceVersion"]) >= int(since)


async def test_a_watch_can_be_left_at_any_time(kube: KubeApi) -> None:
    async with kube.watch(CONFIG_MAPS, NS) as events:
        await take_events(events, 1)
        await create_config_maps(kube, "a", "b")
    await create_config_maps(kube, "c")


async def test_a_cancelled_watch_lets_go(kube: KubeApi) -> None:
    async def follow() -> None:
        async with kube.watch(CONFIG_MAPS, NS, resource_version=await version(kube)) as events:
            async for _ in events:
                pass

    task = asyncio.create_task(follow())
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_many_watches_at_once_each_get_their_own(kube: KubeApi) -> None:
    async def first(node_name: str) -> list[tuple[str, str]]:
        async with kube.watch(PODS, field_selector=f"spec.nodeName={node_name}") as events:
            return await take(events, 1)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(first(f"n{at}")) for at in range(5)]
        for at in range(5):
            await kube.create(PODS, pod(f"p{at}", node=f"n{at}"), NS)
    assert [task.result() for task in tasks] == [[("ADDED", f"p{at}")] for at in range(5)]


async def test_a_watch_with_a_bad_selector_is_refused(kube: KubeApi) -> None:
    with pytest.raises(Refused):
        async with kube.watch(PODS, field_selector="spec.foo=1") as events:
            await take_events(events, 1)
