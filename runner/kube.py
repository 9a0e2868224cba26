"""The Kubernetes API as the core needs it: a small protocol over plain JSON objects.

Implementations: ``runner.kube_http`` (a real API server, or the fake one over HTTP) and ``vksim.kube`` (a direct call
into the fake API server, no sockets). One contract suite (tests/contract) holds both to the same behaviour.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

from providers.types import KubeObject


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of object and where its API is."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool

    @property
    def api_version(self) -> str:
        """``v1`` or ``group/version``."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """The URL path of a collection, an object or a subresource; without a namespace, of all namespaces."""
        parts = ["apis", self.group, self.version] if self.group else ["api", self.version]
        if self.namespaced and namespace:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        parts += [part for part in (name, subresource) if part]
        return "/" + "/".join(quote(part, safe=":") for part in parts)

    def __str__(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural


NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
NODES = Resource("", "v1", "nodes", "Node", namespaced=False)
PODS = Resource("", "v1", "pods", "Pod", namespaced=True)
SECRETS = Resource("", "v1", "secrets", "Secret", namespaced=True)
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap", namespaced=True)
SERVICES = Resource("", "v1", "services", "Service", namespaced=True)
SERVICE_ACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount", namespaced=True)
EVENTS = Resource("", "v1", "events", "Event", namespaced=True)
LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease", namespaced=True)


class PatchType(StrEnum):
    """How a patch is to be read: its content type."""

    JSON = "application/json-patch+json"
    MERGE = "application/merge-patch+json"
    STRATEGIC = "application/strategic-merge-patch+json"


Patch = Mapping[str, Any] | Sequence[Mapping[str, Any]]
"""A merge or strategic-merge patch, or the operations of a JSON patch."""


class WatchEvent(NamedTuple):
    """ADDED, MODIFIED, DELETED or BOOKMARK, and the object (for a BOOKMARK only its resourceVersion counts)."""

    type: str
    object: KubeObject


class KubeApi(Protocol):
    """What the core asks of an API server.

    Objects are wire-form dicts, immutable by convention. Every method raises ``ApiError`` or one of its subclasses.
    """

    async def get(
        self, resource: Resource, name: str, namespace: str | None = None, *, subresource: str | None = None
    ) -> KubeObject:
        """One object."""
        ...

    async def list(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        limit: int = 0,
        continue_token: str = "",
        resource_version: str = "",
    ) -> KubeObject:
        """One page of a list object: ``items``, ``metadata.resourceVersion`` and, if there is more, ``.continue``."""
        ...

    def watch(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        resource_version: str = "",
        timeout_seconds: int | None = None,
    ) -> AbstractAsyncContextManager[AsyncIterator[WatchEvent]]:
        """The changes after ``resource_version`` (without one: everything as ADDED, then the changes), bookmarks too.

        The iterator ends when the server closes the stream; it raises ``Gone`` when the version is too old.
        """
        ...

    async def create(
        self,
        resource: Resource,
        obj: Mapping[str, Any],
        namespace: str | None = None,
        *,
        name: str | None = None,
        subresource: str | None = None,
    ) -> KubeObject:
        """Create an object, or POST to the subresource of the object ``name`` (binding, eviction, token)."""
        ...

    async def update(self, resource: Resource, obj: Mapping[str, Any], *, subresource: str | None = None) -> KubeObject:
        """Replace an object; with ``metadata.resourceVersion`` only if nobody else changed it since (Conflict)."""
        ...

    async def patch(
        self,
        resource: Resource,
        name: str,
        patch: Patch,
        namespace: str | None = None,
        *,
        patch_type: PatchType = PatchType.MERGE,
        subresource: str | None = None,
    ) -> KubeObject:
        """Change parts of an object."""
        ...

    async def delete(
        self,
        resource: Resource,
        name: str,
        namespace: str | None = None,
        *,
        grace_period_seconds: int | None = None,
        uid: str | None = None,
        propagation_policy: str | None = None,
    ) -> KubeObject:
        """Delete an object, only if it is still the one with this UID (else Conflict)."""
        ...


# --- errors ---------------------------------------------------------------------------------------------------------


class ApiError(Exception):
    """The API server said no, or could not be asked.

    Attributes:
        code: the HTTP status; 0 if there was no answer.
        reason: the Status' machine-readable reason, e.g. ``AlreadyExists``.
        message: the Status' message.
        details: the Status' details.
        retry_after: seconds that the server asked to wait, if it did.
    """

    def __init__(
        self,
        message: str,
        *,
        code: int = 0,
        reason: str = "",
        details: Mapping[str, Any] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.reason = reason
        self.details = details or {}
        self.retry_after = retry_after


class NotFound(ApiError):
    """404: the object (or the resource) is not there."""


class Conflict(ApiError):
    """409: somebody else changed the object, or a precondition does not hold."""


class AlreadyExists(Conflict):
    """409: an object of that name exists."""


class Gone(ApiError):
    """410: the resourceVersion or continue token is too old; list again."""


class Refused(ApiError):
    """Another 4xx: asking again as it is will not help."""


class Unauthorized(Refused):
    """401: the credential is missing, wrong or expired."""


class Forbidden(Refused):
    """403: the credential does not allow this."""


class Unavailable(ApiError):
    """429 or 5xx, or no answer at all: ask again later."""


def error_from_status(status: Mapping[str, Any], *, code: int, retry_after: float | None = None) -> ApiError:
    """The exception for a ``Status`` object (or ``{"message": text}`` where the answer was not one)."""
    reason = str(status.get("reason") or "")
    details = status.get("details") or {}
    if retry_after is None and details.get("retryAfterSeconds"):
        retry_after = float(details["retryAfterSeconds"])
    error_class = _error_class(code, reason)
    message = str(status.get("message") or f"HTTP {code}")
    return error_class(message, code=code, reason=reason, details=details, retry_after=retry_after)


def _error_class(code: int, reason: str) -> type[ApiError]:
    if reason == "AlreadyExists":
        return AlreadyExists
    by_code = {401: Unauthorized, 403: Forbidden, 404: NotFound, 409: Conflict, 410: Gone, 429: Unavailable}
    return by_code.get(code) or (Unavailable if code >= 500 else Refused)
