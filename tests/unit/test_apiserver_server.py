"""The pipeline where the contract suite cannot look: options that the KubeApi seam does not have, time, identity."""

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from fakes.apiserver import fieldcheck
from fakes.apiserver.catalog import BUILT_IN
from fakes.apiserver.controllers import ALL, NODE_LIFECYCLE
from fakes.apiserver.errors import StatusError
from fakes.apiserver.options import DeleteOptions, ListOptions, WriteOptions
from fakes.apiserver.patches import JSON, MERGE
from fakes.apiserver.reads import list_version
from fakes.apiserver.resources import (
    CONFIG_MAPS,
    EVENTS,
    LEASES,
    NAMESPACES,
    NODES,
    PODS,
    SECRETS,
    SERVICE_ACCOUNTS,
    SERVICES,
)
from fakes.apiserver.server import ApiServer
from fakes.apiserver.watch import Event, Watcher

START = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
DRY_RUN = WriteOptions(dry_run=True)


class Clock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.moment = START

    def __call__(self) -> datetime:
        return self.moment


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server(clock: Clock) -> ApiServer:
    return ApiServer(now=clock, random=Random(7), checked=True)


def config_map(name: str = "a", **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, **metadata}, "data": {"k": "v"}}


def pod(name: str = "p", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "app:1"}], **spec}}


def service(name: str = "s", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}], **spec}}


def queued(watcher: Watcher) -> list[Event]:
    """What a watcher has been told so far; it is ended by this."""
    watcher.end()
    return asyncio.run(watcher.next_batch())


def test_the_same_seed_makes_the_same_identities(clock: Clock) -> None:
    first, second = (ApiServer(now=clock, random=Random(7)).create(PODS, "default", pod()) for _ in range(2))
    assert first == second


def test_a_stored_object_cannot_be_changed_in_place(server: ApiServer) -> None:
    sent = config_map()
    stored = server.create(CONFIG_MAPS, "default", sent)
    sent["data"]["k"] = "changed later"
    assert stored["data"] == {"k": "v"}
    with pytest.raises(TypeError, match="changed in place"):
        stored["data"]["k"] = "changed"


def test_an_unchecked_server_shares_what_a_status_write_does_not_change(clock: Clock) -> None:
    server = ApiServer(now=clock, random=Random(7))
    created = server.create(PODS, "default", pod())
    patched = server.patch(PODS, "default", "p", {"status": {"phase": "Running"}}, MERGE, subresource="status")
    assert patched["spec"] is created["spec"]


def test_a_dry_run_answers_and_stores_nothing(server: ApiServer) -> None:
    version = server.version
    created = server.create(PODS, "default", pod(), options=DRY_RUN)
    assert created["metadata"]["uid"]
    assert "resourceVersion" not in created["metadata"]
    assert server.version == version
    with pytest.raises(StatusError):
        server.get(PODS, "default", "p")


def test_a_dry_run_of_a_patch_or_a_delete_stores_nothing(server: ApiServer) -> None:
    created = server.create(PODS, "default", pod(nodeName="n1"))
    patched = server.patch(PODS, "default", "p", {"metadata": {"labels": {"a": "b"}}}, MERGE, options=DRY_RUN)
    deleted = server.delete(PODS, "default", "p", DeleteOptions(dry_run=True))
    assert patched["metadata"]["labels"] == {"a": "b"}
    assert deleted["metadata"]["deletionGracePeriodSeconds"] == 30
    assert server.get(PODS, "default", "p") == created


def test_a_dry_run_still_refuses(server: ApiServer) -> None:
    server.create(CONFIG_MAPS, "default", config_map())
    with pytest.raises(StatusError, match="already exists"):
        server.create(CONFIG_MAPS, "default", config_map(), options=DRY_RUN)


