"""What a provider is told, made from what the core has. The provider reads the cluster only through these callbacks."""

import logging
from collections.abc import Mapping
from typing import Any

from providers.base import ProviderContext, ReadObject
from providers.errors import NotFound
from runner import kube
from runner.config import RunnerConfig
from runner.ports import Ports


def provider_context(
    api: kube.KubeApi, config: RunnerConfig, ports: Ports, provider_config: Mapping[str, Any], source: str
) -> ProviderContext:
    """The context for the provider of a node; ``source`` says where its configuration came from."""

    async def request_token(namespace: str, service_account: str, spec: Mapping[str, Any]) -> Mapping[str, Any]:
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": dict(spec)}
        answer = await api.create(kube.SERVICE_ACCOUNTS, request, namespace, name=service_account, subresource="token")
        status: Mapping[str, Any] = answer["status"]
        return status

    return ProviderContext(
        node_name=config.node_name,
        operating_system=config.operating_system,
        internal_ip=config.internal_ip,
        daemon_port=config.port,
        clock=ports.clock,
        random=ports.random,
        blocking=ports.blocking,
        log=logging.LoggerAdapter(logging.getLogger("runner.provider"), {"node": config.node_name}),
        read_secret=_reader(api, kube.SECRETS),
        read_config_map=_reader(api, kube.CONFIG_MAPS),
        request_token=request_token,
        config=provider_config,
        config_source=source,
    )


def _reader(api: kube.KubeApi, resource: kube.Resource) -> ReadObject:
    async def read(namespace: str, name: str) -> Mapping[str, Any]:
        try:
            return await api.get(resource, name, namespace)
        except kube.NotFound as missing:
            raise NotFound(missing.message) from missing

    return read
