"""What AWS's errors mean for a pod. By their codes, as most have no class in the SDK."""

import re

from botocore.exceptions import BotoCoreError, ClientError

from providers.errors import Invalid, NotFound, Permanent, ProviderError, Retryable

THROTTLED = frozenset({"ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded"})
_DENIED = frozenset(
    {
        *("AccessDeniedException", "AccessDenied", "UnrecognizedClientException", "InvalidSignatureException"),
        *("ExpiredTokenException", "InvalidClientTokenId", "MissingAuthenticationTokenException"),
        *("UnauthorizedOperation", "AuthFailure"),
    }
)
_GONE = re.compile(r"inactive|not found")
_NOT_CONNECTED = frozenset({"TargetNotConnectedException"})
_EXISTS = frozenset({"ResourceExistsException"})
_MISSING = frozenset({"ResourceNotFoundException", "TaskNotFoundException", "ParameterNotFound", "NoSuchEntity"})
_PERMANENT = frozenset({"BlockedException", "UnsupportedFeatureException", "PlatformUnknownException"})
_INVALID = frozenset(
    {
        *("InvalidParameterException", "ClientException", "ValidationException"),
        *("PlatformTaskDefinitionIncompatibilityException", "LimitExceededException"),
    }
)


class Exists(Retryable):
    """What was to be made is there."""


class Inactive(Invalid):
    """The task definition was deregistered, or deleted."""


class Throttled(Retryable):
    """Too many calls."""


class NotConnected(Retryable):
    """The agent in a container, which runs commands there, is not up."""


class NoCapacity(Retryable):
    """AWS has no room for the task at the moment."""


class Denied(Retryable):
    """The credentials do not allow it: nothing that a pod could help, and it may be mended."""


class Conflict(Retryable):
    """The token was used for another request.

    Attributes:
        tasks: the ARNs that were made with it.
    """

    def __init__(self, message: str, tasks: tuple[str, ...]) -> None:
        super().__init__(message)
        self.tasks = tasks


def translated(error: ClientError | BotoCoreError) -> ProviderError:
    """The error in the provider's words."""
    if not isinstance(error, ClientError):
        return Retryable(str(error))
    code, message = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
    text = f"{code}: {message}"
    for codes, retryable in (
        (THROTTLED, Throttled),
        (_DENIED, Denied),
        (_NOT_CONNECTED, NotConnected),
        (_EXISTS, Exists),
    ):
        if code in codes:
            return retryable(text)
    if code == "ConflictException":
        return Conflict(text, tuple(error.response.get("resourceIds", ())))
    if code in _MISSING or (code == "InvalidParameterException" and "task was not found" in message):
        return NotFound(text)
    if code in _PERMANENT:
        return Permanent(text)
    if code in ("ClientException", "LimitExceededException") and "limit" in message.lower():
        return NoCapacity(text)
    if code in _INVALID:
        return Inactive(text) if "TaskDefinition" in message and _GONE.search(message) else Invalid(text)
    return Retryable(text)


def refused(reason: str, detail: str = "") -> ProviderError:
    """What stands in the ``failures`` of a RunTask that was answered all the same."""
    text = f"{reason}: {detail}" if detail else reason
    if reason == "MISSING":
        return NotFound(text)
    return NoCapacity(text) if "capacity" in reason.lower() or reason.startswith("RESOURCE") else Retryable(text)
