"""What a served API server writes into its own cluster."""

from datetime import UTC, datetime
from random import Random
from typing import Any

from fakes.apiserver import bootstrap
from fakes.apiserver.server import ApiServer

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def published(server: ApiServer, port: int = 6443) -> ApiServer:
    bootstrap.publish(server, authority=b"PEM", address="127.0.0.1", port=port, today="2026-01-02")
    return server


def new() -> ApiServer:
    return ApiServer(now=lambda: NOW, random=Random(1), checked=True)


def get(server: ApiServer, group: str, plural: str, namespace: str | None, name: str) -> dict[str, Any]:
    resource = server.resources.get(group, plural)
    assert resource is not None
    return server.get(resource, namespace, name)


def test_the_service_kubernetes_leads_to_the_server() -> None:
    server = published(new())
    assert get(server, "", "services", "default", "kubernetes")["spec"]["clusterIP"] == "10.96.0.1"
    found = get(server, "discovery.k8s.io", "endpointslices", "default", "kubernetes")
    assert found["endpoints"][0]["addresses"] == ["127.0.0.1"]
    assert found["ports"] == [{"name": "https", "protocol": "TCP", "port": 6443}]


def test_components_are_told_whom_to_trust() -> None:
    found = get(published(new()), "", "configmaps", "kube-system", "extension-apiserver-authentication")
    assert found["data"]["client-ca-file"] == found["data"]["requestheader-client-ca-file"] == "PEM"


def test_after_a_restart_on_another_port_it_is_brought_up_to_date() -> None:
    server = published(published(new()), port=7443)
    assert get(server, "", "endpoints", "default", "kubernetes")["subsets"][0]["ports"][0]["port"] == 7443


def test_nothing_is_written_where_nothing_has_changed() -> None:
    server = published(new())
    before = server.version
    assert published(server).version == before
