"""Lists: order, selectors, pages."""

import pytest

from runner.kube import CONFIG_MAPS, NODES, PODS, SECRETS, Gone, KubeApi, Refused
from tests.contract.backends import WATCH_CACHE
from tests.contract.support import NS, config_map, create_config_maps, names, node, patch_config_map, pod

OURS = "ours"


async def labelled(kube: KubeApi) -> None:
    for name, labels in {"a": {"app": "web", "tier": "1"}, "b": {"app": "db", "tier": "9"}, "c": {}}.items():
        await kube.create(CONFIG_MAPS, config_map(name, labels={**labels, OURS: ""}), NS)


async def test_a_list_is_sorted_by_namespace_and_name(kube: KubeApi) -> None:
    await create_config_maps(kube, "z", "a", "m")
    await kube.create(CONFIG_MAPS, config_map("b"), "kube-system")
    listed = await kube.list(CONFIG_MAPS, field_selector="metadata.name!=kube-root-ca.crt")
    found = [(item["metadata"]["namespace"], item["metadata"]["name"]) for item in listed["items"]]
    assert found == sorted(found)
    ours = [each for each in found if each[0] == NS or each[1] == "b"]
    assert ours == [("default", "a"), ("default", "m"), ("default", "z"), ("kube-system", "b")]


async def test_a_list_has_a_kind_and_a_version(kube: KubeApi) -> None:
    listed = await kube.list(PODS)
    assert (listed["kind"], listed["apiVersion"]) == ("PodList", "v1")
    assert int(listed["metadata"]["resourceVersion"]) > 0


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("app=web", ["a"]),
        ("app==db", ["b"]),
        ("app!=web", ["b", "c"]),
        ("app", ["a", "b"]),
        ("!app", ["c"]),
        ("app in (web, db)", ["a", "b"]),
        ("app notin (web)", ["b", "c"]),
        ("tier>5", ["b"]),
        ("tier<5", ["a"]),
        ("app,tier=9", ["b"]),
    ],
)
async def test_a_label_selector_selects(kube: KubeApi, selector: str, expected: list[str]) -> None:
    await labelled(kube)
    assert await names(kube, CONFIG_MAPS, NS, label_selector=f"{OURS},{selector}") == expected


async def test_a_bad_label_selector_is_a_bad_request(kube: KubeApi) -> None:
    with pytest.raises(Refused, match=r"unable to parse requirement: found .b., expected: in, notin, =") as caught:
        await kube.list(PODS, label_selector="a b")
    assert caught.value.code == 400


async def test_pods_are_listed_by_node(kube: KubeApi) -> None:
    for name, where in (("a", "n1"), ("b", "n2"), ("c", "n1"), ("d", "")):
        await kube.create(PODS, pod(name, node=where), NS)
    assert await names(kube, PODS, field_selector="spec.nodeName=n1") == ["a", "c"]
    assert await names(kube, PODS, field_selector="spec.nodeName=") == ["d"]
    assert await names(kube, PODS, field_selector="spec.nodeName!=n1,status.phase=Pending") == ["b", "d"]


async def test_objects_are_listed_by_name(kube: KubeApi) -> None:
    await create_config_maps(kube, "a", "b")
    assert await names(kube, CONFIG_MAPS, NS, field_selector="metadata.name=b") == ["b"]
    assert await names(kube, CONFIG_MAPS, field_selector="metadata.name=b,metadata.namespace=default") == ["b"]
    assert await names(kube, CONFIG_MAPS, "kube-system", field_selector="metadata.namespace=default") == []


async def test_nodes_are_listed_by_schedulability(kube: KubeApi) -> None:
    await kube.create(NODES, node("n1"))
    await kube.create(NODES, {**node("n2"), "spec": {"unschedulable": True}})
    assert await names(kube, NODES, field_selector="spec.unschedulable=true") == ["n2"]
    assert await names(kube, NODES, field_selector="spec.unschedulable=false") == ["n1"]


