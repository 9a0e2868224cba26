"""Filter, score and choice (``vksim.scheduler``)."""

from typing import Any

import pytest

from vksim import scheduler
from vksim.scheduler import choose, need_of, node_state, refusal, take


def node(name: str = "n", *, cpu: str = "4", pods: str = "10", **spec: Any) -> scheduler.NodeState:
    return node_state(
        {
            "metadata": {"name": name, "labels": {"zone": "a"}},
            "spec": spec,
            "status": {"allocatable": {"cpu": cpu, "memory": "8Gi", "pods": pods}},
        }
    )


def pod(cpu: str = "500m", **spec: Any) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": cpu}}}], **spec}}


TAINT = {"key": "virtual", "value": "yes", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("quantity", "thousandths"),
    [("500m", 500), ("1", 1000), (2, 2000), ("1Gi", 2**30 * 1000), ("1.5", 1500), ("100u", 1), ("nonsense", 0)],
)
def test_amounts_are_whole_thousandths(quantity: str | int, thousandths: int) -> None:
    assert scheduler.amount(quantity) == thousandths


def test_a_pod_that_fits_is_not_refused() -> None:
    assert refusal(need_of(pod()), node()) == ""


@pytest.mark.parametrize(
    ("subject", "where", "why"),
    [
        (pod("5"), node(), "Insufficient cpu"),
        (pod(), node(pods="0"), "Too many pods"),
        (pod(), node(unschedulable=True), "node(s) were unschedulable"),
        (pod(), node(taints=[TAINT]), "node(s) had untolerated taint {virtual: yes}"),
        (pod(nodeSelector={"zone": "b"}), node(), "node(s) didn't match Pod's node affinity/selector"),
    ],
)
def test_a_refusal_says_why_as_kube_scheduler_does(
    subject: dict[str, Any], where: scheduler.NodeState, why: str
) -> None:
    assert refusal(need_of(subject), where) == why


@pytest.mark.parametrize(
    "toleration",
    [
        {"operator": "Exists"},
        {"key": "virtual", "operator": "Exists"},
        {"key": "virtual", "value": "yes"},
        {"key": "virtual", "operator": "Equal", "value": "yes", "effect": "NoSchedule"},
    ],
)
def test_a_tolerated_taint_is_no_obstacle(toleration: dict[str, str]) -> None:
    assert refusal(need_of(pod(tolerations=[toleration])), node(taints=[TAINT])) == ""


def test_a_preferred_taint_is_no_obstacle() -> None:
    assert refusal(need_of(pod()), node(taints=[{**TAINT, "effect": "PreferNoSchedule"}])) == ""


def test_the_emptier_node_is_chosen() -> None:
    full, empty = node("full"), node("empty")
    take(full, need_of(pod("3")))
    chosen, _, _ = choose(need_of(pod()), [full, empty], 0)
    assert chosen is empty


def test_what_is_given_back_can_be_taken_again() -> None:
    only, need = node(cpu="1"), need_of(pod("1"))
    take(only, need)
    assert refusal(need, only) == "Insufficient cpu"
    take(only, need, -1)
    assert refusal(need, only) == ""


def test_init_containers_count_where_they_ask_for_more() -> None:
    subject = pod("500m", initContainers=[{"name": "i", "resources": {"requests": {"cpu": "2"}}}])
    assert dict(need_of(subject).requests)["cpu"] == 2000


def test_no_more_nodes_are_looked_at_than_needed() -> None:
    nodes = [node(str(number)) for number in range(1000)]
    _, following, _ = choose(need_of(pod()), nodes, 990)
    assert following == (990 + scheduler.ENOUGH) % 1000


def test_a_pod_that_fits_nowhere_is_told_why_by_node() -> None:
    nodes = [node("a", cpu="100m"), node("b", unschedulable=True), node("c", cpu="100m")]
    chosen, _, why = choose(need_of(pod()), nodes, 0)
    assert chosen is None
    assert why == "0/3 nodes are available: 2 Insufficient cpu, 1 node(s) were unschedulable."


def test_an_empty_cluster_has_no_place() -> None:
    assert choose(need_of(pod()), [], 0)[2] == "no nodes available to schedule pods"
