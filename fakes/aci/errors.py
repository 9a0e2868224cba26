"""How requests are refused: Resource Manager's envelope, and the codes and texts that the service is known to send.

Codes and texts marked ``seen`` stand in logs of the real service; the others are likely, and a client must not rely on
them. To correct one, change it here and nowhere else.
"""

from collections.abc import Iterable
from math import ceil

from fakes.aci import defaults
from fakes.aci.messages import Response, answer
from fakes.cloud.limits import QuotaExceeded

GROUP_TYPE = "Microsoft.ContainerInstance/containerGroups"


class ArmError(Exception):
    """A request is refused.

    Attributes:
        status: of HTTP.
        code: for programs.
        message: for people.
        headers: that go with the answer.
    """

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}

    def response(self) -> Response:
        """As it goes over the wire."""
        return answer(self.status, {"error": {"code": self.code, "message": self.message}}, self.headers)


# --- Resource Manager itself ------------------------------------------------------------------------------------------


def unauthenticated(authority: str, tenant: str, detail: str) -> ArmError:
    """No token, or none that holds (seen)."""
    challenge = f'Bearer authorization_uri="{authority}/{tenant}", error="invalid_token", error_description="{detail}"'
    return ArmError(401, "InvalidAuthenticationToken", detail, {"WWW-Authenticate": challenge})


def link_forbidden(client: str, action: str, scope: str, linked: str) -> ArmError:
    """A role assignment is missing on something that the resource refers to (seen)."""
    return ArmError(
        403,
        "LinkedAuthorizationFailed",
        f"The client '{client}' with object id '{client}' has permission to perform action '{GROUP_TYPE}/write' on "
        f"scope '{scope}'; however, it does not have permission to perform action '{action}' on the linked scope(s) "
        f"'{linked}' or the linked scope(s) are invalid.",
    )


def forbidden(client: str, action: str, scope: str) -> ArmError:
    """A role assignment is missing (seen)."""
    return ArmError(
        403,
        "AuthorizationFailed",
        f"The client '{client}' with object id '{client}' does not have authorization to perform action '{action}' "
        f"over scope '{scope}' or the scope is invalid. If access was recently granted, please refresh your "
        "credentials.",
    )


def missing_api_version() -> ArmError:
    """Seen."""
    return ArmError(
        400,
        "MissingApiVersionParameter",
        "The api-version query parameter (?api-version=) is required for all requests.",
    )


def unknown_api_version(version: str, kind: str) -> ArmError:
    """Seen."""
    known = ", ".join(defaults.API_VERSIONS)
    return ArmError(
        400,
        "NoRegisteredProviderFound",
        f"No registered resource provider found for location '' and API version '{version}' for type '{kind}'. "
        f"The supported api-versions are '{known}'.",
    )


def no_such_path(path: str) -> ArmError:
    """The URL names nothing that is served."""
    return ArmError(404, "InvalidResourceType", f"The resource type could not be found: '{path}'.")


def method_not_allowed(method: str) -> ArmError:
    """The URL is served, but not for this method."""
    return ArmError(405, "MethodNotAllowed", f"The requested resource does not support http method '{method}'.")


def subscription_not_found(subscription: str) -> ArmError:
    """Seen."""
    return ArmError(404, "SubscriptionNotFound", f"The subscription '{subscription}' could not be found.")


def resource_group_not_found(name: str) -> ArmError:
    """Seen."""
    return ArmError(404, "ResourceGroupNotFound", f"Resource group '{name}' could not be found.")


def resource_not_found(kind: str, name: str, resource_group: str) -> ArmError:
    """Seen."""
    return ArmError(
        404,
        "ResourceNotFound",
        f"The Resource '{kind}/{name}' under resource group '{resource_group}' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix",
        {"x-ms-failure-cause": "gateway"},
    )


def location_required() -> ArmError:
    """Seen."""
    return ArmError(400, "LocationRequired", "The location property is required for this definition.")


def location_not_available(location: str, known: Iterable[str]) -> ArmError:
    """Seen."""
    return ArmError(
        400,
        "LocationNotAvailableForResourceType",
        f"The provided location '{location}' is not available for resource type '{GROUP_TYPE}'. "
        f"List of available regions for the resource type is '{','.join(known)}'.",
    )


def invalid_location_change(name: str, location: str, present: str) -> ArmError:
    """A resource cannot move (seen)."""
    return ArmError(
        409,
        "InvalidResourceLocation",
        f"The resource '{name}' already exists in location '{present}'. A resource with the same name cannot be "
        f"created in location '{location}'. Please select a new resource name.",
    )


