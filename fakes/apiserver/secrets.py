"""What a secret of a known type has to hold. Pure."""

from base64 import b64decode
from collections.abc import Callable, Mapping

from fakes.apiserver import gojson
from fakes.apiserver.causes import Causes, invalid, required
from fakes.apiserver.objects import Object

ACCOUNT = "kubernetes.io/service-account.name"
"""The annotation that says whose token a secret is for."""


def of_type(secret: Object) -> Causes:
    """What is missing from a secret of its type, or wrong with it; nothing if the type is nobody's."""
    check = _TYPES.get(secret.get("type") or "")
    return [] if check is None else check(secret)


def _all_of(*keys: str) -> Callable[[Object], Causes]:
    return lambda secret: [_missing(each) for each in keys if each not in (secret.get("data") or {})]


def _any_of(*keys: str) -> Callable[[Object], Causes]:
    def check(secret: Object) -> Causes:
        causes = _all_of(*keys)(secret)
        return causes if len(causes) == len(keys) else []

    return check


def _not_empty(key: str) -> Callable[[Object], Causes]:
    return lambda secret: [] if (secret.get("data") or {}).get(key) else [_missing(key)]


def _json_in(key: str) -> Callable[[Object], Causes]:
    def check(secret: Object) -> Causes:
        content = (secret.get("data") or {}).get(key)
        if content is None:
            return [_missing(key)]
        problem = gojson.problem(b64decode(content))
        return [invalid(f"data[{key}]", "<secret contents redacted>", problem)] if problem else []

    return check


def _of_account(secret: Object) -> Causes:
    named = (secret["metadata"].get("annotations") or {}).get(ACCOUNT)
    return [] if named else [required(f"metadata.annotations[{ACCOUNT}]")]


def _missing(key: str) -> dict[str, str]:
    return required(f"data[{key}]")


_TYPES: Mapping[str, Callable[[Object], Causes]] = {
    "kubernetes.io/basic-auth": _any_of("username", "password"),
    "kubernetes.io/dockercfg": _json_in(".dockercfg"),
    "kubernetes.io/dockerconfigjson": _json_in(".dockerconfigjson"),
    "kubernetes.io/service-account-token": _of_account,
    "kubernetes.io/ssh-auth": _not_empty("ssh-privatekey"),
    "kubernetes.io/tls": _all_of("tls.crt", "tls.key"),
}
