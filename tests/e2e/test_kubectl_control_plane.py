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


@pytest.mark.parametrize(("cascade", "left"), [("background", set()), ("foreground", set()), ("orphan", {"dependent"})])
def test_a_delete_cascades(place: Place, cascade: str, left: set[str]) -> None:
    owner = create(place, config_map("owner"))
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
    create(place, config_map("dependent", ownerReferences=[{**reference, "blockOwnerDeletion": True}]))
    code, _, err = place.kubectl("delete", "configmap", "owner", f"--cascade={cascade}", "--timeout=20s")
    assert code == 0, err
    assert config_maps(place) == left
    place.kubectl("delete", "configmap", "dependent", "--ignore-not-found")
