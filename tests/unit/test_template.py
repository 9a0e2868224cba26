"""What pods look like (``vksim.template``)."""

from random import Random
from typing import Any

import msgspec
import pytest

from vksim.demand import Pods
from vksim.schema import hook
from vksim.template import Template


def workload(**fields: Any) -> Pods:
    return msgspec.convert({"kind": "Pod", "name": "w", "pods": 5, **fields}, Pods, dec_hook=hook)


def test_a_pod_tolerates_the_taint_of_virtual_nodes() -> None:
    pod = Template(workload(), Random(1)).pod("a")
    assert pod["spec"]["tolerations"] == [{"key": "virtual-kubelet.io/provider", "operator": "Exists"}]


def test_pods_share_their_spec() -> None:
    template = Template(workload(), Random(1))
    assert template.pod("a")["spec"] is template.pod("b")["spec"]


def test_each_pod_draws_its_own_run_time() -> None:
    template = Template(workload(runFor=["1s", "9s"]), Random(1))
    times = {template.pod(f"p-{number}")["metadata"]["annotations"]["mock.vksim.io/run-for"] for number in range(5)}
    assert len(times) == 5
    assert all(1 <= float(each.removesuffix("s")) <= 9 for each in times)


@pytest.mark.parametrize(("code", "seen"), [(0, {"0"}), (3, {"3"}), ({0: 1, 7: 1}, {"0", "7"}), ({0: 1, 7: 0}, {"0"})])
def test_exit_codes_come_by_weight(code: Any, seen: set[str]) -> None:
    template = Template(workload(exitCode=code), Random(1))
    annotations = [template.pod(f"p-{number}")["metadata"]["annotations"] for number in range(50)]
    assert {each.get("mock.vksim.io/exit-code", "0") for each in annotations} == seen
