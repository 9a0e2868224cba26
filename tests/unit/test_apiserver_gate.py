"""Who asks and whether they may, where the recorded cases cannot look; the audit log; the limit of requests."""

import asyncio
import io
import ssl
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import orjson
import pytest
import trustme

from fakes.apiserver import bootstrap
from fakes.apiserver.attributes import Attributes, of_request
from fakes.apiserver.audit import AuditLog
from fakes.apiserver.authorizer import ADMINISTRATOR, User
from fakes.apiserver.catalog import CLUSTER_ROLES, ROLE_BINDINGS, ROLES
from fakes.apiserver.certificates import make_certificates
from fakes.apiserver.faults import Faults, parse
from fakes.apiserver.http import HttpDoor
from fakes.apiserver.patches import MERGE
from fakes.apiserver.rbac import Rbac, allows
from fakes.apiserver.server import ApiServer
from tests.contract.backends import fake_server, now

TOKEN = {"Authorization": "Bearer secret"}
BOB = User("bob", ("system:authenticated",))
GET = Attributes("get", resource="pods", namespace="default")


def run(scene: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scene, 10))


@asynccontextmanager
async def served(server: ApiServer, **options: Any) -> AsyncIterator[tuple[aiohttp.ClientSession, str]]:
    door = HttpDoor(server, now=now, token="secret", **options)
    await door.start()
    try:
        async with aiohttp.ClientSession() as session:
            yield session, f"http://127.0.0.1:{door.port}"
    finally:
        await door.stop()


def bind(server: ApiServer, *rules: dict[str, Any]) -> None:
    server.create(ROLES, "default", {"metadata": {"name": "r"}, "rules": list(rules)})
    subjects = [{"kind": "User", "name": "bob"}]
    body = {"metadata": {"name": "b"}, "subjects": subjects, "roleRef": {"kind": "Role", "name": "r"}}
    server.create(ROLE_BINDINGS, "default", body)


# --- roles ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "wanted", "allowed"),
    [
        ({"resources": ["pods"]}, {}, True),
        ({"resources": ["pods"]}, {"subresource": "log"}, False),
        ({"resources": ["pods/log"]}, {"subresource": "log"}, True),
        ({"resources": ["*/log"]}, {"subresource": "log"}, True),
        ({"resources": ["*"]}, {"subresource": "log"}, True),
        ({"resources": ["pods"], "apiGroups": ["apps"]}, {}, False),
        ({"resources": ["pods"], "verbs": ["list"]}, {}, False),
        ({"resources": ["pods"], "resourceNames": ["a"]}, {"name": "a"}, True),
        ({"resources": ["pods"], "resourceNames": ["a"]}, {"name": "b"}, False),
        ({"nonResourceURLs": ["/logs/*"]}, {"resource": "", "path": "/logs/a"}, True),
        ({"nonResourceURLs": ["/logs"]}, {"resource": "", "path": "/logs/a"}, False),
    ],
)
def test_a_rule_allows_what_it_names(rule: dict[str, Any], wanted: dict[str, str], allowed: bool) -> None:
    full = {"verbs": ["get"], "apiGroups": [""], **rule}
    assert allows(full, Attributes(**{"verb": "get", "resource": "pods", **wanted})) is allowed


def test_a_binding_counts_from_now_on_and_no_longer_than_it_is_there() -> None:
    server = fake_server()
    rbac = Rbac(server)
    assert not rbac.decide(BOB, GET).allowed
    bind(server, {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]})
    assert rbac.decide(BOB, GET).allowed
    server.delete(ROLE_BINDINGS, "default", "b")
    assert not rbac.decide(BOB, GET).allowed


def test_all_rules_of_a_user_are_told() -> None:
    server = fake_server()
    bind(server, {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}, {"verbs": ["list"], "resources": ["x"]})
    found = Rbac(server).rules(BOB, "default")
    assert found.resource == [
        {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]},
        {"verbs": ["list"], "resources": ["x"]},
    ]
    assert Rbac(server).rules(ADMINISTRATOR, "default").path == [{"verbs": ["*"], "nonResourceURLs": ["*"]}]


