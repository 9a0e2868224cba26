"""Azure Container Instances in a simulation: the production provider and Azure's own client, on the fake in-process.

The one thing that is not production's is what carries a request (``_Transport``, ``_connect``), and how a token is got.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any, Self

from azure.core.credentials import AccessToken
from azure.core.exceptions import ServiceResponseError
from azure.core.pipeline import PipelineRequest
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.core.pipeline.transport import AsyncHttpTransport
from azure.core.rest._http_response_impl_async import AsyncHttpResponseImpl

from fakes.aci.cloud import AciCloud
from fakes.aci.group import Group
from fakes.aci.inprocess import Door, WebSocket
from fakes.aci.messages import Request
from fakes.cloud.settings import CloudSettings
from providers.aci import config as configuration
from providers.aci import tags
from providers.aci.account import Account
from providers.aci.client import AciClient
from providers.aci.config import Limits
from providers.aci.exec import Socket
from providers.aci.provider import AciProvider
from providers.base import Clock, ProviderContext
from providers.errors import Retryable
from vksim.clouds.base import CloudPod

NETWORK, SUBNET = "vksim", "pods"
ENDPOINT = "https://management.azure.com"


def make(settings: CloudSettings | None, clock: Clock, random: Random) -> "AciBackend":
    """A region of ACI, for one subscription."""
    return AciBackend(AciCloud(clock.now, random, settings), clock)


class AciBackend:
    """The provider on a fake cloud; see ``vksim.clouds.base.CloudBackend``.

    Args:
        cloud: the fake.
        clock: the wall clock.

    Attributes:
        cloud: the fake.
        model: its latencies, quotas, rates and faults.
        door: the way into it.
        config: what the operator of each node has decided.
    """

    def __init__(self, cloud: AciCloud, clock: Clock) -> None:
        self.cloud = cloud
        self.model = cloud.model
        self.config: dict[str, Any] = {
            "SubscriptionID": cloud.account.subscription,
            "ResourceGroup": cloud.account.resource_groups[0],
            "Region": cloud.account.region,
            "VnetName": NETWORK,
            "SubnetName": SUBNET,
        }
        self._clock = clock
        self.door = Door(cloud)
        self._account = Account(_limits(cloud.model.settings), clock)
        self._random = Random(0)
        self._authentication = _Authentication(cloud, clock)
        self._make_subnet()

    def provider(self, context: ProviderContext) -> AciProvider:
        """The production provider; several nodes share the subscription's limits, as in one process they do."""
        file = {**self.config, **context.config}
        config = configuration.parse(file, {}, operating_system=context.operating_system, source=context.config_source)
        client = AciClient(
            config,
            _NoCredential(),
            lambda: self._authentication,
            _Transport(self.door),
            self._account.throttle,
            self._clock,
        )
        return AciProvider(context, config, client, self._account, self._connect)

    def pods(self) -> Iterator[CloudPod]:
        """All groups that have not ended and carry a pod's tags."""
        for group in self.groups():
            owner = tags.owner(group.tags)
            if owner is not None and not group.ended:
                ref = owner.ref
                yield CloudPod(ref.uid, ref.namespace, ref.name, owner.node, group.place.name, group.running)

    def groups(self) -> Iterator[Group]:
        """All groups, as they are now."""
        now = self._clock.now()
        self.cloud.groups.settle(now)
        for group in self.cloud.groups.store:
            group.advance(now)
            yield group

    def interrupt(self, share: float) -> int:
        """The cloud takes this share of the groups on spare capacity back."""
        spot = [each for each in self.groups() if each.is_spot and not each.ended]
        count = round(share * len(spot))
        for each in self._random.sample(spot, count):
            each.evict(self._clock.now())
        return count

    @asynccontextmanager
    async def _connect(self, url: str) -> AsyncIterator[Socket]:
        try:
            yield _Socket(self.door.websocket(url))
        except ConnectionError as error:
            raise Retryable(f"the connection to the container broke: {error}") from error

    def _make_subnet(self) -> None:
        """The network that an operator has prepared."""
        group = self.cloud.account.resource_groups[0]
        path = f"/subscriptions/{self.cloud.account.subscription}/resourceGroups/{group}/providers"
        url = f"{ENDPOINT}{path}/Microsoft.Network/virtualNetworks/{NETWORK}/subnets/{SUBNET}?api-version=2023-04-01"
        token = self.cloud.tokens.issue(self._clock.now())
        body = (
            b'{"properties":{"addressPrefix":"10.0.0.0/8","delegations":[{"name":"aci",'
            b'"properties":{"serviceName":"Microsoft.ContainerInstance/containerGroups"}}]}}'
        )
        self.cloud.handle(Request("PUT", url, {"Authorization": f"Bearer {token}"}, body))


