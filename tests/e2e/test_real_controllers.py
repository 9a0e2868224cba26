"""A whole real control plane, scheduler and controllers, with a virtual node of ours in it."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.controlplane import control_plane, programs_or_skip
from tests.e2e.test_kubectl_streams import KUBECTL, Place, eventually, process

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.controlplane,
    pytest.mark.skipif(not KUBECTL, reason="kubectl is not installed"),
]

TOLERATIONS = [{"key": "virtual-kubelet.io/provider", "operator": "Exists"}]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("controllers")
    with ExitStack() as stack:
        plane = stack.enter_context(control_plane(folder, programs_or_skip()))
        for component in ("kube-controller-manager", "kube-scheduler"):
            stack.enter_context(plane.component(component))
        runner = ("--provider", "mock", "--kubeconfig", str(plane.kubeconfig), "--port", "0")
        stack.enter_context(process("runner", *runner))
        found = Place(plane.kubeconfig)
        eventually(lambda: found.kubectl("get", "node", "virtual-kubelet")[0] == 0)
        yield found


def template(restart_policy: str = "Always", **script: str) -> dict[str, Any]:
    annotations = {f"mock.vksim.io/{name.replace('_', '-')}": value for name, value in script.items()}
    container = {"name": "main", "image": "registry.example/app:1"}
    spec = {"containers": [container], "restartPolicy": restart_policy, "tolerations": TOLERATIONS}
    return {"metadata": {"labels": {"app": "it"}, "annotations": annotations}, "spec": spec}


def create(place: Place, api: str, kind: str, name: str, **spec: Any) -> None:
    made = {"apiVersion": api, "kind": kind, "metadata": {"name": name}, "spec": spec}
    code, _, err = place.kubectl("create", "-f", "-", stdin=json.dumps(made).encode())
    assert code == 0, err


def pods(place: Place) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(place.kubectl("get", "pods", "-o", "json")[1])["items"]
    return found


def test_a_deployment_runs_and_rolls(place: Place) -> None:
    labels = {"app": "it"}
    create(place, "apps/v1", "Deployment", "web", replicas=3, selector={"matchLabels": labels}, template=template())
    assert place.kubectl("rollout", "status", "deployment/web", "--timeout=60s")[0] == 0
    assert place.kubectl("set", "image", "deployment/web", "main=registry.example/app:2")[0] == 0
    code, out, err = place.kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    assert code == 0, out + err
    place.kubectl("delete", "deployment", "web", "--wait")
    eventually(lambda: not pods(place))


def test_a_job_completes(place: Place) -> None:
    create(place, "batch/v1", "Job", "once", completions=3, parallelism=2, template=template("Never", run_for="1s"))
    code, _, err = place.kubectl("wait", "--for=condition=Complete", "job/once", "--timeout=60s")
    assert code == 0, err
    place.kubectl("delete", "job", "once", "--wait")
    eventually(lambda: not pods(place))


def test_pods_that_fail_for_good_are_replaced(place: Place) -> None:
    broken = template(create_error="permanent")
    create(
        place, "apps/v1", "ReplicaSet", "doomed", replicas=1, selector={"matchLabels": {"app": "it"}}, template=broken
    )
    eventually(lambda: sum(each["status"].get("phase") == "Failed" for each in pods(place)) >= 2)
    reasons = {each["status"].get("reason") for each in pods(place) if each["status"].get("phase") == "Failed"}
    assert reasons == {"ProviderFailed"}
    place.kubectl("delete", "replicaset", "doomed", "--wait")
