"""A real kube-scheduler and kube-controller-manager on ``vksim serve``: they find all that they ask for, and work.

What they may complain about is what they complain about on a real kube-apiserver, too.
"""

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.controlplane import component, programs_or_skip
from tests.e2e.test_kubectl_streams import KUBECTL, Place, process

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.controlplane,
    pytest.mark.skipif(not KUBECTL, reason="kubectl is not installed"),
]

COMPONENTS = ("kube-controller-manager", "kube-scheduler")
NODES = 3
WORKLOADS = Path(__file__).with_name("workloads.yaml")
PATIENCE_SECONDS = 60.0
LONG_SECONDS = 600.0
COMPLAINT = re.compile(r"^[EF]\d{4} ")
"""An error in a log of klog's."""
EXCUSED = tuple(
    re.compile(each)
    for each in (
        # Two writers met, or a controller's cache was a little behind: it tries again. On a real API server too.
        "the object has been modified; please apply your changes to the latest version",
        r'error syncing StatefulSet .* pods \\"[\w-]+\\" already exists',
        "informer cache is out of date",
        # A controller works on an object that has gone, or in a namespace that goes.
        r'\\?" not found',
        "because it is being terminated",
        # The autoscaler looks before the first metrics are there.
        "failed to get cpu utilization|no metrics returned from resource metrics API|did not receive metrics",
    )
)


class Logs:
    """What the components have complained about."""

    def __init__(self, files: list[Path]) -> None:
        self._files = files

    def complaints(self) -> list[str]:
        lines = [line for file in self._files for line in file.read_text().splitlines() if COMPLAINT.match(line)]
        return [line for line in lines if not any(each.search(line) for each in EXCUSED)]


Cluster = tuple[Place, Logs]


@pytest.fixture(scope="module", params=["protobuf", "json"])
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A served cluster whose scheduler and controllers are real ones, and speak that form."""
    folder = tmp_path_factory.mktemp("plane")
    programs = programs_or_skip()
    form = () if request.param == "protobuf" else ("--kube-api-content-type=application/json",)
    with ExitStack() as stack:
        kubeconfig = folder / "kubeconfig"
        serve = ("serve", "--nodes", str(NODES), "--no-controllers", "--kubeconfig", str(kubeconfig))
        stack.enter_context(process("vksim", *serve))
        eventually("the cluster to be served", kubeconfig.exists)
        files = [stack.enter_context(component(programs / name, folder, kubeconfig, *form)) for name in COMPONENTS]
        place = Place(kubeconfig)
        furnished(place, "default")
        yield place, Logs(files)


def eventually(what: str, check: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS  # noqa: TID251  (processes live in real time)
    while not check():
        assert time.monotonic() < deadline, f"waited in vain for {what}"  # noqa: TID251
        time.sleep(0.2)  # noqa: TID251


def run(place: Place, line: str, stdin: str = "") -> str:
    """What a kubectl says that must succeed."""
    code, out, err = place.kubectl(*line.split(), stdin=stdin.encode())
    assert code == 0, f"kubectl {line}: {out}{err}"
    return out


def found(place: Place, what: str, namespace: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = json.loads(run(place, f"get {what} -n {namespace} -o json"))["items"]
    return items


def furnished(place: Place, namespace: str) -> None:
    """Wait until the controllers have given a namespace the account that its pods need."""
    eventually("a service account", lambda: place.kubectl("get", "serviceaccount", "default", "-n", namespace)[0] == 0)


def live_through(place: Place, namespace: str) -> None:
    """All workloads come, change, and go, in a namespace of their own."""

    def kubectl(line: str) -> str:
        return run(place, f"{line} -n {namespace}")

    def number(what: str, wanted: int) -> None:
        eventually(f"{wanted} of {what}", lambda: len(found(place, what, namespace)) == wanted)

    run(place, f"create namespace {namespace}")
    furnished(place, namespace)
    kubectl(f"apply -f {WORKLOADS}")
    for each in ("deployment/web", "statefulset/db", "daemonset/agent"):
        kubectl(f"rollout status {each} --timeout=60s")
    number("pods -l app=agent", NODES)
    kubectl("wait --for=jsonpath={.status.readyReplicas}=2 replicaset/plain replicationcontroller/old --timeout=60s")
    kubectl("wait --for=condition=Complete job/once --timeout=60s")
    kubectl("wait --for=jsonpath={.status.currentHealthy}=3 pdb/web --timeout=60s")
    eventually("all addresses behind the service", lambda: len(addresses(place, namespace, "web")) == 3)

    kubectl("set image deployment/web main=app:2")
    kubectl("rollout status deployment/web --timeout=60s")
    kubectl("rollout undo deployment/web")
    kubectl("rollout status deployment/web --timeout=60s")
    kubectl("scale deployment/web --replicas=5")
    kubectl("wait --for=jsonpath={.status.readyReplicas}=5 deployment/web --timeout=60s")
    kubectl("rollout restart statefulset/db daemonset/agent")
    kubectl("rollout status statefulset/db --timeout=60s")
    kubectl("create job by-hand --from=cronjob/tick")
    kubectl("wait --for=condition=Complete job/by-hand --timeout=60s")
    kubectl("delete pod db-0 --wait=false")
    kubectl("wait --for=jsonpath={.status.readyReplicas}=2 statefulset/db --timeout=60s")

    kubectl("delete replicaset plain --cascade=orphan")
    assert len(found(place, "pods -l app=plain", namespace)) == 2
    kubectl("delete replicationcontroller old --cascade=foreground")
    assert not found(place, "pods -l app=old", namespace)
    kubectl("delete job once --cascade=background")
    number("pods -l job-name=once", 0)
    run(place, f"delete namespace {namespace} --timeout=60s")


def addresses(place: Place, namespace: str, service: str) -> list[str]:
    slices = found(place, f"endpointslices -l kubernetes.io/service-name={service}", namespace)
    endpoints = [end for each in slices for end in each.get("endpoints") or ()]
    return [address for end in endpoints if end["conditions"]["ready"] for address in end["addresses"]]


def test_all_workloads_come_change_and_go(cluster: Cluster) -> None:
    place, logs = cluster
    live_through(place, "once")
    assert not logs.complaints()


def test_a_node_that_goes_loses_its_pods(cluster: Cluster) -> None:
    place, logs = cluster
    run(place, "create deployment away --image=app --replicas=3")
    run(place, "rollout status deployment/away --timeout=60s")
    run(place, "cordon virtual-0")
    run(place, "drain virtual-0 --ignore-daemonsets --force --timeout=60s")
    eventually("the pods to be elsewhere", lambda: "virtual-0" not in set(nodes_of(place, "away")))
    run(place, "uncordon virtual-0")
    run(place, "delete deployment away")
    assert not logs.complaints()


def nodes_of(place: Place, app: str) -> list[str]:
    return [each["spec"].get("nodeName", "") for each in found(place, f"pods -l app={app}", "default")]


@pytest.mark.slow
def test_ten_minutes_pass_without_a_complaint(cluster: Cluster) -> None:
    place, logs = cluster
    run(place, f"apply -f {WORKLOADS}")
    until = time.monotonic() + LONG_SECONDS  # noqa: TID251
    rounds = 0
    while time.monotonic() < until:  # noqa: TID251
        live_through(place, f"round-{rounds}")
        rounds += 1
    assert rounds > 1
    jobs = Counter(each["metadata"]["name"].rpartition("-")[0] for each in found(place, "jobs", "default"))
    assert jobs["tick"] >= 3, "a cron job of every minute keeps its last three jobs"
    assert not logs.complaints()
