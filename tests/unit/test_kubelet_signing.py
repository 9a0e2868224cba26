"""How the kubelet API gets a certificate that the cluster signs (``runner.kubelet.signing``), in virtual time."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from runner.kube import NotFound
from runner.kubelet.signing import PATIENCE, Signing
from runner.kubelet.tls import TlsFiles, server_context
from tests.unit.test_kubelet_renewal import shown
from vksim.loop import VirtualClock, VirtualLoop, run

CA_KEY = ec.generate_private_key(ec.SECP256R1())
CA_NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "cluster")])
LIFE = timedelta(days=100)


class Cluster:
    """Takes requests; decides on each as the test says."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.requests: dict[str, dict[str, Any]] = {}

    async def create(self, _: Any, obj: dict[str, Any]) -> dict[str, Any]:
        self.requests[obj["metadata"]["name"]] = obj
        return obj

    async def get(self, _: Any, name: str) -> dict[str, Any]:
        if name not in self.requests:
            raise NotFound(f"{name} not found")
        return self.requests[name]

    @property
    def last(self) -> dict[str, Any]:
        return list(self.requests.values())[-1]

    def sign(self) -> None:
        request = x509.load_pem_x509_csr(base64.b64decode(self.last["spec"]["request"]))
        now = self.clock.now()
        builder = x509.CertificateBuilder().subject_name(request.subject).issuer_name(CA_NAME)
        builder = builder.public_key(request.public_key()).serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now).not_valid_after(now + LIFE)
        certificate = builder.sign(CA_KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        self.last["status"] = {"certificate": base64.b64encode(certificate).decode()}


Scene = Callable[[Cluster, Callable[[], x509.Certificate]], Awaitable[None]]


def play(scene: Scene) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        cluster = Cluster(VirtualClock(loop))
        context = server_context(TlsFiles(), node_name="n", address="10.0.0.7", now=cluster.clock.now())
        signing = Signing(
            cluster,  # type: ignore[arg-type]
            node_name="n",
            address="10.0.0.7",
            clock=cluster.clock,
            random=Random(1),
        )
        work = asyncio.create_task(signing.keep(context))
        await asyncio.sleep(1)
        await scene(cluster, lambda: shown(context))
        assert not work.done()
        work.cancel()

    run(main())


def test_it_asks_as_a_kubelet_does() -> None:
    async def scene(cluster: Cluster, _: Any) -> None:
        spec = cluster.last["spec"]
        assert (spec["signerName"], spec["usages"]) == (
            "kubernetes.io/kubelet-serving",
            ["digital signature", "server auth"],
        )
        request = x509.load_pem_x509_csr(base64.b64decode(spec["request"]))
        assert request.subject.rfc4514_string() == "CN=system:node:n,O=system:nodes"
        names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == ["n"]
        assert [str(each) for each in names.get_values_for_type(x509.IPAddress)] == ["10.0.0.7"]

    play(scene)


def test_its_own_certificate_serves_until_the_signed_one_is_there() -> None:
    async def scene(cluster: Cluster, served: Callable[[], x509.Certificate]) -> None:
        await asyncio.sleep(60)
        assert served().issuer == served().subject
        cluster.sign()
        await asyncio.sleep(60)
        assert served().issuer == CA_NAME

    play(scene)


def test_the_next_one_is_asked_for_before_it_expires() -> None:
    async def scene(cluster: Cluster, served: Callable[[], x509.Certificate]) -> None:
        cluster.sign()
        await asyncio.sleep(60)
        first = served()
        while len(cluster.requests) == 1:  # noqa: ASYNC110  (in virtual time)
            await asyncio.sleep(600)
        life_left = first.not_valid_after_utc - cluster.clock.now()
        assert 0.09 * LIFE <= life_left <= 0.31 * LIFE
        cluster.sign()
        await asyncio.sleep(60)
        assert served().not_valid_after_utc > first.not_valid_after_utc

    play(scene)


def test_a_refusal_is_told_and_another_is_asked_for_later(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING", logger="runner")

    async def scene(cluster: Cluster, _: Any) -> None:
        cluster.last["status"] = {"conditions": [{"type": "Denied", "message": "not you"}]}
        await asyncio.sleep(60)
        assert len(cluster.requests) == 2

    play(scene)
    assert "Denied: not you; again in" in caplog.text


def test_one_that_nobody_decides_on_or_that_has_gone_is_made_anew() -> None:
    async def scene(cluster: Cluster, _: Any) -> None:
        await asyncio.sleep(PATIENCE.total_seconds() + 60)
        assert len(cluster.requests) == 2
        cluster.requests.clear()
        await asyncio.sleep(120)
        assert len(cluster.requests) == 1

    play(scene)
