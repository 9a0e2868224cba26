"""How full a run is: queues and requests, over time and as series for objectives (``vksim.gauges``)."""

import io
from typing import Any

from vksim import report, scenario
from vksim.observer import Observer
from vksim.result import Result
from vksim.simulation import play


def played(**changes: Any) -> Result:
    data = {
        "apiVersion": "vksim/v1",
        "kind": "Scenario",
        "metadata": {"name": "full"},
        "duration": "4m",
        "cluster": {"nodes": [{"name": "n", "count": 2, "capacity": {"cpu": "4", "memory": "16Gi", "pods": 20}}]},
        "workloads": [{"name": "w", "pods": 6, "runFor": "30s", "requests": {"cpu": "2", "memory": "2Gi"}}],
        **changes,
    }
    return play(scenario.decode(data), "full.yaml", io.BytesIO())


def test_pods_that_fit_nowhere_are_in_the_queue_until_there_is_room() -> None:
    result = played()
    assert result.measured["queue.scheduler.max"] == 2
    assert result.gauges["queue scheduler"][-1] == 0
    assert len(result.gauges["queue scheduler"]) == len(result.times)


def test_what_is_requested_is_a_share_of_what_nodes_offer_and_is_given_back() -> None:
    result = played()
    assert result.measured["requested.cpu.max"] == 1.0
    assert result.measured["requested.memory.max"] == 0.25
    assert result.gauges["requested cpu"][-1] == 0


def test_a_pod_that_is_deleted_without_a_node_waits_no_more() -> None:
    observer = Observer(lambda: 1.0, io.BytesIO(), lambda pod: None, lambda kind, version: None)
    metadata = {"name": "p", "namespace": "default", "uid": "u", "resourceVersion": "1"}
    pod = {"kind": "Pod", "metadata": metadata, "spec": {}}
    queued = []
    for kind in ("ADDED", "MODIFIED", "DELETED"):
        observer.saw(kind, pod)
        queued.append(observer.queued)
    assert queued == [1, 1, 0]


def test_pods_that_their_runner_has_no_worker_for_wait() -> None:
    many = {"name": "w", "pods": 300, "runFor": "30s"}
    slow = {"kind": "runner-slow", "at": "0s", "for": "2m", "by": "5s"}
    nodes = {"nodes": [{"name": "n", "count": 2, "capacity": {"cpu": "400", "memory": "1Ti", "pods": 200}}]}
    assert played(cluster=nodes, workloads=[many], faults=[slow]).measured["queue.runners.max"] > 0


def test_objectives_can_be_about_them_and_the_report_draws_them() -> None:
    result = played(expect=["queue.scheduler.max <= 1", "requested.cpu.max <= 1"])
    assert [each.met for each in result.expectations] == [False, True]
    assert result.expectations[0].since is not None
    page = report.html(result)
    assert "Pods that wait" in page
    assert "Requested of the nodes" in page
