"""Where tokens come from: Entra's endpoints and the instance metadata service, as far as Azure's identity library asks.

Entra: discovery of instances and tenants, and the client credentials grant by secret, by a signed assertion
(certificate), or by a federated token. A federated token's issuer, subject, audience and times are checked; its
signature is not, since its issuer is not to be reached from here. The metadata service: tokens of managed identities.
"""

import base64
import binascii
import hmac
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from fakes.aci import views
from fakes.aci.messages import Request, Response, answer
from fakes.aci.principals import Application, ManagedIdentity, Principals
from fakes.aci.tokens import LIFETIME, Tokens

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
CLOCK_SKEW = 300.0
"""Seconds by which somebody else's clock may be ahead."""
METADATA_VERSIONS = ("2018-02-01", "2019-08-01", "2021-02-01")
_PADDINGS = {
    "RS256": padding.PKCS1v15(),
    "PS256": padding.PSS(mgf=padding.MGF1(SHA256()), salt_length=padding.PSS.DIGEST_LENGTH),
}


class Refused(Exception):
    """No token. The arguments: HTTP status, OAuth's code, Entra's number, and why."""

    def __init__(self, status: int, error: str, number: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.error = error
        self.number = number
        self.why = why


class Identity:
    """Gives out tokens.

    Args:
        tenant: the only one there is.
        principals: who gets tokens.
        tokens: where they are noted.
    """

    def __init__(self, tenant: str, principals: Principals, tokens: Tokens) -> None:
        self._tenant = tenant
        self._principals = principals
        self._tokens = tokens

    def handle(self, request: Request, now: datetime) -> Response | None:
        """The answer to a request about identity; None if it is about something else."""
        parts = request.path.lower().strip("/").split("/")
        if parts == ["metadata", "identity", "oauth2", "token"]:
            return self._managed(request, now)
        if parts == ["common", "discovery", "instance"]:
            return self._instance(request)
        if len(parts) < 2:
            return None
        tenant, *rest = parts
        if rest == ["v2.0", ".well-known", "openid-configuration"]:
            return self._configuration(request, tenant, now)
        if rest == ["oauth2", "v2.0", "token"] and request.method == "POST":
            try:
                return self._token(request, tenant, now)
            except Refused as refused:
                return _refusal(refused, now)
        return None

    # --- Entra ------------------------------------------------------------------------------------------------------

    def _instance(self, request: Request) -> Response:
        host = request.origin.rpartition("/")[2]
        endpoint = f"{request.origin}/{self._tenant}/v2.0/.well-known/openid-configuration"
        metadata = [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}]
        return answer(200, {"tenant_discovery_endpoint": endpoint, "api-version": "1.1", "metadata": metadata}, _JSON)

    def _configuration(self, request: Request, tenant: str, now: datetime) -> Response:
        if not self._is_ours(tenant):
            return _refusal(_no_tenant(tenant), now)
        base = f"{request.origin}/{self._tenant}"
        return answer(
            200,
            {
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
                "jwks_uri": f"{base}/discovery/v2.0/keys",
                "response_types_supported": ["code", "id_token", "token"],
                "scopes_supported": ["openid", "profile", "email", "offline_access"],
                "issuer": f"{base}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
                "tenant_region_scope": "EU",
                "cloud_instance_name": "microsoftonline.com",
            },
            _JSON,
        )

    def _token(self, request: Request, tenant: str, now: datetime) -> Response:
        if not self._is_ours(tenant):
            raise _no_tenant(tenant)
        form = dict(parse_qsl(request.body.decode(errors="replace")))
        if form.get("grant_type") != "client_credentials":
            why = "The app requested an unsupported grant type."
            raise Refused(400, "unsupported_grant_type", 70003, why)
        client = form.get("client_id", "")
        application = self._principals.application(client)
        if application is None:
            why = f"Application with identifier '{client}' was not found in the directory '{self._tenant}'."
            raise Refused(400, "unauthorized_client", 700016, why)
        self._check_credential(application, form, f"{request.origin}/{self._tenant}/oauth2/v2.0/token", now)
        scope = form.get("scope", "")
        if not scope.endswith("/.default"):
            why = f"The provided value for scope {scope} is not valid. It must be a resource with the suffix /.default."
            raise Refused(400, "invalid_scope", 1002012, why)
        token = self._tokens.issue(now, client, self._tenant, scope.removesuffix("/.default"))
        seconds = int(LIFETIME.total_seconds())
        body = {"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": token}
        return answer(200, body, _JSON)

    def _check_credential(self, application: Application, form: dict[str, str], endpoint: str, now: datetime) -> None:
        if "client_secret" in form:
            secret = form["client_secret"]
            if not application.secret or not hmac.compare_digest(secret.encode(), application.secret.encode()):
                why = f"Invalid client secret provided for app '{application.client_id}'."
                raise Refused(401, "invalid_client", 7000215, why)
            return
        if form.get("client_assertion_type") != ASSERTION:
            why = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."
            raise Refused(401, "invalid_client", 7000218, why)
        header, claims, signed, signature = _taken_apart(form.get("client_assertion", ""))
        _check_times(claims, now)
        if claims.get("iss") == application.client_id:
            _check_certificate(application, header, signed, signature)
            if claims.get("sub") != application.client_id or claims.get("aud") != endpoint:
                raise Refused(401, "invalid_client", 700021, "Client assertion has an invalid subject or audience.")
        else:
            _check_federated(application, claims)

    def _is_ours(self, tenant: str) -> bool:
        return tenant.lower() in (self._tenant.lower(), "organizations")

    # --- instance metadata ------------------------------------------------------------------------------------------

    def _managed(self, request: Request, now: datetime) -> Response:
        if request.headers.get("metadata", "").lower() != "true":
            return _bad_metadata("Required metadata header not specified")
        if request.query.get("api-version") not in METADATA_VERSIONS:
            return _bad_metadata("Bad request. api-version is invalid or was not specified in the request.")
        resource = request.query.get("resource")
        if not resource:
            return _bad_metadata("Missing or empty required parameter: resource")
        found = self._machine(request.query)
        if found is None:
            return _bad_metadata("Identity not found")
        seconds = int(LIFETIME.total_seconds())
        body = {
            "access_token": self._tokens.issue(now, found.client_id, self._tenant, resource),
            "client_id": found.client_id,
            "expires_in": str(seconds - 1),
            "expires_on": str(int(now.timestamp()) + seconds),
            "ext_expires_in": str(seconds - 1),
            "not_before": str(int(now.timestamp())),
            "resource": resource,
            "token_type": "Bearer",
        }
        return answer(200, body, _JSON)

    def _machine(self, query: dict[str, str]) -> ManagedIdentity | None:
        """The identity that is asked for."""
        known = self._principals.managed
        if "client_id" in query:
            return next((each for each in known if each.client_id == query["client_id"]), None)
        named = query.get("msi_res_id") or query.get("mi_res_id")
        if named:
            return next((each for each in known if each.resource_id.lower() == named.lower()), None)
        if "object_id" in query:
            return next((each for each in known if each.object_id == query["object_id"]), None)
        return known[0] if known else None


