"""One runner process, from its settings to its end: the cluster, the nodes, the metrics; signals and exit codes."""

import asyncio
import logging
import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from providers import registry
from providers.errors import InvalidConfig, ProviderError
from runner import backoff, debug
from runner.agent import Agent
from runner.config import Shutdown
from runner.credentials import KubeConfigError
from runner.instrument import Instruments
from runner.kube import NODES, ApiError, Forbidden, KubeApi, NotFound, Unauthorized, Unavailable
from runner.kube_config import load_connection
from runner.kube_http import HttpKube
from runner.kubelet.server import AddressError
from runner.kubelet.tls import TlsError
from runner.metrics import Metrics
from runner.metrics_server import MetricsServer, listen
from runner.node_process import open_node
from runner.ports import Ports, real_ports
from runner.settings import REACH_SECONDS, Settings, TraceSettings, WrongUsage, provider_config
from runner.tracing import NO_TRACES, Tracer

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
    """Run the nodes until it is cancelled, which ends them in order; a second time, at once.

    Raises:
        WrongUsage, ProviderError, KubeConfigError, TlsError, AddressError, ApiError, StartupTimeout: it cannot run.
    """
    ports = real_ports()
    loop = asyncio.get_running_loop()
    begun = loop.time()
    tracer = _tracer(settings.traces)
    instruments = Instruments(Metrics(), ports.clock, tracer)
    agents: list[Agent] = []
    dump = partial(_dump, agents, instruments)
    loop.add_signal_handler(signal.SIGUSR1, lambda: _log_dump(dump()))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(ports.blocking, tracer.close)
        for each in settings.nodes:
            registry.load(each.provider)
            provider_config(each.provider_config)
        connection = await load_connection(settings.kubeconfig, ports.clock, settings.master_uri)
        kube = await stack.enter_async_context(HttpKube.over(connection, ports.random, tracer.headers))
        await _reach(kube, settings, ports)
        log.info("API server %s", kube.server)
        instruments.metrics.watch_gate(kube.gate)
        nodes = [await stack.enter_async_context(open_node(each, kube, ports, instruments)) for each in settings.nodes]
        agents += [node.agent for node in nodes]
        await _serve_metrics(stack, settings, instruments.metrics, agents, dump)
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(node.run()) for node in nodes]
            if settings.startup_timeout:
                tasks.create_task(_ready_by(agents, begun + settings.startup_timeout.total_seconds()))
            try:
                await loop.create_future()
            except asyncio.CancelledError:
                if not any(each.done() or each.cancelling() for each in running):  # the operator wants an end
                    await asyncio.gather(*(agent.shut_down() for agent in agents))
                raise


def _tracer(settings: TraceSettings) -> Tracer:
    if not settings.exporters:
        return NO_TRACES
    try:
        from runner.otel import make_tracer  # noqa: PLC0415  (an extra, and heavy)
    except ModuleNotFoundError as missing:
        raise WrongUsage(
            f"--trace-exporter: needs the package {missing.name!r}; install it with: pip install 'vksim[otel]'"
        ) from missing
    return make_tracer(settings)


async def _serve_metrics(
    stack: AsyncExitStack,
    settings: Settings,
    metrics: Metrics,
    agents: Sequence[Agent],
    dump: Callable[[], list[dict[str, Any]]],
) -> None:
    """Serve ``--metrics-addr``. If nobody asked for it, a port that is taken is no reason not to run."""
    if settings.metrics is None:
        return
    try:
        listener = listen(settings.metrics.host or settings.nodes[0].kubelet.address, settings.metrics.port)
    except AddressError as error:
        if settings.metrics_required:
            raise
        log.warning("no metrics: %s", error)
        return
    server = MetricsServer(metrics, lambda: all(each.ready.is_set() for each in agents), dump)
    await stack.enter_async_context(server.serving(listener))
    log.info("metrics on %s port %d", *listener.getsockname()[:2])


def _dump(agents: Iterable[Agent], instruments: Instruments) -> list[dict[str, Any]]:
    """What each pod waits for, by node."""
    now, time = instruments.clock.now(), asyncio.get_running_loop().time()
    under_way = {uid: f"{name} for {time - begun:.1f} s" for uid, (name, begun) in instruments.under_way.items()}
    return [{"node": agent.node_name, "pods": debug.dump(agent.records, now, under_way)} for agent in agents]


def _log_dump(dump: Iterable[Mapping[str, Any]]) -> None:
    for node in dump:
        log.warning("pods: %d", len(node["pods"]), extra={"node": node["node"]})
        for pod in node["pods"]:
            subject = {"node": node["node"], "pod": pod["pod"]}
            log.warning("%s, provider: %s: %s", pod["phase"], pod["provider"], pod["next"], extra=subject)


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
            for node in settings.nodes:
                ending = ENDINGS[node.config.shutdown]
                log.info("got %s: ending; %s", number.name, ending, extra={"node": node.config.node_name})
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
                    await kube.get(NODES, settings.nodes[0].config.node_name)
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


async def _ready_by(agents: Iterable[Agent], deadline: float) -> None:
    for agent in agents:
        try:
            async with asyncio.timeout_at(deadline):
                await agent.ready.wait()
        except TimeoutError:
            raise StartupTimeout(
                f"node {agent.node_name} was not ready within --startup-timeout; the log says why"
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
