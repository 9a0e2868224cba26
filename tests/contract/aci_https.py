"""A fake Azure over HTTPS, with a certificate authority of its own, for Azure's own libraries."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any, NamedTuple, TypeVar

import trustme

from fakes.aci import defaults
from fakes.aci.cloud import AciCloud
from fakes.aci.http import HttpDoor
from fakes.aci.principals import Principals
from fakes.cloud.settings import CloudSettings, Fault, Latency
from runner.ports import SystemClock

T = TypeVar("T")

AT_ONCE = {name: Latency(0.0) for name in defaults.LATENCIES}


class Served(NamedTuple):
    """Where the cloud is, and whom to trust there."""

    cloud: AciCloud
    url: str
    ca: str

    @property
    def now(self) -> Any:
        """The cloud's wall clock."""
        return self.cloud.now()


@asynccontextmanager
async def served(
    folder: Path,
    *,
    principals: Principals | None = None,
    latencies: dict[str, Latency] | None = None,
    faults: tuple[Fault, ...] = (),
) -> AsyncIterator[Served]:
    """A cloud that does everything at once, unless it is told how long something takes."""
    authority = trustme.CA()
    ca = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(ca))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    settings = CloudSettings(latencies={**AT_ONCE, **(latencies or {})}, faults=faults)
    cloud = AciCloud(SystemClock().now, Random(1), settings, principals=principals)
    door = HttpDoor(cloud)
    port = await door.start("localhost", 0, context)
    try:
        yield Served(cloud, f"https://localhost:{port}", str(ca))
    finally:
        await door.stop()


async def in_thread(call: Callable[[], T]) -> T:
    """Run what blocks."""
    return await asyncio.get_running_loop().run_in_executor(None, call)
