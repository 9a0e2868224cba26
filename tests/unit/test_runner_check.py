"""What ``runner check`` finds, and what deploy/rbac.yaml grants."""

import asyncio
import json
import socket
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from providers import base
from runner import check, cli
from runner.check import Finding, Verdict
from runner.config import RunnerConfig, Shutdown
from runner.kube import LEASES, ApiError, Forbidden, NotFound, Resource
from runner.permissions import Permission, needed, needed_to_be_signed, needed_to_know_callers
from runner.ports import real_ports
from runner.settings import node_settings

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Cluster:
    """Answers access reviews by a rule; has the node and lease that it is given."""

    def __init__(
        self,
        allows: Callable[[Mapping[str, str]], bool] = lambda _: True,
        lease: dict[str, Any] | None = None,
        error: ApiError | None = None,
    ) -> None:
        self.allows, self.lease, self.error = allows, lease, error
        self.asked: list[Mapping[str, str]] = []

    async def get(self, resource: Resource, *_: Any) -> dict[str, Any]:
        if self.lease is None:
            raise NotFound("no such thing")
        return self.lease if resource is LEASES else {}

    async def create(self, _: Resource, review: Mapping[str, Any]) -> dict[str, Any]:
        if self.error:
            raise self.error
        attributes = review["spec"]["resourceAttributes"]
        self.asked.append(attributes)
        return {"status": {"allowed": self.allows(attributes)}}


def findings(cluster: Cluster, *arguments: str) -> list[Finding]:
    node = node_settings(values_of("--provider", "mock", "--nodename", "n", *arguments))
    return asyncio.run(check.node_findings(cluster, node, NOW))  # type: ignore[arg-type]


def values_of(*arguments: str) -> dict[str, Any]:
    """The values of all options of a command line."""
    return cli.runner.make_context("runner", list(arguments)).params


def lease(renewed: str) -> dict[str, Any]:
    return {"spec": {"renewTime": renewed, "leaseDurationSeconds": 40}}


def test_with_all_permissions_nothing_is_missing() -> None:
    cluster = Cluster()
    found = findings(cluster)
    assert [each.verdict for each in found] == [Verdict.OK, Verdict.OK]
    assert check.exit_code(found) == 0
    assert {"resource": "nodes", "subresource": "status", "verb": "patch"} in cluster.asked


def test_a_missing_permission_is_named_with_what_it_is_for() -> None:
    found = findings(Cluster(lambda asked: asked["resource"] != "leases"))
    refused = [each for each in found if each.verdict is Verdict.MISSING]
    assert len(refused) == 3
    assert str(refused[0]) == (
        "missing n: permission: get leases.coordination.k8s.io in kube-node-lease, "
        "for the heartbeat; see deploy/rbac.yaml"
    )
    assert check.exit_code(found) == 1


def test_a_permission_that_only_some_pods_need_is_a_warning() -> None:
    found = findings(Cluster(lambda asked: asked["resource"] != "secrets"))
    assert [each.verdict for each in found if each.what == "permission"] == [Verdict.WARNING] * 3, "get, list and watch"
    assert check.exit_code(found) == 0


def test_the_pods_of_one_namespace_need_no_more_than_that() -> None:
    cluster = Cluster()
    findings(cluster, "--namespace", "team")
    assert {each.get("namespace") for each in cluster.asked if each["resource"] == "pods"} == {"team"}
    assert {each.get("namespace") for each in cluster.asked if each["resource"] == "nodes"} == {None}


def test_a_node_that_asks_who_calls_needs_to_be_allowed_to() -> None:
    cluster = Cluster(lambda asked: asked["resource"] != "tokenreviews")
    refused = [each for each in findings(cluster, "--client-verify-ca", "ca.crt") if each.verdict is Verdict.MISSING]
    assert [each.detail.partition(",")[0] for each in refused] == ["create tokenreviews.authentication.k8s.io"]


def test_an_api_server_that_gives_no_reviews_leaves_it_open() -> None:
    *_, last = findings(Cluster(error=Forbidden("no reviews for you")))
    assert (last.verdict, last.what) == (Verdict.WARNING, "permissions")


@pytest.mark.parametrize(
    ("renewed", "verdict", "says"),
    [
        ("2026-01-02T03:04:00.000000Z", Verdict.WARNING, "renewed 5 s ago"),
        ("2026-01-02T03:00:00.000000Z", Verdict.OK, "is taken over"),
    ],
)
def test_a_node_that_is_there_is_told_apart_from_one_with_a_runner(renewed: str, verdict: Verdict, says: str) -> None:
    first, *_ = findings(Cluster(lease=lease(renewed)))
    assert first.verdict is verdict
    assert says in first.detail


