"""The ACI provider as production makes it, over HTTPS: Azure's client and identity library, and a CA of one's own."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import jwt
import pytest

from fakes.aci import defaults, views
from fakes.aci.principals import Application, Federated, ManagedIdentity, Principals
from fakes.aci.script import VARIABLE
from features.factories import BoundPodFactory
from providers import pods
from providers.aci import create
from providers.aci.provider import AciProvider
from providers.base import LogOptions
from providers.errors import InvalidConfig, NotFound, Retryable
from providers.types import Pod
from runner.ports import SystemClock
from tests.contract.aci_https import Served, served
from tests.unit.aci.setting import Terminal
from tests.unit.mock_setting import context

CLIENT = "33333333-3333-3333-3333-333333333333"
ISSUER, SUBJECT = "https://oidc.example", "system:serviceaccount:vk:runner"
PRINCIPALS = Principals(
    applications=(Application(CLIENT, "s3cret", federated=(Federated(ISSUER, SUBJECT),)),),
    managed=(ManagedIdentity(views.guid("system")), ManagedIdentity(CLIENT)),
)

SECRET = {"AZURE_CLIENT_ID": CLIENT, "AZURE_CLIENT_SECRET": "s3cret", "AZURE_TENANT_ID": defaults.TENANT}


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of Azure's in the developer's own environment."""
    for name in ("AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_TENANT_ID", "AZURE_FEDERATED_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)


@asynccontextmanager
async def provider_of(azure: Served, **more: Any) -> AsyncIterator[AciProvider]:
    config = {
        "SubscriptionID": defaults.SUBSCRIPTION,
        "ResourceGroup": defaults.RESOURCE_GROUP,
        "Region": defaults.REGION,
        "ManagementEndpoint": azure.url,
        "Authority": azure.url,
        "CABundle": azure.ca,
        **more,
    }
    made = create(replace(context(SystemClock(), **config), config_source="aci.toml"))
    assert isinstance(made, AciProvider)
    try:
        yield made
    finally:
        await made.close()


def a_pod(script: str = "{}") -> Pod:
    pod: Pod = BoundPodFactory()
    pod["spec"]["containers"][0]["env"] = [{"name": VARIABLE, "value": script}]
    pod["spec"]["containers"][0]["ports"] = [{"containerPort": 80}]
    return pod


def over_https(folder: Path, story: Callable[[Served], Coroutine[Any, Any, None]]) -> None:
    async def play() -> None:
        async with served(folder, principals=PRINCIPALS) as azure:
            await story(azure)

    asyncio.run(play())


def set_environment(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def test_a_pods_whole_life_over_https(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(azure: Served) -> None:
        async with provider_of(azure) as provider:
            await provider.start()
            await provider.ping()
            pod = a_pod('{"log": "hello"}')
            ref = pods.ref(pod)
            await provider.create_pod(pod)
            [found] = await provider.get_pods()
            assert (await provider.get_pod(ref))["status"]["phase"] == "Running"
            assert pods.ref(found) == ref
            logs = [each async for each in provider.container_logs(ref, "main", LogOptions())]
            assert logs == [b"hello\n"]
            user = Terminal()
            assert await provider.exec_in_container(ref, "main", ["sh", "-c", "echo hi; exit 5"], user) == 5
            assert user.output == b"hi\n"
            summary = await provider.stats_summary()
            assert summary["pods"][0]["podRef"]["uid"] == ref.uid
            await provider.delete_pod(pod)
            with pytest.raises(NotFound):
                await provider.get_pod(ref)

    set_environment(monkeypatch, **SECRET)
    over_https(tmp_path, story)


def test_workload_identity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    claims = {"iss": ISSUER, "sub": SUBJECT, "aud": "api://AzureADTokenExchange"}
    now = int(SystemClock().now().timestamp())
    token = tmp_path / "token"
    token.write_text(jwt.encode({**claims, "iat": now, "nbf": now, "exp": now + 600}, "x" * 32, algorithm="HS256"))
    set_environment(monkeypatch, AZURE_CLIENT_ID=CLIENT, AZURE_TENANT_ID=defaults.TENANT)
    set_environment(monkeypatch, AZURE_FEDERATED_TOKEN_FILE=str(token))

    async def story(azure: Served) -> None:
        async with provider_of(azure) as provider:
            assert await provider.get_pods() == []

    over_https(tmp_path, story)


def test_a_wrong_secret_is_told_and_may_be_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_environment(monkeypatch, **{**SECRET, "AZURE_CLIENT_SECRET": "wrong"})

    async def story(azure: Served) -> None:
        async with provider_of(azure) as provider:
            with pytest.raises(Retryable, match="Azure gave no token"):
                await provider.get_pods()

    over_https(tmp_path, story)


def test_a_certificate_of_an_unknown_authority_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_environment(monkeypatch, **SECRET)

    async def story(azure: Served) -> None:
        async with provider_of(azure, CABundle="") as provider:
            with pytest.raises(Retryable, match="Azure"):
                await provider.get_pods()

    over_https(tmp_path, story)


def test_a_region_without_aci_ends_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_environment(monkeypatch, **SECRET)

    async def story(azure: Served) -> None:
        async with provider_of(azure, Region="atlantis") as provider:
            with pytest.raises(InvalidConfig, match=r"atlantis: .*correct Region \(ACI_REGION\)"):
                await provider.start()

    over_https(tmp_path, story)


def test_what_a_check_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_environment(monkeypatch, **SECRET)

    async def story(azure: Served) -> None:
        async with provider_of(azure, Pods="5000", SubnetName="aci", VnetName="net") as provider:
            found = {each.what: (each.verdict, each.detail) for each in await provider.check()}
        assert found["resource group"] == ("ok", "vksim in westeurope")
        assert found["region"] == ("ok", "westeurope: a pod may have 4 CPUs and 16 GB")
        assert found["quotas"] == ("warning", "the node is to offer 5000 pods, the quota is 100")
        assert found["subnet"][0] == "missing"

    over_https(tmp_path, story)
