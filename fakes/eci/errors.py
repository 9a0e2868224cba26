"""How the API refuses: an HTTP status, a code and a message, in one envelope."""

from typing import Any


class EciError(Exception):
    """A refusal.

    Attributes:
        status: of HTTP.
        code: what programs look at.
        message: what people read.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def body(self, request_id: str, host: str) -> dict[str, Any]:
        """The envelope."""
        return {
            "RequestId": request_id,
            "HostId": host,
            "Code": self.code,
            "Message": self.message,
            "Recommend": f"https://api.alibabacloud.com/troubleshoot?q={self.code}&product=Eci",
        }


def missing(name: str) -> EciError:
    """A parameter that has to be there is not."""
    return EciError(
        400, "MissingParameter", f"The input parameter {name} that is mandatory for this action is not supplied."
    )


def invalid(name: str, why: str) -> EciError:
    """A parameter's value makes no sense."""
    return EciError(400, f"InvalidParameter.{name}", f"The specified parameter {name} is invalid: {why}.")


def exceeded(name: str, most: int) -> EciError:
    """A parameter has too many values."""
    return EciError(400, "InvalidParameter.LimitExceeded", f"The parameter {name} exceeds the limit of {most}.")


def no_group(group_id: str) -> EciError:
    """There is no such group."""
    return EciError(404, "InvalidContainerGroup.NotFound", f"The container group {group_id} does not exist.")


def wrong_status(what: str, status: str) -> EciError:
    """Not while the group is in this status."""
    return EciError(400, "IncorrectStatus", f"The container group cannot be {what} in the status {status}.")


def no_stock(where: str) -> EciError:
    """All machines are in use."""
    return EciError(
        403, "NoStock", f"The requested resource is sold out in {where}; try another zone or type, or later."
    )


def quota(name: str) -> EciError:
    """The account has had what it may have."""
    return EciError(403, "QuotaExceeded", f"The quota {name} of the account is exceeded.")


def throttled() -> EciError:
    """Too many calls."""
    return EciError(400, "Throttling.User", "Request was denied due to user flow control.")


def unavailable() -> EciError:
    """The service is down."""
    return EciError(503, "ServiceUnavailable", "The request has failed due to a temporary failure of the server.")


def mismatch() -> EciError:
    """A client token comes again with other parameters."""
    return EciError(
        409,
        "IdempotentParameterMismatch",
        "The request uses the same client token as a previous, but non-identical request.",
    )
