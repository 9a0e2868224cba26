"""Serves the fake Fargate over HTTP, and writes what the runner's provider needs to find it."""

import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from fakes.fargate import http
from fakes.fargate.service import FargateService
from runner.ports import SystemClock
from vksim.clouds import serving
from vksim.clouds.serving import Up
from vksim.serving import reachable

LOG_GROUP = "vksim"


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
    service = FargateService(SystemClock().now, Random(options.seed), settings, region=options.region)
    service.log_groups[LOG_GROUP] = None
    server, port = await http.start(service, options.host, options.port)
    try:
        address = reachable(options.host)
        endpoint = f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"
        with tempfile.TemporaryDirectory(prefix="vksim-") as folder:
            config = _written(Path(folder), options.region, endpoint)
            keys = ("AWS_ACCESS_KEY_ID=fake", "AWS_SECRET_ACCESS_KEY=fake", f"AWS_REGION={options.region}")
            exports = (*keys, f"AWS_ENDPOINT_URL={endpoint}", f"FARGATE_CONFIG={config}")
            yield Up(f"Fargate at {endpoint}", exports)
    finally:
        await server.cleanup()


def _written(folder: Path, region: str, endpoint: str) -> Path:
    """The provider's file: where the cloud is, and what a task cannot do without."""
    config = folder / "fargate.toml"
    fields = {
        "Region": region,
        "Endpoint": endpoint,
        "Subnets": ["subnet-a", "subnet-b"],
        "ExecutionRoleArn": "arn:aws:iam::123456789012:role/vksim",
        "CloudWatchLogGroupName": LOG_GROUP,
        "EnableExec": True,
    }
    config.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in fields.items()), encoding="utf-8")
    return config
