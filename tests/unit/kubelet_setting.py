"""A kubelet API on loopback, the node behind it scripted, and clients of it."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp

from features.factories import BoundPodFactory, running
from providers.base import AttachIO, Metric
from providers.pods import PodRef
from runner.config import RunnerConfig
from runner.kubelet.auth import Authenticator
from runner.kubelet.handlers import Handlers, OneNode
from runner.kubelet.node import KubeletNode
from runner.kubelet.server import KubeletServer, listen
from runner.kubelet.streams import StreamTimeouts
from runner.kubelet.tls import TlsFiles, server_context
from runner.lifecycle import Presence, Record
from runner.ports import SystemClock
from wire import remotecommand, spdy

NOW = datetime.now(UTC)  # noqa: TID251  (TLS compares certificates with the machine's clock)
POD = BoundPodFactory(metadata__name="web", status=running())


class Cloud:
    """A provider whose commands are functions of the test's."""

    def __init__(self, command: Callable[[AttachIO], Awaitable[int]] | None = None) -> None:
        self.command = command
        self.asked: list[tuple[Any, ...]] = []
        self.begun = asyncio.Event()
        self.left = asyncio.Event()

    async def exec_in_container(self, ref: PodRef, container: str, command: Sequence[str], io: AttachIO) -> int:
        self.asked.append((ref.name, container, list(command), io.tty))
        self.begun.set()
        assert self.command is not None
        try:
            return await self.command(io)
        finally:
            self.left.set()

    async def attach_to_container(self, ref: PodRef, container: str, io: AttachIO) -> None:
        self.asked.append((ref.name, container, io.tty))
        assert self.command is not None
        await self.command(io)

    async def port_forward(
        self, ref: PodRef, port: int, incoming: AsyncIterator[bytes], send: Callable[[bytes], Awaitable[None]]
    ) -> None:
        self.asked.append((ref.name, port))
        if port == 81:
            raise ConnectionRefusedError("nothing listens on 81")
        async for piece in incoming:
            await send(piece.upper())

    async def stats_summary(self) -> dict[str, Any]:
        return {"node": {"nodeName": "vk"}, "pods": [{"podRef": {"name": "web"}}]}

    async def resource_metrics(self) -> list[Metric]:
        labels = {"namespace": "default", "pod": 'w"b'}
        return [Metric("pod_memory_working_set_bytes", "gauge", labels, 5.0), Metric("up", "gauge", {}, 1.0)]


@asynccontextmanager
async def kubelet(
    cloud: Any,
    *,
    files: TlsFiles | None = None,
    auth: Authenticator | None = None,
    timeouts: StreamTimeouts | None = None,
) -> AsyncIterator[int]:
    """The port of a kubelet API of a node that runs ``POD``."""
    tls = server_context(files or TlsFiles(), node_name="vk", address="127.0.0.1", now=NOW)
    listener = listen("127.0.0.1", 0)
    records = {POD["metadata"]["uid"]: Record(POD, presence=Presence.PRESENT, reported=running())}
    node = KubeletNode(RunnerConfig(node_name="vk"), cloud, records, lambda: True)
    handlers = Handlers(OneNode(node), SystemClock(), timeouts, lambda: b"own 1\n")
    async with KubeletServer(handlers, tls, auth).serving(listener):
        yield listener.getsockname()[1]


@asynccontextmanager
async def client(port: int, trust: ssl.SSLContext | bool = False) -> AsyncIterator[aiohttp.ClientSession]:
    """An HTTPS client of it."""
    connector = aiohttp.TCPConnector(ssl=trust)
    async with aiohttp.ClientSession(f"https://127.0.0.1:{port}", connector=connector) as session:
        yield session


class SpdyClient:
    """The client's end of a SPDY connection: what kube-apiserver is to a kubelet."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: str) -> None:
        self.head = head
        self.received: dict[int, bytes] = {}
        self.ended: set[int] = set()
        self._connection = spdy.Connection(client=True)
        self._reader, self._writer = reader, writer

    @classmethod
    @asynccontextmanager
    async def connected(cls, port: int, path: str, *protocols: str) -> AsyncIterator["SpdyClient"]:
        """Ask for an upgrade."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        offers = "".join(f"{remotecommand.NEGOTIATION}: {each}\r\n" for each in protocols)
        request = f"POST {path} HTTP/1.1\r\nHost: k\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n{offers}\r\n"
        writer.write(request.encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        try:
            yield cls(reader, writer, head)
        finally:
            writer.transport.abort()

    def open(self, kind: str, **headers: str) -> int:
        """Open a stream."""
        return self._connection.open_stream({remotecommand.STREAM_TYPE: kind, **headers})

    def send(self, stream: int, data: bytes, *, fin: bool = False) -> None:
        """Send bytes on a stream."""
        self._connection.send(stream, data, fin=fin)

    def reset(self, stream: int) -> None:
        """Give a stream up."""
        self._connection.reset(stream)

    async def until(self, done: Callable[[], bool]) -> None:
        """Carry bytes until something has come."""
        self._writer.write(self._connection.data_to_send())
        while not done():
            data = await self._reader.read(1 << 16)
            assert data, f"the server has hung up; it sent {self.received}"
            for event in self._connection.receive(data):
                if isinstance(event, spdy.Data):
                    self.received[event.stream] = self.received.get(event.stream, b"") + event.data
                    if event.fin:
                        self.ended.add(event.stream)
                elif isinstance(event, spdy.StreamReset):
                    self.ended.add(event.stream)
            self._writer.write(self._connection.data_to_send())  # answers to pings

    async def sent(self) -> None:
        """Wait until the server has taken everything but the last little."""
        self._writer.transport.set_write_buffer_limits(high=0)
        await self._writer.drain()

    async def hung_up(self) -> None:
        """Wait until the server hangs up."""
        self._writer.write(self._connection.data_to_send())
        while await self._reader.read(1 << 16):
            pass


def within(work: Any, seconds: float = 10.0) -> Any:
    """Run it, for so long at the most."""
    return asyncio.run(asyncio.wait_for(work, seconds))


def certificate_files(ca: Any, folder: Path) -> TlsFiles:
    """A certificate of the authority for loopback, its key and the authority, as files."""
    issued = ca.issue_cert("127.0.0.1")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    ca.cert_pem.write_to_path(folder / "ca.pem")
    return TlsFiles(folder / "cert.pem", folder / "key.pem", folder / "ca.pem")
