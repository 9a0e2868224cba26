"""Azure's errors in the provider interface's words: what can be done about them. Codes and messages stay Azure's."""

from datetime import datetime, timedelta
from typing import Any

from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError

from providers.aci.throttle import TOO_MANY, UNSAID, retry_after
from providers.errors import Invalid, NotFound, Permanent, ProviderError, Retryable

SLOWLY = timedelta(minutes=1)
"""How long to wait for quota or capacity: others must give some back first."""

TRANSITION = timedelta(seconds=10)
"""How long to wait for a group that is being changed (Azure's advice)."""

_SLOW = frozenset({"ContainerGroupQuotaReached", "QuotaExceeded", "ServiceUnavailable", "SkuNotAvailable"})
_RETRYABLE = frozenset({"RegistryErrorResponse", "ServerTimeout", "InternalServerError", "OperationPreempted"})
_PERMANENT = frozenset({"InaccessibleImage", "ReadOnlyDisabledSubscription", "RequestDisallowedByPolicy"})
_GONE = frozenset({"ResourceNotFound", "ResourceGroupNotFound", "ContainerNotFound", "ContainerGroupNotFound"})


def translated(error: AzureError, now: datetime) -> ProviderError:
    """What the core is to make of an error."""
    if not isinstance(error, HttpResponseError) or error.status_code is None or not code_of(error):
        kind = "gave no token" if isinstance(error, ClientAuthenticationError) else "did not answer"
        return Retryable(f"Azure {kind}: {_first_line(error)}")
    code, message = code_of(error), _message(error)
    said = f"{code}: {message}" if code else message
    status = error.status_code
    response: Any = error.response
    headers = response.headers if response is not None else {}
    asked = retry_after(headers, now)
    if status == TOO_MANY:
        return Retryable(said, delay=asked or UNSAID)
    if code in _SLOW:
        return Retryable(said, delay=max(asked or SLOWLY, SLOWLY) if status < 500 else asked)
    if code in _PERMANENT:
        return Permanent(said)
    if code in _RETRYABLE or status >= 500 or status in (401, 403, 408):
        return Retryable(said, delay=asked)
    if status == 404:
        return NotFound(said) if code in _GONE else Retryable(said)
    if status == 409:
        return Retryable(said, delay=asked or TRANSITION)
    return Invalid(said)


def code_of(error: HttpResponseError) -> str:
    """Azure's name for what went wrong; empty if there is none."""
    return str(getattr(error.error, "code", None) or "")


def _message(error: HttpResponseError) -> str:
    return str(getattr(error.error, "message", None) or _first_line(error))


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
