"""The errors that a kube-apiserver answers with: a code, a reason, and a ``Status`` object."""

from collections.abc import Mapping, Sequence
from typing import Any


class StatusError(Exception):
    """A request is refused with a ``Status``.

    Attributes:
        code: the HTTP status code.
        status: the ``Status`` object that the client gets.
    """

    def __init__(
        self, code: int, reason: str, message: str, details: Mapping[str, Any] | None = None, *, retry_after: int = 0
    ) -> None:
        super().__init__(message)
        self.code = code
        full_details = dict(details or {})
        if retry_after:
            full_details["retryAfterSeconds"] = retry_after
        self.status: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            **({"reason": reason} if reason else {}),
            **({"details": full_details} if full_details else {}),
            "code": code,
        }


def cause(reason: str, message: str, field: str) -> dict[str, str]:
    """One entry of ``details.causes``; ``reason`` without its prefix ``FieldValue``."""
    return {"reason": f"FieldValue{reason}", "message": message, "field": field}


def bad_request(message: str) -> StatusError:
    """400."""
    return StatusError(400, "BadRequest", message)


def invalid(kind: str, name: str, causes: Sequence[Mapping[str, str]], group: str = "") -> StatusError:
    """422 with its causes, the message composed as apimachinery does."""
    parts = [f"{each['field']}: {each['message']}" for each in causes]
    text = parts[0] if len(parts) == 1 else f"[{', '.join(parts)}]"
    qualified = f"{kind}.{group}" if group else kind
    details = {"name": name, **({"group": group} if group else {}), "kind": kind, "causes": list(causes)}
    return StatusError(422, "Invalid", f'{qualified} "{name}" is invalid: {text}', details)
