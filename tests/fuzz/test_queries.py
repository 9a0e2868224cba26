"""Selectors and options of lists, right and wrong."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.apiserver import requests, resources
from fakes.apiserver.errors import StatusError
from tests.fuzz.door import PATIENCE_SECONDS, Door, open_door
from tests.fuzz.effort import EFFORTS

PODS = "/api/v1/namespaces/default/pods"
KEYS, VALUES = ["app", "tier", "example.org/x"], ["", "a", "b", "10"]
LABELS: list[dict[str, str]] = [
    {},
    {"app": "a"},
    {"app": "b", "tier": "a"},
    {"app": "", "example.org/x": "10"},
    {"tier": "b", "example.org/x": "a"},
]
OPTIONS = (
    "allowWatchBookmarks", "continue", "dryRun", "fieldManager", "fieldSelector", "fieldValidation", "force",
    "gracePeriodSeconds", "includeObject", "labelSelector", "limit", "pretty", "propagationPolicy", "resourceVersion",
    "resourceVersionMatch", "sendInitialEvents", "timeoutSeconds",
)  # fmt: skip
ODD = st.sampled_from(
    ["", "0", "-1", "1", "3", "99999999999999999999", "true", "false", "All", "Exact", "NotOlderThan", "Foreground",
     "Strict", "app=a", "metadata.name=p-1", "spec.nodeName!=", "a in (b", "=", ",", "!", "e30=", "null", "\x00", "é"]
)  # fmt: skip


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    with open_door() as opened:
        for number, labels in enumerate(LABELS):
            spec = {"nodeName": f"n-{number % 2}", "containers": [{"name": "c", "image": "i"}]}
            opened.made(PODS, {"metadata": {"name": f"p-{number}", "labels": labels}, "spec": spec})
        yield opened


Requirement = tuple[str, str, list[str]]
REQUIREMENTS = st.tuples(
    st.sampled_from(KEYS),
    st.sampled_from(["=", "==", "!=", "in", "notin", "exists", "!"]),
    st.lists(st.sampled_from(VALUES), min_size=1, max_size=3),
)


def text(requirement: Requirement) -> str:
    key, sign, values = requirement
    if sign in ("exists", "!"):
        return key if sign == "exists" else f"!{key}"
    return f"{key} {sign} ({', '.join(values)})" if sign in ("in", "notin") else f"{key}{sign}{values[0]}"


def holds(requirement: Requirement, labels: Mapping[str, str]) -> bool:
    """As Kubernetes defines it: what a key that is not there is not equal to is anything."""
    key, sign, values = requirement
    if sign in ("exists", "!"):
        return (key in labels) == (sign == "exists")
    wanted = values if sign in ("in", "notin") else values[:1]
    there = key in labels and labels[key] in wanted
    return there if sign in ("=", "==", "in") else not there


@pytest.mark.parametrize("effort", EFFORTS)
def test_a_label_selector_selects_what_it_means(door: Door, effort: settings) -> None:
    @effort
    @given(st.lists(REQUIREMENTS, max_size=3))
    def selected(requirements: list[Requirement]) -> None:
        query = urlencode({"labelSelector": ",".join(map(text, requirements))})
        found = [each["metadata"]["name"] for each in door.items(f"{PODS}?{query}")]
        assert found == [
            f"p-{n}" for n, labels in enumerate(LABELS) if all(holds(each, labels) for each in requirements)
        ]

    selected()


@pytest.mark.parametrize("effort", EFFORTS)
def test_any_text_is_a_selector_or_is_refused(door: Door, effort: settings) -> None:
    signs = st.text(alphabet="ab!=,() ./<>\x00é", max_size=12) | st.text(max_size=12)

    @effort
    @given(st.sampled_from(["labelSelector", "fieldSelector"]), signs)
    def selected(option: str, selector: str) -> None:
        answer = door.send("GET", f"{PODS}?{urlencode({option: selector}, errors='replace')}")
        assert answer.status in (200, 400), answer.content

    selected()


@pytest.mark.parametrize("effort", EFFORTS)
def test_pages_make_up_the_list(door: Door, effort: settings) -> None:
    @effort
    @given(st.integers(1, 6), st.lists(REQUIREMENTS, max_size=1))
    def paged(limit: int, requirements: list[Requirement]) -> None:
        selector = ",".join(map(text, requirements))
        names, token = [], ""
        for _ in range(len(LABELS) + 1):
            query = urlencode({"limit": limit, "continue": token, "labelSelector": selector})
            page: dict[str, Any] = door.send("GET", f"{PODS}?{query}").body
            names += [each["metadata"]["name"] for each in page["items"]]
            token = page["metadata"].get("continue", "")
            assert len(page["items"]) <= limit
            if not token:
                break
        whole = door.items(f"{PODS}?{urlencode({'labelSelector': selector})}")
        assert names == [each["metadata"]["name"] for each in whole]

    paged()


@pytest.mark.parametrize("effort", EFFORTS)
def test_any_options_are_taken_or_refused(door: Door, effort: settings) -> None:
    names = st.sampled_from([PODS, f"{PODS}/p-1", "/api/v1/nodes", "/api/v1/pods", "/apis/apps/v1/deployments"])
    # No deletes but dry ones: the others rely on the pods.
    methods = st.sampled_from(["GET", "POST", "PUT", "PATCH"])
    bodies = st.sampled_from([None, b"", b"{", {}, [], {"metadata": {"name": "p-1"}}, {"kind": "Pod", "spec": None}])

    @effort
    @given(methods, names, st.dictionaries(st.sampled_from(OPTIONS), ODD, max_size=4), bodies)
    def asked(method: str, path: str, options: dict[str, str], body: Any) -> None:
        form = "application/merge-patch+json" if method == "PATCH" else "application/json"
        door.send(method, f"{path}?{urlencode(options)}", body, form)
        door.send("DELETE", f"{path}?{urlencode({**options, 'dryRun': 'All'})}")
        assert len(door.items(PODS)) == len(LABELS)

    asked()


@pytest.mark.parametrize("effort", EFFORTS)
def test_any_options_of_a_watch_are_taken_or_refused(door: Door, effort: settings) -> None:
    async def read(options: Mapping[str, str]) -> None:
        try:
            watcher = door.server.watch(resources.PODS, "default", requests.list_options(options))
        except StatusError:
            return
        watcher.end()
        assert {kind async for kind, _ in watcher} <= {"ADDED", "BOOKMARK", "ERROR"}

    @effort
    @given(st.dictionaries(st.sampled_from(OPTIONS), ODD, max_size=4))
    def watched(options: dict[str, str]) -> None:
        door.loop.run_until_complete(asyncio.wait_for(read(options), PATIENCE_SECONDS))

    watched()
