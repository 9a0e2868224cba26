"""One runner process, from its settings to its end: what is opened in which order, and closed again."""

import asyncio
import logging
import signal
from contextlib import AsyncExitStack
from dataclasses import replace

from providers import registry
from providers.errors import InvalidConfig, ProviderError
from runner import backoff
from runner.agent import Agent
from runner.config import Shutdown
from runner.context import provider_context
from runner.kube import NODES, ApiError, Forbidden, KubeApi, NotFound, Unauthorized, Unavailable
from runner.kube_config import KubeConfigError
from runner.kube_http import HttpKube
from runner.kubelet.server import AddressError, KubeletServer, listen
from runner.kubelet.tls import TlsError, TlsFiles, server_context
from runner.ports import Ports, real_ports
from runner.settings import REACH_SECONDS, Settings, WrongUsage, provider_config

ENDED, FAILED, WRONG_USAGE = 0, 1, 2
"""Exit codes; the command's help explains them."""

SIGNALS = (signal.SIGINT, signal.SIGTERM)

ENDINGS = {
    Shutdown.LEAVE: "the node and its pods stay as they are",
    Shutdown.CORDON: "the node is cordoned, its pods stay as they are",
    Shutdown.DRAIN: "its pods are evicted first; a second signal ends it at once",
    Shutdown.DELETE: "its pods are evicted and the node deleted first; a second signal ends it at once",
}
"""What the log says of each way to end."""

log = logging.getLogger(__name__)


class StartupTimeout(Exception):
    """The node was not ready within ``--startup-timeout``."""


def main(settings: Settings) -> tuple[int, str]:
    """Run the node until a signal or a failure ends it: the exit code, and one line that says what went wrong."""
    try:
        asyncio.run(_until_signal(settings))
    except Exception as error:  # the edge of the process: whatever it is becomes an exit code
        code, line = _verdict(_cause(error))
        if not line:
            log.exception("the runner failed")
            line = "this is a fault of the runner or of a provider; the log has its traceback"
        return code, line
    return ENDED, ""


async def run(settings: Settings) -> None:
    """Run the node until it is cancelled, which ends it in order; a second time, at once.

    Raises:
        WrongUsage, ProviderError, KubeConfigError, TlsError, AddressError, ApiError, StartupTimeout: it cannot run.
    """
    ports = real_ports()
    loop = asyncio.get_running_loop()
    begun = loop.time()
    create = registry.load(settings.provider)
    options = provider_config(settings.provider_config)
    async with AsyncExitStack() as stack:
        kube = await stack.enter_async_context(HttpKube.connect(settings.kubeconfig, ports))
        await _reach(kube, settings, ports)
        listener = listen(settings.address, settings.node.port)
        stack.callback(listener.close)
        config = replace(settings.node, port=listener.getsockname()[1])
        tls = server_context(
            TlsFiles(settings.certificate, settings.key, settings.client_ca),
            node_name=config.node_name,
            address=config.internal_ip,
            now=ports.clock.now(),
        )
        source = str(settings.provider_config or "--provider-config")
        provider = create(provider_context(kube, config, ports, options, source))
        stack.push_async_callback(provider.close)
        await provider.start()
        agent = Agent(kube, provider, config, ports)
        server = KubeletServer(lambda _namespace, _pod: agent, tls, ports.clock)
        await stack.enter_async_context(server.serving(listener))
        log.info(
            "node %s: API server %s, kubelet API on %s port %d",
            config.node_name,
            kube.server,
            settings.address,
            config.port,
        )
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(agent.run())
            if settings.startup_timeout:
                tasks.create_task(_ready_by(agent, settings, begun + settings.startup_timeout.total_seconds()))
            try:
                await asyncio.shield(running)
            except asyncio.CancelledError:
                if not running.cancelling():  # it is not what failed: the operator wants an end
                    await agent.shut_down()
                raise


async def _until_signal(settings: Settings) -> None:
    """Run; the first signal ends it in order, a second one at once."""
    loop = asyncio.get_running_loop()
    work = loop.create_task(run(settings))
    signalled = False

    def stop(number: signal.Signals) -> None:
        nonlocal signalled
        if signalled:
            log.info("got %s again: ending at once", number.name)
        else:
            log.info("got %s: ending; %s", number.name, ENDINGS[settings.node.shutdown])
        signalled = True
        work.cancel()

    for number in SIGNALS:
        loop.add_signal_handler(number, stop, number)
    try:
        await work
    except asyncio.CancelledError:
        if not signalled:
            raise


async def _reach(kube: KubeApi, settings: Settings, ports: Ports) -> None:
    """Ask for our node, so that a wrong address or credential shows now, and as what it is.

    Raises:
        ApiError: the server does not answer, or does not want us.
    """
    timeout = settings.startup_timeout
    seconds = REACH_SECONDS if timeout is None else timeout.total_seconds() or None
    level = logging.DEBUG if timeout is None else logging.WARNING  # news only to whoever chose to wait
    trouble: Unavailable | None = None
    failures = 0
    try:
        async with asyncio.timeout(seconds):
            while True:
                try:
                    await kube.get(NODES, settings.node.node_name)
                except NotFound:
                    return
                except Unavailable as error:
                    trouble = error
                    failures += 1
                    wait = backoff.delay(failures, ports.random, first=0.5, longest=10.0)
                    log.log(level, "%s; again in %.1f s", error, wait)
                    await asyncio.sleep(max(wait, error.retry_after or 0.0))
                else:
                    return
    except TimeoutError:
        raise trouble or Unavailable(f"the API server did not answer within {seconds:.0f} s") from None


async def _ready_by(agent: Agent, settings: Settings, deadline: float) -> None:
    try:
        async with asyncio.timeout_at(deadline):
            await agent.ready.wait()
    except TimeoutError:
        raise StartupTimeout(
            f"node {settings.node.node_name} was not ready within --startup-timeout; the log says why"
        ) from None


def _cause(error: BaseException) -> BaseException:
    """The first error inside the groups that task groups make."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _verdict(error: BaseException) -> tuple[int, str]:
    """The exit code, and the line for the operator; no line if nobody expected this error."""
    match error:
        case WrongUsage() | registry.UnknownProvider() | InvalidConfig() | KubeConfigError() | TlsError():
            return WRONG_USAGE, str(error)
        case Unauthorized():
            return FAILED, f"the API server refuses the credential ({error}); it may have expired: log in again"
        case Forbidden():
            return FAILED, f"the API server does not allow it: {error}; grant the role of deploy/rbac.yaml"
        case ApiError() | ProviderError() | AddressError() | StartupTimeout():
            return FAILED, str(error)
        case _:
            return FAILED, ""
