"""What ``kubectl get`` shows of the kinds of the catalogue: cells as a real kube-apiserver printed them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fakes.apiserver.catalog import STORED_HERE
from fakes.apiserver.columns_catalog import columns_of

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CREATED = (NOW - timedelta(seconds=7)).isoformat()
ENDPOINTS = [{"addresses": [f"10.0.0.{number}"]} for number in range(1, 5)]
METRICS = [
    {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}},
    {"type": "Resource", "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "1Gi"}}},
]
CONTAINERS = [{"name": "x", "image": "y"}, {"name": "z", "image": "w"}]
USED = [{"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 42}}}]
SUBJECTS = [
    {"kind": "User", "name": "u"},
    {"kind": "Group", "name": "g"},
    {"kind": "ServiceAccount", "name": "a", "namespace": "ns"},
    {"kind": "User", "name": "v"},
]


def cells(plural: str, **obj: Any) -> list[Any]:
    """All cells but the name."""
    [resource] = [each for each in STORED_HERE if each.plural == plural]
    full = {"metadata": {"name": "s", "creationTimestamp": CREATED, **obj.pop("metadata", {})}, **obj}
    found = columns_of(resource)
    shown = found.cells(full, NOW)
    assert len(shown) == len(found.definitions)
    return shown[1:]


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (
            cells(
                "podtemplates",
                template={"metadata": {"labels": {"b": "c", "a": "b"}}, "spec": {"containers": CONTAINERS}},
            ),
            ["x,z", "y,w", "a=b,b=c"],
        ),
        (
            cells(
                "endpoints",
                subsets=[
                    {"addresses": [{"ip": "10.0.0.1"}, {"ip": "10.0.0.2"}], "ports": [{"port": 80}, {"port": 81}]}
                ],
            ),
            ["10.0.0.1:80,10.0.0.2:80,10.0.0.1:81 + 1 more...", "7s"],
        ),
        (cells("endpoints"), ["<none>", "7s"]),
        (
            cells("endpointslices", addressType="IPv4", endpoints=ENDPOINTS, ports=[{"port": 80}, {"port": 81}]),
            ["IPv4", "80,81", "10.0.0.1,10.0.0.2,10.0.0.3 + 1 more...", "7s"],
        ),
        (cells("endpointslices", addressType="IPv4", endpoints=[]), ["IPv4", "<unset>", "<unset>", "7s"]),
        (
            cells("resourcequotas", status={"hard": {"pods": "5", "limits.cpu": "2"}, "used": {"pods": "1"}}),
            ["pods: 1/5", "limits.cpu: 0/2", "7s"],
        ),
        (
            cells(
                "horizontalpodautoscalers",
                spec={
                    "scaleTargetRef": {"kind": "Deployment", "name": "w"},
                    "minReplicas": 1,
                    "maxReplicas": 3,
                    "metrics": METRICS,
                },
                status={"currentReplicas": 2, "currentMetrics": USED},
            ),
            ["Deployment/w", "cpu: 42%/80%, memory: <unknown>/1Gi", "1", 3, 2, "7s"],
        ),
        (
            cells("persistentvolumeclaims", spec={"storageClassName": "fast"}, status={"phase": "Pending"}),
            ["Pending", "", "", "", "fast", "<unset>", "7s", "<unset>"],
        ),
        (
            cells(
                "ingresses",
                spec={"ingressClassName": "c", "tls": [{}], "rules": [{"host": "a.example"}, {"host": "b.example"}]},
            ),
            ["c", "a.example,b.example", "", "80, 443", "7s"],
        ),
        (cells("ingresses", spec={}), ["<none>", "*", "", "80", "7s"]),
        (
            cells("rolebindings", roleRef={"kind": "Role", "name": "r"}, subjects=SUBJECTS),
            ["Role/r", "7s", "u, v", "g", "ns/a"],
        ),
        (
            cells("ipaddresses", spec={"parentRef": {"resource": "services", "namespace": "d", "name": "k"}}),
            ["services/d/k"],
        ),
        (
            cells(
                "certificatesigningrequests", spec={"signerName": "e.x/s", "username": "u", "expirationSeconds": 3600}
            ),
            ["7s", "e.x/s", "u", "60m", "Pending"],
        ),
        (
            cells("storageclasses", provisioner="p", reclaimPolicy="Delete", volumeBindingMode="Immediate"),
            ["p", "Delete", "Immediate", False, "7s"],
        ),
    ],
)
def test_cells_are_as_a_real_server_prints_them(shown: list[Any], expected: list[Any]) -> None:
    assert shown == expected


@pytest.mark.parametrize("resource", STORED_HERE, ids=lambda each: each.qualified)
def test_an_object_that_says_nothing_has_cells_all_the_same(resource: Any) -> None:
    found = columns_of(resource)
    obj = {"metadata": {"name": "s", "namespace": "d", "creationTimestamp": CREATED}, "spec": {}, "status": {}}
    assert len(found.cells(obj, NOW)) == len(found.definitions)
