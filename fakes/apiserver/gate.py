"""Who asks, and whether they may: what stands before every request.

A request is known by a bearer token (the administrator's, or a service account's), or by a client certificate, whose
common name is the user and whose organizations are the groups. Who may may ask in another's name (``kubectl --as``).
Nobody is anonymous.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from fakes.apiserver import errors
from fakes.apiserver.attributes import Attributes
from fakes.apiserver.authorizer import ADMINISTRATOR, AUTHENTICATED, Authorizer, User
from fakes.apiserver.errors import StatusError

if TYPE_CHECKING:
    from multidict import CIMultiDictProxy

_ACCOUNT = "system:serviceaccount:"
_EXTRA = "impersonate-extra-"


@dataclass(frozen=True, slots=True)
class Gate:
    """Authentication and authorization.

    Attributes:
        token: the administrator's; None lets everybody in, as the administrator.
        whose: knows the service accounts' tokens.
        authorizer: says what users may do.
    """

    token: str | None
    whose: Callable[[str], User | None]
    authorizer: Authorizer

    def user(self, headers: "CIMultiDictProxy[str]", certificate: Mapping[str, Any] | None) -> User:
        """Who asks; raises 401 if that is not known, 403 for another's name that they may not use."""
        own = self._authenticated(headers.get("Authorization", ""), certificate)
        return self._in_the_name_of(own, headers) if "Impersonate-User" in headers else own

    def check(self, user: User, wanted: Attributes) -> None:
        """Raise 403 if the user may not."""
        allowed, reason = self.authorizer.decide(user, wanted)
        if not allowed:
            raise _forbidden(user, wanted, reason)

    def _authenticated(self, authorization: str, certificate: Mapping[str, Any] | None) -> User:
        if self.token is None:
            return ADMINISTRATOR
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() == "bearer":
            if secrets.compare_digest(token.strip().encode(), self.token.encode()):
                return ADMINISTRATOR
            account = self.whose(token.strip())
            if account is not None:
                return account
        elif certificate and (user := _of_certificate(certificate)) is not None:
            return user
        raise StatusError(401, "Unauthorized", "Unauthorized")

    def _in_the_name_of(self, own: User, headers: "CIMultiDictProxy[str]") -> User:
        name, groups = headers["Impersonate-User"], tuple(headers.getall("Impersonate-Group", ()))
        if name.startswith(_ACCOUNT) and name.count(":") == 3:
            _, _, namespace, account = name.split(":")
            self._check_impersonation(own, "", "serviceaccounts", account, namespace)
            if not groups:
                groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")
        else:
            self._check_impersonation(own, "", "users", name)
        for each in headers.getall("Impersonate-Group", ()):
            self._check_impersonation(own, "", "groups", each)
        uid, extra = headers.get("Impersonate-Uid", ""), dict[str, tuple[str, ...]]()
        if uid:
            self._check_impersonation(own, "authentication.k8s.io", "uids", uid)
        for key in headers:
            if key.lower().startswith(_EXTRA):
                field = unquote(key.lower().removeprefix(_EXTRA))
                extra[field] = tuple(headers.getall(key))
                for value in extra[field]:
                    self._check_impersonation(own, "authentication.k8s.io", f"userextras/{field}", value)
        if name == "system:anonymous":
            groups = (*groups, *(() if "system:unauthenticated" in groups else ("system:unauthenticated",)))
        elif AUTHENTICATED not in groups:
            groups = (*groups, AUTHENTICATED)
        return User(name, groups, uid, tuple(extra.items()))

    def _check_impersonation(self, own: User, group: str, resource: str, name: str, namespace: str = "") -> None:
        plain, _, sub = resource.partition("/")
        version = "v1" if group else ""
        self.check(own, Attributes("impersonate", "", group, version, plain, sub, namespace, name))


def _of_certificate(certificate: Mapping[str, Any]) -> User | None:
    """Whom a verified certificate names; None if it names nobody."""
    parts = [pair for entry in certificate.get("subject") or () for pair in entry]
    name = next((value for key, value in parts if key == "commonName"), "")
    groups = tuple(value for key, value in parts if key == "organizationName")
    return User(name, (*groups, AUTHENTICATED)) if name else None


def _forbidden(user: User, wanted: Attributes, reason: str) -> StatusError:
    if not wanted.resource:
        why = f'User "{user.name}" cannot {wanted.verb} path "{wanted.path}"'
    else:
        where = f'in the namespace "{wanted.namespace}"' if wanted.namespace else "at the cluster scope"
        what = f'resource "{wanted.whole_resource}" in API group "{wanted.group}"'
        why = f'User "{user.name}" cannot {wanted.verb} {what} {where}'
    why = why.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    full = f"{why}: {reason}" if reason else why
    return errors.not_allowed(wanted.resource, wanted.name, full, wanted.group)
