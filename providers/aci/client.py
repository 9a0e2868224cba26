"""The calls that the provider makes to Azure: by Azure's own client where it has them, all in azure-core's pipeline.

Two pipelines share one transport. Azure's client gives the operations their URLs and versions; its models are not used:
of a body it drops what it does not know (so bodies are bytes), and to decode a group it takes longer than the rest of
the call together. So what is read often, lists and groups, is read as plain JSON through the second pipeline.

Retries are not the client's: the core tries again, and Azure's throttling stops all callers (``throttle``).
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import IO, TYPE_CHECKING, Any, NamedTuple, cast
from urllib.parse import quote, urlencode

import orjson
from azure.core.exceptions import AzureError, HttpResponseError
from azure.core.pipeline.policies import ContentDecodePolicy, HeadersPolicy, UserAgentPolicy
from azure.core.rest import HttpRequest
from azure.mgmt.core import AsyncARMPipelineClient
from azure.mgmt.core.exceptions import ARMErrorFormat

from providers.aci import failures
from providers.aci.config import AciConfig
from providers.aci.credentials import AuthenticationPolicy
from providers.aci.throttle import Throttle
from providers.base import Clock, TerminalSize
from providers.errors import NotFound, Retryable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azure.core.credentials_async import AsyncTokenCredential
    from azure.core.pipeline.transport import AsyncHttpTransport

API_VERSION = "2023-05-01"
METRICS_VERSION = "2018-01-01"

JSON = "application/json"

Json = dict[str, Any]


class Session(NamedTuple):
    """Where a command or an output can be spoken with, and the password that it wants to hear first."""

    url: str
    password: str


class AciClient:
    """Container groups of one resource group.

    Every method raises a ``providers.errors.ProviderError``.

    Args:
        config: which resource group, where.
        credential: who asks; closed with the client.
        authentication: makes the policy that puts a token on each request. Each pipeline needs one of its own: a policy
            knows which one comes next.
        transport: what carries requests.
        throttle: the policy that obeys Azure's throttling.
        clock: the wall clock.
    """

    def __init__(
        self,
        config: AciConfig,
        credential: "AsyncTokenCredential",
        authentication: Callable[[], AuthenticationPolicy],
        transport: "AsyncHttpTransport[Any, Any]",
        throttle: Throttle,
        clock: Clock,
    ) -> None:
        from azure.mgmt.containerinstance.aio import (  # noqa: PLC0415  (slow to import)
            ContainerInstanceManagementClient,
        )

        self._config = config
        self._clock = clock
        agent = UserAgentPolicy(sdk_moniker="vksim-aci", user_agent=config.user_agent or None)
        common = [HeadersPolicy(), agent, throttle]
        endpoint = config.cloud.endpoint
        self._credential = credential
        self._sdk = ContainerInstanceManagementClient(
            credential,
            config.subscription,
            endpoint,
            policies=[*common, authentication(), ContentDecodePolicy()],
            transport=transport,
            api_version=API_VERSION,
        )
        self._arm: AsyncARMPipelineClient[Any, Any] = AsyncARMPipelineClient(
            endpoint, policies=[*common, authentication()], transport=transport
        )
        subscription = f"/subscriptions/{quote(config.subscription)}"
        self._group = f"{subscription}/resourceGroups/{quote(config.resource_group)}"
        self._groups = f"{self._group}/providers/Microsoft.ContainerInstance/containerGroups"

    async def close(self) -> None:
        """Hang up."""
        await self._sdk.close()
        await self._arm.close()
        await self._credential.close()

    # --- container groups -------------------------------------------------------------------------------------------

    async def create(self, name: str, body: bytes) -> None:
        """Make a group, or change one; returns when Azure has accepted it."""
        with self._failures():
            _not_polled = await self._sdk.container_groups.begin_create_or_update(
                self._config.resource_group, name, cast("IO[bytes]", body), polling=False, content_type=JSON
            )

    async def delete(self, name: str) -> None:
        """Delete a group; returns when Azure has accepted it. Raises NotFound."""
        with self._failures():
            poller = await self._sdk.container_groups.begin_delete(
                self._config.resource_group, name, polling=False, cls=_status
            )
            status: Any = await poller.result()
        if status == 204:
            raise NotFound(f"there is no container group {name}")

    async def get(self, name: str) -> Json:
        """A group with its instance view. Raises NotFound."""
        return await self._read(f"{self._groups}/{name}", {"api-version": API_VERSION})

    async def pages(self) -> AsyncIterator[list[Json]]:
        """All groups of the resource group, without instance views, page by page."""
        page = await self._read(self._groups, {"api-version": API_VERSION})
        while True:
            yield page.get("value") or []
            following = page.get("nextLink")
            if not following:
                return
            page = await self._read(following, {})

    # --- containers -------------------------------------------------------------------------------------------------

    async def logs(self, name: str, container: str, tail: int | None) -> str:
        """What a container has written, each line with its time; None means as much as Azure has."""
        with self._failures():
            answer = await self._sdk.containers.list_logs(
                self._config.resource_group, name, container, tail=tail, timestamps=True
            )
        return answer.content or ""

    async def execute(self, name: str, container: str, command: str, size: TerminalSize) -> Session:
        """Start a program in a container."""
        body = orjson.dumps({"command": command, "terminalSize": {"rows": size.height, "cols": size.width}})
        with self._failures():
            answer: Any = await self._sdk.containers.execute_command(
                self._config.resource_group, name, container, cast("IO[bytes]", body), content_type=JSON
            )
        return _session(answer)

    async def attach(self, name: str, container: str) -> Session:
        """Follow what a container writes."""
        with self._failures():
            answer: Any = await self._sdk.containers.attach(self._config.resource_group, name, container)
        return _session(answer)

    # --- the region and the subscription ----------------------------------------------------------------------------

    async def usages(self) -> Mapping[str, int]:
        """Quota of the subscription in the region -> its limit."""
        with self._failures():
            listed: list[Any] = [each async for each in self._sdk.location.list_usage(self._config.region)]
        return {each.name.value: each.limit for each in listed if each.name and each.limit is not None}

    async def capabilities(self) -> Sequence[Json]:
        """What the region can run: the largest groups, for each kind of address, system and GPU."""
        with self._failures():
            listed = [each async for each in self._sdk.location.list_capabilities(self._config.region)]
        return [dict(each.as_dict()) for each in listed]

    async def resource_group(self) -> Json:
        """The resource group. Raises NotFound."""
        return await self._read(self._group, {"api-version": "2021-04-01"})

    async def subnet(self, identity: str) -> Json:
        """A subnet, by its ARM ID. Raises NotFound."""
        return await self._read(identity, {"api-version": "2023-04-01"})

    async def metrics(self, name: str, metrics: Sequence[str], *, by_container: bool) -> Json:
        """Azure Monitor's averages of a group for the last minutes."""
        until = self._clock.now()
        begin = until - timedelta(minutes=5)
        query = {
            "api-version": METRICS_VERSION,
            "metricnames": ",".join(metrics),
            "aggregation": "average",
            "interval": "PT1M",
            "timespan": f"{begin:%Y-%m-%dT%H:%M:%SZ}/{until:%Y-%m-%dT%H:%M:%SZ}",
            **({"$filter": "containerName eq '*'"} if by_container else {}),
        }
        return await self._read(f"{self._groups}/{name}/providers/microsoft.Insights/metrics", query)

    # --- help -------------------------------------------------------------------------------------------------------

    async def _read(self, path: str, query: Mapping[str, str]) -> Json:
        url = f"{path}?{urlencode(query)}" if query else path
        request = HttpRequest("GET", self._arm.format_url(url), headers={"Accept": JSON})
        with self._failures():
            response = await self._arm.send_request(request)
            if response.status_code != 200:
                raise HttpResponseError(response=response, error_format=ARMErrorFormat)
        try:
            answer: Json = orjson.loads(response.content)
        except orjson.JSONDecodeError as error:  # a proxy's page, say
            raise Retryable(f"Azure answered {path.rpartition('/')[2]} with what is no JSON") from error
        return answer

    @contextmanager
    def _failures(self) -> "Iterator[None]":
        try:
            yield
        except AzureError as error:
            raise failures.translated(error, self._clock.now()) from error


def _status(response: Any, _body: object, _headers: object) -> int:
    """The HTTP status, which Azure's client does not tell otherwise."""
    status: int = response.http_response.status_code
    return status


def _session(answer: Any) -> Session:
    if not answer.web_socket_uri or not answer.password:
        raise Retryable("Azure opened no session")
    return Session(answer.web_socket_uri, answer.password)
