"""One virtual node of a process: its provider, its kubelet API and its agent, opened in order and closed again."""

import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from providers import registry
from runner import logs
from runner.agent import Agent
from runner.context import provider_context
from runner.instrument import Instruments
from runner.kube import KubeApi
from runner.kubelet.auth import Authenticator, KubeletAuth
from runner.kubelet.handlers import Handlers, OneNode
from runner.kubelet.server import KubeletServer, listen
from runner.kubelet.streams import StreamTimeouts
from runner.kubelet.tls import TlsFiles, server_context
from runner.ports import Ports
from runner.settings import NodeSettings, provider_config

log = logging.getLogger(__name__)


@asynccontextmanager
async def open_node(
    settings: NodeSettings, kube: KubeApi, ports: Ports, instruments: Instruments
) -> AsyncIterator[Agent]:
    """A node whose kubelet API answers, and whose agent is still to be run.

    Raises:
        WrongUsage, ProviderError, TlsError, AddressError: it cannot run.
    """
    name = settings.config.node_name
    token = logs.NODE.set(name)
    create = registry.load(settings.provider)
    options = provider_config(settings.provider_config)
    async with AsyncExitStack() as stack:
        stack.callback(logs.NODE.reset, token)
        kube = instruments.kube(kube, name)
        listener = listen(settings.address, settings.config.port)
        stack.callback(listener.close)
        config = replace(settings.config, port=listener.getsockname()[1])
        files = TlsFiles(settings.certificate, settings.key, settings.client_ca)
        tls = server_context(files, node_name=name, address=config.internal_ip, now=ports.clock.now())
        auth = Authenticator(kube, name, KubeletAuth()) if settings.client_ca else None
        provider = create(provider_context(kube, config, ports, options, settings.provider_config_source))
        stack.push_async_callback(provider.close)
        await provider.start()
        agent = Agent(kube, instruments.provider(provider, name), config, ports, observer=instruments.queue(name))
        instruments.metrics.watch(name, agent.records, agent.waiting)
        handlers = Handlers(OneNode(agent.kubelet), ports.clock, StreamTimeouts(), instruments.metrics.text)
        await stack.enter_async_context(KubeletServer(handlers, tls, auth).serving(listener))
        log.info("kubelet API on %s port %d", settings.address, config.port)
        yield agent
