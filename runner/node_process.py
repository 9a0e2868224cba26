"""One virtual node of a process: its provider, its kubelet API and its agent, opened in order and closed again."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from providers import registry
from runner import logs
from runner.agent import Agent
from runner.context import provider_context
from runner.instrument import Instruments
from runner.kube import KubeApi
from runner.kubelet.auth import Authenticator, KubeletAuth
from runner.kubelet.handlers import Handlers, OneNode
from runner.kubelet.renewal import keep_authority, keep_certificate
from runner.kubelet.server import KubeletServer, listen
from runner.kubelet.signing import Signing
from runner.kubelet.streams import StreamTimeouts
from runner.kubelet.tls import TlsFiles, server_context
from runner.ports import Ports
from runner.settings import KubeletSettings, NodeSettings, provider_config

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OpenNode:
    """A node whose kubelet API answers, and that is still to be run.

    Attributes:
        agent: what does its work.
        upkeep: what has to go on beside it.
    """

    agent: Agent
    upkeep: Sequence[Callable[[], Coroutine[Any, Any, None]]]

    async def run(self) -> None:
        """Run the node until cancelled.

        Raises:
            ExceptionGroup: see ``Agent.run``.
        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.agent.run())
            for each in self.upkeep:
                tasks.create_task(each())


@asynccontextmanager
async def open_node(
    settings: NodeSettings, kube: KubeApi, ports: Ports, instruments: Instruments
) -> AsyncIterator[OpenNode]:
    """A node, opened.

    Raises:
        WrongUsage, ProviderError, TlsError, AddressError: it cannot run.
    """
    async with AsyncExitStack() as stack:
        token = logs.NODE.set(settings.config.node_name)  # also for those who answer the requests to its kubelet API
        try:
            node = await _open(stack, settings, kube, ports, instruments)
        finally:
            logs.NODE.reset(token)
        yield node


async def _open(
    stack: AsyncExitStack, settings: NodeSettings, kube: KubeApi, ports: Ports, instruments: Instruments
) -> OpenNode:
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
    context = provider_context(kube, config, ports, options, settings.provider_config_source)
    provider = instruments.provider(create(context), name)
    stack.push_async_callback(provider.close)
    await provider.start()
    agent = Agent(kube, provider, config, ports, observer=instruments.queue(name))
    instruments.metrics.watch(name, agent.records, lambda: len(agent.waiting))
    timeouts = StreamTimeouts(kubelet.stream_idle_timeout, kubelet.stream_creation_timeout)
    handlers = Handlers(OneNode(agent.kubelet), ports.clock, timeouts, instruments.metrics.text)
    await stack.enter_async_context(KubeletServer(handlers, tls, auth, instruments.tracer).serving(listener))
    log.info("kubelet API on %s port %d", kubelet.address, config.port)
    whose = {"node_name": name, "address": config.internal_ip}
    certificate = partial(keep_certificate, tls, files, **whose, clock=ports.clock)
    if kubelet.rotate:
        certificate = partial(Signing(kube, **whose, clock=ports.clock, random=ports.random).keep, tls)
    return OpenNode(agent, (certificate, partial(keep_authority, tls, files)))


def _auth(settings: KubeletSettings) -> KubeletAuth:
    return KubeletAuth(
        tokens=settings.tokens,
        authorize=settings.authorize,
        token_ttl=settings.token_ttl,
        allowed_ttl=settings.allowed_ttl,
        denied_ttl=settings.denied_ttl,
    )
