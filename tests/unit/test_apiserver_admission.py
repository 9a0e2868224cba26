"""Admission where the recorded cases cannot look: the default class, restarts, many objects, amounts."""

from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import pytest

from fakes.apiserver import controllers, quotas
from fakes.apiserver.amounts import Amount, amount
from fakes.apiserver.catalog import LIMIT_RANGES, PRIORITY_CLASSES, QUOTAS
from fakes.apiserver.errors import StatusError
from fakes.apiserver.patches import MERGE
from fakes.apiserver.resources import CONFIG_MAPS, PODS
from fakes.apiserver.server import ApiServer
from fakes.apiserver.storage import Storage
from tests.contract.backends import now


def make_server(**options: Any) -> ApiServer:
    return ApiServer(now=now, random=Random(7), checked=True, **options)


def pod(name: str = "p", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "app:1"}], **spec}}


def make_class(server: ApiServer, name: str, value: int, **more: Any) -> None:
    server.create(PRIORITY_CLASSES, None, {"metadata": {"name": name}, "value": value, **more})


def make_quota(server: ApiServer, name: str = "q", **hard: str) -> None:
    named = {each.replace("_", "/"): value for each, value in hard.items()}
    server.create(QUOTAS, "default", {"metadata": {"name": name}, "spec": {"hard": named}})


def used(server: ApiServer, name: str = "q") -> dict[str, str]:
    found: dict[str, str] = server.get(QUOTAS, "default", name)["status"]["used"]
    return found


# --- priorities -----------------------------------------------------------------------------------------------------


def test_the_default_class_is_that_of_pods_that_name_none() -> None:
    server = make_server()
    make_class(server, "usual", 100, globalDefault=True)
    spec = server.create(PODS, "default", pod())["spec"]
    assert (spec["priorityClassName"], spec["priority"]) == ("usual", 100)
    with pytest.raises(StatusError, match="PriorityClass usual is already marked as default"):
        make_class(server, "another", 50, globalDefault=True)
    server.delete(PRIORITY_CLASSES, None, "usual")
    assert server.create(PODS, "default", pod("q"))["spec"]["priority"] == 0


def test_a_class_can_become_the_default_one_later() -> None:
    server = make_server()
    make_class(server, "usual", 100)
    server.patch(PRIORITY_CLASSES, None, "usual", {"globalDefault": True}, MERGE)
    assert server.create(PODS, "default", pod())["spec"]["priority"] == 100


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("system-mine", 1, "system-mine is not a known system priority class"),
        ("system-node-critical", 1, "value of system-node-critical PriorityClass must be 2000001000"),
        ("mine", 1_000_000_001, "maximum allowed value of a user defined priority is 1000000000"),
    ],
)
def test_the_systems_names_and_values_are_the_systems(name: str, value: int, message: str) -> None:
    with pytest.raises(StatusError, match=message):
        make_class(make_server(), name, value)


# --- limit ranges ---------------------------------------------------------------------------------------------------


def test_limits_hold_in_their_namespace_while_they_are_there() -> None:
    server = make_server()
    spec = {"limits": [{"type": "Container", "default": {"cpu": "1"}}]}
    server.create(LIMIT_RANGES, "default", {"metadata": {"name": "l"}, "spec": spec})
    assert server.create(PODS, "default", pod("a"))["status"]["qosClass"] == "Burstable"
    assert server.create(PODS, "kube-system", pod("a"))["status"]["qosClass"] == "BestEffort"
    server.delete(LIMIT_RANGES, "default", "l")
    assert server.create(PODS, "default", pod("b"))["status"]["qosClass"] == "BestEffort"


# --- quotas ---------------------------------------------------------------------------------------------------------


def test_a_quota_counts_itself_once() -> None:
    server = make_server()
    make_quota(server, resourcequotas="5")
    assert used(server) == {"resourcequotas": "1"}
    make_quota(server, "r", count_configmaps="1")
    assert used(server) == {"resourcequotas": "2"}


