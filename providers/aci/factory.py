"""Makes the ACI provider as production has it: Azure's client over aiohttp, credentials of azure-identity."""

import os
from functools import partial
from weakref import WeakValueDictionary

from azure.core.pipeline.transport import AioHttpTransport

from providers.aci import config as configuration
from providers.aci import credentials, sockets
from providers.aci.account import Account
from providers.aci.client import AciClient
from providers.aci.config import AciConfig
from providers.aci.provider import AciProvider
from providers.base import Clock, Provider, ProviderContext

CONNECT_SECONDS, READ_SECONDS = 10.0, 90.0
"""How long Azure may take to accept a connection, and to answer."""

_ACCOUNTS: "WeakValueDictionary[tuple[str, str], Account]" = WeakValueDictionary()
"""(endpoint, subscription) -> the account that all nodes of this process share there."""


def create(context: ProviderContext) -> Provider:
    """The provider for a node.

    Raises:
        InvalidConfig: naming the source, the field and the remedy.
    """
    config = configuration.parse(
        context.config, os.environ, operating_system=context.operating_system, source=context.config_source
    )
    credential = credentials.credential(config)
    trusted = credentials.trusted(config)
    account = _account(config, context.clock)
    transport = AioHttpTransport(
        connection_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS, connection_verify=config.cloud.ca_bundle or True
    )
    authentication = partial(credentials.policy, config, credential)
    client = AciClient(config, credential, authentication, transport, account.throttle, context.clock)
    return AciProvider(context, config, client, account, sockets.connector(trusted))


def _account(config: AciConfig, clock: Clock) -> Account:
    key = (config.cloud.endpoint, config.subscription.lower())
    account = _ACCOUNTS.get(key)
    if account is None:
        account = _ACCOUNTS[key] = Account(config.limits, clock)
    return account
