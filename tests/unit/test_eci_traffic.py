"""How the ECI provider keeps to the API's limits, and what it makes of its errors."""

import asyncio
import logging
import traceback
from pathlib import Path
from random import Random

import pytest

from providers.eci import factory, failures
from providers.eci.client import EciClient
from providers.eci.config import Credentials, EciConfig
from providers.eci.traffic import AT_ONCE, Traffic
from providers.errors import Invalid, NotFound, Permanent, ProviderError, Retryable
from runner.ports import InThread
from vksim.loop import run


async def seconds_for(calls: int, operation: str, traffic: Traffic) -> float:
    loop = asyncio.get_running_loop()
    began = loop.time()
    await asyncio.gather(*(traffic.turn(operation) for _ in range(calls)))
    return loop.time() - began


def test_some_calls_go_at_once_and_the_rest_at_four_fifths_of_the_limit():
    async def play() -> tuple[float, float]:
        traffic = Traffic(Random(1))
        at_once = await seconds_for(AT_ONCE, "CreateContainerGroup", traffic)
        return at_once, await seconds_for(200, "CreateContainerGroup", traffic)

    at_once, rest = run(play())
    assert at_once == 0
    assert rest == pytest.approx(200 * 60 / 800, rel=0.01)


def test_operations_do_not_wait_for_each_other():
    async def play() -> float:
        traffic = Traffic(Random(1))
        await seconds_for(100, "CreateContainerGroup", traffic)
        return await seconds_for(AT_ONCE, "DeleteContainerGroup", traffic)

    assert run(play()) == 0


def test_who_would_wait_too_long_is_told_to_come_again():
    async def play() -> None:
        traffic = Traffic(Random(1))
        with pytest.raises(Retryable) as told:
            await seconds_for(1000, "CreateContainerGroup", traffic)
        assert told.value.delay is not None
        assert told.value.delay.total_seconds() > 30

    run(play())


def test_after_throttling_everybody_waits_and_longer_each_time():
    async def play() -> tuple[float, float]:
        traffic = Traffic(Random(1))
        traffic.throttled("CreateContainerGroup")
        first = await seconds_for(1, "CreateContainerGroup", traffic)
        for _ in range(4):
            traffic.throttled("CreateContainerGroup")
        second = await seconds_for(1, "CreateContainerGroup", traffic)
        traffic.went_well("CreateContainerGroup")
        return first, second

    first, second = run(play())
    assert 0.7 < first < 1.3
    assert second > 10


def test_a_broken_connection_does_not_tell_what_was_sent():
    async def play() -> str:
        sdk = factory.sdk(EciConfig(endpoint="127.0.0.1:1", protocol="http", credentials=Credentials("id", "key")))
        client = EciClient(sdk, "cn-hangzhou", InThread(), Traffic(Random(1)))
        container = {"Name": "main", "Image": "app:1", "EnvironmentVar": [{"Key": "PASSWORD", "Value": "s3cret"}]}
        with pytest.raises(Retryable) as told:
            await client.create({"ContainerGroupName": "web", "Container": [container]})
        return "".join(traceback.format_exception(told.value))

    said = asyncio.run(play())
    assert "refused" in said
    assert "s3cret" not in said


def test_nothing_that_was_sent_is_logged():
    factory.sdk(EciConfig(credentials=Credentials("id", "key")))
    assert not logging.getLogger("urllib3.connectionpool").isEnabledFor(logging.DEBUG)


def test_a_missing_key_is_the_operators_to_mend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")

    async def play() -> None:
        sdk = factory.sdk(EciConfig(endpoint="127.0.0.1:1", protocol="http"))
        client = EciClient(sdk, "cn-hangzhou", InThread(), Traffic(Random(1)))
        with pytest.raises(failures.Denied, match="credentials"):
            await client.ping()

    asyncio.run(play())


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("", 0, Retryable),
        ("Throttling.User", 400, Retryable),
        ("Degrade.Api", 400, Retryable),
        ("ServiceUnavailable", 503, Retryable),
        ("containerRepositoryAuthorizationFailed", 503, Retryable),
        ("IncorrectStatus", 400, Retryable),
        ("QuotaExceeded", 403, Retryable),
        ("NoStock", 403, Retryable),
        ("IdempotentParameterMismatch", 409, failures.Mismatch),
        ("SignatureDoesNotMatch", 400, failures.Denied),
        ("InvalidAccessKeyId.NotFound", 404, failures.Denied),
        ("Forbidden.RAM", 403, failures.Denied),
        ("Account.Arrearage", 400, failures.Denied),
        ("InvalidContainerGroup.NotFound", 404, NotFound),
        ("InvalidParameter.LimitExceeded", 400, Invalid),
        ("MissingParameter", 400, Invalid),
        ("DiskVolume.NotInSameZone", 400, Invalid),
        ("UnsupportedOperation", 400, Permanent),
    ],
)
def test_each_code_has_its_meaning(code: str, status: int, expected: type[ProviderError]):
    error = failures.translated("CreateContainerGroup", code, status, "what it said")
    assert type(error) is expected
    assert "what it said" in str(error)
