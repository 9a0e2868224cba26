"""Questions that are asked by creating an object which is answered and not kept: who is this, and what may they do?

What somebody may do, an authorizer knows.
"""

from collections.abc import Callable, Mapping
from typing import Any

from fakes.apiserver.attributes import Attributes
from fakes.apiserver.authorizer import Authorizer, User
from fakes.apiserver.objects import Object
from fakes.apiserver.resources import ResourceType

Whose = Callable[[str], User | None]
"""Whose a token is; None for nobody's."""


def service_account(claims: Mapping[str, Any], find: Mapping[str, Callable[[str, str], Object | None]]) -> User | None:
    """Whom the claims of a token name; None if the account, or the pod that the token was for, is gone.

    ``find`` finds the stored objects of a kind by namespace and name.
    """
    held = claims["kubernetes.io"]
    namespace = held["namespace"]
    for kind, get in find.items():
        if kind not in held:
            continue
        found = get(namespace, held[kind]["name"])
        if found is None or found["metadata"]["uid"] != held[kind].get("uid", found["metadata"]["uid"]):
            return None
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
    return User(claims["sub"], groups, held["serviceaccount"]["uid"])


def answer(
    resource: ResourceType, review: Mapping[str, Any], user: User, whose: Whose, authorizer: Authorizer, timestamp: str
) -> Object:
    """The review with its answer.

    Args:
        resource: which review it is.
        review: as it was sent.
        user: who asks; the ``Self`` reviews are about them.
        whose: knows tokens.
        authorizer: knows what users may do.
        timestamp: now, as a Kubernetes ``Time``.
    """
    spec = review.get("spec") or {}
    kind, metadata = resource.kind, review.get("metadata") or {}
    answered: Object = {**review, "kind": kind, "apiVersion": resource.api_version, "metadata": metadata}
    match kind:
        case "TokenReview":
            answered["status"] = _of_token(spec, whose)
        case "SelfSubjectReview":
            answered |= {"metadata": {"creationTimestamp": timestamp}, "status": {"userInfo": user.info()}}
        case "SelfSubjectRulesReview":
            rules = authorizer.rules(user, str(spec.get("namespace") or ""))
            found = {"resourceRules": rules.resource, "nonResourceRules": rules.path, "incomplete": False}
            answered["status"] = found
        case _:
            whom = user if kind == "SelfSubjectAccessReview" else _asked_about(spec)
            allowed, reason = authorizer.decide(whom, _wanted(spec))
            answered["status"] = {"allowed": allowed, **({"reason": reason} if reason else {})}
    return answered


def _of_token(spec: Mapping[str, Any], whose: Whose) -> dict[str, Any]:
    user = whose(str(spec.get("token") or ""))
    if user is None:
        return {"user": {}, "error": "[invalid bearer token, unknown]"}
    status: dict[str, Any] = {"authenticated": True, "user": user.info()}
    if spec.get("audiences"):
        status["audiences"] = spec["audiences"]
    return status


def _asked_about(spec: Mapping[str, Any]) -> User:
    extra = tuple((name, tuple(values)) for name, values in (spec.get("extra") or {}).items())
    return User(spec.get("user") or "", tuple(spec.get("groups") or ()), spec.get("uid") or "", extra)


def _wanted(spec: Mapping[str, Any]) -> Attributes:
    """What an access review asks about."""
    path = spec.get("nonResourceAttributes")
    if path is not None:
        return Attributes(path.get("verb") or "", path.get("path") or "")
    asked = spec.get("resourceAttributes") or {}
    fields = ("verb", "group", "version", "resource", "subresource", "namespace", "name")
    return Attributes(**{"verb": "", **{field: asked[field] for field in fields if asked.get(field)}})
