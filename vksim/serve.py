"""Keeps a simulated cluster up in real time, for kubectl and every other client.

The API server is served over TLS, the kubelet API of all nodes beside it. A kubeconfig that only its owner can read
comes and goes with them.
"""

import asyncio
import secrets
import ssl
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random, SystemRandom

import click
import yaml

from fakes.apiserver import access, bootstrap
from fakes.apiserver.audit import AuditLog
from fakes.apiserver.controllers import parse as parse_controllers
from fakes.apiserver.errors import StatusError
from fakes.apiserver.faults import Faults, Rule, parse
from fakes.apiserver.http import HttpDoor
from fakes.apiserver.rbac import Rbac
from fakes.apiserver.resources import PODS
from fakes.apiserver.sharing import Sharing
from fakes.apiserver.storage import StorageError, locked
from runner import logs
from runner.kubelet.handlers import Handlers
from runner.kubelet.node import KubeletNode
from runner.kubelet.server import AddressError, KubeletServer, listen
from runner.kubelet.tls import ServerContext
from runner.ports import InThread, SystemClock
from vksim.cluster import CONTROLLERS, Cluster
from vksim.serving import (
    ENDED,
    FAILED,
    WRONG_USAGE,
    WrongUsage,
    cannot_listen,
    check_host,
    reachable,
    signalled,
)

SCRIPT = {"start-after": ["500ms", "2s"], "log-every": "5s"}
"""What pods do unless their annotations say otherwise."""


FAULTS_SEED = 1
"""The same requests in the same order meet the same faults."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What to serve.

    Attributes:
        nodes: how many virtual nodes.
        host: the address to listen on.
        port: of the API server; 0 takes any free one.
        kubeconfig: where to write it; None for a new file in a new folder.
        allow_remote: whether the address may be one that other machines reach.
        data_dir: where objects are kept for the next time; None for memory alone.
        faults: a file of rules about what goes wrong with requests.
        controllers: which parts of the control plane are to run (``fakes.apiserver.controllers.parse``).
        authorization: whether roles and bindings say what users may do.
        client_ca_file: the authority of client certificates; None for no such users.
        audit_log: a file to write down requests in; None for not at all.
        max_requests_inflight: how many requests may be under way; 0 for any number.
    """

    nodes: int
    host: str
    port: int
    kubeconfig: Path | None
    allow_remote: bool
    data_dir: Path | None = None
    faults: Path | None = None
    controllers: str = "*"
    authorization: bool = False
    client_ca_file: Path | None = None
    audit_log: Path | None = None
    max_requests_inflight: int = 0


def main(settings: Settings) -> tuple[int, str]:
    """Serve until a signal: the exit code, and one line that says what went wrong."""
    logs.configure("warning", "console")
    try:
        _check(settings)
        asyncio.run(_until_signal(settings))
    except WrongUsage as error:
        return WRONG_USAGE, str(error)
    except (AddressError, StorageError) as error:
        return FAILED, str(error)
    except OSError as error:
        return FAILED, cannot_listen(error, settings.host, settings.port)
    return ENDED, ""


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Path]:
    """A cluster that is up, with all its nodes ready; gives the path of its kubeconfig.

    Raises:
        OSError, AddressError, StorageError: an address or a file cannot be used.
        WrongUsage: a file of faults cannot be read, or a controller is unknown.
    """
    clock = SystemClock()
    rules = _rules(settings.faults)
    brought_along = _controllers(settings.controllers)
    address = reachable(settings.host)
    async with AsyncExitStack() as stack:
        storage = None
        if settings.data_dir is not None:
            storage = stack.enter_context(locked(settings.data_dir))
        cluster = Cluster(
            clock,
            lambda _: SystemRandom(),
            blocking=InThread(),
            storage=storage,
            controllers=brought_along,
            sharing=Sharing(),
        )
        listener = listen(address, 0)
        stack.callback(listener.close)
        for number in range(settings.nodes):
            cluster.add_node(
                f"virtual-{number}",
                settings={"script": SCRIPT},
                tainted=False,
                address=address,
                port=listener.getsockname()[1],
            )
        certificates = access.made_apart(["localhost", "127.0.0.1", address])
        tls = ServerContext()
        tls.exchange(pair=(certificates.certificate, certificates.key))
        kubelets = KubeletServer(Handlers(_Nodes(cluster), clock), tls)
        await stack.enter_async_context(kubelets.serving(listener))
        token = secrets.token_urlsafe(32)
        server = cluster.server
        faults = Faults(rules, now=clock.now, random=Random(FAULTS_SEED), version=lambda: server.version)
        authorizer = None
        if settings.authorization:
            bootstrap.publish_policy(server)
            authorizer = Rbac(server)
        door = HttpDoor(
            server,
            now=clock.now,
            token=token,
            authorizer=authorizer,
            faults=faults,
            audit=stack.enter_context(_audited(settings.audit_log, clock.now)),
            limit=settings.max_requests_inflight,
        )
        port = await door.start(settings.host, settings.port, _context(certificates, settings.client_ca_file))
        stack.push_async_callback(door.stop)
        today = clock.now().date().isoformat()
        bootstrap.publish(server, authority=certificates.authority, address=address, port=port, today=today)
        running = await stack.enter_async_context(asyncio.TaskGroup())
        work = running.create_task(cluster.run())
        stack.callback(work.cancel)
        await cluster.ready()
        host = f"[{address}]" if ":" in address else address
        text = access.kubeconfig(f"https://{host}:{port}", token, certificates.authority)
        yield stack.enter_context(_written(settings.kubeconfig, text))


