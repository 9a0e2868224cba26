"""The cloud's errors in the provider's words: what can be tried again, what not, and how soon. Pure.

Not all of ECI's codes are published, so most are known by a part of their name.
"""

from datetime import timedelta

from providers.errors import Invalid, NotFound, Permanent, ProviderError, Retryable

SLOWLY = timedelta(seconds=30)
"""After a lack of stock or quota: it takes others to give something back."""
FOR_THE_OPERATOR = timedelta(minutes=1)
"""After what only the account's owner can mend: a key, a permission, a bill. Pods wait for it, they do not fail."""
MISMATCH = "IdempotentParameterMismatch"

_THROTTLED = ("Throttling", "Degrade.", "ServiceOverload")
_SCARCE = ("NoStock", "StockExhaust", "StockClose", "Quota", "LimitExceed", "InsufficientIp", "NotEnoughIp")
_ACCOUNT = (
    *("Account.Arrearage", "InsufficientBalance", "InvalidAccessKeyId", "SignatureDoesNotMatch", "Forbidden"),
    *("NoPermission", "InvalidSecurityToken", "ServiceLinkedRole", "InvalidCredentials"),
)
_REFUSED = ("Invalid", "Missing", "DiskVolume.", "CloudDisk.", "Unsupported.", "DiskNumber.")


class Mismatch(Retryable):
    """The client token was used before, with other parameters."""


class Denied(Retryable):
    """The account's owner has to mend it: a key, a permission, a bill."""


def is_throttling(code: str) -> bool:
    """Whether there were too many calls."""
    return code.startswith(_THROTTLED)


def translated(operation: str, code: str, status: int, message: str) -> ProviderError:
    """The error that an answer means.

    Args:
        operation: what was called.
        code: the API's; empty if there was no answer that one could read.
        status: of HTTP; 0 for none.
        message: what the API said.
    """
    told = f"{operation}: {code}: {message}" if code else f"{operation}: {message}"
    if code == MISMATCH:
        return Mismatch(told)
    if not code or status >= 500 or is_throttling(code) or code == "IncorrectStatus":
        return Retryable(told)
    if any(part in code for part in _SCARCE) and not code.startswith(("InvalidParameter", "DiskNumber")):
        return Retryable(told, delay=SLOWLY)
    if any(part in code for part in _ACCOUNT):
        return Denied(told, delay=FOR_THE_OPERATOR)
    if status == 404 or code.endswith("NotFound"):
        return NotFound(told)
    if code.startswith(_REFUSED):
        return Invalid(told)
    if status == 409:
        return Retryable(told)
    return Permanent(told)