async def test_secrets_are_listed_by_type(kube: KubeApi) -> None:
    await kube.create(SECRETS, {"metadata": {"name": "s"}, "stringData": {"user": "me"}}, NS)
    assert await names(kube, SECRETS, NS, field_selector="type=Opaque") == ["s"]
    assert (await kube.get(SECRETS, "s", NS))["data"] == {"user": "bWU="}


async def test_an_unknown_field_selector_is_a_bad_request(kube: KubeApi) -> None:
    with pytest.raises(Refused, match=r"field label not supported: spec\.foo"):
        await kube.list(PODS, field_selector="spec.foo=1")
    with pytest.raises(Refused, match=r'"data" is not a known field selector: only "metadata\.name"'):
        await kube.list(CONFIG_MAPS, field_selector="data=1")


async def pages(kube: KubeApi, limit: int) -> list[dict[str, object]]:
    found = [await kube.list(CONFIG_MAPS, NS, limit=limit)]
    while token := found[-1]["metadata"].get("continue"):
        found.append(await kube.list(CONFIG_MAPS, NS, limit=limit, continue_token=token))
    return found


async def test_a_list_comes_in_pages(kube: KubeApi) -> None:
    await create_config_maps(kube, *"abcde")
    found = await pages(kube, 2)
    assert [[item["metadata"]["name"] for item in page["items"]] for page in found] == [
        ["a", "b"],
        ["c", "d"],
        ["e", "kube-root-ca.crt"],
    ]
    assert [page["metadata"].get("remainingItemCount") for page in found] == [4, 2, None]


async def test_all_pages_show_the_state_of_the_first(kube: KubeApi) -> None:
    await create_config_maps(kube, *"abcd")
    first = await kube.list(CONFIG_MAPS, NS, limit=2)
    await create_config_maps(kube, "bb", "cc")
    await kube.delete(CONFIG_MAPS, "c", NS)
    await patch_config_map(kube, "d", k="new")
    rest = await kube.list(CONFIG_MAPS, NS, continue_token=first["metadata"]["continue"])
    assert [item["metadata"]["name"] for item in rest["items"]] == ["c", "d", "kube-root-ca.crt"]
    assert rest["items"][1]["data"] == {"k": "v"}
    assert rest["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


async def test_pages_hold_only_what_is_selected(kube: KubeApi) -> None:
    await labelled(kube)
    first = await kube.list(CONFIG_MAPS, NS, label_selector=OURS, limit=2)
    token = first["metadata"]["continue"]
    rest = await kube.list(CONFIG_MAPS, NS, label_selector=OURS, limit=2, continue_token=token)
    assert "remainingItemCount" not in first["metadata"]
    assert [item["metadata"]["name"] for item in rest["items"]] == ["c"]
    assert "continue" not in rest["metadata"]


async def test_any_version_will_do_ignores_the_limit(kube: KubeApi) -> None:
    await create_config_maps(kube, *"abc")
    listed = await kube.list(CONFIG_MAPS, NS, limit=1, resource_version="0")
    assert len(listed["items"]) == 4


async def test_a_token_that_is_none_is_a_bad_request(kube: KubeApi) -> None:
    with pytest.raises(Refused, match="continue key is not valid"):
        await kube.list(CONFIG_MAPS, continue_token="nonsense")


@pytest.mark.fakes_only("a real server remembers more than a test can overtake")
async def test_a_token_of_long_ago_is_gone(kube: KubeApi) -> None:
    await create_config_maps(kube, *"abc")
    first = await kube.list(CONFIG_MAPS, NS, limit=1)
    for at in range(WATCH_CACHE + 1):
        await patch_config_map(kube, k=str(at))
        await kube.list(CONFIG_MAPS, NS, limit=1)
    with pytest.raises(Gone) as caught:
        await kube.list(CONFIG_MAPS, NS, continue_token=first["metadata"]["continue"])
    assert (caught.value.code, caught.value.reason) == (410, "Expired")
