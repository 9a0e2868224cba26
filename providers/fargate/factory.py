"""Makes the Fargate provider as production has it: boto3, with its own chain of credentials."""

import os
from dataclasses import replace
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
from providers.fargate.shelf import Shelf
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

_SHARED: dict[tuple[str, str], tuple[Services, Traffic, Shelf]] = {}
"""(region, endpoint) -> the clients, the pace that all nodes of this process keep there, what they have put there."""


def create(context: ProviderContext) -> Provider:
    """The provider for a node.

    Raises:
        InvalidConfig: naming the source, the field and the remedy.
    """
    config = _placed(configuration.parse(context.config, source=context.config_source), context.config_source)
    key = (config.region, config.endpoint)
    if key not in _SHARED:
        _SHARED[key] = (
            _services(config, context.config_source),
            Traffic(context.random),
            Shelf(context.clock),
        )
    services, traffic, shelf = _SHARED[key]
    client = FargateClient(services, config.cluster, context.blocking, traffic)
    return FargateProvider(context, config, client, shelf, sockets.connect)


def _placed(config: FargateConfig, source: str) -> FargateConfig:
    """With the region that tasks and their logs are in. boto3 does not read AWS_REGION; Go's SDK of 2018 did."""
    try:
        region = config.region or os.environ.get("AWS_REGION") or boto3.session.Session().region_name
    except BotoCoreError as error:
        raise InvalidConfig(f"{source}: Region: {error}") from None
    if not region:
        raise InvalidConfig(f"{source}: Region: none; name it, or set AWS_REGION")
    return replace(config, region=region)


def _services(config: FargateConfig, source: str) -> Services:
    """The clients; that of ECS is made at once, as it shows whether any can be."""
    session = boto3.session.Session()
    services = Services(lambda name: client(session, config, name))
    try:
        _ = services.ecs
    except (BotoCoreError, ValueError) as error:
        raise InvalidConfig(f"{source}: Region, Endpoint: {error}") from None
    return services


def client(session: Any, config: FargateConfig, name: str) -> Any:
    """The client of a service."""
    return session.client(name, region_name=config.region or None, endpoint_url=config.endpoint or None, config=OPTIONS)
