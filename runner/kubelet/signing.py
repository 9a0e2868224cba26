"""A serving certificate signed by the cluster, as a kubelet with ``--rotate-server-certificates`` has one.

A CertificateSigningRequest for the signer ``kubernetes.io/kubelet-serving`` is made; somebody has to approve it
(``kubectl certificate approve``), since only the cluster's operator can know that the address is ours. Until then, and
if it is refused, the certificate that we made ourselves serves. A new one is asked for well before the old expires.
"""

import asyncio
import base64
import logging
from datetime import datetime, timedelta
from random import Random
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from providers.base import Clock
from runner import backoff
from runner.kube import ApiError, KubeApi, Resource
from runner.kubelet.certificates import alternative_names, subject
from runner.kubelet.tls import ServerContext, TlsError

REQUESTS = Resource(
    "certificates.k8s.io", "v1", "certificatesigningrequests", "CertificateSigningRequest", namespaced=False
)
SIGNER = "kubernetes.io/kubelet-serving"
USAGES = ["digital signature", "server auth"]
"""What the signer demands of an ECDSA key."""
LONGEST_LOOK = 30.0
"""Seconds between looks at whether the request is approved, at most."""
PATIENCE = timedelta(minutes=15)
"""After which a request that nobody has decided on is made anew; a kubelet's."""
RENEW_WITHIN = (0.7, 0.9)
"""Of the certificate's life; at random, as many nodes start together."""

log = logging.getLogger(__name__)


class NotSigned(Exception):
    """The request was refused, or nobody decided on it."""


class Signing:
    """Gets and renews the certificate of one node.

    Args:
        kube: where the request is made.
        node_name: whose certificate.
        address: the node's InternalIP.
        clock: tells when it expires.
        random: names requests, and spreads renewals.
    """

    def __init__(self, kube: KubeApi, *, node_name: str, address: str, clock: Clock, random: Random) -> None:
        self._kube = kube
        self._node_name = node_name
        self._address = address
        self._clock = clock
        self._random = random

    async def keep(self, context: ServerContext) -> None:
        """Have the context serve a signed certificate, until cancelled."""
        failures = 0
        while True:
            try:
                key, certificate = await self._obtain()
                context.exchange(pair=(certificate, key))
            except (ApiError, NotSigned, TlsError) as error:
                failures += 1
                wait = backoff.delay(failures, self._random, first=10.0)
                log.warning("no signed certificate for the kubelet API: %s; again in %.0f s", error, wait)
            else:
                failures = 0
                until = _renewal(certificate, self._random.uniform(*RENEW_WITHIN))
                wait = max((until - self._clock.now()).total_seconds(), 1.0)
                log.info(
                    "the kubelet API has a certificate signed by the cluster, good until it is renewed at %s", until
                )
            await asyncio.sleep(wait)

    async def _obtain(self) -> tuple[bytes, bytes]:
        """A new key and its signed certificate, both PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = f"{self._node_name}-{self._random.getrandbits(40):010x}"
        await self._kube.create(REQUESTS, self._request(name, key))
        log.info("asked for a certificate; approve it with: kubectl certificate approve %s", name)
        certificate = await self._signed(name)
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return pem, certificate

    def _request(self, name: str, key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
        request = (
            x509.CertificateSigningRequestBuilder()
            .subject_name(subject(self._node_name))
            .add_extension(alternative_names(self._node_name, self._address), critical=False)
            .sign(key, hashes.SHA256())
        )
        pem = request.public_bytes(serialization.Encoding.PEM)
        return {
            "apiVersion": REQUESTS.api_version,
            "kind": REQUESTS.kind,
            "metadata": {"name": name},
            "spec": {"request": base64.b64encode(pem).decode(), "signerName": SIGNER, "usages": USAGES},
        }

    async def _signed(self, name: str) -> bytes:
        """The certificate, once there is one.

        Raises:
            NotSigned: there will be none.
            ApiError: the request has gone, for one.
        """
        looks = 0
        try:
            async with asyncio.timeout(PATIENCE.total_seconds()):
                while True:
                    looks += 1
                    await asyncio.sleep(backoff.delay(looks, self._random, first=0.5, longest=LONGEST_LOOK))
                    status = (await self._kube.get(REQUESTS, name)).get("status") or {}
                    for condition in status.get("conditions") or []:
                        if condition["type"] in ("Denied", "Failed"):
                            why = condition.get("message") or condition.get("reason") or "no reason given"
                            raise NotSigned(f"request {name}: {condition['type']}: {why}")
                    if status.get("certificate"):
                        return base64.b64decode(status["certificate"])
        except TimeoutError:
            raise NotSigned(f"request {name} was not approved within {PATIENCE}") from None


def _renewal(certificate: bytes, share: float) -> datetime:
    """When so much of its life is over."""
    parsed = x509.load_pem_x509_certificate(certificate)
    return parsed.not_valid_before_utc + (parsed.not_valid_after_utc - parsed.not_valid_before_utc) * share
