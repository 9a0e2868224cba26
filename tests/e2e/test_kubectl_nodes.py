"""kubectl's view of nodes and of who may do what, on a served cluster: top, cordon, drain, auth, tokens."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.test_kubectl_streams import KUBECTL, POD, Place, eventually, process

pytestmark = [pytest.mark.e2e, pytest.mark.skipif(not KUBECTL, reason="kubectl is not installed")]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    kubeconfig = tmp_path / "kubeconfig"
    with process("vksim", "serve", "--nodes", "2", "--kubeconfig", str(kubeconfig)):
        eventually(kubeconfig.exists)
        found = Place(kubeconfig)
        for name, node in (("web", "virtual-0"), ("db", "virtual-1")):
            pod = {**POD, "metadata": {"name": name}, "spec": {**POD["spec"], "nodeName": node}}
            assert found.kubectl("create", "-f", "-", stdin=json.dumps(pod).encode())[0] == 0
        assert found.kubectl("wait", "--for=condition=Ready", "pod", "--all", "--timeout=30s")[0] == 0
        yield found


def test_top_tells_what_pods_and_nodes_use(place: Place) -> None:
    code, out, _ = place.kubectl("top", "pod", "--no-headers")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == ["db", "web"]
    code, out, _ = place.kubectl("top", "node", "--no-headers")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == ["virtual-0", "virtual-1"]


def test_a_drained_node_is_empty_and_takes_nothing_new(place: Place) -> None:
    code, out, err = place.kubectl("drain", "virtual-0", "--force", "--timeout=30s")
    assert code == 0, err
    assert "pod/web evicted" in out
    listed = json.loads(place.kubectl("get", "pods", "-o", "json")[1])["items"]
    assert [each["metadata"]["name"] for each in listed] == ["db"]
    assert place.kubectl("get", "node", "virtual-0")[1].count("SchedulingDisabled") == 1
    assert place.kubectl("uncordon", "virtual-0")[0] == 0
    assert place.kubectl("get", "node", "virtual-0")[1].count("SchedulingDisabled") == 0