def test_a_new_cluster_has_the_roles_of_a_real_one_and_their_rules_together() -> None:
    server = fake_server()
    bootstrap.publish_policy(server)
    view, edit = (server.get(CLUSTER_ROLES, None, name)["rules"] for name in ("view", "edit"))
    assert any("pods" in each["resources"] and each["verbs"] == ["get", "list", "watch"] for each in view)
    assert len(edit) > len(view)
    version = server.version
    bootstrap.publish_policy(server)
    assert server.version == version


def test_an_aggregated_role_follows_the_roles_that_it_selects() -> None:
    server = fake_server()
    rule = {"verbs": ["get"], "apiGroups": ["example.org"], "resources": ["things"]}
    selector = {"clusterRoleSelectors": [{"matchLabels": {"into": "all"}}]}
    server.create(CLUSTER_ROLES, None, {"metadata": {"name": "all"}, "aggregationRule": selector})
    server.create(CLUSTER_ROLES, None, {"metadata": {"name": "one", "labels": {"into": "all"}}, "rules": [rule]})
    assert server.get(CLUSTER_ROLES, None, "all")["rules"] == [rule]
    server.patch(CLUSTER_ROLES, None, "one", {"metadata": {"labels": None}}, MERGE)
    assert server.get(CLUSTER_ROLES, None, "all")["rules"] == []


# --- what a request is about ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "query", "expected"),
    [
        ("GET", "/api/v1/pods", {}, Attributes("list", resource="pods")),
        ("GET", "/api/v1/pods", {"watch": "1"}, Attributes("watch", resource="pods")),
        (
            "GET",
            "/api/v1/namespaces/n/pods",
            {"fieldSelector": "metadata.name=a"},
            Attributes("list", resource="pods", namespace="n", name="a"),
        ),
        (
            "POST",
            "/api/v1/namespaces/n/pods/p/exec",
            {},
            Attributes("create", resource="pods", subresource="exec", namespace="n", name="p"),
        ),
        ("GET", "/api/v1/namespaces/n", {}, Attributes("get", resource="namespaces", namespace="n", name="n")),
        (
            "PATCH",
            "/api/v1/namespaces/n/status",
            {},
            Attributes("patch", resource="namespaces", subresource="status", namespace="n", name="n"),
        ),
        (
            "DELETE",
            "/apis/apps/v1/namespaces/n/deployments",
            {},
            Attributes("deletecollection", group="apps", resource="deployments", namespace="n"),
        ),
        ("GET", "/api/v1/watch/pods", {}, Attributes("watch", resource="pods")),
        ("GET", "/apis/apps/v1", {}, Attributes("get")),
    ],
)
def test_a_request_tells_what_it_is_about(method: str, path: str, query: dict[str, str], expected: Attributes) -> None:
    found = of_request(method, path, query)
    assert found == Attributes(
        expected.verb,
        path,
        expected.group,
        "v1" if expected.resource else "",
        expected.resource,
        expected.subresource,
        expected.namespace,
        expected.name,
    )


# --- who asks -------------------------------------------------------------------------------------------------------


def test_nobody_is_anonymous() -> None:
    async def scene() -> None:
        async with served(fake_server()) as (session, url), session.get(f"{url}/api/v1/pods") as answer:
            assert answer.status == 401

    run(scene())


def test_another_can_be_asked_for_only_by_who_may() -> None:
    async def scene() -> None:
        server = fake_server()
        async with served(server, authorizer=Rbac(server)) as (session, url):
            asked = {**TOKEN, "Impersonate-User": "bob"}
            async with session.get(f"{url}/api/v1/pods", headers=asked) as answer:
                assert answer.status == 403
                assert 'User "bob" cannot list resource "pods"' in (await answer.json())["message"]
            token = server.create(
                server.resources.by_kind("ServiceAccount"),  # type: ignore[arg-type]  # it is there
                "default",
                {"spec": {}},
                name="default",
                subresource="token",
            )["status"]["token"]
            headers = {"Authorization": f"Bearer {token}", "Impersonate-User": "bob"}
            async with session.get(f"{url}/api/v1/pods", headers=headers) as answer:
                assert 'cannot impersonate resource "users"' in (await answer.json())["message"]

    run(scene())


