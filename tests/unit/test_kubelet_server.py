"""The kubelet API over its own port and TLS."""

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import trustme
from cryptography import x509

from providers.base import LogOptions
from providers.errors import Invalid, NotFound, Retryable, Unsupported
from runner.kubelet.certificates import self_signed
from runner.kubelet.handlers import Handlers
from runner.kubelet.server import AddressError, KubeletServer, listen
from runner.kubelet.tls import TlsError, TlsFiles, server_context
from runner.logs import POD
from runner.ports import SystemClock
from runner.tracing import NoTraces

NOW = datetime.now(UTC)  # noqa: TID251  (TLS compares certificates with the machine's clock)


class Node:
    """A node whose logs are scripted."""

    def __init__(self, *pieces: bytes, error: Exception | None = None, endless: bool = False) -> None:
        self.pieces, self.error, self.endless = pieces, error, endless
        self.asked: list[tuple[str, str, str, LogOptions]] = []
        self.left = asyncio.Event()

    async def container_logs(
        self, namespace: str, pod: str, container: str, options: LogOptions
    ) -> AsyncIterator[bytes]:
        self.asked.append((namespace, pod, container, options))
        try:
            for piece in self.pieces:
                yield piece
            if self.error:
                raise self.error
            if self.endless:
                await asyncio.Event().wait()
        finally:
            self.left.set()


class Found:
    """Nodes, found by a function."""

    def __init__(self, resolve: Callable[[str, str], Node | None]) -> None:
        self.of_pod: Any = resolve

    def all(self) -> list[Any]:
        return []


@asynccontextmanager
async def client_of(
    resolve: Callable[[str, str], Node | None],
    files: TlsFiles | None = None,
    trust: ssl.SSLContext | bool = False,
) -> AsyncIterator[aiohttp.ClientSession]:
    tls = server_context(files or TlsFiles(), node_name="n", address="127.0.0.1", now=NOW)
    listener = listen("127.0.0.1", 0)
    url = f"https://127.0.0.1:{listener.getsockname()[1]}"
    connector = aiohttp.TCPConnector(ssl=trust)
    async with (
        KubeletServer(Handlers(Found(resolve), SystemClock()), tls).serving(listener),
        aiohttp.ClientSession(url, connector=connector) as session,
    ):
        yield session


def get(node: Node | None, path: str = "/containerLogs/default/web/main") -> tuple[int, str]:
    async def go() -> tuple[int, str]:
        async with client_of(lambda *_: node) as client, client.get(path) as response:
            return response.status, await response.text()

    return asyncio.run(go())


def test_a_log_is_sent_piece_by_piece() -> None:
    node = Node(b"one\n", b"two\n")
    assert get(node, "/containerLogs/default/web/main?tailLines=2") == (200, "one\ntwo\n")
    assert node.asked == [("default", "web", "main", LogOptions(tail_lines=2))]


def test_an_empty_log_is_no_error() -> None:
    assert get(Node()) == (200, "")


def test_it_is_healthy() -> None:
    assert get(None, "/healthz") == (200, "ok")


def test_an_unknown_path_is_404() -> None:
    assert get(None, "/spec")[0] == 404


def test_another_method_is_405() -> None:
    async def go() -> int:
        async with client_of(lambda *_: Node()) as client, client.post("/containerLogs/d/p/c") as response:
            return response.status

    assert asyncio.run(go()) == 405


def test_a_pod_of_no_node_is_404() -> None:
    assert get(None) == (404, "pod default/web is not here\n")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotFound("no such container"), 404),
        (Invalid("no such container"), 400),
        (Unsupported("no such container"), 501),
        (Retryable("no such container"), 500),
    ],
)
def test_a_providers_error_becomes_its_status_with_its_text(error: Exception, status: int) -> None:
    assert get(Node(error=error)) == (status, "no such container\n")


def test_an_unexpected_error_is_500_and_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    assert get(Node(error=RuntimeError("oh"))) == (500, "oh\n")
    assert "RuntimeError" in caplog.text


def test_a_connection_that_the_provider_loses_is_no_empty_log() -> None:
    assert get(Node(error=ConnectionResetError("the cloud hung up"))) == (500, "the cloud hung up\n")


def test_a_wrong_option_is_400() -> None:
    status, text = get(Node(b"x"), "/containerLogs/default/web/main?tailLines=-1")
    assert status == 400
    assert "tailLines" in text


def test_an_error_in_the_middle_breaks_the_stream_off() -> None:
    with pytest.raises(aiohttp.ClientPayloadError):
        get(Node(b"one\n", error=Retryable("lost")))


def test_of_many_nodes_the_resolver_says_which() -> None:
    nodes = {"a": Node(b"of a"), "b": Node(b"of b")}

    async def go() -> str:
        async with (
            client_of(lambda namespace, pod: nodes.get(pod)) as client,
            client.get("/containerLogs/default/b/main") as response,
        ):
            return await response.text()

    assert asyncio.run(go()) == "of b"


def test_a_followed_log_arrives_before_it_ends_and_ends_when_the_client_leaves() -> None:
    async def go() -> None:
        node = Node(b"first\n", endless=True)
        async with client_of(lambda *_: node) as client, asyncio.timeout(5):
            response = await client.get("/containerLogs/default/web/main?follow=true")
            assert await response.content.readline() == b"first\n"
            response.close()
            await node.left.wait()

    asyncio.run(go())


def test_a_client_that_leaves_before_the_first_piece_ends_the_log_too() -> None:
    async def go() -> None:
        node = Node(endless=True)
        async with client_of(lambda *_: node) as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await client.get("/containerLogs/default/web/main?follow=true")
            async with asyncio.timeout(5):
                await node.left.wait()

    asyncio.run(go())


