"""The certificates of a kubelet's API: its names in them, and one that we sign ourselves."""

import ipaddress
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from runner.kubelet.tls import VALIDITY

CLOCK_SKEW = timedelta(hours=1)


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
