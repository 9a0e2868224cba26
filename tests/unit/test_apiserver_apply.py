"""Server-side apply and managedFields: who owns what, who conflicts with whom, and what goes when it is given up."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from fakes.apiserver import fieldsets, patches
from fakes.apiserver.errors import StatusError
from fakes.apiserver.managed import MOST_UPDATERS
from fakes.apiserver.options import WriteOptions
from fakes.apiserver.resources import CONFIG_MAPS, NODES, PODS, SERVICES
from fakes.apiserver.schema import Schema, of_kind
from fakes.apiserver.server import ApiServer

Object = dict[str, Any]


class Cluster:
    """A server on which managers apply and update; each write comes a second after the one before."""

    def __init__(self) -> None:
        self.time = datetime(2024, 1, 1, tzinfo=UTC)
        self.server = ApiServer(now=self.now, random=Random(1), checked=True)

    def now(self) -> datetime:
        self.time += timedelta(seconds=1)
        return self.time

    def apply(self, manager: str, data: Object, *, force: bool = False, dry_run: bool = False, **meta: Any) -> Object:
        config = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "a", **meta}, "data": data}
        options = WriteOptions(field_manager=manager, force=force, dry_run=dry_run)
        return self.server.apply(CONFIG_MAPS, "default", "a", config, options=options)[0]

    def update(self, manager: str, patch: Object, patch_type: str = patches.MERGE) -> Object:
        options = WriteOptions(field_manager=manager)
        return self.server.patch(CONFIG_MAPS, "default", "a", patch, patch_type, options=options)


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def owners(obj: Object) -> dict[str, list[str]]:
    """Manager -> paths of the fields that it owns."""
    managed = obj["metadata"].get("managedFields", [])
    return {each["manager"]: sorted(fieldsets.members(each["fieldsV1"])) for each in managed}


def test_who_applies_owns_what_is_applied(cluster: Cluster) -> None:
    obj = cluster.apply("one", {"k": "v"}, labels={"l": "x"})
    entry = obj["metadata"]["managedFields"][0]
    assert (entry["manager"], entry["operation"], entry["apiVersion"]) == ("one", "Apply", "v1")
    assert owners(obj) == {"one": [".data.k", ".metadata.labels.l"]}


def test_an_equal_value_is_shared(cluster: Cluster) -> None:
    cluster.apply("one", {"k": "v"})
    assert owners(cluster.apply("two", {"k": "v"})) == {"one": [".data.k"], "two": [".data.k"]}


def test_a_field_that_another_owns_cannot_be_changed(cluster: Cluster) -> None:
    cluster.apply("one", {"k": "v"})
    with pytest.raises(StatusError) as caught:
        cluster.apply("two", {"k": "w"})
    status = caught.value.status
    assert status["message"] == 'Apply failed with 1 conflict: conflict with "one": .data.k'
    assert (status["code"], status["reason"]) == (409, "Conflict")
    cause = {"reason": "FieldManagerConflict", "message": 'conflict with "one"', "field": ".data.k"}
    assert status["details"] == {"causes": [cause]}


def test_several_conflicts_are_listed_by_owner(cluster: Cluster) -> None:
    cluster.apply("one", {"k": "v"})
    cluster.update("two", {"data": {"l": "v"}})
    with pytest.raises(StatusError) as caught:
        cluster.apply("three", {"k": "w", "l": "w"})
    assert caught.value.status["message"] == (
        'Apply failed with 2 conflicts: conflicts with "one":\n- .data.k\nconflicts with "two" using v1:\n- .data.l'
    )


def test_force_takes_the_field(cluster: Cluster) -> None:
    cluster.apply("one", {"k": "v", "mine": "v"})
    obj = cluster.apply("two", {"k": "w"}, force=True)
    assert obj["data"] == {"k": "w", "mine": "v"}
    assert owners(obj) == {"one": [".data.mine"], "two": [".data.k"]}


def test_what_a_manager_gives_up_is_removed_unless_another_owns_it(cluster: Cluster) -> None:
    cluster.apply("one", {"k": "v", "l": "v", "shared": "v"}, labels={"x": "y"})
    cluster.apply("two", {"shared": "v"})
    obj = cluster.apply("one", {"k": "v"})
    assert obj["data"] == {"k": "v", "shared": "v"}
    assert "labels" not in obj["metadata"]
    assert obj["metadata"]["name"] == "a"


def test_applying_the_same_again_changes_nothing(cluster: Cluster) -> None:
    before = cluster.apply("one", {"k": "v"})
    assert cluster.apply("one", {"k": "v"}) is before


def test_an_update_takes_what_it_changes_from_its_owner(cluster: Cluster) -> None:
    cluster.apply("one", {"k": "v", "l": "v"})
    obj = cluster.update("two", {"data": {"k": "w"}})
    assert owners(obj) == {"one": [".data.l"], "two": [".data.k"]}
    assert obj["metadata"]["managedFields"][1]["operation"] == "Update"


def test_what_an_update_removes_has_no_owner(cluster: Cluster) -> None:
    cluster.apply("one", {"k": "v", "l": "v"})
    assert owners(cluster.update("two", {"data": {"k": None}})) == {"one": [".data.l"]}


def test_a_write_without_a_name_is_not_tracked(cluster: Cluster) -> None:
    cluster.apply("one", {"k": "v"})
    obj = cluster.update("", {"data": {"k": "w"}})
    assert owners(obj) == {"one": [".data.k"]}
    assert "managedFields" not in cluster.server.get(CONFIG_MAPS, "default", "kube-root-ca.crt")["metadata"]


def test_the_time_changes_only_with_the_fields(cluster: Cluster) -> None:
    def time(obj: Object) -> str:
        return str(obj["metadata"]["managedFields"][-1]["time"])

    cluster.apply("one", {"base": "v"})
    first = time(cluster.update("two", {"data": {"k": "v"}}))
    assert time(cluster.update("two", {"data": {"k": "w"}})) == first
    assert time(cluster.update("two", {"data": {"l": "w"}})) > first


def test_many_updaters_share_an_entry(cluster: Cluster) -> None:
    cluster.apply("one", {"k": "v"})
    for number in range(MOST_UPDATERS + 3):
        obj = cluster.update(f"m{number}", {"data": {f"k{number}": "v"}})
    managed = [each["manager"] for each in obj["metadata"]["managedFields"] if each["operation"] == "Update"]
    assert len(managed) == MOST_UPDATERS
    assert owners(obj)["ancient-changes"] == [".data.k0", ".data.k1", ".data.k2", ".data.k3"]


def test_a_client_can_replace_and_reset_the_managers(cluster: Cluster) -> None:
    obj = cluster.apply("one", {"k": "v"})
    entry = {**obj["metadata"]["managedFields"][0], "manager": "renamed"}
    renamed = [{"op": "replace", "path": "/metadata/managedFields", "value": [entry]}]
    assert owners(cluster.update("two", renamed, patches.JSON)) == {"renamed": [".data.k"]}
    reset = [{"op": "replace", "path": "/metadata/managedFields", "value": [{}]}]
    assert owners(cluster.update("two", reset, patches.JSON)) == {}


def test_a_dry_run_stores_nothing(cluster: Cluster) -> None:
    obj = cluster.apply("one", {"k": "v"}, dry_run=True)
    assert owners(obj) == {"one": [".data.k"]}
    with pytest.raises(StatusError):
        cluster.server.get(CONFIG_MAPS, "default", "a")


@pytest.mark.parametrize(
    ("meta", "code"),
    [({"managedFields": [{"manager": "x"}]}, 400), ({"name": "b"}, 400), ({"uid": "u"}, 409)],
)
def test_what_cannot_be_applied_is_refused(cluster: Cluster, meta: Object, code: int) -> None:
    with pytest.raises(StatusError) as caught:
        cluster.apply("one", {}, **meta)
    assert caught.value.code == code


def test_an_apply_from_an_overtaken_version_is_refused(cluster: Cluster) -> None:
    old = cluster.apply("one", {"k": "v"})["metadata"]["resourceVersion"]
    cluster.apply("one", {"k": "w"})
    with pytest.raises(StatusError) as caught:
        cluster.apply("one", {"k": "x"}, resourceVersion=old)
    assert caught.value.code == 409


LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def test_kubectl_takes_over_what_it_has_applied_from_its_own_side(cluster: Cluster) -> None:
    annotations = {LAST_APPLIED: '{"data":{"k":"v"}}'}
    cluster.apply("kubectl-client-side-apply", {"k": "v"}, annotations=annotations)
    obj = cluster.apply("kubectl", {"k": "w"})
    assert obj["data"] == {"k": "w"}
    assert '"k":"w"' in obj["metadata"]["annotations"][LAST_APPLIED]


def pod(image: str = "i", **spec: Any) -> Object:
    containers = [{"name": "c", "image": image, "ports": [{"containerPort": 80}]}]
    meta = {"name": "p", "finalizers": ["example.org/a"]}
    return {"kind": "Pod", "apiVersion": "v1", "metadata": meta, "spec": {"containers": containers, **spec}}


def test_elements_of_lists_have_owners_of_their_own(cluster: Cluster) -> None:
    options = WriteOptions(field_manager="one")
    obj, created = cluster.server.apply(PODS, "default", "p", pod(), options=options)
    assert created
    port = '[containerPort=80,protocol="TCP"]'
    assert owners(obj)["one"] == [
        '.metadata.finalizers[="example.org/a"]',
        '.spec.containers[name="c"]',
        '.spec.containers[name="c"].image',
        '.spec.containers[name="c"].name',
        f'.spec.containers[name="c"].ports{port}',
        f'.spec.containers[name="c"].ports{port}.containerPort',
    ]


def test_an_updater_owns_the_defaults_but_not_what_admission_added(cluster: Cluster) -> None:
    obj = cluster.server.create(PODS, "default", pod(), options=WriteOptions(field_manager="one"))
    owned = owners(obj)["one"]
    assert ".spec.restartPolicy" in owned
    assert not {".spec.priority", ".spec.tolerations", ".spec.serviceAccountName"} & set(owned)
    assert not [path for path in owned if path.startswith(".status")]


def test_a_status_has_owners_beside_those_of_the_object(cluster: Cluster) -> None:
    cluster.server.create(NODES, None, {"metadata": {"name": "n"}}, options=WriteOptions(field_manager="one"))
    patch = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    options = WriteOptions(field_manager="kubelet")
    node = cluster.server.patch(NODES, None, "n", patch, patches.STRATEGIC, subresource="status", options=options)
    entry = node["metadata"]["managedFields"][-1]
    assert (entry["manager"], entry["subresource"]) == ("kubelet", "status")
    assert '.status.conditions[type="Ready"].status' in owners(node)["kubelet"]


def test_an_element_goes_when_its_only_owner_gives_it_up(cluster: Cluster) -> None:
    def apply(manager: str, *ports: Object) -> Object:
        config = {"metadata": {"name": "s"}, "spec": {"clusterIP": "None", "ports": list(ports)}}
        options = WriteOptions(field_manager=manager)
        return cluster.server.apply(SERVICES, "default", "s", config, options=options)[0]

    apply("one", {"name": "a", "port": 1}, {"name": "b", "port": 2})
    apply("two", {"name": "c", "port": 3})
    ports = apply("one", {"name": "b", "port": 2})["spec"]["ports"]
    assert [each["name"] for each in ports] == ["b", "c"]


# --- sets -----------------------------------------------------------------------------------------------------------


def pods() -> Schema:
    found = of_kind("v1", "Pod")
    assert found is not None
    return found


A = {"f:spec": {"f:a": {}, "f:b": {".": {}, "f:c": {}}}}


def test_a_union_has_what_is_in_either() -> None:
    assert fieldsets.union(A, {"f:spec": {"f:b": {"f:d": {}}, "f:e": {}}}) == {
        "f:spec": {"f:a": {}, "f:b": {".": {}, "f:c": {}, "f:d": {}}, "f:e": {}}
    }


def test_a_member_with_members_below_stays_one_in_a_union() -> None:
    assert fieldsets.union({"f:a": {}}, {"f:a": {"f:b": {}}}) == {"f:a": {".": {}, "f:b": {}}}


def test_a_difference_leaves_no_empty_branches() -> None:
    assert fieldsets.minus(A, A) == {}
    assert fieldsets.minus(A, {"f:spec": {"f:a": {}}}) == {"f:spec": {"f:b": {".": {}, "f:c": {}}}}
    assert fieldsets.minus(A, {"f:spec": {"f:b": {}}}) == {"f:spec": {"f:a": {}, "f:b": {"f:c": {}}}}


def test_a_difference_with_nothing_in_common_is_the_same_set() -> None:
    assert fieldsets.minus(A, {"f:status": {}}) is A


def test_an_intersection_has_only_members_of_both() -> None:
    assert fieldsets.common(A, {"f:spec": {"f:b": {"f:c": {}}, "f:z": {}}}) == {"f:spec": {"f:b": {"f:c": {}}}}
    assert fieldsets.common(A, {"f:spec": {}}) == {}


def test_unchanged_parts_are_not_looked_at() -> None:
    class Untouchable(dict[str, Any]):
        def items(self) -> Any:
            raise AssertionError("was looked at")

    spec = Untouchable(nodeName="n")
    changed, removed = fieldsets.difference({"spec": spec}, {"spec": spec, "status": {"phase": "Failed"}}, pods())
    assert (changed, removed) == ({"f:status": {"f:phase": {}}}, {})
