"""What a provider is told and may ask for: its ``ProviderContext``, with the cluster behind three callbacks."""

from collections.abc import Awaitable, Mapping
from typing import Any

from providers import errors
from providers.base import ProviderContext, ReadObject
from providers.types import KubeObject
from runner import kube as api
from runner.config import RunnerConfig
from runner.kube import KubeApi, Resource
from runner.logs import NodeLogger
from runner.ports import Ports


def provider_context(
    kube: KubeApi, config: RunnerConfig, ports: Ports, provider_config: Mapping[str, Any], source: str
) -> ProviderContext:
    """The context of the provider behind one node.

    Args:
        kube: the cluster.
        config: the node.
        ports: time, randomness, blocking calls.
        provider_config: the provider's configuration, parsed.
        source: where that came from, for error messages.
    """

    async def request_token(namespace: str, account: str, spec: Mapping[str, Any]) -> Mapping[str, Any]:
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        answer = await _for_provider(
            kube.create(api.SERVICE_ACCOUNTS, request, namespace, name=account, subresource="token")
        )
        status: Mapping[str, Any] = answer["status"]
        return status

    return ProviderContext(
        node_name=config.node_name,
        operating_system=config.operating_system,
        internal_ip=config.internal_ip,
        daemon_port=config.port,
        cluster_domain=config.cluster_domain,
        clock=ports.clock,
        random=ports.random,
        blocking=ports.blocking,
        log=NodeLogger("runner.provider", config.node_name),
        read_secret=_reader(kube, api.SECRETS),
        read_config_map=_reader(kube, api.CONFIG_MAPS),
        request_token=request_token,
        config=provider_config,
        config_source=source,
    )


def _reader(kube: KubeApi, resource: Resource) -> ReadObject:
    async def read(namespace: str, name: str) -> Mapping[str, Any]:
        return await _for_provider(kube.get(resource, name, namespace))

    return read


async def _for_provider(answer: Awaitable[KubeObject]) -> KubeObject:
    """The answer, its errors in the provider's vocabulary: a provider does not know the Kubernetes API's."""
    try:
        return await answer
    except api.NotFound as error:
        raise errors.NotFound(str(error)) from error
    except api.ApiError as error:
        # Whatever it is (an outage, a permission that is not granted yet), it may be mended without the pod's help.
        raise errors.Retryable(str(error)) from error