def test_a_client_certificate_names_user_and_groups(tmp_path: Path) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.crt")
    serving = make_certificates(["127.0.0.1"], now())

    async def whoami(url: str, issuer: trustme.CA) -> tuple[int, Any]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        issuer.issue_cert("bob.example", common_name="bob", organization_name="crew").configure_cert(context)
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session,
            session.post(f"{url}/apis/authentication.k8s.io/v1/selfsubjectreviews", json={}) as answer,
        ):
            return answer.status, await answer.json()

    async def scene() -> None:
        door = HttpDoor(fake_server(), now=now, token="secret")
        await door.start(ssl=serving.context(tmp_path / "ca.crt"))
        try:
            code, body = await whoami(f"https://127.0.0.1:{door.port}", authority)
            assert (code, body["status"]["userInfo"]) == (
                201,
                {"username": "bob", "groups": ["crew", "system:authenticated"]},
            )
            with pytest.raises(aiohttp.ClientError):
                await whoami(f"https://127.0.0.1:{door.port}", stranger)
        finally:
            await door.stop()
            await asyncio.sleep(0.05)  # a TLS connection ends in the background

    run(scene())


# --- the audit log, and the limit -----------------------------------------------------------------------------------


def test_each_request_is_a_line_of_the_audit_log() -> None:
    lines = io.BytesIO()

    async def scene() -> None:
        audit = AuditLog(lines, now, Random(1))
        server = fake_server()
        async with served(server, audit=audit, authorizer=Rbac(server)) as (session, url):
            await (await session.get(f"{url}/api/v1/namespaces/default/pods/p?pretty=1", headers=TOKEN)).read()
            await (await session.get(f"{url}/api/v1/nodes", headers={**TOKEN, "Impersonate-User": "bob"})).read()
            await (await session.get(f"{url}/api/v1/nodes")).read()

    run(scene())
    first, second, third = map(orjson.loads, lines.getvalue().splitlines())
    assert {key: first[key] for key in ("kind", "apiVersion", "level", "stage", "verb", "requestURI")} == {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Metadata",
        "stage": "ResponseComplete",
        "verb": "get",
        "requestURI": "/api/v1/namespaces/default/pods/p?pretty=1",
    }
    assert first["objectRef"] == {"resource": "pods", "namespace": "default", "name": "p", "apiVersion": "v1"}
    assert first["user"]["username"] == ADMINISTRATOR.name
    assert first["responseStatus"] == {"metadata": {}, "status": "Failure", "code": 404}
    assert first["requestReceivedTimestamp"] == "2026-01-02T03:04:05.000000Z"
    assert (second["user"]["username"], second["annotations"]["authorization.k8s.io/decision"]) == ("bob", "forbid")
    assert (third["user"], third["responseStatus"]["code"]) == ({}, 401)


def test_more_requests_than_may_be_under_way_are_to_come_again() -> None:
    async def scene() -> None:
        server = fake_server()
        rules = parse([{"latency": 0.2}])
        faults = Faults(rules, now=now, random=Random(1), version=lambda: server.version)
        async with served(server, faults=faults, limit=1) as (session, url):
            pods = f"{url}/api/v1/pods"
            slow = asyncio.create_task(session.get(pods, headers=TOKEN))
            await asyncio.sleep(0.1)
            async with session.get(pods, headers=TOKEN) as refused:
                assert (refused.status, refused.headers["Retry-After"]) == (429, "1")
                assert await refused.text() == "Too many requests, please try again later.\n"
            assert (await slow).status == 200
            (await slow).release()

    run(scene())
