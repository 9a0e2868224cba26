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
from runner.settings import KubeletSettings, NodeSettings, provider_config

log = logging.getLogger(__name__)


@asynccontextmanager
async def open_node(
    settings: NodeSettings, kube: KubeApi, ports: Ports, instruments: Instruments
) -> AsyncIterator[Agent]:
    """A node whose kubelet API answers, and whose agent is still to be run.

    Raises:
        WrongUsage, ProviderError, TlsError, AddressError: it cannot run.
    """
    async with AsyncExitStack() as stack:
        token = logs.NODE.set(settings.config.node_name)  # also for those who answer the requests to its kubelet API
        try:
            agent = await _open(stack, settings, kube, ports, instruments)
        finally:
            logs.NODE.reset(token)
        yield agent


async def _open(
    stack: AsyncExitStack, settings: NodeSettings, kube: KubeApi, ports: Ports, instruments: Instruments
) -> Agent:
    name, kubelet = settings.config.node_name, settings.kubelet
    create = registry.load(settings.provider)
    options = provider_config(settings.provider_config)
    kube = instruments.kube(kube, name)
    listener = listen(kubelet.address, settings.config.port)
    stack.callback(listener.close)
    config = replace(settings.config, port=listener.getsockname()[1])
    files = TlsFiles(kubelet.certificate, kubelet.key, kubelet.client_ca)
    tls = server_context(files, node_name=name, address=config.internal_ip, now=ports.clock.now())
    auth = Authenticator(kube, name, _auth(kubelet)) if kubelet.asks_who_calls else None
    provider = create(provider_context(kube, config, ports, options, settings.provider_config_source))
    stack.push_async_callback(provider.close)
    await provider.start()
    agent = Agent(kube, instruments.provider(provider, name), config, ports, observer=instruments.queue(name))
    instruments.metrics.watch(name, agent.records, agent.waiting)
    timeouts = StreamTimeouts(kubelet.stream_idle_timeout, kubelet.stream_creation_timeout)
    handlers = Handlers(OneNode(agent.kubelet), ports.clock, timeouts, instruments.metrics.text)
    await stack.enter_async_context(KubeletServer(handlers, tls, auth, instruments.tracer).serving(listener))
    log.info("kubelet API on %s port %d", kubelet.address, config.port)
    return agent


def _auth(settings: KubeletSettings) -> KubeletAuth:
    return KubeletAuth(
        tokens=settings.tokens,
        authorize=settings.authorize,
        token_ttl=settings.token_ttl,
        allowed_ttl=settings.allowed_ttl,
        denied_ttl=settings.denied_ttl,
    )