def test_a_change_is_counted_without_a_look_at_all_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    server = make_server()
    make_quota(server, pods="500")
    for number in range(100):
        server.create(PODS, "default", pod(f"p{number}"))
    counted = []
    usage = quotas.usage
    monkeypatch.setattr(quotas, "usage", lambda *args: counted.append(args) or usage(*args))
    server.delete(PODS, "default", "p7")
    assert used(server) == {"pods": "99"}
    assert len(counted) == 1


def test_a_status_patch_of_a_pod_that_goes_on_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    server = make_server()
    make_quota(server, pods="5")
    server.create(PODS, "default", pod())
    monkeypatch.setattr(quotas, "usage", lambda *_: pytest.fail("counted"))
    server.patch(PODS, "default", "p", {"status": {"podIP": "10.0.0.1"}}, MERGE, subresource="status")


def test_without_the_controller_a_new_object_is_charged_and_a_deleted_one_is_somebody_elses_business() -> None:
    server = make_server(running=controllers.ALL - {controllers.RESOURCE_QUOTA})
    make_quota(server, count_configmaps="2")
    new = {"metadata": {"name": "a"}}
    server.create(CONFIG_MAPS, "default", {"metadata": {"name": "before"}})
    status = {"hard": {"count/configmaps": "2"}, "used": {"count/configmaps": "1"}}
    server.patch(QUOTAS, "default", "q", {"status": status}, MERGE, subresource="status")
    server.create(CONFIG_MAPS, "default", new)
    assert used(server) == {"count/configmaps": "2"}
    server.delete(CONFIG_MAPS, "default", "a")
    with pytest.raises(StatusError, match="exceeded quota: q, requested: count/configmaps=1, used: count/configmaps=2"):
        server.create(CONFIG_MAPS, "default", new)


def test_a_quota_whose_status_is_not_there_refuses_what_it_counts() -> None:
    server = make_server(running=controllers.ALL - {controllers.RESOURCE_QUOTA})
    make_quota(server, pods="2")
    server.patch(QUOTAS, "default", "q", {"status": {"hard": {"pods": "2"}}}, MERGE, subresource="status")
    with pytest.raises(StatusError, match="status unknown for quota: q, resources: pods"):
        server.create(PODS, "default", pod())


def test_the_next_process_goes_on_with_classes_limits_and_quotas(tmp_path: Path) -> None:
    storage = Storage(tmp_path)
    before = make_server(storage=storage)
    make_class(before, "usual", 100, globalDefault=True)
    spec = {"limits": [{"type": "Container", "default": {"cpu": "1"}}]}
    before.create(LIMIT_RANGES, "default", {"metadata": {"name": "l"}, "spec": spec})
    make_quota(before, pods="2")
    before.create(PODS, "default", pod("a"))
    after = make_server(storage=storage)
    created = after.create(PODS, "default", pod("b"))
    assert created["spec"]["priority"] == 100
    assert created["status"]["qosClass"] == "Burstable"
    assert used(after) == {"pods": "2"}
    with pytest.raises(StatusError, match="exceeded quota"):
        after.create(PODS, "default", pod("c"))


# --- amounts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("0.1", "100m"),
        ("1000m", "1"),
        ("1500m", "1500m"),
        ("1024Mi", "1Gi"),
        ("1.5Gi", "1536Mi"),
        ("512Ki", "512Ki"),
        ("0.5Ki", "512"),
        ("1000", "1k"),
        ("1e3", "1e3"),
        ("0", "0"),
        ("100000000", "100M"),
        ("0.0000000001", "1n"),
    ],
)
def test_an_amount_is_written_as_kubernetes_writes_it(text: str, canonical: str) -> None:
    assert str(amount(text)) == canonical


def test_a_sum_is_written_as_its_first_part_that_is_something() -> None:
    assert str(amount("0").plus(amount("1Gi"))) == "1Gi"
    assert str(amount("1Gi").plus(amount("1M"))) == "1074741824"
    assert amount("1").minus(amount("500m")) == Amount(Fraction(1, 2))
