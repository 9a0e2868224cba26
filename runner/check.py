"""``runner check``: would the nodes run? Asks the cluster and the providers, and changes nothing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from providers import registry
from providers.base import Pinger, Provider, SelfCheck
from providers.errors import ProviderError
from runner import metrics_server
from runner.config import RunnerConfig
from runner.context import provider_context
from runner.credentials import KubeConfigError
from runner.kube import LEASES, NODES, ApiError, Forbidden, KubeApi, NotFound, Resource
from runner.kube_config import load_connection
from runner.kube_http import HttpKube
from runner.kubelet.server import AddressError, listen
from runner.kubelet.tls import TlsError, TlsFiles, server_context
from runner.node import LEASE_NAMESPACE
from runner.permissions import Permission, needed, needed_to_be_signed, needed_to_know_callers
from runner.ports import Ports, parse_rfc3339, real_ports
from runner.settings import REACH_SECONDS, NodeSettings, Settings, WrongUsage, provider_config

REVIEWS = Resource(
    "authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", namespaced=False
)
PROVIDER_SECONDS = 30.0
"""How long each question to a provider may take."""


class Verdict(StrEnum):
    """What a finding means."""

    OK = "ok"
    WARNING = "warning"
    """It runs, but something will not work, or is not as one would expect."""
    MISSING = "missing"
    """It would not run."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer to one question.

    Attributes:
        node: whose; empty for all.
        verdict: how it is.
        what: what was looked at.
        detail: what was found, and the remedy.
    """

    node: str
    verdict: Verdict
    what: str
    detail: str = ""

    def __str__(self) -> str:
        place = f"{self.node}: " if self.node else ""
        return f"{self.verdict:<8}{place}{self.what}{f': {self.detail}' if self.detail else ''}"


def check(settings: Settings) -> list[Finding]:
    """All findings, in the order in which the runner would need the things."""
    return asyncio.run(_check(settings, real_ports()))


def exit_code(findings: Sequence[Finding]) -> int:
    """0 if the runner would run, else 1."""
    return int(any(each.verdict is Verdict.MISSING for each in findings))


def as_json(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """The findings for machines."""
    return [asdict(each) for each in findings]


async def _check(settings: Settings, ports: Ports) -> list[Finding]:
    async with AsyncExitStack() as stack:
        kube, findings = await _cluster(stack, settings, ports)
        findings += metrics_findings(settings)
        for node in settings.nodes:
            findings += _kubelet_api(node, ports)
            if kube is not None:
                findings += await node_findings(kube, node, ports.clock.now())
                findings += await _provider(kube, node, ports)
        return findings


async def _cluster(stack: AsyncExitStack, settings: Settings, ports: Ports) -> tuple[KubeApi | None, list[Finding]]:
    """A way to the API server, if it answers."""
    try:
        connection = await load_connection(settings.kubeconfig, ports.clock, settings.master_uri)
        kube = await stack.enter_async_context(HttpKube.over(connection, ports.random))
        async with asyncio.timeout(REACH_SECONDS):
            await kube.get(NODES, settings.nodes[0].config.node_name)
    except (NotFound, Forbidden):
        pass  # it knows us
    except (ApiError, KubeConfigError) as error:
        return None, [Finding("", Verdict.MISSING, "API server", str(error))]
    except TimeoutError:
        return None, [Finding("", Verdict.MISSING, "API server", f"{kube.server} does not answer in time")]
    return kube, [Finding("", Verdict.OK, "API server", kube.server)]


async def node_findings(kube: KubeApi, node: NodeSettings, now: datetime) -> list[Finding]:
    """What the cluster says about a node: whether there is one already, and what its runner may do."""
    name = node.config.node_name
    findings = [await _already_there(kube, node.config, now)]
    permissions = needed(node.config)
    if node.kubelet.asks_who_calls:
        permissions += needed_to_know_callers()
    if node.kubelet.rotate:
        permissions += needed_to_be_signed()
    try:
        refused = [each for each in permissions if not await _allowed(kube, each)]
    except ApiError as error:
        why = "the API server has no SelfSubjectAccessReview" if isinstance(error, NotFound) else str(error)
        return [*findings, Finding(name, Verdict.WARNING, "permissions", why)]
    findings += [_refusal(name, each) for each in refused]
    if not refused:
        findings.append(Finding(name, Verdict.OK, "permissions", f"all {len(permissions)}"))
    return findings


def _refusal(node: str, permission: Permission) -> Finding:
    verdict = Verdict.MISSING if permission.essential else Verdict.WARNING
    return Finding(node, verdict, "permission", f"{permission}, for {permission.why}; see deploy/rbac.yaml")


async def _allowed(kube: KubeApi, permission: Permission) -> bool:
    resource = permission.resource
    attributes = {
        "group": resource.group,
        "resource": resource.plural,
        "verb": permission.verb,
        "subresource": permission.subresource,
        "namespace": permission.namespace,
    }
    review = {
        "apiVersion": REVIEWS.api_version,
        "kind": REVIEWS.kind,
        "spec": {"resourceAttributes": {name: value for name, value in attributes.items() if value}},
    }
    answer = await kube.create(REVIEWS, review)
    return bool(answer.get("status", {}).get("allowed"))


async def _already_there(kube: KubeApi, config: RunnerConfig, now: datetime) -> Finding:
    """Whether the node, or even another runner of it, is there."""
    name = config.node_name
    try:
        await kube.get(NODES, name)
        lease = await kube.get(LEASES, name, LEASE_NAMESPACE)
    except NotFound:
        return Finding(name, Verdict.OK, "node", "no runner has it")
    except ApiError as error:
        return Finding(name, Verdict.WARNING, "node", f"the API server does not say: {error}")
    spec = lease.get("spec") or {}
    renewed = spec.get("renewTime")
    age = (now - parse_rfc3339(renewed)).total_seconds() if renewed else None
    if age is None or age > spec.get("leaseDurationSeconds", 0):
        return Finding(name, Verdict.OK, "node", "is there, without a runner; it is taken over")
    why = f"its lease was renewed {age:.0f} s ago: another runner may be at work; only one may be"
    return Finding(name, Verdict.WARNING, "node", why)


def metrics_findings(settings: Settings) -> list[Finding]:
    """Whether the metrics can be served."""
    if settings.metrics is None:
        return []
    host, port = settings.metrics.host or settings.nodes[0].kubelet.address, settings.metrics.port
    try:
        metrics_server.listen(host, port).close()
    except AddressError as error:
        return [Finding("", Verdict.MISSING if settings.metrics_required else Verdict.WARNING, "metrics", str(error))]
    return [Finding("", Verdict.OK, "metrics", f"{host} port {port}")]


def _kubelet_api(node: NodeSettings, ports: Ports) -> list[Finding]:
    name, kubelet = node.config.node_name, node.kubelet
    try:
        listen(kubelet.address, node.config.port).close()
        server_context(
            TlsFiles(kubelet.certificate, kubelet.key, kubelet.client_ca),
            node_name=name,
            address=node.config.internal_ip,
            now=ports.clock.now(),
        )
    except (AddressError, TlsError) as error:
        return [Finding(name, Verdict.MISSING, "kubelet API", str(error))]
    if not kubelet.asks_who_calls:
        return [Finding(name, Verdict.WARNING, "kubelet API", "anybody may call; see --client-verify-ca")]
    return [Finding(name, Verdict.OK, "kubelet API", f"{kubelet.address} port {node.config.port}")]


async def _provider(kube: KubeApi, node: NodeSettings, ports: Ports) -> list[Finding]:
    name = node.config.node_name
    try:
        async with _started(kube, node, ports) as provider:
            questions: dict[str, Callable[[], Awaitable[object]]] = {
                "capacity": provider.capacity,
                "list of pods": provider.get_pods,
            }
            if isinstance(provider, Pinger):
                questions = {"ping": provider.ping, **questions}
            for question, ask in questions.items():
                try:
                    async with asyncio.timeout(PROVIDER_SECONDS):
                        await ask()
                except Exception as error:  # noqa: BLE001  (a provider may raise anything)
                    return [Finding(name, Verdict.MISSING, f"provider {node.provider}", f"{question}: {_words(error)}")]
            own = await _own_findings(provider, node)
    except (WrongUsage, ProviderError, TimeoutError) as error:
        return [Finding(name, Verdict.MISSING, f"provider {node.provider}", _words(error))]
    return [Finding(name, Verdict.OK, f"provider {node.provider}", f"answers: {', '.join(questions)}"), *own]


async def _own_findings(provider: Provider, node: NodeSettings) -> list[Finding]:
    """What the provider itself can say of its cloud."""
    if not isinstance(provider, SelfCheck):
        return []
    async with asyncio.timeout(PROVIDER_SECONDS):
        found = await provider.check()
    return [
        Finding(node.config.node_name, Verdict(each.verdict), f"{node.provider} {each.what}", each.detail)
        for each in found
    ]


@asynccontextmanager
async def _started(kube: KubeApi, node: NodeSettings, ports: Ports) -> AsyncIterator[Provider]:
    create = registry.load(node.provider)
    options = provider_config(node.provider_config)
    provider = create(provider_context(kube, node.config, ports, options, node.provider_config_source))
    try:
        async with asyncio.timeout(PROVIDER_SECONDS):
            await provider.start()
        yield provider
    finally:
        await provider.close()


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {PROVIDER_SECONDS:.0f} s"
    return str(error) or type(error).__name__
