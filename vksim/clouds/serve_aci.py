"""Serves the fake Azure Container Instances over HTTPS, and writes what the runner's provider needs to find it."""

import json
import secrets
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from fakes.aci.cloud import Account, AciCloud
from fakes.aci.http import HttpDoor
from fakes.aci.principals import Application, Principals
from fakes.aci.views import guid
from fakes.apiserver.certificates import make_certificates
from runner.ports import SystemClock
from vksim.clouds import serving
from vksim.clouds.serving import Up
from vksim.serving import reachable

CLIENT = guid("vksim", "client")
"""The application that the printed lines log in as."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(serving.Options):
    """What to serve.

    Attributes:
        region: the only one there is.
        resource_group: one that is there from the beginning.
    """

    region: str
    resource_group: str


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
    account = Account(region=options.region, resource_groups=(options.resource_group,))
    secret = secrets.token_urlsafe(24)
    clock = SystemClock()
    cloud = AciCloud(
        clock.now,
        Random(options.seed),
        serving.settings(options.settings),
        account=account,
        principals=Principals((Application(CLIENT, secret),)),
    )
    address = reachable(options.host)
    certificates = make_certificates(["localhost", "127.0.0.1", address], clock.now())
    door = HttpDoor(cloud)
    port = await door.start(options.host, options.port, certificates.context())
    host = f"[{address}]" if ":" in address else address
    try:
        with tempfile.TemporaryDirectory(prefix="vksim-") as folder:
            config = _written(Path(folder), account, f"https://{host}:{port}", certificates.authority)
            exports = (
                f"AZURE_TENANT_ID={account.tenant}",
                f"AZURE_CLIENT_ID={CLIENT}",
                f"AZURE_CLIENT_SECRET={secret}",
                f"AZURE_SUBSCRIPTION_ID={account.subscription}",
                f"ACI_CONFIG={config}",
            )
            yield Up(f"Azure Container Instances at https://{host}:{port}", exports)
    finally:
        await door.stop()


def _written(folder: Path, account: Account, url: str, certificate: bytes) -> Path:
    """The provider's file: where the cloud is, and whom to trust there."""
    authority, config = folder / "ca.pem", folder / "aci.toml"
    authority.write_bytes(certificate)
    fields = {
        "Region": account.region,
        "ResourceGroup": account.resource_groups[0],
        "SubscriptionID": account.subscription,
        "ManagementEndpoint": url,
        "Authority": url,
        "CABundle": str(authority),
    }
    text = "".join(f"{name} = {json.dumps(value)}\n" for name, value in fields.items())
    config.write_text(text, encoding="utf-8")
    return config
