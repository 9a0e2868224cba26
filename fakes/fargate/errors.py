"""The errors of AWS's JSON services, as they go over the wire."""

from typing import Any


class AwsError(Exception):
    """An answer that is an error.

    Args:
        code: the error's name.
        message: for people.
        status: of HTTP.
        more: further fields of the answer.
    """

    def __init__(self, code: str, message: str, status: int = 400, **more: Any) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.more = more

    def body(self) -> dict[str, Any]:
        """As it travels."""
        return {"__type": self.code, "message": self.message, **self.more}


def throttled() -> AwsError:
    """Too many calls."""
    return AwsError("ThrottlingException", "Rate exceeded")


def unavailable() -> AwsError:
    """The service is down."""
    return AwsError("ServerException", "Service Unavailable. Please try again later.", 500)


def client(message: str) -> AwsError:
    """ECS's word for what the caller got wrong."""
    return AwsError("ClientException", message)


def parameter(message: str) -> AwsError:
    """A parameter that is not what it must be."""
    return AwsError("InvalidParameterException", message)
