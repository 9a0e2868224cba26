"""Who may use the kubelet API (``runner.kubelet.auth``)."""

import ssl
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import trustme

from runner import kube
from runner.kubelet.auth import ACCESS_REVIEWS, TOKEN_REVIEWS, Authenticator, KubeletAuth, attributes
from tests.unit.kubelet_setting import Cloud, certificate_files, client, kubelet, within


class Cluster:
    """An API server that knows a token and what its user, and whoever has a certificate, may do."""

    def __init__(self, *allowed: str, rights: tuple[str, ...] = ("pods", "proxy", "metrics")) -> None:
        self.allowed = allowed
        self.rights = rights
        self.asked: list[dict[str, Any]] = []
        self.down = False

    async def create(self, resource: kube.Resource, obj: Any, *_: Any, **__: Any) -> dict[str, Any]:
        if self.down:
            raise kube.Unavailable("down")
        spec = obj["spec"]
        self.asked.append(spec)
        if resource == TOKEN_REVIEWS:
            known = spec["token"] == "good"
            user = {"username": "metrics", "groups": ["monitors"], "uid": "7", "extra": {"k": ["v"]}}
            return {"status": {"authenticated": known, **({"user": user} if known else {})}}
        assert resource == ACCESS_REVIEWS
        right = spec["resourceAttributes"]["subresource"]
        return {"status": {"allowed": spec["user"] in self.allowed and right in self.rights}}


def ask(
    cluster: Cluster,
    folder: Path,
    *paths: str,
    token: str = "",
    certificate: bool = False,
    config: KubeletAuth | None = None,
) -> list[int]:
    """The statuses of requests, one after the other, to a node that asks who calls."""
    ca = trustme.CA()
    trust = ssl.create_default_context()
    ca.configure_trust(trust)
    if certificate:
        ca.issue_cert("api-server", common_name="api-server").configure_cert(trust)
    headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def go() -> list[int]:
        auth = Authenticator(cluster, "vk", config or KubeletAuth())  # type: ignore[arg-type]  # all that is asked
        async with (
            kubelet(Cloud(), files=certificate_files(ca, folder), auth=auth) as port,
            client(port, trust) as session,
        ):
            return [(await session.get(path, headers=headers)).status for path in paths]

    found: list[int] = within(go())
    return found


def test_nobody_in_particular_is_not_let_in(tmp_path: Path) -> None:
    assert ask(Cluster(), tmp_path, "/pods") == [401]


def test_probes_need_no_name(tmp_path: Path) -> None:
    assert ask(Cluster(), tmp_path, "/healthz", "/readyz") == [200, 200]


def test_a_certificate_names_its_bearer_and_the_api_server_says_what_it_may(tmp_path: Path) -> None:
    cluster = Cluster("api-server")
    assert ask(cluster, tmp_path, "/containerLogs/default/none/main", certificate=True) == [404]
    assert cluster.asked[0]["user"] == "api-server"
    assert cluster.asked[0]["resourceAttributes"]["subresource"] == "proxy"


def test_a_token_names_its_bearer(tmp_path: Path) -> None:
    cluster = Cluster("metrics")
    assert ask(cluster, tmp_path, "/metrics/resource", token="good") == [200]
    assert cluster.asked[1] == {
        "user": "metrics",
        "groups": ["monitors"],
        "uid": "7",
        "extra": {"k": ["v"]},
        "resourceAttributes": attributes("GET", "/metrics/resource", "vk")[0],
    }


def test_a_bad_token_is_nobody(tmp_path: Path) -> None:
    assert ask(Cluster("metrics"), tmp_path, "/pods", token="bad") == [401]


def test_who_may_not_is_forbidden(tmp_path: Path) -> None:
    assert ask(Cluster("another"), tmp_path, "/pods", token="good") == [403]


def test_answers_are_remembered(tmp_path: Path) -> None:
    cluster = Cluster("metrics")
    assert ask(cluster, tmp_path, "/pods", "/runningpods/", "/pods", token="good") == [200] * 3
    assert len(cluster.asked) == 2, "one token review, one access review"


def test_an_api_server_that_does_not_answer_lets_nobody_in(tmp_path: Path) -> None:
    cluster = Cluster("metrics")
    cluster.down = True
    assert ask(cluster, tmp_path, "/pods", token="good") == [500]


def test_tokens_can_be_off(tmp_path: Path) -> None:
    assert ask(Cluster("metrics"), tmp_path, "/pods", token="good", config=KubeletAuth(tokens=False)) == [401]


def test_authorisation_can_be_off(tmp_path: Path) -> None:
    cluster = Cluster()
    assert ask(cluster, tmp_path, "/pods", certificate=True, config=KubeletAuth(authorize=False)) == [200]
    assert cluster.asked == []


def test_a_certificate_of_another_authority_ends_the_handshake(tmp_path: Path) -> None:
    ca, other = trustme.CA(), trustme.CA()
    trust = ssl.create_default_context()
    ca.configure_trust(trust)
    other.issue_cert("api-server", common_name="api-server").configure_cert(trust)

    async def go() -> None:
        async with (
            kubelet(Cloud(), files=certificate_files(ca, tmp_path)) as port,
            client(port, trust) as session,
        ):
            with pytest.raises(aiohttp.ClientError):
                await session.get("/pods")

    within(go())


@pytest.mark.parametrize(
    ("method", "path", "verb", "subresources"),
    [
        ("GET", "/stats/summary", "get", ["stats"]),
        ("GET", "/metrics/resource", "get", ["metrics"]),
        ("GET", "/metrics", "get", ["metrics"]),
        ("GET", "/logs/x", "get", ["log"]),
        ("GET", "/containerLogs/d/p/c", "get", ["proxy"]),
        ("POST", "/exec/d/p/c", "create", ["proxy"]),
        ("GET", "/pods", "get", ["pods", "proxy"]),
        ("GET", "/runningpods/", "get", ["pods", "proxy"]),
        ("GET", "/configz", "get", ["configz", "proxy"]),
    ],
)
def test_a_request_is_a_verb_on_a_part_of_the_node(method: str, path: str, verb: str, subresources: list[str]) -> None:
    wanted = attributes(method, path, "vk")
    assert [each["subresource"] for each in wanted] == subresources
    assert {(each["verb"], each["name"]) for each in wanted} == {(verb, "vk")}


@pytest.mark.parametrize("path", ["/exec/d/p/c", "/attach/d/p/c", "/portForward/d/p"])
def test_who_may_only_read_runs_no_command_through_a_websocket(path: str) -> None:
    assert attributes("GET", path, "vk")[0]["verb"] == "create"


@pytest.mark.parametrize(("right", "status"), [("pods", 200), ("proxy", 200), ("stats", 403)])
def test_to_list_pods_either_of_two_rights_is_enough(tmp_path: Path, right: str, status: int) -> None:
    assert ask(Cluster("metrics", rights=(right,)), tmp_path, "/pods", token="good") == [status]
