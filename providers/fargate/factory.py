"""Makes the Fargate provider as production has it: boto3, with its own chain of credentials."""

from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from providers.base import Provider, ProviderContext
from providers.errors import InvalidConfig
from providers.fargate import config as configuration
from providers.fargate import sockets
from providers.fargate.client import FargateClient, Services
from providers.fargate.config import FargateConfig
from providers.fargate.provider import FargateProvider
from providers.fargate.traffic import Traffic

CONNECTIONS = 16
CONNECT_SECONDS, READ_SECONDS = 5, 30
OPTIONS = Config(
    retries={"total_max_attempts": 1, "mode": "standard"},
    max_pool_connections=CONNECTIONS,
    connect_timeout=CONNECT_SECONDS,
    read_timeout=READ_SECONDS,
)
"""No retries of the SDK's: they would come on top of what is paced and counted here."""

_SHARED: dict[tuple[str, str], tuple[Services, Traffic]] = {}
"""(region, endpoint) -> the clients, and the pace that all nodes of this process keep there."""


def create(context: ProviderContext) -> Provider:
    """The provider for a node.

    Raises:
        InvalidConfig: naming the source, the field and the remedy.
    """
    config = configuration.parse(context.config, source=context.config_source)
    key = (config.region, config.endpoint)
    if key not in _SHARED:
        _SHARED[key] = (_services(config, context.config_source), Traffic(context.random))
    services, traffic = _SHARED[key]
    client = FargateClient(services, config.cluster, context.blocking, traffic)
    return FargateProvider(context, config, client, sockets.connect)


def _services(config: FargateConfig, source: str) -> Services:
    try:
        return services(boto3.session.Session(), config)
    except (BotoCoreError, ValueError) as error:
        raise InvalidConfig(f"{source}: Region, Endpoint: {error}") from None


def services(session: Any, config: FargateConfig) -> Services:
    """One client for each service."""

    def client(name: str) -> Any:
        return session.client(
            name, region_name=config.region or None, endpoint_url=config.endpoint or None, config=OPTIONS
        )

    return Services(client("ecs"), client("logs"), client("ssm"), client("secretsmanager"))