def _context(certificates: access.Certificates, client_authority: Path | None) -> ssl.SSLContext:
    try:
        return certificates.context(client_authority)
    except OSError as error:  # an ssl.SSLError is one
        raise WrongUsage(f"--client-ca-file: {client_authority}: {error.strerror or error}") from None


@contextmanager
def _audited(path: Path | None, now: Callable[[], datetime]) -> Iterator[AuditLog | None]:
    if path is None:
        yield None
        return
    try:
        file = path.open("ab")
    except OSError as error:
        raise WrongUsage(f"--audit-log: {path}: {error.strerror}") from None
    with file:
        yield AuditLog(file, now, SystemRandom())


@contextmanager
def _written(path: Path | None, text: str) -> Iterator[Path]:
    """A file with this text as long as the context lasts; in a folder of its own if it has no path."""
    with tempfile.TemporaryDirectory(prefix="vksim-") if path is None else nullcontext("") as folder:
        place = Path(folder, "kubeconfig") if path is None else path.resolve()
        access.write_private(place, text)
        try:
            yield place
        finally:
            place.unlink(missing_ok=True)


async def _until_signal(settings: Settings) -> None:
    """Serve; the first signal ends it in order, a second one at once."""
    stopped = signalled()
    async with serving(settings) as kubeconfig:
        nodes = f"{settings.nodes} virtual node{'' if settings.nodes == 1 else 's'}"
        click.echo(f"A cluster with {nodes} is up; Ctrl-C ends it. In another terminal:", err=True)
        click.echo(f"export KUBECONFIG={kubeconfig}")
        await stopped.wait()


class _Nodes:
    """All nodes of the cluster: they share a port."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def of_pod(self, namespace: str, pod: str) -> KubeletNode | None:
        """The node that has the pod."""
        try:
            found = self._cluster.server.get(PODS, namespace, pod)
        except StatusError:
            return None
        node = self._cluster.nodes.get(found["spec"].get("nodeName") or "")
        return node.agent.kubelet if node is not None and node.agent is not None else None

    def all(self) -> Sequence[KubeletNode]:
        """All of them."""
        return [node.agent.kubelet for node in self._cluster.nodes.values() if node.agent is not None]


def _check(settings: Settings) -> None:
    danger = "whoever has the token rules the cluster"
    check_host(settings.host, allow_remote=settings.allow_remote, danger=danger)
    if settings.kubeconfig is not None and settings.kubeconfig.exists():
        raise WrongUsage(
            f"--kubeconfig: {settings.kubeconfig} is there already, and would be removed at the end; name a new file"
        )


def _rules(path: Path | None) -> list[Rule]:
    """The rules of a file of faults."""
    if path is None:
        return []
    try:
        return parse(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise WrongUsage(f"--faults: {path}: {error.strerror}") from None
    except (ValueError, yaml.YAMLError) as error:
        raise WrongUsage(f"--faults: {path}: {' '.join(str(error).split())}; see docs/fake-api-server.md") from None


def _controllers(text: str) -> frozenset[str]:
    try:
        return parse_controllers(text, CONTROLLERS)
    except ValueError as error:
        raise WrongUsage(f"--controllers: {error}") from None
