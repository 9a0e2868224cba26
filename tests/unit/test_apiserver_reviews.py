"""Who asks, and what they may do (``fakes.apiserver.reviews``), through the API."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from fakes.apiserver.authorizer import ADMINISTRATOR
from fakes.apiserver.options import DeleteOptions
from fakes.apiserver.resources import PODS, REVIEWS, SERVICE_ACCOUNTS
from fakes.apiserver.server import ApiServer

KINDS = {each.kind: each for each in REVIEWS}


class Clock:
    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server(clock: Clock) -> ApiServer:
    return ApiServer(now=clock, random=Random(1))


def ask(server: ApiServer, kind: str, **spec: Any) -> dict[str, Any]:
    answered = server.create(KINDS[kind], None, {"kind": kind, "metadata": {}, "spec": spec})
    assert answered["spec"] == spec
    return dict(answered["status"])


def token(server: ApiServer, **spec: Any) -> str:
    request = {"kind": "TokenRequest", "spec": spec}
    answered = server.create(SERVICE_ACCOUNTS, "default", request, name="default", subresource="token")
    return str(answered["status"]["token"])


def test_a_token_of_a_service_account_names_it(server: ApiServer) -> None:
    status = ask(server, "TokenReview", token=token(server))
    assert status["authenticated"] is True
    assert status["user"]["username"] == "system:serviceaccount:default:default"
    assert "system:serviceaccounts:default" in status["user"]["groups"]


@pytest.mark.parametrize("bad", ["", "nonsense", "a.b.c", "ä.ö.ü"])
def test_a_token_of_nobody_names_nobody(server: ApiServer, bad: str) -> None:
    status = ask(server, "TokenReview", token=bad)
    assert "authenticated" not in status
    assert status["error"]


def test_a_token_ends(server: ApiServer, clock: Clock) -> None:
    given = token(server, expirationSeconds=600)
    clock.time += timedelta(seconds=599)
    assert ask(server, "TokenReview", token=given)["authenticated"]
    clock.time += timedelta(seconds=2)
    assert "authenticated" not in ask(server, "TokenReview", token=given)


def test_a_token_ends_with_the_pod_that_it_was_for(server: ApiServer) -> None:
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    uid = server.create(PODS, "default", pod)["metadata"]["uid"]
    given = token(server, boundObjectRef={"kind": "Pod", "name": "p", "uid": uid})
    assert ask(server, "TokenReview", token=given)["authenticated"]
    server.delete(PODS, "default", "p", DeleteOptions(grace_period_seconds=0))
    assert "authenticated" not in ask(server, "TokenReview", token=given)


def test_everybody_may_do_everything(server: ApiServer) -> None:
    wanted = {"verb": "get", "resource": "pods"}
    assert ask(server, "SubjectAccessReview", user="me", resourceAttributes=wanted) == {"allowed": True}
    assert ask(server, "SelfSubjectAccessReview", resourceAttributes=wanted) == {"allowed": True}
    assert ask(server, "SelfSubjectRulesReview", namespace="default")["resourceRules"][0]["verbs"] == ["*"]


def test_who_asks_is_the_administrator(server: ApiServer) -> None:
    assert ask(server, "SelfSubjectReview")["userInfo"]["username"] == ADMINISTRATOR.name


def test_a_review_is_not_kept(server: ApiServer) -> None:
    before = server.version
    ask(server, "SelfSubjectReview")
    assert server.version == before
