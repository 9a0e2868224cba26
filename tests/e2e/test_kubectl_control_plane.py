"""kubectl against ``vksim serve``, where a control plane does something about what it asks."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.test_kubectl_streams import KUBECTL, Place, eventually, process

pytestmark = [pytest.mark.e2e, pytest.mark.skipif(not KUBECTL, reason="kubectl is not installed")]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    kubeconfig = tmp_path_factory.mktemp("served") / "kubeconfig"
    with process("vksim", "serve", "--nodes", "2", "--kubeconfig", str(kubeconfig)):
        eventually(kubeconfig.exists)
        yield Place(kubeconfig)


def create(place: Place, obj: dict[str, Any]) -> dict[str, Any]:
    """Create an object with kubectl; what came of it."""
    code, out, err = place.kubectl("create", "-f", "-", "-o", "json", stdin=json.dumps(obj).encode())
    assert code == 0, err
    made: dict[str, Any] = json.loads(out)
    return made


def config_map(name: str, **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}}


def config_maps(place: Place) -> set[str]:
    out = place.kubectl("get", "configmaps", "-o", "name")[1]
    return {each.removeprefix("configmap/") for each in out.split()} - {"kube-root-ca.crt"}


def pod(name: str, **labels: str) -> dict[str, Any]:
    spec = {"nodeName": "virtual-0", "containers": [{"name": "main", "image": "nginx"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": spec}


def kubectl(place: Place, line: str) -> str:
    """What a kubectl says that must succeed."""
    code, out, err = place.kubectl(*line.split())
    assert code == 0, f"kubectl {line}: {out}{err}"
    return out


@pytest.mark.parametrize(("cascade", "left"), [("background", set()), ("foreground", set()), ("orphan", {"dependent"})])
def test_a_delete_cascades(place: Place, cascade: str, left: set[str]) -> None:
    owner = create(place, config_map("owner"))
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
    create(place, config_map("dependent", ownerReferences=[{**reference, "blockOwnerDeletion": True}]))
    code, _, err = place.kubectl("delete", "configmap", "owner", f"--cascade={cascade}", "--timeout=20s")
    assert code == 0, err
    assert config_maps(place) == left
    place.kubectl("delete", "configmap", "dependent", "--ignore-not-found")


def test_a_drain_is_held_up_by_a_budget_until_that_allows_more(place: Place) -> None:
    for name in ("one", "two"):
        create(place, pod(name, app="guarded"))
    kubectl(place, "wait --for=condition=Ready pod -l app=guarded --timeout=30s")
    kubectl(place, "create pdb guard --selector=app=guarded --min-available=1")
    assert "guard 1 N/A 1" in " ".join(kubectl(place, "get pdb guard --no-headers").split())
    code, _, err = place.kubectl("drain", "virtual-0", "--force", "--timeout=4s")
    assert code != 0
    assert "Cannot evict pod as it would violate the pod's disruption budget." in err
    assert len(kubectl(place, "get pods -l app=guarded -o name").split()) == 1
    kubectl(place, 'patch pdb guard -p {"spec":{"minAvailable":0}}')
    assert "drained" in kubectl(place, "drain virtual-0 --force --timeout=30s")
    kubectl(place, "uncordon virtual-0")
    kubectl(place, "delete pdb guard")


def test_a_quota_counts_and_refuses(place: Place) -> None:
    kubectl(place, "create namespace counted")
    kubectl(place, "create quota few --hard=count/configmaps=2 -n counted")
    kubectl(place, "create configmap one -n counted")
    code, _, err = place.kubectl("create", "configmap", "two", "-n", "counted")
    assert code != 0
    assert "exceeded quota: few, requested: count/configmaps=1, used: count/configmaps=2" in err
    assert "count/configmaps 2 2" in " ".join(kubectl(place, "describe quota few -n counted").split())
    kubectl(place, "delete namespace counted --timeout=20s")


def test_a_pod_has_the_priority_of_its_class(place: Place) -> None:
    kubectl(place, "create priorityclass urgent --value=1000")
    kubectl(place, 'run hurried --image=nginx --overrides={"spec":{"priorityClassName":"urgent"}}')
    assert kubectl(place, "get pod hurried -o jsonpath={.spec.priority}") == "1000"
    kubectl(place, "delete pod hurried")
    kubectl(place, "delete priorityclass urgent")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("guarded")
    options = ("--nodes", "0", "--authorization", "--audit-log", str(folder / "audit.log"))
    with process("vksim", "serve", "--kubeconfig", str(folder / "kubeconfig"), *options):
        eventually((folder / "kubeconfig").exists)
        yield Place(folder / "kubeconfig")


def test_a_user_may_do_what_a_binding_allows(guarded: Place) -> None:
    kubectl(guarded, "create rolebinding readers --clusterrole=view --user=bob")
    assert kubectl(guarded, "auth can-i list pods --as bob").strip() == "yes"
    code, out, _ = guarded.kubectl("auth", "can-i", "delete", "pods", "--as", "bob")
    assert (code, out.strip()) == (1, "no")
    kubectl(guarded, "get pods --as bob")
    code, _, err = guarded.kubectl("create", "configmap", "c", "--as", "bob")
    assert code == 1
    assert 'configmaps is forbidden: User "bob" cannot create resource "configmaps" in API group ""' in err
    assert "pods/log" in kubectl(guarded, "auth can-i --list --as bob")
    assert "bob" in kubectl(guarded, "auth whoami --as bob")


def test_a_user_cannot_give_away_more_than_they_have(guarded: Place) -> None:
    kubectl(guarded, "create role clerk --verb=create,patch,get --resource=roles")
    kubectl(guarded, "create rolebinding clerks --role=clerk --user=ann")
    kubectl(guarded, "create role same --verb=get --resource=roles --as ann")
    code, _, err = guarded.kubectl("create", "role", "more", "--verb=delete", "--resource=pods", "--as", "ann")
    assert code == 1
    assert "is attempting to grant RBAC permissions not currently held" in err
    assert 'Verbs:["delete"]' in err
    patch = '{"rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]}'
    code, _, err = guarded.kubectl("patch", "role", "same", "--patch", patch, "--as", "ann")
    assert code == 1
    assert "not currently held" in err
    assert "secrets" not in kubectl(guarded, "get role same -o yaml")


def test_the_audit_log_tells_who_asked(guarded: Place) -> None:
    kubectl(guarded, "get nodes --as ann --as-group system:masters")
    lines = (guarded.kubeconfig.parent / "audit.log").read_text().splitlines()
    events = [json.loads(each) for each in lines]
    assert any(each["verb"] == "list" and each["user"]["username"] == "ann" for each in events)
