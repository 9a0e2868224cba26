"""Who may ask for tokens: applications with a secret, a certificate or a federated identity, and managed identities."""

import base64
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha1, sha256

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from fakes.aci import views

FEDERATED_AUDIENCE = "api://AzureADTokenExchange"


@dataclass(frozen=True)
class Certificate:
    """A certificate that an application may sign with, as PEM."""

    pem: bytes

    @cached_property
    def x509(self) -> x509.Certificate:
        """Decoded."""
        return x509.load_pem_x509_certificate(self.pem)

    @cached_property
    def thumbprints(self) -> tuple[str, ...]:
        """By which an assertion names it, SHA-1 and SHA-256, in base64 without padding."""
        der = self.x509.public_bytes(Encoding.DER)
        digests = (sha1(der, usedforsecurity=False).digest(), sha256(der).digest())
        return tuple(base64.urlsafe_b64encode(each).rstrip(b"=").decode() for each in digests)


@dataclass(frozen=True, slots=True)
class Federated:
    """Tokens of somebody else that are taken for the application's own: of a Kubernetes service account, say."""

    issuer: str
    subject: str
    audience: str = FEDERATED_AUDIENCE


@dataclass(frozen=True, slots=True)
class Application:
    """An application that is registered in the tenant."""

    client_id: str
    secret: str = ""
    certificates: tuple[Certificate, ...] = ()
    federated: tuple[Federated, ...] = ()


@dataclass(frozen=True, slots=True)
class ManagedIdentity:
    """An identity of the machine that asks."""

    client_id: str
    resource_id: str = ""
    object_id: str = field(default="")


@dataclass(frozen=True, slots=True)
class Principals:
    """All of them. Of the managed identities, the first is the one that is meant when none is named."""

    applications: tuple[Application, ...] = ()
    managed: tuple[ManagedIdentity, ...] = (ManagedIdentity(views.guid("system-assigned")),)

    def application(self, client_id: str) -> Application | None:
        """The application of that ID."""
        return next((each for each in self.applications if each.client_id == client_id), None)
