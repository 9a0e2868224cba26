"""The cloud: every request goes through ``AciCloud.handle``, as it would go through Resource Manager.

Authenticate, find the operation, check the API version and the subscription, throttle or let in, do it, add the headers
that every answer has. What a fault says may get in between: done and not heard, not done, late.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random

from fakes.aci import defaults, errors, views
from fakes.aci.errors import ArmError
from fakes.aci.groups import ContainerGroups
from fakes.aci.identity import Identity
from fakes.aci.locations import Locations
from fakes.aci.messages import Request, Response, answer
from fakes.aci.network import Networks
from fakes.aci.principals import Principals
from fakes.aci.routes import Call, Route, Router
from fakes.aci.script import Scripts, from_environment
from fakes.aci.tokens import AUDIENCES, Tokens
from fakes.cloud.model import CloudModel, Verdict
from fakes.cloud.settings import CloudSettings, FaultKind

_FIXED_HEADERS = {
    "Cache-Control": "no-cache",
    "Pragma": "no-cache",
    "Expires": "-1",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class Account:
    """Whose cloud it is, and where."""

    subscription: str = defaults.SUBSCRIPTION
    tenant: str = defaults.TENANT
    region: str = defaults.REGION
    resource_groups: tuple[str, ...] = (defaults.RESOURCE_GROUP,)


class AciCloud:
    """Azure Container Instances in one region, for one subscription.

    Args:
        now: the wall clock, virtual or real.
        random: the only source of chance.
        settings: latencies, quotas, rates and faults; what is left out is as in reality (``defaults``).
        account: names.
        principals: who may ask for tokens.
        scripts: how containers behave; by default what their environment says.

    Attributes:
        model: the common model of clouds; faults may be changed there as time goes on.
        groups: the container groups, and what can be broken about them.
        tokens: who may come in.
        denied: what nobody may do, as roles name it: ``Microsoft.ContainerInstance/containerGroups/write``.
    """

    def __init__(
        self,
        now: Callable[[], datetime],
        random: Random,
        settings: CloudSettings | None = None,
        *,
        account: Account | None = None,
        principals: Principals | None = None,
        scripts: Scripts = from_environment,
    ) -> None:
        self.account = account or Account()
        self.model = CloudModel(defaults.merged(settings), now, random)
        self.denied: set[str] = set()
        self.tokens = Tokens(Random(random.getrandbits(64)))
        self._identity = Identity(self.account.tenant, principals or Principals(), self.tokens)
        region = views.region(self.account.region)
        self.networks = Networks(self.account.subscription, region, self.account.resource_groups)
        self.groups = ContainerGroups(self.model, self.networks, region, scripts, Random(random.getrandbits(64)))
        self._region = region
        self._now = now
        self._ids = Random(random.getrandbits(64))
        self._router = Router([*self.groups.routes(), *self.networks.routes(), *Locations(self.model, region).routes()])

    def now(self) -> datetime:
        """The cloud's wall clock."""
        return self._now()

    def handle(self, request: Request) -> Response:
        """Answer a request. What it asks for is done at once; the answer says how long it takes to come."""
        now = self._now()
        told = self._identity.handle(request, now)
        if told is not None:
            return told
        self.groups.settle(now)
        route: Route | None = None
        verdict = Verdict()
        try:
            client = self._authenticate(request, now)
            route, names = self._router.find(request)
            self._check(request, route, names)
            if self.denied and route.action.lower() in self._denied():
                raise errors.forbidden(client, route.action, request.path)
            verdict = self.model.admit(route.operation, self._resource(names))
            self._refuse(verdict, route.operation)
            response = self._do(route, Call(request, now, names, client, verdict, self._denied()))
        except ArmError as error:
            response = error.response()
        response = self._finished(response, request, route.operation if route else "", now)
        takes = response.takes or self.model.takes(route.latency if route else "read")
        return replace(response, takes=takes + verdict.delay, heard=verdict.heard)

    # --- one request ------------------------------------------------------------------------------------------------

    def _authenticate(self, request: Request, now: datetime) -> str:
        """Who asks. Raises ArmError."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            detail = "Authentication failed. The 'Authorization' header is missing."
        else:
            known = self.tokens.find(token.strip(), now)
            if known is not None and known.audience in (*AUDIENCES, request.origin):
                return known.subject
            detail = "The access token is invalid or has expired."
            if known is not None:
                detail = f"The access token has been obtained for the wrong audience or resource '{known.audience}'."
        raise errors.unauthenticated("https://login.windows.net", self.account.tenant, detail)

    def _denied(self) -> frozenset[str]:
        return frozenset(each.lower() for each in self.denied)

    def _check(self, request: Request, route: Route, names: dict[str, str]) -> None:
        version = request.query.get("api-version")
        if not version:
            raise errors.missing_api_version()
        if route.kind and version not in defaults.API_VERSIONS:
            raise errors.unknown_api_version(version, route.kind)
        subscription = names.get("subscription")
        if subscription is not None and subscription.lower() != self.account.subscription.lower():
            raise errors.subscription_not_found(subscription)

    def _refuse(self, verdict: Verdict, operation: str) -> None:
        """Raise what stands against doing it."""
        if verdict.fault is FaultKind.OUTAGE:
            raise errors.unavailable()
        if verdict.fault is FaultKind.THROTTLED:
            for bucket, kind in _SUBSCRIPTION_LIMITS.items():
                if operation in kind and not self.model.remaining(bucket):
                    raise errors.subscription_throttled(verdict.retry_after, bucket)
            raise errors.too_many_requests(verdict.retry_after)

    def _do(self, route: Route, call: Call) -> Response:
        if call.verdict.fault is FaultKind.LOST_REQUEST:
            return answer(503)
        return route.handler(call)

    def _resource(self, names: dict[str, str]) -> str:
        """What faults are about: region, resource group and name."""
        return "/".join([self._region, *(names[each].lower() for each in ("group", "name") if each in names)])

    # --- headers ----------------------------------------------------------------------------------------------------

    def _finished(self, response: Response, request: Request, operation: str, now: datetime) -> Response:
        headers = {**_FIXED_HEADERS, **self._identified(request, now), **self._limits(operation), **response.headers}
        if response.body:
            headers["Content-Type"] = "application/json; charset=utf-8"
        headers["Date"] = now.strftime("%a, %d %b %Y %H:%M:%S GMT")
        return replace(response, headers=headers)

    def _identified(self, request: Request, now: datetime) -> dict[str, str]:
        correlation = request.headers.get("x-ms-correlation-request-id") or self._guid()
        headers = {
            "x-ms-request-id": f"{self._region}:{self._guid()}",
            "x-ms-correlation-request-id": correlation,
            "x-ms-routing-request-id": f"{self._region.upper()}:{now:%Y%m%dT%H%M%SZ}:{correlation}",
        }
        client = request.headers.get("x-ms-client-request-id")
        if client and request.headers.get("x-ms-return-client-request-id", "").lower() == "true":
            headers["x-ms-client-request-id"] = client
        return headers

    def _limits(self, operation: str) -> dict[str, str]:
        """What is left of the limits that the operation counts for."""
        headers: dict[str, str] = {}
        for bucket, kind in _SUBSCRIPTION_LIMITS.items():
            if operation in kind:
                headers[f"x-ms-ratelimit-remaining-{bucket}"] = str(self.model.remaining(bucket))
        if operation in ("create", "delete"):
            for window in ("pt1h", "pt5m"):
                left = self.model.remaining(f"{operation}s-{window}")
                headers[f"x-ms-ratelimit-remaining-subscription-resource-requests-{window}"] = str(left)
        return headers

    def _guid(self) -> str:
        text = f"{self._ids.getrandbits(128):032x}"
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-8{text[17:20]}-{text[20:]}"


_SUBSCRIPTION_LIMITS = {
    "subscription-reads": defaults.READS,
    "subscription-writes": defaults.WRITES,
    "subscription-deletes": defaults.DELETES,
}
