"""The kubelet API's TLS: certificate files that the operator gives, or a certificate that we make and sign ourselves.

The API server does not check a kubelet's certificate unless it is told to (``--kubelet-certificate-authority``), so a
self-signed one does for logs and exec.
"""

import ssl
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

VALIDITY = timedelta(days=365)
"""Of a certificate that we make; each start makes a new one."""


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


class ServerContext(ssl.SSLContext):
    """A server's TLS side, 1.2 or newer, whose certificate and authority can be exchanged while it serves.

    OpenSSL cannot take an authority away from a context again, and a pair of files that do not belong together leaves
    it without a key. So each exchange makes a new context, wholly or not at all, and handshakes are led to the latest.
    """

    def __new__(cls) -> Self:
        """``ssl`` wants the protocol here."""
        return super().__new__(cls, ssl.PROTOCOL_TLS_SERVER)

    def __init__(self) -> None:
        self.minimum_version = ssl.TLSVersion.TLSv1_2
        self.options |= ssl.OP_NO_TICKET  # who resumes a session would not be verified again
        self.num_tickets = 0
        self._latest: ssl.SSLContext = self
        self._pair: tuple[bytes, bytes] | None = None
        self._authority: bytes | None = None
        self.sni_callback = self._lead

    def exchange(self, *, pair: tuple[bytes, bytes] | None = None, authority: bytes | None = None) -> None:
        """Serve another certificate with its key, know clients by another authority; what is not given stays.

        A client need not show a certificate: it may have a token instead.

        Raises:
            TlsError: they are none, or do not belong together; everything stays as it was.
        """
        pair, authority = pair or self._pair, authority or self._authority
        fresh = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        fresh.minimum_version = self.minimum_version
        if pair is not None:
            _load_pair(fresh, *pair)
        if authority is not None:
            try:
                fresh.load_verify_locations(cadata=authority.decode("ascii"))
            except (ssl.SSLError, ValueError) as error:
                raise TlsError(f"no CA certificate: {error}") from error
            fresh.verify_mode = ssl.CERT_OPTIONAL
        self._latest, self._pair, self._authority = fresh, pair, authority
        self.verify_mode = fresh.verify_mode

    def _lead(self, connection: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _: ssl.SSLContext) -> None:
        connection.context = self._latest


def server_context(files: TlsFiles, *, node_name: str, address: str, now: datetime) -> ServerContext:
    """The TLS side of the kubelet API, with client certificates verified where a CA for them is given.

    Raises:
        TlsError: see there.
    """
    context = ServerContext()
    load_certificate(context, files, node_name=node_name, address=address, now=now)
    load_authority(context, files)
    return context


def load_certificate(context: ServerContext, files: TlsFiles, *, node_name: str, address: str, now: datetime) -> None:
    """Have the context serve what the files have now, or a new certificate of our own if there are none.

    Raises:
        TlsError: a file cannot be used.
    """
    if files.certificate is None or files.key is None:
        from runner.kubelet.certificates import self_signed  # noqa: PLC0415  (brings 8 MiB that others do without)

        context.exchange(pair=self_signed(node_name, address, now))
        return
    pair = _read(files.certificate), _read(files.key)
    try:
        context.exchange(pair=pair)
    except TlsError as error:
        raise TlsError(f"{files.certificate} and {files.key}: {error}") from error


def load_authority(context: ServerContext, files: TlsFiles) -> None:
    """Have the context know callers by the CA that the file has now. Raises TlsError if it cannot be used."""
    if files.client_ca is None:
        return
    authority = _read(files.client_ca)
    try:
        context.exchange(authority=authority)
    except TlsError as error:
        raise TlsError(f"{files.client_ca}: {error}") from error


def _load_pair(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """By way of a file that only we can read, and only for a moment: ``ssl`` takes keys from files alone."""
    with tempfile.NamedTemporaryFile(prefix="kubelet-", suffix=".pem") as file:
        file.write(key + b"\n" + certificate)
        file.flush()
        try:
            context.load_cert_chain(file.name)
        except ssl.SSLError as error:
            raise TlsError(f"no certificate with its key: {error}") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise TlsError(f"{path}: {error.strerror}") from error
