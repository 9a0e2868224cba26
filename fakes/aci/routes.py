"""From a method and a path to an operation. Resource Manager does not care for the case of the fixed parts."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from urllib.parse import unquote

from fakes.aci import errors
from fakes.aci.messages import Request, Response
from fakes.cloud.model import Verdict


@dataclass(frozen=True, slots=True)
class Call:
    """A request that was understood, and let in.

    Attributes:
        names: what the path names, by the route's placeholders.
        client: who asks.
        verdict: what becomes of it.
        denied: what nobody may do, as roles name it, in lower case.
    """

    request: Request
    now: datetime
    names: Mapping[str, str]
    client: str
    verdict: Verdict
    denied: Collection[str]


Handler = Callable[[Call], Response]

_VERBS = {"GET": "read", "HEAD": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete", "POST": "action"}
_SPELLED = {
    "microsoft.containerinstance": "Microsoft.ContainerInstance",
    "microsoft.insights": "Microsoft.Insights",
    "microsoft.network": "Microsoft.Network",
    "containergroups": "containerGroups",
    "resourcegroups": "resourceGroups",
    "virtualnetworks": "virtualNetworks",
    "cachedimages": "cachedImages",
    "serviceassociationlinks": "serviceAssociationLinks",
}


class Route(NamedTuple):
    """One operation.

    Attributes:
        method: of HTTP.
        path: with names in braces.
        operation: what rates and faults call it.
        kind: the resource type, for complaints about the API version; empty where any version goes.
        latency: which of the latencies it has.
        handler: what answers.
    """

    method: str
    path: str
    operation: str
    kind: str
    latency: str
    handler: Handler

    @property
    def action(self) -> str:
        """What it is to the roles that allow it: resource types and a verb, ``.../containerGroups/write``."""
        path = (
            self.path.rpartition("/providers/")[2] if "/providers/" in self.path else f"Microsoft.Resources{self.path}"
        )
        words = [_SPELLED.get(each, each) for each in path.strip("/").split("/") if each[0] != "{"]
        return "/".join((*words, _VERBS[self.method]))


class Router:
    """Finds routes."""

    def __init__(self, routes: list[Route]) -> None:
        self._routes: dict[int, list[tuple[tuple[str, ...], Route]]] = {}
        for route in routes:
            parts = tuple(route.path.strip("/").split("/"))
            self._routes.setdefault(len(parts), []).append((parts, route))

    def find(self, request: Request) -> tuple[Route, dict[str, str]]:
        """The route of a request, and what its path names.

        Raises:
            ArmError: there is none.
        """
        given = [unquote(each) for each in request.path.strip("/").split("/")]
        lower = [each.lower() for each in given]
        known = False
        for parts, route in self._routes.get(len(given), ()):
            if not all(part[0] == "{" or part == other for part, other in zip(parts, lower, strict=True)):
                continue
            known = True
            if route.method == request.method:
                names = {part[1:-1]: each for part, each in zip(parts, given, strict=True) if part[0] == "{"}
                return route, names
        raise errors.method_not_allowed(request.method) if known else errors.no_such_path(request.path)
