"""A fake Azure whose time stands until it is told to pass, and the smallest things to send to it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import orjson

from fakes.aci import defaults
from fakes.aci.cloud import AciCloud
from fakes.aci.messages import Request, Response
from fakes.cloud.settings import CloudSettings, Latency

BEGAN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ORIGIN = "https://management.azure.com"
RESOURCE_GROUP = f"/subscriptions/{defaults.SUBSCRIPTION}/resourceGroups/{defaults.RESOURCE_GROUP}"
GROUPS = f"{RESOURCE_GROUP}/providers/Microsoft.ContainerInstance/containerGroups"
REGION = f"/subscriptions/{defaults.SUBSCRIPTION}/providers/Microsoft.ContainerInstance/locations/{defaults.REGION}"
STEADY = {"provision": Latency(20.0), "restart": Latency(5.0), "transition": Latency(10.0)}
"""Latencies that do not vary."""


class Azure:
    """The cloud, its clock, and a client with a token."""

    def __init__(self, settings: CloudSettings | None = None, **options: Any) -> None:
        self.time = BEGAN
        given = settings or CloudSettings()
        settings = CloudSettings(
            latencies={**STEADY, **given.latencies}, quotas=given.quotas, rates=given.rates, faults=given.faults
        )
        self.cloud = AciCloud(lambda: self.time, Random(1), settings, **options)
        self.token = self.cloud.tokens.issue(BEGAN)

    def passes(self, seconds: float) -> None:
        """Let time pass."""
        self.time += timedelta(seconds=seconds)

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        version: str | None = defaults.API_VERSION,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Send a request; the path may have a query, and may be absolute."""
        url = path if path.startswith("http") else ORIGIN + path
        if version is not None and "api-version=" not in url:
            url += ("&" if "?" in url else "?") + f"api-version={version}"
        content = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        known = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        return self.cloud.handle(Request(method, url, {**known, **(headers or {})}, content))

    def put(self, name: str = "web", body: Any = None) -> Response:
        """Create or replace a group."""
        return self.ask("PUT", f"{GROUPS}/{name}", group() if body is None else body)

    def get(self, name: str = "web") -> dict[str, Any]:
        """A group that is there."""
        response = self.ask("GET", f"{GROUPS}/{name}")
        assert response.status == 200, response.body
        found: dict[str, Any] = response.json()
        return found

    def running(self, name: str = "web", body: Any = None) -> dict[str, Any]:
        """A group that has come up."""
        response = self.put(name, body)
        assert response.status in (200, 201), response.body
        self.passes(20)
        return self.get(name)


def container(name: str = "main", **properties: Any) -> dict[str, Any]:
    """A container of a group."""
    known = {"image": "nginx", "resources": {"requests": {"cpu": 1.0, "memoryInGB": 1.5}}}
    return {"name": name, "properties": {**known, **properties}}


def group(*containers: dict[str, Any], **properties: Any) -> dict[str, Any]:
    """A group that is accepted; a property that is None is left out."""
    known = {"containers": list(containers) or [container()], "osType": "Linux", **properties}
    return {
        "location": defaults.REGION,
        "properties": {name: value for name, value in known.items() if value is not None},
    }


def scripted(name: str = "main", **script: Any) -> dict[str, Any]:
    """A container that behaves like that."""
    variable = {"name": "VKSIM_SCRIPT", "value": orjson.dumps(script).decode()}
    return container(name, environmentVariables=[variable])


def code(response: Response) -> tuple[int, str]:
    """How a request was refused."""
    return response.status, response.json()["error"]["code"]


def instance(found: Mapping[str, Any], number: int = 0) -> dict[str, Any]:
    """The instance view of a container."""
    view: dict[str, Any] = found["properties"]["containers"][number]["properties"]["instanceView"]
    return view