def _limits(settings: CloudSettings) -> Limits:
    """What the provider is told of the cloud's rates, as an operator would who had them raised."""
    rates = settings.rates
    return Limits(
        reads=rates["subscription-reads"].burst,
        writes=rates["subscription-writes"].burst,
        creates=rates["creates-pt1h"].burst,
        deletes=rates["deletes-pt1h"].burst,
        burst=rates["creates-pt5m"].burst,
    )


class _Transport(AsyncHttpTransport[Any, Any]):
    """Carries azure-core's requests into the fake."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def send(self, request: Any, **_: Any) -> AsyncHttpResponseImpl:
        """The answer; an answer that got lost is a broken connection."""
        body = getattr(request, "content", None) or getattr(request, "data", None) or b""
        try:
            response = await self._door.call(Request(request.method, request.url, request.headers, _encoded(body)))
        except ConnectionError as error:
            raise ServiceResponseError(str(error), error=error) from error
        answer = AsyncHttpResponseImpl(
            request=request,
            internal_response=_Nothing(),
            status_code=response.status,
            reason="",
            content_type=response.headers.get("Content-Type", ""),
            headers=_Headers(response.headers),
            stream_download_generator=_nothing,
        )
        answer._content = response.body  # noqa: SLF001  (what reading it does)
        return answer

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    async def __aexit__(self, *_: object) -> None:
        """As close."""


def _encoded(body: str | bytes) -> bytes:
    return body.encode() if isinstance(body, str) else body


class _Headers(dict[str, str]):
    """Headers, found by their names in any case."""

    def __init__(self, headers: dict[str, str]) -> None:
        super().__init__({name.lower(): value for name, value in headers.items()})

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a header."""
        return super().get(name.lower(), default)

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return super().__contains__(str(name).lower())


class _Nothing:
    """What is behind a response: no connection."""

    async def close(self) -> None:
        """Nothing to close."""


async def _nothing(*_: object, **__: object) -> AsyncIterator[bytes]:
    return
    yield  # makes it an iterator


class _Authentication(SansIOHTTPPolicy[Any, Any]):
    """Puts a token of the fake's on each request, a new one before the old one ends."""

    def __init__(self, cloud: AciCloud, clock: Clock) -> None:
        super().__init__()
        self._cloud = cloud
        self._clock = clock
        self._token = ""

    def on_request(self, request: PipelineRequest[Any]) -> None:
        """Add the header."""
        now = self._clock.now()
        if not self._token or not self._cloud.tokens.holds(self._token, now):
            self._token = self._cloud.tokens.issue(now)
        request.http_request.headers["Authorization"] = f"Bearer {self._token}"


class _NoCredential:
    """Azure's client wants one to be there; the tokens come from the policy above."""

    async def get_token(self, *_: str, **__: Any) -> AccessToken:
        """Nobody asks."""
        raise NotImplementedError

    async def close(self) -> None:
        """Nothing to close."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing to close."""


class _Socket:
    """A WebSocket into the fake."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    async def send(self, data: bytes | str) -> None:
        """Send a message."""
        self._socket.send(data)

    async def messages(self) -> AsyncIterator[bytes]:
        """What comes."""
        while (data := await self._socket.receive()) is not None:
            yield data