_JSON = {"Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store, no-cache", "Pragma": "no-cache"}


def _no_tenant(tenant: str) -> Refused:
    why = f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID."
    return Refused(400, "invalid_request", 90002, why)


def _refusal(refused: Refused, now: datetime) -> Response:
    trace = views.guid(refused.why, str(now))
    stamp = f"{now:%Y-%m-%d %H:%M:%SZ}"
    why = f"AADSTS{refused.number}: {refused.why} Trace ID: {trace} Correlation ID: {trace} Timestamp: {stamp}"
    body = {
        "error": refused.error,
        "error_description": why,
        "error_codes": [refused.number],
        "timestamp": stamp,
        "trace_id": trace,
        "correlation_id": trace,
        "error_uri": f"https://login.microsoftonline.com/error?code={refused.number}",
    }
    return answer(refused.status, body, _JSON)


def _bad_metadata(why: str) -> Response:
    return answer(400, {"error": "invalid_request", "error_description": why}, _JSON)


def _taken_apart(assertion: str) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    """A JSON web token: header, claims, what is signed, and the signature."""
    try:
        first, second, third = assertion.split(".")
        header, claims = (msgspec.json.decode(_decoded(each), type=dict[str, Any]) for each in (first, second))
        return header, claims, f"{first}.{second}".encode(), _decoded(third)
    except (ValueError, binascii.Error, msgspec.DecodeError):
        raise Refused(401, "invalid_client", 50027, "JWT token is invalid or malformed.") from None


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _check_times(claims: dict[str, Any], now: datetime) -> None:
    begins, ends = claims.get("nbf", 0), claims.get("exp", 0)
    numbers = isinstance(begins, int | float) and isinstance(ends, int | float)
    if not numbers or begins > now.timestamp() + CLOCK_SKEW or ends <= now.timestamp():
        raise Refused(401, "invalid_client", 700024, "Client assertion is not within its valid time range.")


def _check_certificate(application: Application, header: dict[str, Any], signed: bytes, signature: bytes) -> None:
    """Refuse an assertion that no known certificate has signed."""
    named = str(header.get("x5t#S256") or header.get("x5t")).rstrip("=")
    scheme = _PADDINGS.get(str(header.get("alg")))
    for each in application.certificates:
        key = each.x509.public_key()
        if named in each.thumbprints and scheme is not None and isinstance(key, rsa.RSAPublicKey):
            try:
                key.verify(signature, signed, scheme, SHA256())
            except InvalidSignature:
                break
            return
    raise Refused(401, "invalid_client", 700027, "Client assertion failed signature validation.")


def _check_federated(application: Application, claims: dict[str, Any]) -> None:
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    for each in application.federated:
        if (claims.get("iss"), claims.get("sub")) == (each.issuer, each.subject) and each.audience in audiences:
            return
    why = (
        "No matching federated identity record found for presented assertion. Assertion Issuer: "
        f"'{claims.get('iss')}'. Assertion Subject: '{claims.get('sub')}'. Assertion Audience: '{audience}'."
    )
    raise Refused(401, "invalid_client", 700213, why)