def test_a_followed_log_does_not_hold_up_the_end_of_the_server() -> None:
    async def go() -> None:
        node = Node(b"first\n", endless=True)
        tls = server_context(TlsFiles(), node_name="n", address="127.0.0.1", now=NOW)
        listener = listen("127.0.0.1", 0)
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/containerLogs/default/web/main?follow=true"
        async with aiohttp.ClientSession() as client, asyncio.timeout(4):
            handlers = Handlers(Found(lambda *_: node), SystemClock())
            async with KubeletServer(handlers, tls).serving(listener):
                response = await client.get(url, ssl=False)
                await response.content.readline()
            await node.left.wait()
            response.close()

    asyncio.run(go())


def test_a_port_that_is_taken_is_one_clear_line() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AddressError, match=rf"127\.0\.0\.1 port {port}: .*in use.*--port"):
            listen("127.0.0.1", port)


def test_an_address_of_another_machine_is_one_clear_line() -> None:
    with pytest.raises(AddressError, match="--internal-ip, or else --address"):
        listen("192.0.2.1", 0)


def test_the_self_signed_certificate_is_for_the_nodes_name_and_address() -> None:
    pem, _ = self_signed("my-node", "10.0.0.5", NOW)
    certificate = x509.load_pem_x509_certificate(pem)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["my-node"]
    assert names.get_values_for_type(x509.IPAddress) == [ip_address("10.0.0.5")]
    assert certificate.not_valid_before_utc < NOW < certificate.not_valid_after_utc - timedelta(days=300)


def test_a_long_node_name_still_gets_a_certificate() -> None:
    name = f"{'n' * 60}.{'m' * 60}"
    pem, _ = self_signed(name, "::1", NOW)
    names = x509.load_pem_x509_certificate(pem).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [name]


def test_tls_is_1_2_or_newer() -> None:
    context = server_context(TlsFiles(), node_name="n", address="127.0.0.1", now=NOW)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


def written(ca: trustme.CA, folder: Path) -> TlsFiles:
    issued = ca.issue_cert("127.0.0.1")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    ca.cert_pem.write_to_path(folder / "ca.pem")
    return TlsFiles(folder / "cert.pem", folder / "key.pem", folder / "ca.pem")


def test_given_certificates_are_used_and_callers_of_the_given_ca_are_let_in(tmp_path: Path) -> None:
    ca = trustme.CA()
    files = written(ca, tmp_path)
    trust = ssl.create_default_context()
    ca.configure_trust(trust)
    ca.issue_cert("api-server").configure_cert(trust)

    async def go() -> int:
        async with client_of(lambda *_: Node(b"x"), files, trust) as client, client.get("/healthz") as response:
            return response.status

    assert asyncio.run(go()) == 200


@pytest.mark.parametrize(("name", "content"), [("cert.pem", "no"), ("ca.pem", "no"), ("key.pem", None)])
def test_a_broken_or_missing_file_is_one_line_that_names_it(tmp_path: Path, name: str, content: str | None) -> None:
    files = written(trustme.CA(), tmp_path)
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_text(content)
    with pytest.raises(TlsError, match=name):
        server_context(files, node_name="n", address="127.0.0.1", now=NOW)


def test_a_server_open_to_others_without_a_client_ca_is_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    tls = server_context(TlsFiles(), node_name="n", address="127.0.0.1", now=NOW)

    async def warned(address: str) -> bool:
        caplog.clear()
        handlers = Handlers(Found(lambda *_: None), SystemClock())
        async with KubeletServer(handlers, tls).serving(listen(address, 0)):
            return any(record.levelno == logging.WARNING for record in caplog.records)

    assert asyncio.run(warned("0.0.0.0")) is True
    assert asyncio.run(warned("127.0.0.1")) is False


def test_the_socket_is_closed_with_the_server() -> None:
    tls = server_context(TlsFiles(), node_name="n", address="127.0.0.1", now=NOW)

    async def go() -> socket.socket:
        listener = listen("127.0.0.1", 0)
        handlers = Handlers(Found(lambda *_: None), SystemClock())
        async with KubeletServer(handlers, tls).serving(listener):
            pass
        return listener

    assert asyncio.run(go()).fileno() == -1


def test_a_request_is_a_span_of_its_callers_trace_and_its_log_lines_name_the_pod() -> None:
    seen: list[tuple[str | None, str]] = []
    pods: list[object] = []

    class Traces(NoTraces):
        def continuing(
            self, headers: Mapping[str, str], name: str, attributes: Mapping[str, str]
        ) -> AbstractContextManager[object]:
            seen.append((headers.get("traceparent"), name))
            pods.append(POD.get())
            return nullcontext()

    async def go() -> None:
        tls = server_context(TlsFiles(), node_name="n", address="127.0.0.1", now=NOW)
        listener = listen("127.0.0.1", 0)
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/containerLogs/default/web/main"
        handlers = Handlers(Found(lambda *_: Node(b"x")), SystemClock())
        async with (
            KubeletServer(handlers, tls, None, Traces()).serving(listener),
            aiohttp.ClientSession() as client,
            client.get(url, ssl=False, headers={"traceparent": "00-aa-bb-01"}) as response,
        ):
            assert response.status == 200

    asyncio.run(go())
    assert seen == [("00-aa-bb-01", "GET /containerLogs/{namespace}/{pod}/{container}")]
    assert [str(each) for each in pods] == ["default/web"]