def test_a_generated_name_that_is_taken_is_tried_again(server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter(["a-first", "a-first", "a-second"])
    monkeypatch.setattr("fakes.apiserver.metadata.Stamps.name", lambda _self, _base: next(drawn))
    body = {"metadata": {"generateName": "a-"}}
    names = [server.create(CONFIG_MAPS, "default", body)["metadata"]["name"] for _ in range(2)]
    assert names == ["a-first", "a-second"]


def test_a_long_generated_name_is_cut(server: ApiServer) -> None:
    created = server.create(CONFIG_MAPS, "default", {"metadata": {"generateName": "x" * 80}})
    assert len(created["metadata"]["name"]) == 63


def test_nulls_stand_for_absent_fields_and_in_maps_of_strings_for_empty_ones(server: ApiServer) -> None:
    body = pod(nodeName=None, nodeSelector={"a": None})
    body["metadata"]["creationTimestamp"] = None
    body["status"] = None
    created = server.create(PODS, "default", body)
    assert "nodeName" not in created["spec"]
    assert created["spec"]["nodeSelector"] == {"a": ""}


def test_an_object_of_another_kind_is_refused(server: ApiServer) -> None:
    with pytest.raises(StatusError, match="must be of type ConfigMap") as caught:
        server.create(CONFIG_MAPS, "default", {**config_map(), "kind": "Secret"})
    assert caught.value.code == 400


def test_events_are_dropped_after_an_hour(server: ApiServer, clock: Clock) -> None:
    def event(name: str) -> dict[str, Any]:
        return {"metadata": {"name": name}, "involvedObject": {"kind": "Pod", "namespace": "default", "name": "p"}}

    def names() -> list[str]:
        return [each["metadata"]["name"] for each in server.list(EVENTS, None)["items"]]

    server.create(EVENTS, "default", event("old"))
    server.create(EVENTS, "default", event("repeated"))
    clock.moment += timedelta(minutes=59)
    server.patch(EVENTS, "default", "repeated", {"count": 2}, MERGE)
    assert names() == ["old", "repeated"]
    clock.moment += timedelta(minutes=1)
    assert names() == ["repeated"]
    clock.moment += timedelta(minutes=59)
    with pytest.raises(StatusError):
        server.get(EVENTS, "default", "repeated")


def test_a_deadline_shortens_from_the_first_delete_on(server: ApiServer, clock: Clock) -> None:
    server.create(PODS, "default", pod(nodeName="n1"))
    server.delete(PODS, "default", "p")
    clock.moment += timedelta(seconds=10)
    shorter = server.delete(PODS, "default", "p", DeleteOptions(grace_period_seconds=20))
    assert shorter["metadata"]["deletionTimestamp"] == "2026-01-02T03:04:25Z"


def test_a_grace_beyond_all_calendars_ends_with_them(server: ApiServer) -> None:
    server.create(PODS, "default", pod(nodeName="n1"))
    deleted = server.delete(PODS, "default", "p", DeleteOptions(grace_period_seconds=2**60))
    assert deleted["metadata"]["deletionTimestamp"] == "9999-12-31T23:59:59Z"


def test_a_delete_can_name_the_version_it_means(server: ApiServer) -> None:
    created = server.create(PODS, "default", pod())
    with pytest.raises(StatusError, match="the ResourceVersion in the precondition"):
        server.delete(PODS, "default", "p", DeleteOptions(resource_version="1"))
    server.delete(PODS, "default", "p", DeleteOptions(resource_version=created["metadata"]["resourceVersion"]))


def test_a_collection_is_deleted_by_selector(server: ApiServer) -> None:
    for name in "abc":
        server.create(CONFIG_MAPS, "default", config_map(name, labels={"name": name}))
    selected = ListOptions(label_selector="name in (a,b)")
    deleted = server.delete_collection(CONFIG_MAPS, "default", list_options=selected)
    left = server.list(CONFIG_MAPS, "default")["items"]
    assert [each["metadata"]["name"] for each in deleted["items"]] == ["a", "b"]
    assert [each["metadata"]["name"] for each in left] == ["c", "kube-root-ca.crt"]


def test_a_paged_list_outlives_the_watch_history(clock: Clock) -> None:
    server = ApiServer(now=clock, random=Random(7), watch_cache=2)
    for name in "abc":
        server.create(CONFIG_MAPS, "default", config_map(name))
    first = server.list(CONFIG_MAPS, "default", ListOptions(limit=1))
    for at in range(5):
        server.patch(CONFIG_MAPS, "default", "b", {"data": {"k": str(at)}}, MERGE)
    rest = server.list(CONFIG_MAPS, "default", ListOptions(continue_token=first["metadata"]["continue"]))
    assert [each["metadata"]["name"] for each in rest["items"]] == ["b", "c", "kube-root-ca.crt"]
    assert rest["items"][0]["data"] == {"k": "v"}


def test_a_list_of_an_exact_version_shows_that_state(server: ApiServer) -> None:
    then = server.create(CONFIG_MAPS, "default", config_map("a"))["metadata"]["resourceVersion"]
    server.create(CONFIG_MAPS, "default", config_map("b"))
    server.delete(CONFIG_MAPS, "default", "a")
    exact = ListOptions(resource_version=then, resource_version_match="Exact")
    listed = server.list(CONFIG_MAPS, "default", exact)
    assert [each["metadata"]["name"] for each in listed["items"]] == ["a", "kube-root-ca.crt"]
    assert listed["metadata"]["resourceVersion"] == then


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (ListOptions(resource_version="abc"), 400),
        (ListOptions(resource_version="99999"), 504),
        (ListOptions(resource_version_match="Exact"), 422),
        (ListOptions(resource_version="0", resource_version_match="Exact"), 422),
        (ListOptions(resource_version="5", resource_version_match="Sometimes"), 422),
    ],
)
def test_a_list_with_options_that_make_no_sense_is_refused(server: ApiServer, options: ListOptions, code: int) -> None:
    with pytest.raises(StatusError) as caught:
        server.list(PODS, None, options)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (ListOptions(resource_version="abc"), 500),
        (ListOptions(resource_version_match="NotOlderThan"), 422),
        (ListOptions(send_initial_events=True), 422),
    ],
)
def test_a_watch_with_options_that_make_no_sense_is_refused(server: ApiServer, options: ListOptions, code: int) -> None:
    with pytest.raises(StatusError) as caught:
        server.watch(PODS, None, options)
    assert caught.value.code == code


