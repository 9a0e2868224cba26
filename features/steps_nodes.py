"""Steps about the virtual node and its lease."""

from typing import Any

from pytest_bdd import given, parsers, then, when

from features.backends import PATIENCE
from features.world import World, moment
from runner import kube
from runner.node import LEASE_NAMESPACE


@given(parsers.parse("a node object with the label {key}={value}"))
def a_node_object(world: World, key: str, value: str) -> None:
    world.do(world.api.create(kube.NODES, {"metadata": {"name": world.node_name, "labels": {key: value}}}))


@when(parsers.parse("others set the label {key}={value} on the node"))
def others_set_a_label(world: World, key: str, value: str) -> None:
    world.do(world.api.patch(kube.NODES, world.node_name, {"metadata": {"labels": {key: value}}}))


@when(parsers.parse("others set the condition {type_} on the node"))
def others_set_a_condition(world: World, type_: str) -> None:
    patch = {"status": {"conditions": [{"type": type_, "status": "True"}]}}
    strategic = kube.PatchType.STRATEGIC
    world.do(world.api.patch(kube.NODES, world.node_name, patch, patch_type=strategic, subresource="status"))


@when("somebody removes the taints of the node")
def somebody_removes_the_taints(world: World) -> None:
    world.do(world.api.patch(kube.NODES, world.node_name, {"spec": {"taints": None}}))


@when("the node is deleted")
def the_node_is_deleted(world: World) -> None:
    world.do(world.api.delete(kube.NODES, world.node_name))


def _ready(node: dict[str, Any]) -> str:
    conditions = node.get("status", {}).get("conditions") or []
    return next((str(each["status"]) for each in conditions if each["type"] == "Ready"), "absent")


def _becomes(world: World, status: str, within: float) -> None:
    async def check() -> bool:
        try:
            return _ready(await world.api.get(kube.NODES, world.node_name)) == status
        except kube.NotFound:
            return False

    world.eventually(f"node's Ready is {status}", check, within=within)


@then("the node is Ready")
def the_node_is_ready(world: World) -> None:
    _becomes(world, "True", PATIENCE)


@then(parsers.parse("the node is Ready within {duration:g} s"))
def the_node_is_ready_within(world: World, duration: float) -> None:
    _becomes(world, "True", duration)


@then(parsers.parse("the node is NotReady within {duration:g} s"))
def the_node_is_not_ready_within(world: World, duration: float) -> None:
    _becomes(world, "False", duration)


@when("somebody cordons the node")
def somebody_cordons_the_node(world: World) -> None:
    world.do(world.api.patch(kube.NODES, world.node_name, {"spec": {"unschedulable": True}}))


@then("the node is cordoned")
def the_node_is_cordoned(world: World) -> None:
    assert world.node()["spec"].get("unschedulable") is True


@then("the node is not cordoned")
def the_node_is_not_cordoned(world: World) -> None:
    assert not world.node()["spec"].get("unschedulable")


@then("there is no node")
def there_is_no_node(world: World) -> None:
    assert world.do(world.api.list(kube.NODES))["items"] == []


@then(parsers.parse("the node has the label {key}={value}"))
def the_node_has_the_label(world: World, key: str, value: str) -> None:
    assert world.node()["metadata"]["labels"].get(key) == value


@then(parsers.parse("the node has the taint {key}"))
def the_node_has_the_taint(world: World, key: str) -> None:
    assert key in [taint["key"] for taint in world.node()["spec"].get("taints") or []]


@then(parsers.parse("the node has the condition {type_}"))
def the_node_has_the_condition(world: World, type_: str) -> None:
    assert type_ in [each["type"] for each in world.node()["status"]["conditions"]]


@then("the node offers cpu, memory and pods")
def the_node_offers(world: World) -> None:
    status = world.node()["status"]
    assert {"cpu", "memory", "pods"} <= set(status["capacity"])
    assert status["allocatable"] == status["capacity"]


@then("the node tells where its kubelet API is")
def the_node_tells_its_endpoint(world: World) -> None:
    status = world.node()["status"]
    assert "InternalIP" in [each["type"] for each in status["addresses"]]
    assert status["daemonEndpoints"]["kubeletEndpoint"]["Port"] > 0


def _lease(world: World) -> dict[str, Any]:
    return world.do(world.api.get(kube.LEASES, world.node_name, LEASE_NAMESPACE))


@then(parsers.parse("its lease was renewed in the last {duration:g} s"))
def its_lease_was_renewed(world: World, duration: float) -> None:
    spec = _lease(world)["spec"]
    assert spec["holderIdentity"] == world.node_name
    assert (world.now() - moment(spec["renewTime"])).total_seconds() <= duration


@then("its lease belongs to the node")
def its_lease_belongs_to_the_node(world: World) -> None:
    async def check() -> bool:
        lease = await world.api.get(kube.LEASES, world.node_name, LEASE_NAMESPACE)
        node = await world.api.get(kube.NODES, world.node_name)
        owners = [each["uid"] for each in lease["metadata"].get("ownerReferences") or []]
        return owners == [node["metadata"]["uid"]]

    world.eventually("the lease belongs to the node", check, within=30)
