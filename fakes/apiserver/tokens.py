"""Tokens of service accounts, as ``serviceaccounts/token`` issues them.

They have the claims of real ones, but are signed with a secret of the server's own (HS256), not with a key pair whose
public half others could fetch.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import orjson

from fakes.apiserver.causes import invalid
from fakes.apiserver.errors import invalid as invalid_error
from fakes.apiserver.objects import Object

ISSUER = "https://kubernetes.default.svc.cluster.local"
DEFAULT_SECONDS = 3600
LEAST_SECONDS = 600


def issue(account: Object, request: Mapping[str, Any], *, now: datetime, token_id: str, secret: bytes) -> Object:
    """The answer to a TokenRequest for that account; raises 422 for a life of less than ten minutes."""
    spec, meta = request.get("spec") or {}, account["metadata"]
    seconds = DEFAULT_SECONDS if spec.get("expirationSeconds") is None else spec["expirationSeconds"]
    if seconds < LEAST_SECONDS:
        too_short = invalid("spec.expirationSeconds", seconds, "may not specify a duration less than 10 minutes")
        raise invalid_error("TokenRequest", "", [too_short], group="authentication.k8s.io")
    audiences = spec.get("audiences") or [ISSUER]
    expires, issued = now + timedelta(seconds=seconds), int(now.timestamp())
    bound: Object = {"namespace": meta["namespace"], "serviceaccount": {"name": meta["name"], "uid": meta["uid"]}}
    holder = spec.get("boundObjectRef")
    if holder:
        bound[str(holder.get("kind")).lower()] = {key: holder[key] for key in ("name", "uid") if holder.get(key)}
    claims = {
        "aud": audiences,
        "exp": issued + seconds,
        "iat": issued,
        "iss": ISSUER,
        "jti": token_id,
        "kubernetes.io": bound,
        "nbf": issued,
        "sub": f"system:serviceaccount:{meta['namespace']}:{meta['name']}",
    }
    return {
        "kind": "TokenRequest",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {"name": meta["name"], "namespace": meta["namespace"]},
        "spec": {**spec, "audiences": audiences, "expirationSeconds": seconds},
        "status": {"token": _sign(claims, secret), "expirationTimestamp": expires.isoformat()[:19] + "Z"},
    }


def claims(token: str, *, now: datetime, secret: bytes) -> dict[str, Any] | None:
    """What a token of this server's says, as long as it is valid; None for any other."""
    signed, _, signature = token.rpartition(".")
    expected = _encode(hmac.digest(secret, signed.encode(), hashlib.sha256))
    if not hmac.compare_digest(expected.encode(), signature.encode()):
        return None
    payload = signed.split(".")[1]
    found: dict[str, Any] = orjson.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return found if found["exp"] > now.timestamp() else None


def _sign(claims: Mapping[str, Any], secret: bytes) -> str:
    signed = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims)}"
    return f"{signed}.{_encode(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def _part(value: Mapping[str, Any]) -> str:
    return _encode(orjson.dumps(value))


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
