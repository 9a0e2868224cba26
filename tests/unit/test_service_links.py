"""The variables for Services (``runner.service_links``)."""

from typing import Any

import pytest

from runner.service_links import service_variables


def service(name: str, *ports: dict[str, Any], ip: str | None = "10.96.0.5") -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"clusterIP": ip, "ports": list(ports)}}


MASTER = service("kubernetes", {"name": "https", "port": 443, "protocol": "TCP"}, ip="10.96.0.1")


def test_a_service_is_told_in_dockers_way() -> None:
    shop = service("shop-db", {"name": "sql", "port": 5432}, {"name": "my-dns", "port": 53, "protocol": "UDP"})
    assert service_variables([shop], None, enabled=True) == {
        "SHOP_DB_SERVICE_HOST": "10.96.0.5",
        "SHOP_DB_SERVICE_PORT": "5432",
        "SHOP_DB_SERVICE_PORT_SQL": "5432",
        "SHOP_DB_SERVICE_PORT_MY_DNS": "53",
        "SHOP_DB_PORT": "tcp://10.96.0.5:5432",
        "SHOP_DB_PORT_5432_TCP": "tcp://10.96.0.5:5432",
        "SHOP_DB_PORT_5432_TCP_PROTO": "tcp",
        "SHOP_DB_PORT_5432_TCP_PORT": "5432",
        "SHOP_DB_PORT_5432_TCP_ADDR": "10.96.0.5",
        "SHOP_DB_PORT_53_UDP": "udp://10.96.0.5:53",
        "SHOP_DB_PORT_53_UDP_PROTO": "udp",
        "SHOP_DB_PORT_53_UDP_PORT": "53",
        "SHOP_DB_PORT_53_UDP_ADDR": "10.96.0.5",
    }


def test_an_ipv6_address_is_bracketed_in_urls_only() -> None:
    found = service_variables([service("a", {"port": 80}, ip="fd00::5")], None, enabled=True)
    assert (found["A_SERVICE_HOST"], found["A_PORT"]) == ("fd00::5", "tcp://[fd00::5]:80")


@pytest.mark.parametrize(
    "headless", [service("a", {"port": 80}, ip="None"), service("a", {"port": 80}, ip=None), service("a")]
)
def test_a_service_without_an_address_or_a_port_is_not_told(headless: dict[str, Any]) -> None:
    assert service_variables([headless], None, enabled=True) == {}


def test_the_api_server_is_told_to_all() -> None:
    found = service_variables([service("a", {"port": 80})], MASTER, enabled=False)
    assert found["KUBERNETES_SERVICE_HOST"] == "10.96.0.1"
    assert "A_SERVICE_HOST" not in found


def test_the_namespaces_own_kubernetes_wins() -> None:
    own = service("kubernetes", {"port": 6443})
    assert service_variables([own], MASTER, enabled=True)["KUBERNETES_SERVICE_PORT"] == "6443"
