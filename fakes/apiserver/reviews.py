"""Questions that are asked by creating an object which is answered and not kept: who is this, and what may they do?

There is no authorisation here: whoever has a name may do everything. Names are the administrator's, whose token the
server was given, and those of service accounts, by tokens that the server has issued.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fakes.apiserver.objects import Object

ALL = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
ALL_PATHS = {"verbs": ["*"], "nonResourceURLs": ["*"]}


@dataclass(frozen=True, slots=True)
class User:
    """Who asks."""

    name: str
    groups: tuple[str, ...]
    uid: str = ""
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def info(self) -> dict[str, Any]:
        """As a ``UserInfo`` of authentication.k8s.io."""
        info: dict[str, Any] = {"username": self.name, "groups": list(self.groups)}
        if self.uid:
            info["uid"] = self.uid
        if self.extra:
            info["extra"] = {name: list(values) for name, values in self.extra}
        return info


ADMINISTRATOR = User("kubernetes-admin", ("system:masters", "system:authenticated"))

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


def answer(kind: str, review: Mapping[str, Any], user: User, whose: Whose) -> Object:
    """The review with its answer.

    Args:
        kind: which review it is.
        review: as it was sent.
        user: who asks; the ``Self`` reviews are about them.
        whose: knows tokens.
    """
    answered: Object = {**review, "metadata": review.get("metadata") or {}}
    match kind:
        case "TokenReview":
            answered["status"] = _of_token(review.get("spec") or {}, whose)
        case "SelfSubjectReview":
            answered["status"] = {"userInfo": user.info()}
        case "SelfSubjectRulesReview":
            rules = {"resourceRules": [ALL], "nonResourceRules": [ALL_PATHS], "incomplete": False}
            answered["status"] = rules
        case _:
            answered["status"] = {"allowed": True}
    return answered


def _of_token(spec: Mapping[str, Any], whose: Whose) -> dict[str, Any]:
    user = whose(str(spec.get("token") or ""))
    if user is None:
        return {"user": {}, "error": "[invalid bearer token, unknown]"}
    status: dict[str, Any] = {"authenticated": True, "user": user.info()}
    if spec.get("audiences"):
        status["audiences"] = spec["audiences"]
    return status
