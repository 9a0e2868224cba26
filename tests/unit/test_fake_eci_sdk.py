"""Alibaba's own SDK against the fake: over HTTP in both of its forms and both signatures, and without a socket."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
import responses
from alibabacloud_eci20180808 import models
from alibabacloud_eci20180808.client import Client
from alibabacloud_tea_openapi.exceptions import ClientException, ServerException
from alibabacloud_tea_openapi.models import Config
from alibabacloud_tea_util.models import RuntimeOptions
from darabonba.exceptions import UnretryableException

from fakes.cloud.settings import CloudSettings, Fault, FaultKind
from fakes.eci import http, intercepted
from fakes.eci.defaults import KEY_ID, REGION, SECRET
from fakes.eci.sdk import InProcessClient
from fakes.eci.service import EciService

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RUNTIME = RuntimeOptions()


def service(*faults: Fault) -> EciService:
    return EciService(lambda: NOW, Random(1), CloudSettings(faults=faults))


def client(endpoint: str, *, key: str = KEY_ID, secret: str = SECRET, **more: Any) -> Client:
    config = Config(access_key_id=key, access_key_secret=secret, region_id=REGION, endpoint=endpoint, **more)
    return Client(config)


def group(name: str = "web", **more: Any) -> models.CreateContainerGroupRequest:
    container = {"Name": "main", "Image": "app:1", "EnvironmentVar": [{"Key": "GREETING", "Value": "grüß Gott & *"}]}
    wire = {"RegionId": REGION, "ContainerGroupName": name, "Container": [container], **more}
    return models.CreateContainerGroupRequest().from_map(wire)


DESCRIBE = models.DescribeContainerGroupsRequest(region_id=REGION)


def over_http(test: Callable[[str, EciService], Awaitable[None]], *faults: Fault) -> None:
    """Plays a test against a server on loopback."""

    async def play() -> None:
        fake = service(*faults)
        runner, port = await http.start(fake)
        try:
            await test(f"127.0.0.1:{port}", fake)
        finally:
            await runner.cleanup()

    asyncio.run(play())


@pytest.mark.parametrize("style", [{}, {"signature_algorithm": "v2"}], ids=["acs3", "rpc"])
def test_the_synchronous_sdk_talks_to_it_over_http(style: dict[str, str]):
    async def test(address: str, _: EciService) -> None:
        sdk = client(address, protocol="http", **style)
        made = await asyncio.to_thread(sdk.create_container_group_with_options, group(), RUNTIME)  # noqa: TID251
        seen = await asyncio.to_thread(sdk.describe_container_groups_with_options, DESCRIBE, RUNTIME)  # noqa: TID251
        (row,) = seen.body.to_map()["ContainerGroups"]
        assert row["ContainerGroupId"] == made.body.container_group_id
        assert row["Containers"][0]["EnvironmentVars"] == [{"Key": "GREETING", "Value": "grüß Gott & *"}]

    over_http(test)


@pytest.mark.parametrize("style", [{}, {"signature_algorithm": "v2"}], ids=["acs3", "rpc"])
def test_the_asynchronous_sdk_talks_to_it_over_http(style: dict[str, str]):
    async def test(address: str, _: EciService) -> None:
        sdk = client(address, protocol="http", **style)
        made = await sdk.create_container_group_with_options_async(group(), RUNTIME)
        seen = await sdk.describe_container_groups_with_options_async(DESCRIBE, RUNTIME)
        assert [each.container_group_id for each in seen.body.container_groups] == [made.body.container_group_id]

    over_http(test)


def test_files_of_60_kib_pass_through_the_url():
    async def test(address: str, fake: EciService) -> None:
        files = {"ConfigFileToPath": [{"Path": "a", "Content": "QUFB" * 20_000}]}
        volume = {"Name": "c", "Type": "ConfigFileVolume", "ConfigFileVolume": files}
        sdk = client(address, protocol="http")
        await sdk.create_container_group_with_options_async(group(Volume=[volume]), RUNTIME)
        assert len(fake.region.groups) == 1

    over_http(test)


@pytest.mark.parametrize("style", [{}, {"signature_algorithm": "v2"}], ids=["acs3", "rpc"])
def test_a_wrong_secret_and_an_unknown_key_are_refused(style: dict[str, str]):
    async def test(address: str, fake: EciService) -> None:
        wrong = client(address, protocol="http", secret="wrong", **style)
        with pytest.raises(ClientException) as refused:
            await wrong.create_container_group_with_options_async(group(), RUNTIME)
        assert refused.value.code == "SignatureDoesNotMatch"
        unknown = client(address, protocol="http", key="nobody", **style)
        with pytest.raises(ClientException) as refused:
            await unknown.create_container_group_with_options_async(group(), RUNTIME)
        assert refused.value.code == "InvalidAccessKeyId.NotFound"
        assert not fake.region.groups

    over_http(test)


def test_a_lost_answer_is_a_broken_connection_and_the_group_is_there():
    async def test(address: str, fake: EciService) -> None:
        sdk = client(address, protocol="http")
        with pytest.raises(UnretryableException):
            await sdk.create_container_group_with_options_async(group(), RUNTIME)
        assert len(fake.region.groups) == 1

    over_http(test, Fault(FaultKind.LOST_ANSWER, operations=("create",)))


def test_the_sdk_on_requests_is_answered_in_the_same_process():
    fake = service()
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        intercepted.add(mock, fake)
        sdk = client("eci.aliyuncs.com")
        sdk.create_container_group_with_options(group(), RUNTIME)
        answer = sdk.describe_container_groups_with_options(DESCRIBE, RUNTIME)
    assert answer.body.to_map()["ContainerGroups"][0]["ContainerGroupName"] == "web"


def test_without_a_socket_the_answers_are_the_same():
    fake = service()
    sdk = InProcessClient(fake)
    made = sdk.create_container_group_with_options(group(), RUNTIME)
    answer = sdk.describe_container_groups_with_options(DESCRIBE, RUNTIME)
    assert answer.body.container_groups[0].container_group_id == made.body.container_group_id


@pytest.mark.parametrize(
    ("kind", "failure", "code"),
    [
        (FaultKind.THROTTLED, ClientException, "Throttling.User"),
        (FaultKind.OUTAGE, ServerException, "ServiceUnavailable"),
        (FaultKind.NO_CAPACITY, ClientException, "NoStock"),
    ],
)
def test_without_a_socket_the_errors_are_the_sdks(kind: FaultKind, failure: type[Exception], code: str):
    with pytest.raises(failure) as refused:
        InProcessClient(service(Fault(kind))).create_container_group_with_options(group(), RUNTIME)
    assert refused.value.code == code  # type: ignore[attr-defined]  # the SDK's errors have it
    assert json.loads(json.dumps(refused.value.data))["Code"] == code  # type: ignore[attr-defined]  # as above


def test_without_a_socket_a_lost_answer_is_the_sdks_error_for_it():
    fake = service(Fault(FaultKind.LOST_ANSWER))
    with pytest.raises(UnretryableException):
        InProcessClient(fake).create_container_group_with_options(group(), RUNTIME)
    assert len(fake.region.groups) == 1
