"""Who calls: both of the API's signatures, checked. Pure; the caller looks up the secret.

Today's (ACS3-HMAC-SHA256) signs method, path, query, headers and the body's hash, and names the operation in headers.
The one of 2018 (RPC, HMAC-SHA1) signs the query, and has everything in it.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import quote

from fakes.eci.errors import EciError

ACS3 = "ACS3-HMAC-SHA256"
VERSION = "2018-08-08"
_AUTHORIZATION = re.compile(rf"{ACS3} Credential=([^,]+),SignedHeaders=([^,]+),Signature=([0-9a-f]+)")

SecretOf = Callable[[str], str | None]
"""Access key -> its secret; None for an unknown key."""


class Request(NamedTuple):
    """A request as it comes in: header names in lower case, the query decoded."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""


class Signed(NamedTuple):
    """What a good signature says: the key, the operation, and what makes the request unique."""

    key_id: str
    action: str
    nonce: str


def verify(request: Request, secret_of: SecretOf) -> Signed:
    """Check the signature.

    Raises:
        EciError: it is missing, of an unknown key, or wrong.
    """
    if request.headers.get("authorization", "").startswith(ACS3):
        return _verify_acs3(request, secret_of)
    if "Signature" in request.query:
        return _verify_rpc(request, secret_of)
    raise EciError(400, "MissingParameter.Signature", "The request is not signed.")


def _verify_acs3(request: Request, secret_of: SecretOf) -> Signed:
    match = _AUTHORIZATION.fullmatch(request.headers["authorization"])
    if match is None:
        raise EciError(400, "IncompleteSignature", "The authorization header cannot be read.")
    key_id, names, signature = match.groups()
    digest = hashlib.sha256(request.body).hexdigest()
    if request.headers.get("x-acs-content-sha256") != digest:
        raise EciError(400, "SignatureDoesNotMatch", "x-acs-content-sha256 is not the hash of the body.")
    signed = names.split(";")
    lines = "".join(f"{name}:{request.headers.get(name, '').strip()}\n" for name in signed)
    query = "&".join(f"{key}={_encoded(request.query[key])}" for key in sorted(request.query))
    canonical = f"{request.method}\n{request.path or '/'}\n{query}\n{lines}\n{names}\n{digest}"
    to_sign = f"{ACS3}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    secret = _secret(key_id, secret_of)
    _compare(hmac.new(secret.encode(), to_sign.encode(), hashlib.sha256).hexdigest(), signature)
    for needed in ("x-acs-action", "x-acs-version", "x-acs-date", "x-acs-signature-nonce", "host"):
        if needed not in signed:
            raise EciError(400, "IncompleteSignature", f"The header {needed} is not signed.")
    _check_version(request.headers["x-acs-version"])
    return Signed(key_id, request.headers["x-acs-action"], request.headers["x-acs-signature-nonce"])


def _verify_rpc(request: Request, secret_of: SecretOf) -> Signed:
    signed = {key: value for key, value in request.query.items() if key != "Signature"}
    if request.body and "x-www-form-urlencoded" not in request.headers.get("content-type", ""):
        raise EciError(400, "UnsupportedContentType", "Only forms are taken.")
    query = "&".join(f"{_encoded(key)}={_encoded(signed[key])}" for key in sorted(signed))
    to_sign = f"{request.method}&%2F&{_encoded(query)}"
    key_id = signed.get("AccessKeyId", "")
    secret = _secret(key_id, secret_of)
    expected = base64.b64encode(hmac.new(f"{secret}&".encode(), to_sign.encode(), hashlib.sha1).digest()).decode()
    _compare(expected, request.query["Signature"])
    if signed.get("SignatureMethod") != "HMAC-SHA1" or signed.get("SignatureVersion") != "1.0":
        raise EciError(400, "InvalidParameter.SignatureMethod", "The signature method is not supported.")
    _check_version(signed.get("Version", ""))
    return Signed(key_id, signed.get("Action", ""), signed.get("SignatureNonce", ""))


def _secret(key_id: str, secret_of: SecretOf) -> str:
    secret = secret_of(key_id)
    if secret is None:
        raise EciError(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
    return secret


def _compare(expected: str, given: str) -> None:
    if not hmac.compare_digest(expected, given):
        raise EciError(400, "SignatureDoesNotMatch", "Specified signature does not match our calculation.")


def _check_version(version: str) -> None:
    if version != VERSION:
        raise EciError(400, "InvalidVersion", f"Specified version {version} does not exist; there is {VERSION}.")


def _encoded(text: str) -> str:
    return quote(text, safe="~")