def subscription_throttled(seconds: float, kind: str) -> ArmError:
    """Resource Manager's own limit."""
    wait = retry_after(seconds)
    return ArmError(
        429,
        "SubscriptionRequestsThrottled",
        f"Number of requests for the subscription exceeded the limit for '{kind}'. "
        f"Please try again after '{wait}' seconds.",
        {"Retry-After": wait},
    )


def too_many_requests(seconds: float) -> ArmError:
    """The service's own limit."""
    wait = retry_after(seconds)
    return ArmError(
        429,
        "TooManyRequests",
        f"The request is being throttled as the limit has been reached for operation type. Please retry after {wait} "
        "seconds.",
        {"Retry-After": wait},
    )


def unavailable() -> ArmError:
    """The service is down."""
    return ArmError(503, "ServiceUnavailable", "The service is unavailable now, please retry your request later.")


def retry_after(seconds: float) -> str:
    """Whole seconds, as the header has them."""
    return str(max(1, ceil(seconds or defaults.THROTTLED_SECONDS)))


# --- the service: what it has -----------------------------------------------------------------------------------------


def container_not_found(group: str, container: str) -> ArmError:
    """There is no container of that name."""
    return ArmError(404, "ContainerNotFound", f"The container '{container}' in container group '{group}' is not found.")


def no_log_yet(group: str, container: str) -> ArmError:
    """The container has not started."""
    return ArmError(
        404,
        "ContainerLogNotAvailable",
        f"The log of container '{container}' in container group '{group}' is not available yet.",
    )


def not_running(group: str) -> ArmError:
    """A command cannot be run before anything else runs."""
    return ArmError(409, "ContainerGroupNotRunning", f"The container group '{group}' is not running.")


def transitioning(name: str) -> ArmError:
    """Another change is under way (seen)."""
    return ArmError(
        409,
        "ContainerGroupTransitioning",
        f"The container group '{name}' is still transitioning, please retry later.",
    )


def quota_reached(region: str, quota: QuotaExceeded) -> ArmError:
    """Text seen; with 400 in one log, others tell of 409."""
    return ArmError(
        400,
        "ContainerGroupQuotaReached",
        f"Resource type '{GROUP_TYPE}' container group quota '{quota.name}' exceeded in region '{region}'. "
        f"Limit: '{quota.limit:g}', Usage: '{quota.usage:g}' Requested: '{quota.requested:g}'.",
    )


def no_capacity(location: str, cpu: float, memory: float, os_type: str) -> ArmError:
    """The region is full; text seen."""
    return ArmError(
        409,
        "ServiceUnavailable",
        f"The requested resource is not available in the location '{location}' at this moment. Please retry with a "
        f"different resource request or in another location. Resource requested: '{cpu:g}' CPU '{memory:g}' GB memory "
        f"'{os_type}' OS",
    )


def timed_out() -> ArmError:
    """The service did not answer Resource Manager in time, and may have done what it was asked (seen)."""
    return ArmError(
        503,
        "ServerTimeout",
        "The request timed out. Diagnostic information: the operation may have succeeded; please retry.",
    )


def registry_error(image: str) -> ArmError:
    """The image's registry answered an error; a retry may help."""
    return ArmError(
        409,
        "RegistryErrorResponse",
        f"An error response is received from the docker registry for the image '{image}'. Please retry later.",
    )


def inaccessible_image(image: str, group: str) -> ArmError:
    """Seen."""
    return ArmError(
        400,
        "InaccessibleImage",
        f"The image '{image}' in container group '{group}' is not accessible. "
        "Please check the image and registry credential.",
    )


def invalid_update(name: str) -> ArmError:
    """Text seen."""
    return ArmError(
        400,
        "InvalidContainerGroupUpdate",
        f"The updates on container group '{name}' are invalid. If you are going to update the os type, restart policy, "
        "network profile, CPU, memory or GPU resources for a container group, you must delete it first and then "
        "create a new one.",
    )


def invalid(code: str, message: str) -> ArmError:
    """A rule of the service is broken."""
    return ArmError(400, code, message)


def undeserializable(detail: str, path: str) -> ArmError:
    """The JSON is not of the documented shape (seen)."""
    return ArmError(
        400,
        "InvalidRequestContent",
        f"The request content was invalid and could not be deserialized: '{detail}. Path '{path}'.'.",
    )
