"""Serves the fake Elastic Container Instance over HTTP, and writes what the runner's provider needs to find it."""

import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from fakes.eci import http
from fakes.eci.catalog import ZONE_LETTERS
from fakes.eci.defaults import KEY_ID, SECRET
from fakes.eci.service import EciService
from runner.ports import SystemClock
from vksim.clouds import serving
from vksim.clouds.serving import Up
from vksim.serving import reachable


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(serving.Options):
    """What to serve.

    Attributes:
        region: the only one there is.
    """

    region: str


def main(options: Options) -> tuple[int, str]:
    """Serve until a signal: the exit code, and one line that says what went wrong."""
    return serving.main(options, served)


@asynccontextmanager
async def served(options: Options) -> AsyncIterator[Up]:
    """A cloud that is up.

    Raises:
        OSError: the address cannot be used.
        WrongUsage: the settings cannot be read.
    """
    settings = serving.settings(options.settings)
    service = EciService(SystemClock().now, Random(options.seed), settings, region=options.region)
    server, port = await http.start(service, options.host, options.port)
    try:
        address = reachable(options.host)
        endpoint = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        service.sessions.base = f"ws://{endpoint}"
        with tempfile.TemporaryDirectory(prefix="vksim-") as folder:
            config = _written(Path(folder), options.region, endpoint)
            exports = (f"ECI_ACCESS_KEY={KEY_ID}", f"ECI_SECRET_KEY={SECRET}", f"ECI_CONFIG={config}")
            yield Up(f"Elastic Container Instance at http://{endpoint}", exports)
    finally:
        await server.cleanup()


def _written(folder: Path, region: str, endpoint: str) -> Path:
    """The provider's file: where the cloud is, and vSwitches in two of its zones."""
    config = folder / "eci.toml"
    fields = {
        "Region": region,
        "Endpoint": endpoint,
        "Protocol": "http",
        "VSwitches": [f"vsw-{letter}" for letter in ZONE_LETTERS[:2]],
    }
    config.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in fields.items()), encoding="utf-8")
    return config
