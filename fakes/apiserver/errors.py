"""The errors that a kube-apiserver answers with: a code, a reason, and a ``Status`` object."""

from collections.abc import Mapping, Sequence
from typing import Any


class StatusError(Exception):
    """A request is refused with a ``Status``.

    Attributes:
        code: the HTTP status code.
        status: the ``Status`` object that the client gets. Without details there are none; with empty ones it says
            so, as for refusals that come from outside of the registry.
    """

    def __init__(
        self, code: int, reason: str, message: str, details: Mapping[str, Any] | None = None, *, retry_after: int = 0
    ) -> None:
        super().__init__(message)
        self.code = code
        if retry_after:
            details = {**(details or {}), "retryAfterSeconds": retry_after}
        self.status: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            **({"reason": reason} if reason else {}),
            **({} if details is None else {"details": dict(details)}),
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
    parts = list(dict.fromkeys(f"{each['field']}: {each['message']}" for each in causes))  # each cause is told once
    text = parts[0] if len(parts) == 1 else f"[{', '.join(parts)}]"
    qualified = f"{kind}.{group}" if group else kind
    named = {key: value for key, value in (("name", name), ("group", group), ("kind", kind)) if value}
    details = {**named, "causes": list(causes)}
    return StatusError(422, "Invalid", f'{qualified} "{name}" is invalid: {text}', details)


def not_found(plural: str, name: str, group: str = "") -> StatusError:
    """404 for an object."""
    details = {"name": name, **({"group": group} if group else {}), "kind": plural}
    return StatusError(404, "NotFound", f'{_qualified(plural, group)} "{name}" not found', details)


def no_such_resource() -> StatusError:
    """404 for a resource or a subresource."""
    return StatusError(404, "NotFound", "the server could not find the requested resource", {})


def already_exists(plural: str, name: str, group: str = "", *, generated: bool = False) -> StatusError:
    """409 for a POST of a name that is taken; if it was to be generated, the client may try again."""
    details = {"name": name, **({"group": group} if group else {}), "kind": plural}
    message = f'{_qualified(plural, group)} "{name}" already exists'
    if generated:
        message += ", the server was not able to generate a unique name for the object"
    return StatusError(409, "AlreadyExists", message, details, retry_after=int(generated))


MODIFIED_SINCE = "the object has been modified; please apply your changes to the latest version and try again"


def conflict(plural: str, name: str, why: str, group: str = "") -> StatusError:
    """409 for a write that somebody else's write has overtaken, or whose precondition does not hold."""
    details = {"name": name, **({"group": group} if group else {}), "kind": plural}
    message = f'Operation cannot be fulfilled on {_qualified(plural, group)} "{name}": {why}'
    return StatusError(409, "Conflict", message, details)


def forbidden(
    plural: str, name: str, why: str, group: str = "", causes: Sequence[Mapping[str, str]] = ()
) -> StatusError:
    """403 by admission."""
    details: dict[str, Any] = {"name": name, **({"group": group} if group else {}), "kind": plural}
    if causes:
        details["causes"] = list(causes)
    return StatusError(403, "Forbidden", f'{_qualified(plural, group)} "{name}" is forbidden: {why}', details)


def not_allowed(plural: str, name: str, why: str, group: str = "") -> StatusError:
    """403 by authorization; without a plural for what is no resource."""
    what = [_qualified(plural, group)] if plural or group else []
    if what and name:
        what.append(f'"{name}"')
    message = " ".join([*what, *(["is"] if what else []), f"forbidden: {why}"])
    details = {"name": name, "group": group, "kind": plural}
    return StatusError(403, "Forbidden", message, {key: value for key, value in details.items() if value})


def method_not_allowed() -> StatusError:
    """405."""
    return StatusError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {})


def expired(message: str) -> StatusError:
    """410: a resourceVersion or a continue token that history no longer reaches."""
    return StatusError(410, "Expired", message)


def unsupported_media_type(accepted: Sequence[str]) -> StatusError:
    """415."""
    listed = ", ".join(accepted)
    message = f"the body of the request was in an unknown format - accepted media types include: {listed}"
    return StatusError(415, "UnsupportedMediaType", message)


def unsupported_patch_type() -> StatusError:
    """415 for a patch, which is refused before its body is looked at."""
    return StatusError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})


def not_acceptable(served: Sequence[str], *, watch: bool) -> StatusError:
    """406 for a form of answers that is not served."""
    if watch:
        listed = ", ".join(f"{each};stream=watch" for each in served)
        return StatusError(406, "NotAcceptable", f"only the following media types are accepted: {listed}")
    message = f"406: Not Acceptable\n\nAvailable representations: {', '.join(served)}"
    return StatusError(406, "NotAcceptable", message, {})


def unprocessable() -> StatusError:
    """422 without a reason, for a JSON patch that does not apply."""
    return StatusError(422, "Invalid", "the server rejected our request due to an error in our request", {})


def internal(message: str) -> StatusError:
    """500 without a reason, as a plain Go error gives."""
    return StatusError(500, "", message)


def version_too_large(wanted: int, current: int) -> StatusError:
    """504: a resourceVersion of the future."""
    details = {"causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]}
    message = f"Timeout: Too large resource version: {wanted}, current: {current}"
    return StatusError(504, "Timeout", message, details, retry_after=1)


def _qualified(plural: str, group: str) -> str:
    return f"{plural}.{group}" if group else plural
