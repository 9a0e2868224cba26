"""Who may use the kubelet API: the caller's certificate or token says who it is, the API server says what it may.

As with a kubelet: authentication by client certificate or TokenReview, authorisation by SubjectAccessReview on the
node's subresources, both remembered for a while. Virtual Kubelet's rule is kept where nothing is configured: without a
CA for client certificates everybody may call.
"""

import asyncio
import hashlib
import logging
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar

from aiohttp import web

from runner.kube import ApiError, KubeApi, Resource

TOKEN_REVIEWS = Resource("authentication.k8s.io", "v1", "tokenreviews", "TokenReview", namespaced=False)
ACCESS_REVIEWS = Resource("authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview", namespaced=False)

REMEMBERED = 10_000
"""So many answers at the most."""

OPEN_PATHS = frozenset({"/healthz", "/readyz"})
"""Probes may ask these without a name."""

VERBS = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}

T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class User:
    """Who calls."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class KubeletAuth:
    """What the operator decides.

    Attributes:
        tokens: bearer tokens are taken, and the API server is asked whose they are.
        authorize: the API server is asked what callers may do; if not, all that have a name may do all.
        token_ttl: how long its answer about a token is believed. The defaults are a kubelet's.
        allowed_ttl: how long a yes is.
        denied_ttl: how long a no is.
    """

    tokens: bool = True
    authorize: bool = True
    token_ttl: timedelta = timedelta(minutes=2)
    allowed_ttl: timedelta = timedelta(minutes=5)
    denied_ttl: timedelta = timedelta(seconds=30)


STREAMS = frozenset({"exec", "attach", "portForward"})
"""What changes things whatever the method: WebSockets begin with GET, and who may only read must not run commands."""

SUBRESOURCES: Mapping[str, tuple[str, ...]] = {
    "stats": ("stats",),
    "metrics": ("metrics",),
    "logs": ("log",),
    "pods": ("pods", "proxy"),
    "runningpods": ("pods", "proxy"),
    "configz": ("configz", "proxy"),
}
"""First part of a path -> the node's subresources that stand for it; to be allowed one of them is enough.

A kubelet's table, with KEP-2862's finer rights: who shall only list pods needs no ``nodes/proxy``, which allows all.
"""


def attributes(method: str, path: str, node: str) -> list[dict[str, str]]:
    """What a request asks to do, in RBAC's terms: a verb on a part of the node. One of them has to be allowed."""
    first = path.strip("/").split("/", 1)[0]
    verb = "create" if first in STREAMS else VERBS.get(method, method.lower())
    return [
        {"verb": verb, "version": "v1", "resource": "nodes", "subresource": subresource, "name": node}
        for subresource in SUBRESOURCES.get(first, ("proxy",))
    ]


class Authenticator:
    """Decides on requests to one node's kubelet API.

    Args:
        kube: the cluster that is asked.
        node: the node's name.
        config: what the operator decided.
    """

    def __init__(self, kube: KubeApi, node: str, config: KubeletAuth) -> None:
        self._kube = kube
        self._node = node
        self._config = config
        self._users: _Memory[User | None] = _Memory()
        self._verdicts: _Memory[bool] = _Memory()

    async def check(self, request: web.Request) -> None:
        """Let the request pass.

        Raises:
            HTTPUnauthorized: nobody knows who calls.
            HTTPForbidden: the caller may not do that.
            HTTPInternalServerError: the API server does not say.
        """
        if request.path in OPEN_PATHS:
            return
        try:
            user = _certified(request) or await self._bearer(request)
            if user is None:
                raise web.HTTPUnauthorized(text="Unauthorized")
            if self._config.authorize:
                wanted = attributes(request.method, request.path, self._node)
                if not await self._may_any(user, wanted):
                    raise web.HTTPForbidden(text=_refusal(user, wanted))
        except ApiError as error:
            log.warning("the API server does not say who may call: %s", error)
            raise web.HTTPInternalServerError(text=f"authorization cannot be decided: {error}") from error

    async def _bearer(self, request: web.Request) -> User | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if not self._config.tokens or scheme.lower() != "bearer" or not token:
            return None
        key = hashlib.sha256(token.encode()).hexdigest()
        known, user = self._users.recall(key)
        if not known:
            review = {
                "apiVersion": TOKEN_REVIEWS.api_version,
                "kind": TOKEN_REVIEWS.kind,
                "spec": {"token": token.strip()},
            }
            status = (await self._kube.create(TOKEN_REVIEWS, review)).get("status") or {}
            user = _user(status.get("user") or {}) if status.get("authenticated") else None
            self._users.remember(key, user, self._config.token_ttl.total_seconds())
        return user

    async def _may_any(self, user: User, wanted: Sequence[Mapping[str, str]]) -> bool:
        for each in wanted:
            if await self._may(user, each):
                return True
        return False

    async def _may(self, user: User, wanted: Mapping[str, str]) -> bool:
        key = (user, wanted["verb"], wanted["subresource"])
        known, allowed = self._verdicts.recall(key)
        if not known:
            spec: dict[str, Any] = {"user": user.name, "groups": list(user.groups), "resourceAttributes": dict(wanted)}
            if user.uid:
                spec["uid"] = user.uid
            if user.extra:
                spec["extra"] = {name: list(values) for name, values in user.extra}
            review = {"apiVersion": ACCESS_REVIEWS.api_version, "kind": ACCESS_REVIEWS.kind, "spec": spec}
            status = (await self._kube.create(ACCESS_REVIEWS, review)).get("status") or {}
            allowed = bool(status.get("allowed"))
            believed = self._config.allowed_ttl if allowed else self._config.denied_ttl
            self._verdicts.remember(key, allowed, believed.total_seconds())
        return bool(allowed)


def _refusal(user: User, wanted: Sequence[Mapping[str, str]]) -> str:
    subresources = " or ".join(each["subresource"] for each in wanted)
    return (
        f"Forbidden (user={user.name}, verb={wanted[0]['verb']}, resource=nodes, subresource={subresources}, "
        f"name={wanted[0]['name']})"
    )


def _certified(request: web.Request) -> User | None:
    """Whose certificate it is: the CommonName is the user, the Organizations are the groups, as in Kubernetes."""
    certificate: Mapping[str, Any] | None = request.get_extra_info("peercert")
    if not certificate:
        return None
    names = [pair for part in certificate.get("subject", ()) for pair in part]
    name = next((value for kind, value in names if kind == "commonName"), "")
    groups = tuple(value for kind, value in names if kind == "organizationName")
    return User(name, groups) if name else None


def _user(info: Mapping[str, Any]) -> User:
    extra = tuple((name, tuple(values)) for name, values in sorted((info.get("extra") or {}).items()))
    return User(info.get("username", ""), tuple(info.get("groups") or ()), info.get("uid", ""), extra)


class _Memory(Generic[T]):
    """Answers that are believed for a while; when there are too many, the oldest is forgotten."""

    def __init__(self) -> None:
        self._answers: OrderedDict[object, tuple[float, T]] = OrderedDict()

    def recall(self, key: object) -> tuple[bool, T | None]:
        """Whether there is an answer, and which."""
        found = self._answers.get(key)
        if found is None or found[0] <= asyncio.get_running_loop().time():
            return False, None
        return True, found[1]

    def remember(self, key: object, answer: T, seconds: float) -> None:
        """Believe the answer for so long."""
        self._answers.pop(key, None)
        self._answers[key] = (asyncio.get_running_loop().time() + seconds, answer)
        if len(self._answers) > REMEMBERED:
            self._answers.popitem(last=False)
