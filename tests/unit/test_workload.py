"""When pods arrive and what they look like (``vksim.workload``)."""

from random import Random
from typing import Any

import msgspec
import pytest

from vksim.scenario import Workload
from vksim.schema import hook
from vksim.workload import Template, arrivals


def workload(**fields: Any) -> Workload:
    return msgspec.convert({"name": "w", "pods": 5, **fields}, Workload, dec_hook=hook)


def test_constant_arrivals_are_even() -> None:
    assert arrivals(workload(at="10s", over="8s"), Random(1)) == [10, 12, 14, 16, 18]


def test_without_a_length_all_arrive_at_once() -> None:
    assert arrivals(workload(at="3s"), Random(1)) == [3] * 5


def test_poisson_arrivals_are_in_order_and_in_time() -> None:
    times = arrivals(workload(pods=100, at="10s", over="1m", arrival="poisson"), Random(1))
    assert times == sorted(times)
    assert 10 <= times[0] <= times[-1] <= 70
    assert len(set(times)) == 100


def test_a_pod_tolerates_the_taint_of_virtual_nodes() -> None:
    pod = Template(workload(), Random(1)).pod(0)
    assert pod["spec"]["tolerations"] == [{"key": "virtual-kubelet.io/provider", "operator": "Exists"}]


def test_pods_share_their_spec() -> None:
    template = Template(workload(), Random(1))
    assert template.pod(0)["spec"] is template.pod(1)["spec"]


def test_each_pod_draws_its_own_run_time() -> None:
    template = Template(workload(runFor=["1s", "9s"]), Random(1))
    times = {template.pod(number)["metadata"]["annotations"]["mock.vksim.io/run-for"] for number in range(5)}
    assert len(times) == 5
    assert all(1 <= float(each.removesuffix("s")) <= 9 for each in times)


@pytest.mark.parametrize(("code", "seen"), [(0, {"0"}), (3, {"3"}), ({0: 1, 7: 1}, {"0", "7"}), ({0: 1, 7: 0}, {"0"})])
def test_exit_codes_come_by_weight(code: Any, seen: set[str]) -> None:
    template = Template(workload(exitCode=code), Random(1))
    annotations = [template.pod(number)["metadata"]["annotations"] for number in range(50)]
    assert {each.get("mock.vksim.io/exit-code", "0") for each in annotations} == seen
