"""Azure's errors in the provider interface's words: what can be done about them. Codes and messages stay Azure's."""

from datetime import datetime, timedelta
from typing import Any

from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError

from providers.aci.throttle import TOO_MANY, retry_after
from providers.errors import Invalid, NotFound, Permanent, ProviderError, Retryable

SLOWLY = timedelta(minutes=1)
"""How long to wait for quota or capacity: others must give some back first."""

TRANSITION = timedelta(seconds=10)
"""How long to wait for a group that is being changed (Azure's advice)."""

_SLOW = frozenset({"ContainerGroupQuotaReached", "QuotaExceeded", "ServiceUnavailable", "SkuNotAvailable"})
_RETRYABLE = frozenset({"RegistryErrorResponse", "OperationPreempted"})
_PERMANENT = frozenset({"InaccessibleImage", "ReadOnlyDisabledSubscription", "RequestDisallowedByPolicy"})
_GONE = frozenset({"ResourceNotFound", "ResourceGroupNotFound", "ContainerNotFound", "ContainerGroupNotFound"})


class Unclear(Retryable):
    """It may have been done all the same: there was no answer, or one that does not say."""


def translated(error: AzureError, now: datetime) -> ProviderError:
    """What the core is to make of an error."""
    if not isinstance(error, HttpResponseError) or error.status_code is None or not code_of(error):
        kind = "gave no token" if isinstance(error, ClientAuthenticationError) else "did not answer"
        return Unclear(f"Azure {kind}: {_first_line(error)}")
    code = code_of(error)
    said = f"{code}: {_message(error)}"
    answer, least = _meaning(error.status_code, code)
    if not issubclass(answer, Retryable):
        return answer(said)
    response: Any = error.response
    asked = retry_after(response.headers if response is not None else {}, now)
    return answer(said, delay=max(asked, least) if asked and least else asked or least)


def _meaning(status: int, code: str) -> tuple[type[ProviderError], timedelta | None]:
    """What an answer means, and how long to wait at least."""
    if code in _PERMANENT:
        return Permanent, None
    if status >= 500 or status == 408:
        return Unclear, None
    if code in _SLOW:
        return Retryable, SLOWLY
    if status == 409 and code not in _RETRYABLE:
        return Unclear, TRANSITION
    if status == 404:
        return (NotFound if code in _GONE else Retryable), None
    return (Retryable if code in _RETRYABLE or status in (401, 403, TOO_MANY) else Invalid), None


def code_of(error: HttpResponseError) -> str:
    """Azure's name for what went wrong; empty if there is none."""
    return str(getattr(error.error, "code", None) or "")


def _message(error: HttpResponseError) -> str:
    return str(getattr(error.error, "message", None) or _first_line(error))


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