def test_initial_events_end_with_an_annotated_bookmark(server: ApiServer) -> None:
    server.create(NODES, None, {"metadata": {"name": "n1"}})

    async def first_events() -> list[Event]:
        options = ListOptions(
            resource_version_match="NotOlderThan", send_initial_events=True, allow_watch_bookmarks=True
        )
        watcher = server.watch(NODES, None, options)
        try:
            return await watcher.next_batch()
        finally:
            watcher.close()

    added, (kind, bookmark) = asyncio.run(first_events())
    assert added[0] == "ADDED"
    assert kind == "BOOKMARK"
    assert bookmark["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert bookmark["metadata"]["resourceVersion"] == str(server.version)


def test_a_watch_can_do_without_initial_events(server: ApiServer) -> None:
    server.create(NODES, None, {"metadata": {"name": "n1"}})
    options = ListOptions(resource_version_match="NotOlderThan", send_initial_events=False)
    watcher = server.watch(NODES, None, options)
    server.create(NODES, None, {"metadata": {"name": "n2"}})
    assert [obj["metadata"]["name"] for _, obj in queued(watcher)] == ["n2"]


def test_a_closed_watch_leaves_no_timer(server: ApiServer) -> None:
    async def open_and_close() -> list[asyncio.TimerHandle]:
        options = ListOptions(allow_watch_bookmarks=True, timeout_seconds=300)
        watcher = server.watch(NODES, None, options)
        timers = list(watcher._timers.values())
        watcher.close()
        return timers

    timers = asyncio.run(open_and_close())
    assert len(timers) == 3
    assert all(timer.cancelled() for timer in timers)


def test_a_service_gets_an_address_that_stays(server: ApiServer) -> None:
    first, second = (server.create(SERVICES, "default", service(name)) for name in ("a", "b"))
    assert first["spec"]["clusterIP"] != second["spec"]["clusterIP"]
    assert first["spec"]["ports"] == [{"protocol": "TCP", "targetPort": 80, "port": 80}]
    replaced = server.update(SERVICES, "default", "a", service("a", selector={"x": "y"}))
    assert replaced["spec"]["clusterIP"] == first["spec"]["clusterIP"]
    with pytest.raises(StatusError, match="may not change once set"):
        server.patch(SERVICES, "default", "a", {"spec": {"clusterIP": "10.0.0.1"}}, MERGE)


def test_a_headless_service_has_no_address(server: ApiServer) -> None:
    assert server.create(SERVICES, "default", service(clusterIP="None"))["spec"]["clusterIPs"] == ["None"]


def test_an_immutable_config_map_stays(server: ApiServer) -> None:
    server.create(CONFIG_MAPS, "default", {**config_map(), "immutable": True})
    with pytest.raises(StatusError, match="data: Forbidden: field is immutable when `immutable` is set"):
        server.patch(CONFIG_MAPS, "default", "a", {"data": {"k": "x"}}, MERGE)


def test_the_type_of_a_secret_stays(server: ApiServer) -> None:
    server.create(SECRETS, "default", {"metadata": {"name": "s"}})
    with pytest.raises(StatusError, match="type: Invalid value"):
        server.patch(SECRETS, "default", "s", {"type": "Other"}, MERGE)


def test_a_provider_id_stays_once_set(server: ApiServer) -> None:
    server.create(NODES, None, {"metadata": {"name": "n1"}})
    server.patch(NODES, None, "n1", {"spec": {"providerID": "x://1"}}, MERGE)
    with pytest.raises(StatusError, match=r"spec\.providerID: Forbidden"):
        server.patch(NODES, None, "n1", {"spec": {"providerID": "x://2"}}, MERGE)


def test_a_lease_is_an_object_of_its_group(server: ApiServer) -> None:
    with pytest.raises(StatusError, match=r'leases\.coordination\.k8s\.io "l" not found') as caught:
        server.get(LEASES, "default", "l")
    assert caught.value.status["details"] == {"name": "l", "group": "coordination.k8s.io", "kind": "leases"}


def test_a_service_account_gets_a_token_that_names_it(server: ApiServer) -> None:
    request = {"spec": {"audiences": ["vault"], "boundObjectRef": {"kind": "Pod", "name": "p", "uid": "u"}}}
    answer = server.create(SERVICE_ACCOUNTS, "default", request, name="default", subresource="token")
    payload = answer["status"]["token"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert claims["sub"] == "system:serviceaccount:default:default"
    assert claims["aud"] == ["vault"]
    assert claims["exp"] - claims["iat"] == 3600
    assert claims["kubernetes.io"]["pod"] == {"name": "p", "uid": "u"}
    assert answer["status"]["expirationTimestamp"] == "2026-01-02T04:04:05Z"


def test_a_token_lives_for_ten_minutes_at_least(server: ApiServer) -> None:
    request = {"spec": {"expirationSeconds": 599}}
    with pytest.raises(StatusError, match="may not specify a duration less than 10 minutes"):
        server.create(SERVICE_ACCOUNTS, "default", request, name="default", subresource="token")


def test_a_null_from_a_patch_is_an_empty_text_in_a_map_of_texts(server: ApiServer) -> None:
    server.create(PODS, "default", pod(activeDeadlineSeconds=9))
    operations = [{"op": "add", "path": "/metadata/labels", "value": {"a": None, "b": "c"}}]
    patched = server.patch(PODS, "default", "p", operations, JSON)
    assert patched["metadata"]["labels"] == {"a": "", "b": "c"}


@pytest.mark.parametrize(("running", "taints"), [(ALL, 1), (ALL | {NODE_LIFECYCLE}, 0)])
def test_a_new_node_is_not_ready_where_somebody_else_says_when_it_is(running: frozenset[str], taints: int) -> None:
    server = ApiServer(now=Clock(), random=Random(1), running=running)
    node = server.create(NODES, None, {"metadata": {"name": "n"}})
    assert [each["key"] for each in node["spec"].get("taints", ())] == ["node.kubernetes.io/not-ready"] * taints


def test_a_patch_to_another_kind_is_refused(server: ApiServer) -> None:
    server.create(CONFIG_MAPS, "default", config_map())
    with pytest.raises(StatusError, match="unknown conversion") as caught:
        server.patch(CONFIG_MAPS, "default", "a", {"kind": "Pod", "data": None}, MERGE)
    assert caught.value.code == 422


def test_a_subresource_that_takes_no_writes_is_not_allowed(server: ApiServer) -> None:
    server.create(PODS, "default", pod())
    with pytest.raises(StatusError) as caught:
        server.create(PODS, "default", {}, name="p", subresource="log")
    assert caught.value.code == 405


def test_the_table_finds_resources_by_what_clients_know() -> None:
    server = ApiServer(now=Clock(), random=Random(1))
    assert server.resources.find("coordination.k8s.io", "v1", "leases") is LEASES
    assert server.resources.find("", "v2", "pods") is None
    assert server.resources.by_kind("Pod") is PODS
    assert tuple(server.resources) == BUILT_IN


def test_without_its_controller_a_namespace_goes_when_somebody_else_has_finalized_it(clock: Clock) -> None:
    server = ApiServer(now=clock, random=Random(1), running=frozenset())
    server.create(NAMESPACES, None, {"metadata": {"name": "team"}})
    server.create(CONFIG_MAPS, "team", {"metadata": {"name": "c"}})
    going = server.delete(NAMESPACES, None, "team")
    assert (going["status"]["phase"], going["spec"]) == ("Terminating", {"finalizers": ["kubernetes"]})
    assert server.get(CONFIG_MAPS, "team", "c")
    server.delete(CONFIG_MAPS, "team", "c")
    server.update(NAMESPACES, None, "team", {**going, "spec": {}}, subresource="finalize")
    with pytest.raises(StatusError, match="not found"):
        server.get(NAMESPACES, None, "team")


def test_a_version_of_digits_that_are_no_number_is_refused():
    with pytest.raises(StatusError) as refused:
        list_version(ListOptions(resource_version="\u00b9"), 5)
    assert refused.value.code == 400


def test_a_configuration_with_metadata_that_is_no_object_is_refused_in_words():
    refused = fieldcheck.undeclared({"kind": "ConfigMap", "metadata": True}, "v1", ['unknown field "labels"'])
    assert "failed to create typed patch object" in refused.status["message"]
