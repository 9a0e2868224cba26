"""Makes the ECI provider as production has it: Alibaba's SDK, its keys or its own chain of credentials."""

import logging
import os
from weakref import WeakValueDictionary

from alibabacloud_credentials.client import Client as CredentialClient
from alibabacloud_eci20180808.client import Client
from alibabacloud_tea_openapi.models import Config

from providers.base import Provider, ProviderContext
from providers.eci import config as configuration
from providers.eci import sockets
from providers.eci.client import EciClient
from providers.eci.config import EciConfig
from providers.eci.provider import EciProvider
from providers.eci.traffic import Traffic

CONNECT_MILLISECONDS, READ_MILLISECONDS = 5_000, 30_000
"""How long the cloud may take to accept a connection, and to answer."""

_TRAFFIC: "WeakValueDictionary[tuple[str, str, str], Traffic]" = WeakValueDictionary()
"""(region, endpoint, key) -> the pace that all nodes of this process keep there."""


def create(context: ProviderContext) -> Provider:
    """The provider for a node.

    Raises:
        InvalidConfig: naming the source, the field and the remedy.
    """
    config = configuration.parse(context.config, os.environ, source=context.config_source)
    client = EciClient(sdk(config), config.region, context.blocking, _traffic(config, context))
    return EciProvider(context, config, client, sockets.connect)


def sdk(config: EciConfig) -> Client:
    """Alibaba's client. Without a key their chain finds one: variables, OIDC (RRSA), a profile, the machine's role."""
    logging.getLogger("urllib3").setLevel(logging.INFO)  # at debug it logs URLs, and in them what pods keep secret
    keys = config.credentials
    return Client(
        Config(
            access_key_id=keys.key_id or None,
            access_key_secret=keys.secret or None,
            security_token=keys.token or None,
            credential=None if keys.key_id else CredentialClient(),
            region_id=config.region,
            endpoint=config.endpoint or None,
            protocol=config.protocol,
            connect_timeout=CONNECT_MILLISECONDS,
            read_timeout=READ_MILLISECONDS,
        )
    )


def _traffic(config: EciConfig, context: ProviderContext) -> Traffic:
    key = (config.region, config.endpoint, config.credentials.key_id)
    traffic = _TRAFFIC.get(key)
    if traffic is None:
        traffic = _TRAFFIC[key] = Traffic(context.random)
    return traffic
