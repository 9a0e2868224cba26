"""A real Kubernetes control plane on loopback: etcd, kube-apiserver, and on request the scheduler and the controllers.

The programs are looked for where ``KUBEBUILDER_ASSETS`` says (envtest's convention), then where ``make controlplane``
puts them. They run in a folder of their own and end with the block that started them.
"""

import asyncio
import base64
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from fakes.apiserver.access import kubeconfig
from fakes.apiserver.certificates import make_certificates
from runner.kube import NAMESPACES, ApiError, NotFound
from runner.kube_http import HttpKube
from runner.ports import real_ports

TOKEN = "secret"
READY_SECONDS = 60.0
PROGRAMS = ("etcd", "kube-apiserver")


def folder_of_programs() -> Path | None:
    """Where etcd and kube-apiserver are; None if nowhere."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vksim"
    named = os.environ.get("KUBEBUILDER_ASSETS")
    candidates = [Path(named)] if named else sorted(cache.glob("controlplane-v*"), reverse=True)
    return next((each for each in candidates if all((each / name).exists() for name in PROGRAMS)), None)


def programs_or_skip() -> Path:
    """As ``folder_of_programs``; skips the test that asks in vain."""
    folder = folder_of_programs()
    if folder is None:
        pytest.skip("no kube-apiserver and etcd: run 'make controlplane', or name their folder in KUBEBUILDER_ASSETS")
    return folder


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """One that runs.

    Attributes:
        folder: its files and logs.
        programs: where the programs are.
        kubeconfig: a file that lets its bearer do everything.
    """

    folder: Path
    programs: Path
    kubeconfig: Path

    def component(self, name: str, *arguments: str) -> AbstractContextManager[Path]:
        """Run another component (``kube-scheduler``, ``kube-controller-manager``); its log file."""
        return component(self.programs / name, self.folder, self.kubeconfig, *arguments)


@contextmanager
def component(program: Path, folder: Path, kubeconfig: Path, *arguments: str) -> Iterator[Path]:
    """A component of a control plane, working on the cluster of a kubeconfig; its log file, in that folder."""
    log = folder / f"{program.name}.log"
    shared = (f"--kubeconfig={kubeconfig}", "--leader-elect=false", f"--secure-port={free_ports(1)[0]}")
    own = [f"--authentication-kubeconfig={kubeconfig}", f"--authorization-kubeconfig={kubeconfig}"]
    if program.name == "kube-controller-manager":
        authority, accounts = folder / "ca.crt", folder / "accounts.key"
        if not authority.exists():
            cluster = yaml.safe_load(kubeconfig.read_text())["clusters"][0]["cluster"]
            authority.write_bytes(base64.b64decode(cluster["certificate-authority-data"]))
        if not accounts.exists():
            _write_private(accounts, _rsa_key())
        own += [f"--root-ca-file={authority}", f"--service-account-private-key-file={accounts}"]
    with _process(log, str(program), *shared, *own, *arguments):
        yield log


@contextmanager
def control_plane(folder: Path, programs: Path, *arguments: str) -> Iterator[ControlPlane]:
    """etcd and a kube-apiserver with these further arguments, ready.

    Raises:
        RuntimeError: it did not become ready; the message has the end of its log.
    """
    etcd, peers, secure = free_ports(3)
    certificates = make_certificates(["127.0.0.1"], real_ports().clock.now())
    files = {
        "ca.crt": certificates.authority,
        "server.crt": certificates.certificate,
        "server.key": certificates.key,
        "accounts.key": _rsa_key(),
        "tokens.csv": f"{TOKEN},admin,admin,system:masters\n".encode(),
    }
    for name, content in files.items():
        _write_private(folder / name, content)
    config = folder / "kubeconfig"
    config.write_text(kubeconfig(f"https://127.0.0.1:{secure}", TOKEN, certificates.authority))
    etcd_url, peer_url = f"http://127.0.0.1:{etcd}", f"http://127.0.0.1:{peers}"
    etcd_arguments = (
        f"--data-dir={folder}/etcd",
        f"--listen-client-urls={etcd_url}",
        f"--advertise-client-urls={etcd_url}",
        f"--listen-peer-urls={peer_url}",
        "--unsafe-no-fsync",
    )
    server_arguments = (
        f"--etcd-servers={etcd_url}",
        "--bind-address=127.0.0.1",
        f"--secure-port={secure}",
        f"--tls-cert-file={folder}/server.crt",
        f"--tls-private-key-file={folder}/server.key",
        f"--client-ca-file={folder}/ca.crt",
        f"--token-auth-file={folder}/tokens.csv",
        "--authorization-mode=Node,RBAC",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={folder}/accounts.key",
        f"--service-account-signing-key-file={folder}/accounts.key",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--allow-privileged=true",
    )
    with (
        _process(folder / "etcd.log", str(programs / "etcd"), *etcd_arguments),
        _process(folder / "kube-apiserver.log", str(programs / "kube-apiserver"), *server_arguments, *arguments),
    ):
        try:
            asyncio.run(_until_ready(config))
        except TimeoutError:
            log = (folder / "kube-apiserver.log").read_text()[-2000:]
            raise RuntimeError(f"kube-apiserver was not ready after {READY_SECONDS:.0f} s:\n{log}") from None
        yield ControlPlane(folder, programs, config)


def free_ports(count: int) -> list[int]:
    """Ports of loopback that are free now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@contextmanager
def _process(log: Path, *command: str) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=log.parent)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def _until_ready(config: Path) -> None:
    """Ready is when the server has made its first namespaces."""
    async with asyncio.timeout(READY_SECONDS), HttpKube.connect(config, real_ports()) as kube:
        while True:
            try:
                await kube.get(NAMESPACES, "default")
            except (ApiError, NotFound):
                await asyncio.sleep(0.2)
            else:
                return


def _write_private(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)


def _rsa_key() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
