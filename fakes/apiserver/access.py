"""How to get in: a serving certificate with its authority, and a kubeconfig that only its owner can read."""

import base64
import os
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

SEPARATOR = b"\0"
"""Between what the process that makes certificates says."""
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Certificates:
    """A serving certificate with its key, and the authority that vouches for it; all PEM."""

    authority: bytes
    certificate: bytes
    key: bytes

    def context(self, client_authority: Path | None = None) -> ssl.SSLContext:
        """The TLS context of a server; clients may show certificates of that authority, a PEM file.

        Raises:
            OSError, ssl.SSLError: the file cannot be read, or holds something else.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if client_authority is not None:
            context.verify_mode = ssl.CERT_OPTIONAL
            context.load_verify_locations(client_authority)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        with tempfile.TemporaryDirectory() as folder:  # the ssl module reads keys from files only
            certificate, key = Path(folder, "cert.pem"), Path(folder, "key.pem")
            certificate.write_bytes(self.certificate)
            key.touch(mode=0o600)
            key.write_bytes(self.key)
            context.load_cert_chain(certificate, key)
        return context


def made_apart(hosts: Sequence[str]) -> Certificates:
    """New certificates for these names and addresses, made by a process of their own.

    What makes them takes 8 MiB of memory, and a server does it once.
    """
    command = [sys.executable, "-m", "fakes.apiserver.certificates", *hosts]
    path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(command, capture_output=True, env={**os.environ, "PYTHONPATH": path}, check=True)  # noqa: S603  (this program)
    return Certificates(*done.stdout.split(SEPARATOR))


def kubeconfig(server: str, token: str | None = None, authority: bytes | None = None, *, name: str = "vksim") -> str:
    """A kubeconfig for one cluster and one user, as YAML."""
    cluster = {"server": server}
    if authority is not None:
        cluster["certificate-authority-data"] = base64.b64encode(authority).decode()
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": cluster}],
            "users": [{"name": name, "user": {"token": token} if token else {}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": "default"}}],
            "current-context": name,
        },
        sort_keys=False,
    )


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read; a reader sees the old one or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, fresh = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # made with mode 0600
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        Path(fresh).replace(path)
    except BaseException:
        Path(fresh).unlink(missing_ok=True)
        raise
