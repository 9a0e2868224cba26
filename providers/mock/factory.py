"""Makes a mock provider for a node: what the entry point names."""

from providers.base import ProviderContext
from providers.mock import config
from providers.mock.cloud import MockCloud
from providers.mock.provider import MockProvider
from providers.mock.state import StateFolder


def create(context: ProviderContext) -> MockProvider:
    """A provider with a cloud of its own.

    Raises:
        InvalidConfig: naming the source, the field and the remedy.
    """
    parsed = config.parse(context.config, node_name=context.node_name, source=context.config_source)
    folder = StateFolder(parsed.state / context.node_name) if parsed.state else None
    return MockProvider(context, parsed, MockCloud(context.clock, context.random, folder))
