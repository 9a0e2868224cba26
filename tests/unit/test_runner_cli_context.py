"""What a provider may ask of the cluster, and the errors that it hears."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import pytest

from providers import errors
from providers.base import ProviderContext
from runner import kube
from runner.config import RunnerConfig
from runner.context import provider_context
from runner.ports import Ports, SystemClock
from vksim.blocking import Inline


class OneAnswerKube:
    """Answers every get and create the same way."""

    def __init__(self, answer: dict[str, Any] | Exception) -> None:
        self.answer = answer
        self.asked: list[tuple[Any, ...]] = []

    async def get(self, resource: kube.Resource, name: str, namespace: str | None = None) -> dict[str, Any]:
        return self._answered(resource, namespace, name)

    async def create(
        self, resource: kube.Resource, obj: dict[str, Any], namespace: str, *, name: str, subresource: str
    ) -> dict[str, Any]:
        return self._answered(resource, namespace, name, subresource, obj)

    def _answered(self, *asked: Any) -> dict[str, Any]:
        self.asked.append(asked)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def context(cluster: OneAnswerKube) -> ProviderContext:
    ports = Ports(SystemClock(), Random(1), Inline())
    return provider_context(cluster, RunnerConfig(node_name="n", port=4711), ports, {"a": 1}, "a.toml")


def raised(cluster: OneAnswerKube, ask: Callable[[ProviderContext], Awaitable[object]]) -> Exception:
    async def go() -> Exception:
        with pytest.raises(errors.ProviderError) as caught:
            await ask(context(cluster))
        return caught.value

    return asyncio.run(go())


def test_the_context_carries_the_node_and_the_configuration() -> None:
    made = context(OneAnswerKube({}))
    assert (made.node_name, made.daemon_port, made.config, made.config_source) == ("n", 4711, {"a": 1}, "a.toml")


def test_secrets_and_config_maps_are_read_by_namespace_and_name() -> None:
    cluster = OneAnswerKube({"data": {}})
    made = context(cluster)
    assert asyncio.run(made.read_secret("ns", "s")) == {"data": {}}
    assert asyncio.run(made.read_config_map("ns", "c")) == {"data": {}}
    assert cluster.asked == [(kube.SECRETS, "ns", "s"), (kube.CONFIG_MAPS, "ns", "c")]


def test_a_token_is_requested_of_the_service_account() -> None:
    cluster = OneAnswerKube({"status": {"token": "t"}})
    assert asyncio.run(context(cluster).request_token("ns", "sa", {"audiences": ["x"]})) == {"token": "t"}
    assert cluster.asked[0][:4] == (kube.SERVICE_ACCOUNTS, "ns", "sa", "token")
    assert cluster.asked[0][4]["spec"] == {"audiences": ["x"]}


def test_what_is_not_there_is_not_found_in_the_providers_words() -> None:
    error = raised(OneAnswerKube(kube.NotFound("no secret", code=404)), lambda made: made.read_secret("ns", "s"))
    assert isinstance(error, errors.NotFound)
    assert str(error) == "no secret"


@pytest.mark.parametrize("kind", [kube.Unavailable, kube.Forbidden])
def test_any_other_trouble_with_the_cluster_may_pass(kind: type[kube.ApiError]) -> None:
    error = raised(OneAnswerKube(kind("no")), lambda made: made.read_config_map("ns", "c"))
    assert isinstance(error, errors.Retryable)