def test_the_manifest_grants_what_the_table_asks_for() -> None:
    documents = list(yaml.safe_load_all((ROOT / "deploy/rbac.yaml").read_text()))
    granted = {
        (document["metadata"].get("namespace", ""), group, resource, verb)
        for document in documents
        if document["kind"] in ("ClusterRole", "Role")
        for rule in document["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }

    def grants(permission: Permission) -> bool:
        what = permission.resource.plural + (f"/{permission.subresource}" if permission.subresource else "")
        return any(
            (namespace, permission.resource.group, what, permission.verb) in granted
            for namespace in ("", permission.namespace)
        )

    wanted = needed(RunnerConfig(shutdown=Shutdown.DELETE)) + needed_to_know_callers() + needed_to_be_signed()
    assert not [str(each) for each in wanted if not grants(each)]


# --- the command ----------------------------------------------------------------------------------------------------


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    monkeypatch.setattr("runner.logs.configure", lambda *_: None)

    def run_(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["runner", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert isinstance(ended.value.code, int)
        return ended.value.code, capsys.readouterr().out

    return run_


def test_options_may_stand_before_or_after_the_command(
    run: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def remember(wanted: Any) -> list[Finding]:
        seen.append(wanted)
        return [Finding("", Verdict.OK, "API server", "https://it")]

    monkeypatch.setattr(check, "check", remember)
    assert run("--provider", "mock", "--nodename", "a", "check", "--nodename", "b", "--port", "7") == (
        0,
        "ok      API server: https://it\n",
    )
    node = seen[0].nodes[0]
    assert (node.provider, node.config.node_name, node.config.port) == ("mock", "b", 7)


def test_what_is_missing_makes_the_exit_code(
    run: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "check", lambda _: [Finding("n", Verdict.MISSING, "provider mock", "no")])
    code, out = run("check", "--provider", "mock", "-o", "json")
    assert code == 1
    assert json.loads(out) == [{"node": "n", "verdict": "missing", "what": "provider mock", "detail": "no"}]


@pytest.mark.parametrize(("required", "verdict"), [(False, Verdict.WARNING), (True, Verdict.MISSING)])
def test_a_metrics_port_that_is_taken_matters_to_those_who_asked_for_it(
    monkeypatch: pytest.MonkeyPatch, required: bool, verdict: Verdict
) -> None:
    monkeypatch.setattr("runner.logs.configure", lambda *_: None)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        ctx = cli.runner.make_context("runner", ["--provider", "mock", "--metrics-addr", place])
        [found] = check.metrics_findings(replace(cli._settings(ctx), metrics_required=required))
    assert found.verdict is verdict


def test_a_cluster_that_is_not_there_and_a_provider_config_that_is_wrong_are_both_told(
    run: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "it",
        "contexts": [{"name": "it", "context": {"cluster": "it"}}],
        "clusters": [{"name": "it", "cluster": {"server": "http://127.0.0.1:1"}}],
    }
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    code, out = run(
        *("check", "--provider", "mock", "--port", "0", "--kubeconfig", str(tmp_path / "kubeconfig")),
    )
    assert code == 1
    assert "missing API server: cannot reach the API server http://127.0.0.1:1: Connection refused" in out
    assert "warning virtual-kubelet: kubelet API: anybody may call; see --client-verify-ca" in out


class Reporting:
    """A provider that answers, and says what it knows of its cloud."""

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def capacity(self) -> dict[str, str]:
        return {}

    async def get_pods(self) -> list[Any]:
        return []

    async def check(self) -> list[base.Finding]:
        return [base.Finding("region", "ok", "here"), base.Finding("subnet", "missing", "make it")]


def test_a_provider_has_its_own_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check.registry, "load", lambda _: lambda _: Reporting())
    node = node_settings(values_of("--provider", "mock", "--nodename", "n"))
    found = asyncio.run(check._provider(Cluster(), node, real_ports()))  # type: ignore[arg-type]
    assert [(each.what, each.verdict, each.detail) for each in found[1:]] == [
        ("mock region", Verdict.OK, "here"),
        ("mock subnet", Verdict.MISSING, "make it"),
    ]
    assert check.exit_code(found) == 1
