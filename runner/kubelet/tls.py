"""The kubelet API's TLS: certificate files that the operator gives, or a certificate that we make and sign ourselves.

The API server does not check a kubelet's certificate unless it is told to (``--kubelet-certificate-authority``), so a
self-signed one does for logs and exec.
"""

import ipaddress
import ssl
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALIDITY = timedelta(days=365)
"""Of a certificate that we make; each start makes a new one."""
CLOCK_SKEW = timedelta(hours=1)


class TlsError(Exception):
    """A certificate, key or CA file cannot be used. The message names it."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files that the operator gives.

    Attributes:
        certificate: our certificate, with its chain; None for a self-signed one.
        key: its private key; given if and only if the certificate is.
        client_ca: who must have signed the callers' certificates; None lets everybody call, as Virtual Kubelet does.
    """

    certificate: Path | None = None
    key: Path | None = None
    client_ca: Path | None = None


def server_context(files: TlsFiles, *, node_name: str, address: str, now: datetime) -> ssl.SSLContext:
    """The TLS side of the kubelet API: 1.2 or newer, with client certificates verified where a CA for them is given.

    Raises:
        TlsError: see there.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    load(context, files, node_name=node_name, address=address, now=now)
    return context


def load(context: ssl.SSLContext, files: TlsFiles, *, node_name: str, address: str, now: datetime) -> None:
    """Give the context what the files have now, and a new certificate of our own if they have none.

    Raises:
        TlsError: a file cannot be used.
    """
    if files.certificate is None or files.key is None:
        load_pair(context, *self_signed(node_name, address, now))
    else:
        _check_readable(files.certificate, files.key)
        try:
            context.load_cert_chain(files.certificate, files.key)
        except ssl.SSLError as error:
            raise TlsError(f"{files.certificate} and {files.key} are no certificate with its key: {error}") from error
    if files.client_ca is not None:
        _check_readable(files.client_ca)
        try:
            context.load_verify_locations(files.client_ca)
        except ssl.SSLError as error:
            raise TlsError(f"{files.client_ca} holds no CA certificate: {error}") from error
        context.verify_mode = ssl.CERT_OPTIONAL  # a caller may show a token instead


def subject(node_name: str) -> x509.Name:
    """A kubelet's name in certificates."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "system:nodes"),
            # 64 characters are the most that a common name may have.
            x509.NameAttribute(NameOID.COMMON_NAME, f"system:node:{node_name}"[:64]),
        ]
    )


def alternative_names(node_name: str, address: str) -> x509.SubjectAlternativeName:
    """Where it is found."""
    return x509.SubjectAlternativeName([x509.DNSName(node_name), x509.IPAddress(ipaddress.ip_address(address))])


def self_signed(node_name: str, address: str, now: datetime) -> tuple[bytes, bytes]:
    """A certificate for the node's name and InternalIP, and its key, both PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = subject(node_name)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + VALIDITY)
        .add_extension(alternative_names(node_name, address), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return (
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )


def load_pair(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """Have the context serve this certificate.

    By way of a file that only we can read, and only for a moment: ``ssl`` takes keys from files alone.

    Raises:
        TlsError: they are none, or do not belong together.
    """
    with tempfile.NamedTemporaryFile(prefix="kubelet-", suffix=".pem") as file:
        file.write(key + certificate)
        file.flush()
        try:
            context.load_cert_chain(file.name)
        except ssl.SSLError as error:
            raise TlsError(f"no certificate with its key: {error}") from error


def _check_readable(*paths: Path) -> None:
    for path in paths:
        try:
            path.read_bytes()
        except OSError as error:
            raise TlsError(f"{path}: {error.strerror}") from error
