"""Azure's errors, by what can be done about them."""

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ServiceResponseError
from azure.mgmt.core.exceptions import ARMErrorFormat

from providers.aci.failures import SLOWLY, TRANSITION, Unclear, translated
from providers.errors import Invalid, NotFound, Permanent, ProviderError, Retryable

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def error(status: int, code: str, **headers: str) -> HttpResponseError:
    body = json.dumps({"error": {"code": code, "message": "why"}})
    response: Any = SimpleNamespace(
        status_code=status,
        reason="",
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        text=lambda *_: body,
        request=None,
    )
    return HttpResponseError(response=response, error_format=ARMErrorFormat)


@pytest.mark.parametrize(
    ("status", "code", "kind", "delay"),
    [
        (404, "ResourceNotFound", NotFound, None),
        (404, "ContainerNotFound", NotFound, None),
        (404, "SubscriptionNotFound", Retryable, None),
        (401, "InvalidAuthenticationToken", Retryable, None),
        (403, "AuthorizationFailed", Retryable, None),
        (403, "RequestDisallowedByPolicy", Permanent, None),
        (409, "ContainerGroupTransitioning", Unclear, TRANSITION),
        (409, "RegistryErrorResponse", Retryable, None),
        (409, "ServiceUnavailable", Retryable, SLOWLY),
        (400, "ContainerGroupQuotaReached", Retryable, SLOWLY),
        (400, "InaccessibleImage", Permanent, None),
        (400, "InvalidRequestContent", Invalid, None),
        (400, "SomethingNew", Invalid, None),
        (500, "InternalServerError", Unclear, None),
        (503, "ServerTimeout", Unclear, None),
        (503, "ServiceUnavailable", Unclear, None),
        (429, "TooManyRequests", Retryable, None),
    ],
)
def test_what_an_answer_means(status: int, code: str, kind: type[ProviderError], delay: timedelta | None) -> None:
    found = translated(error(status, code), NOW)
    assert type(found) is kind
    assert str(found) == f"{code}: why"
    if isinstance(found, Retryable):
        assert found.delay == delay


def test_azure_says_how_long_to_wait() -> None:
    found = translated(error(429, "TooManyRequests", Retry_After="7"), NOW)
    assert isinstance(found, Retryable)
    assert found.delay == timedelta(seconds=7)


def test_no_answer_may_mean_anything() -> None:
    found = translated(ServiceResponseError("Connection reset by peer"), NOW)
    assert isinstance(found, Unclear)
    assert str(found) == "Azure did not answer: Connection reset by peer"


def test_a_credential_that_does_not_work_is_told() -> None:
    found = translated(ClientAuthenticationError("ManagedIdentityCredential: no identity\nTo mitigate, see there"), NOW)
    assert str(found) == "Azure gave no token: ManagedIdentityCredential: no identity"
