"""The plain-HTTP port: what is there for everybody, and what only for callers on the same machine."""

import asyncio
import socket
from typing import Any

import aiohttp
import pytest

from runner.kubelet.server import AddressError
from runner.metrics import Metrics
from runner.metrics_server import MetricsServer, listen


def get(path: str, *, ready: bool = True) -> tuple[int, str, str]:
    """The status, content type and text that a path is answered with."""

    async def go() -> tuple[int, str, str]:
        listener = socket.create_server(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}{path}"
        server = MetricsServer(Metrics(), lambda: ready, lambda: [{"node": "n", "pods": []}])
        async with server.serving(listener), aiohttp.ClientSession() as client, client.get(url) as response:
            return response.status, response.headers["Content-Type"], await response.text()

    return asyncio.run(go())


def test_metrics_are_in_prometheus_text_format() -> None:
    status, content_type, text = get("/metrics")
    assert (status, content_type) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert "# TYPE workqueue_depth gauge" in text
    assert "process_resident_memory_bytes" in text


def test_a_port_that_is_taken_is_told_with_its_flag() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AddressError) as caught:
            listen("127.0.0.1", port)
    assert str(caught.value) == f"--metrics-addr: cannot listen on 127.0.0.1 port {port}: Address already in use"


@pytest.mark.parametrize(("ready", "status"), [(True, 200), (False, 503)])
def test_it_is_ready_when_its_nodes_are(ready: bool, status: int) -> None:
    assert get("/readyz", ready=ready)[0] == status
    assert get("/healthz", ready=ready)[0] == 200


def test_what_pods_wait_for_is_told_to_callers_on_the_same_machine() -> None:
    status, content_type, text = get("/debug/pods")
    assert (status, content_type) == (200, "application/json")
    assert '"node": "n"' in text


def test_and_to_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    def from_elsewhere(_: Any, name: str) -> tuple[str, int] | None:
        return {"sockname": ("127.0.0.1", 1), "peername": ("127.0.0.9", 2)}.get(name)

    monkeypatch.setattr("asyncio.selector_events._SelectorSocketTransport.get_extra_info", from_elsewhere)
    assert get("/debug/pods")[0] == 403
    assert get("/metrics")[0] == 200
