"""Garbage collection where the recorded cases cannot look: many objects, restarts, controllers that others run."""

from pathlib import Path
from random import Random
from typing import Any

import pytest

from fakes.apiserver import controllers
from fakes.apiserver.errors import StatusError
from fakes.apiserver.options import DeleteOptions
from fakes.apiserver.patches import MERGE
from fakes.apiserver.resources import CONFIG_MAPS, NAMESPACES, PODS, SERVICE_ACCOUNTS
from fakes.apiserver.server import ApiServer
from fakes.apiserver.storage import Storage
from tests.contract.backends import now

FOREGROUND = DeleteOptions(propagation_policy="Foreground")
ORPHAN = DeleteOptions(propagation_policy="Orphan")


def make_server(**options: Any) -> ApiServer:
    return ApiServer(now=now, random=Random(7), checked=True, **options)


def make(server: ApiServer, name: str, owner: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    """A config map, with an owner."""
    if owner is not None:
        uid = owner["metadata"]["uid"]
        reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": owner["metadata"]["name"], "uid": uid}
        metadata["ownerReferences"] = [{**reference, "blockOwnerDeletion": True}]
    return server.create(CONFIG_MAPS, "default", {"metadata": {"name": name, **metadata}})


def names(server: ApiServer) -> list[str]:
    found = [each["metadata"]["name"] for each in server.list(CONFIG_MAPS, "default")["items"]]
    return [each for each in found if each != "kube-root-ca.crt"]


def test_a_line_of_a_thousand_owners_goes() -> None:
    server = make_server()
    first = last = make(server, "first")
    for number in range(1000):
        last = make(server, f"heir-{number}", last)
    server.delete(CONFIG_MAPS, "default", first["metadata"]["name"])
    assert names(server) == []


@pytest.mark.parametrize("policy", ["Background", "Foreground", "Orphan"])
def test_what_a_delete_writes_grows_with_the_dependents_and_no_faster(policy: str) -> None:
    def written(dependents: int) -> int:
        server = make_server()
        owner = make(server, "owner")
        for number in range(dependents):
            make(server, f"dependent-{number}", owner)
        before = server.version
        server.delete(CONFIG_MAPS, "default", "owner", DeleteOptions(propagation_policy=policy))
        return server.version - before

    assert written(200) - written(100) == 100


def test_an_owner_that_waits_is_looked_at_once_more_when_the_last_dependent_goes() -> None:
    server = make_server()
    owner = make(server, "owner")
    for name in ("a", "b"):
        make(server, name, owner, finalizers=["example.org/f"])
    server.delete(CONFIG_MAPS, "default", "owner", FOREGROUND)
    server.patch(CONFIG_MAPS, "default", "a", {"metadata": {"finalizers": None}}, MERGE)
    assert names(server) == ["b", "owner"]
    server.patch(CONFIG_MAPS, "default", "b", {"metadata": {"finalizers": None}}, MERGE)
    assert names(server) == []


def test_a_dependent_that_comes_when_the_owner_is_on_its_way_goes_too() -> None:
    server = make_server()
    owner = make(server, "owner")
    make(server, "held", owner, finalizers=["example.org/f"])
    server.delete(CONFIG_MAPS, "default", "owner", FOREGROUND)
    make(server, "late", owner)
    assert names(server) == ["held", "owner"]


def test_a_collection_with_owners_and_their_dependents_goes_as_a_whole() -> None:
    server = make_server()
    make(server, "dependent", make(server, "a-owner"))
    server.delete_collection(CONFIG_MAPS, "default")
    assert names(server) == []


def test_a_pod_with_a_finalizer_goes_when_its_time_is_over_and_it_is_released() -> None:
    server = make_server()
    spec = {"nodeName": "n1", "containers": [{"name": "c", "image": "app:1"}]}
    server.create(PODS, "default", {"metadata": {"name": "p", "finalizers": ["example.org/f"]}, "spec": spec})
    server.delete(PODS, "default", "p", FOREGROUND)
    server.patch(PODS, "default", "p", {"metadata": {"finalizers": None}}, MERGE)
    assert server.get(PODS, "default", "p")["metadata"]["deletionGracePeriodSeconds"] == 30
    server.delete(PODS, "default", "p", DeleteOptions(grace_period_seconds=0))
    assert server.find(PODS, "default", "p") is None


def test_what_was_under_way_goes_on_in_the_next_process(tmp_path: Path) -> None:
    storage = Storage(tmp_path)
    before = make_server(storage=storage, running=frozenset({controllers.NAMESPACE}))
    make(before, "dependent", make(before, "waiting"))
    before.delete(CONFIG_MAPS, "default", "waiting", FOREGROUND)
    make(before, "orphan", make(before, "leaving"))
    before.delete(CONFIG_MAPS, "default", "leaving", ORPHAN)
    assert names(before) == ["dependent", "leaving", "orphan", "waiting"]
    after = make_server(storage=storage)
    assert names(after) == ["orphan"]
    assert "ownerReferences" not in after.get(CONFIG_MAPS, "default", "orphan")["metadata"]


def test_a_controller_that_does_not_run_here_leaves_its_work_to_others() -> None:
    server = make_server(running=controllers.parse(f"*,-{controllers.GARBAGE_COLLECTOR},-{controllers.NAMESPACE}"))
    owner = make(server, "owner")
    make(server, "dependent", owner)
    server.delete(CONFIG_MAPS, "default", "owner")
    server.create(NAMESPACES, None, {"metadata": {"name": "team"}})
    server.delete(NAMESPACES, None, "team")
    assert names(server) == ["dependent"]
    assert server.get(NAMESPACES, None, "team")["status"]["phase"] == "Terminating"
    assert server.find(SERVICE_ACCOUNTS, "team", "default") is not None


def test_nothing_is_put_into_a_namespace_by_controllers_that_do_not_run() -> None:
    server = make_server(running=frozenset())
    assert not server.has_any(SERVICE_ACCOUNTS, "default")


@pytest.mark.parametrize(
    ("text", "names_"),
    [
        ("*", controllers.ALL),
        ("", set()),
        (f"{controllers.NAMESPACE}", {controllers.NAMESPACE}),
        (f"*, -{controllers.NAMESPACE}", controllers.ALL - {controllers.NAMESPACE}),
    ],
)
def test_controllers_are_named_as_for_a_controller_manager(text: str, names_: set[str]) -> None:
    assert controllers.parse(text) == names_


def test_an_unknown_controller_is_told() -> None:
    with pytest.raises(ValueError, match="no controller is named 'gc'; there are clusterrole-aggregation-controller, "):
        controllers.parse("gc")


def test_a_write_that_the_collector_cannot_make_does_not_fail_the_clients_request(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    server = make_server()
    make(server, "dependent", make(server, "owner"))

    def refuse(*_args: object, **_options: object) -> None:
        raise StatusError(500, "", "no")

    monkeypatch.setattr(server, "patch", refuse)
    server.delete(CONFIG_MAPS, "default", "owner", ORPHAN)
    assert "no" in caplog.text
