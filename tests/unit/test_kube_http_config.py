"""Kubeconfigs: what is understood, and the one line that a broken one gets."""

import asyncio
import base64
import json
import os
import ssl
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml

from runner.credentials import KubeConfigError
from runner.kube_config import Connection, load_connection

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class FixedClock:
    def __init__(self, now: datetime = NOW) -> None:
        self.moment = now

    def now(self) -> datetime:
        return self.moment


@pytest.fixture(autouse=True)
def _nowhere_else_to_look(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def config(user: dict[str, Any] | None = None, cluster: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": "https://127.0.0.1:6443/", **(cluster or {})}}],
        "users": [{"name": "u", "user": user or {}}],
        **more,
    }


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write_(content: Any, name: str = "config") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return path

    return write_


def load(path: Path | None, clock: FixedClock | None = None) -> Connection:
    return asyncio.run(load_connection(path, clock or FixedClock()))


def problem(path: Path | None) -> str:
    with pytest.raises(KubeConfigError) as caught:
        load(path)
    line = str(caught.value)
    assert "\n" not in line
    return line


def header(connection: Connection) -> str | None:
    async def go() -> str | None:
        return await connection.authorization()

    return asyncio.run(go())


def script(tmp_path: Path, text: str) -> str:
    path = tmp_path / "plugin"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def plugin(command: str) -> dict[str, Any]:
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": command}}


def credential(**status: str) -> str:
    answer = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}
    return f"echo '{json.dumps(answer)}'"


def test_a_token_becomes_a_bearer_header_and_the_servers_slash_goes(write: Callable[..., Path]) -> None:
    connection = load(write(config({"token": "secret"})))
    assert connection.server == "https://127.0.0.1:6443"
    assert header(connection) == "Bearer secret"


def test_name_and_password_become_basic_authentication(write: Callable[..., Path]) -> None:
    connection = load(write(config({"username": "me", "password": "pw"})))
    assert header(connection) == "Basic " + base64.b64encode(b"me:pw").decode()


def test_a_token_file_is_found_beside_the_kubeconfig_and_read_again_after_a_minute(
    write: Callable[..., Path],
) -> None:
    token = write("one\n", "dir/token")
    clock = FixedClock()
    connection = load(write(config({"tokenFile": "token"}), "dir/config"), clock)
    token.write_text("two\n")
    assert header(connection) == "Bearer one"
    clock.moment += timedelta(minutes=2)
    assert header(connection) == "Bearer two"


def test_certificates_that_are_files_or_data_make_the_tls_context(write: Callable[..., Path], tmp_path: Path) -> None:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    ours = ca.issue_cert("me")
    user = {
        "client-certificate-data": base64.b64encode(ours.cert_chain_pems[0].bytes()).decode(),
        "client-key-data": base64.b64encode(ours.private_key_pem.bytes()).decode(),
    }
    connection = load(write(config(user, {"certificate-authority": "ca.pem"})))
    assert connection.tls is not None
    assert connection.tls.verify_mode == ssl.CERT_REQUIRED
    assert len(connection.tls.get_ca_certs()) == 1


def test_a_server_name_and_a_proxy_of_the_cluster_are_taken_over(write: Callable[..., Path]) -> None:
    connection = load(write(config(cluster={"tls-server-name": "kube", "proxy-url": "http://proxy:1"})))
    assert (connection.server_hostname, connection.proxy) == ("kube", "http://proxy:1")


def test_the_proxy_of_the_environment_serves_unless_no_proxy_excepts_the_server(
    write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(config())
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:1")
    assert load(path).proxy == "http://proxy:1"
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert load(path).proxy is None


def test_of_several_files_the_first_to_name_something_wins(
    write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = write({"current-context": "c", "users": [{"name": "u", "user": {"token": "first"}}]}, "first")
    second = write({**config({"token": "second"}), "current-context": "other"}, "second")
    monkeypatch.setenv("KUBECONFIG", f"{first}:{second}:{first}-missing")
    assert header(load(None)) == "Bearer first"


def test_the_usual_file_in_the_home_directory_is_found(write: Callable[..., Path]) -> None:
    write(config({"token": "usual"}), "home/.kube/config")
    assert header(load(None)) == "Bearer usual"


def test_an_explicit_file_that_is_missing(tmp_path: Path) -> None:
    assert f"{tmp_path}/none: no such file" in problem(tmp_path / "none")


def test_a_variable_that_names_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path}/none")
    assert "unset $KUBECONFIG" in problem(None)


def test_no_file_anywhere_and_no_cluster_around() -> None:
    assert "give --kubeconfig" in problem(None)


def test_broken_yaml_is_told_with_its_line(write: Callable[..., Path]) -> None:
    assert "config, line 3: broken YAML" in problem(write("a: 1\nb: [\n"))


@pytest.mark.parametrize("content", ["- a\n", "clusters: 5\n", "just text"])
def test_a_file_of_another_shape(write: Callable[..., Path], content: str) -> None:
    assert "config" in problem(write(content))


def test_no_current_context(write: Callable[..., Path]) -> None:
    assert "no current-context" in problem(write({**config(), "current-context": ""}))


def test_an_unknown_context_is_told_with_those_there_are(write: Callable[..., Path]) -> None:
    line = problem(write({**config(), "current-context": "d"}))
    assert "context 'd', which is not there; there are: c" in line


def test_an_unknown_user(write: Callable[..., Path]) -> None:
    assert "names user 'u', which is not there" in problem(write({**config(), "users": []}))


def test_a_server_that_is_no_url(write: Callable[..., Path]) -> None:
    assert "is no URL" in problem(write(config(cluster={"server": "127.0.0.1:6443"})))


@pytest.mark.parametrize("field", ["client-certificate", "client-key", "tokenFile"])
def test_a_credential_file_that_is_missing(write: Callable[..., Path], field: str, tmp_path: Path) -> None:
    line = problem(write(config({field: "gone.pem"})))
    assert f"user 'u': {field} {tmp_path}/gone.pem does not exist" in line


def test_an_empty_token_file(write: Callable[..., Path]) -> None:
    write(" \n", "token")
    assert "is empty" in problem(write(config({"tokenFile": "token"})))


def test_certificate_data_that_is_no_certificate(write: Callable[..., Path]) -> None:
    line = problem(write(config({"client-certificate-data": "bm8=", "client-key-data": "bm8="})))
    assert "client certificate cannot be read" in line


def test_a_ca_that_is_no_certificate(write: Callable[..., Path]) -> None:
    line = problem(write(config(cluster={"certificate-authority-data": "bm8="})))
    assert "certificate or key in it cannot be used" in line


def test_an_expired_client_certificate(write: Callable[..., Path]) -> None:
    ours = trustme.CA().issue_cert("me", not_after=NOW - timedelta(days=1))
    user = {
        "client-certificate-data": base64.b64encode(ours.cert_chain_pems[0].bytes()).decode(),
        "client-key-data": base64.b64encode(ours.private_key_pem.bytes()).decode(),
    }
    assert "client certificate expired at 2026-02-28" in problem(write(config(user)))


def test_a_plug_in_gives_a_token(write: Callable[..., Path], tmp_path: Path) -> None:
    path = write(config(plugin(script(tmp_path, credential(token="fresh")))))
    assert header(load(path)) == "Bearer fresh"


def test_a_plug_in_beside_the_kubeconfig_is_found(write: Callable[..., Path], tmp_path: Path) -> None:
    script(tmp_path, credential(token="fresh"))
    assert header(load(write(config(plugin("./plugin"))))) == "Bearer fresh"


def test_a_plug_in_runs_again_when_its_token_is_about_to_expire(write: Callable[..., Path], tmp_path: Path) -> None:
    text = credential(token="one", expirationTimestamp="2026-03-01T13:00:00Z")
    path = write(config(plugin(script(tmp_path, text))))
    clock = FixedClock()
    connection = load(path, clock)
    script(tmp_path, credential(token="two", expirationTimestamp="2026-03-01T14:00:00Z"))
    assert header(connection) == "Bearer one"
    clock.moment = NOW + timedelta(minutes=59, seconds=30)
    assert header(connection) == "Bearer two"


def test_a_plug_in_that_fails_later_leaves_the_old_token(write: Callable[..., Path], tmp_path: Path) -> None:
    text = credential(token="one", expirationTimestamp="2026-03-01T13:00:00Z")
    path = write(config(plugin(script(tmp_path, text))))
    clock = FixedClock()
    connection = load(path, clock)
    script(tmp_path, "exit 1")
    clock.moment = NOW + timedelta(hours=2)
    assert header(connection) == "Bearer one"


def test_a_plug_in_that_fails_is_told_with_its_words(write: Callable[..., Path], tmp_path: Path) -> None:
    line = problem(write(config(plugin(script(tmp_path, "echo please log in >&2; exit 3")))))
    assert "process returned 3" in line
    assert "please log in" in line


def test_a_plug_in_that_is_not_installed(write: Callable[..., Path]) -> None:
    assert "exec plug-in 'no-such-plugin' failed" in problem(write(config(plugin("no-such-plugin"))))


def test_a_plug_in_without_a_credential(write: Callable[..., Path], tmp_path: Path) -> None:
    assert "neither a token nor" in problem(write(config(plugin(script(tmp_path, credential())))))


def test_a_plug_in_with_an_expired_credential(write: Callable[..., Path], tmp_path: Path) -> None:
    text = credential(token="old", expirationTimestamp="2026-03-01T11:00:00Z")
    assert "its credential expired at 2026-03-01 11:00" in problem(write(config(plugin(script(tmp_path, text)))))


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("https://other:7443/", "https://other:7443"),
        ("10.0.0.1", "https://10.0.0.1"),
        ("other:7443", "https://other:7443"),
    ],
)
def test_the_api_server_may_be_elsewhere_with_the_same_credentials(
    write: Callable[..., Path], given: str, meant: str
) -> None:
    connection = asyncio.run(load_connection(write(config({"token": "t"})), FixedClock(), given))
    assert connection.server == meant
    assert header(connection) == "Bearer t"


def test_an_api_server_that_is_nowhere_is_told_by_its_variable(write: Callable[..., Path]) -> None:
    with pytest.raises(KubeConfigError, match=r"--master-uri \(MASTER_URI\): server 'ftp://x' is no URL"):
        asyncio.run(load_connection(write(config({"token": "t"})), FixedClock(), "ftp://x"))


@pytest.fixture
def pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pod's service account: its folder."""
    folder = tmp_path / "serviceaccount"
    folder.mkdir()
    trustme.CA().cert_pem.write_to_path(folder / "ca.crt")
    (folder / "token").write_text("one\n")
    monkeypatch.setattr("runner.kube_config.SERVICE_ACCOUNT", folder)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    return folder


def test_in_a_pod_its_service_account_serves_and_its_token_is_read_again(pod: Path) -> None:
    clock = FixedClock()
    connection = load(None, clock)
    assert connection.server == "https://[fd00::1]:443"
    assert connection.tls is not None
    assert len(connection.tls.get_ca_certs()) == 1
    assert header(connection) == "Bearer one"
    (pod / "token").write_text("two")
    clock.moment += timedelta(minutes=2)
    assert header(connection) == "Bearer two"


@pytest.mark.parametrize("name", ["ca.crt", "token"])
def test_a_pod_without_a_mounted_token_is_told_what_is_missing(pod: Path, name: str) -> None:
    (pod / name).unlink()
    assert str(pod / name) in problem(None)


def test_a_cluster_may_be_trusted_unseen(write: Callable[..., Path]) -> None:
    connection = load(write(config(cluster={"insecure-skip-tls-verify": True})))
    assert connection.tls is not None
    assert connection.tls.verify_mode == ssl.CERT_NONE


def test_a_cas_missing_extensions_are_no_reason_to_distrust_it(write: Callable[..., Path]) -> None:
    tls = load(write(config())).tls
    assert tls is not None
    assert not tls.verify_flags & ssl.VERIFY_X509_STRICT


def test_an_old_auth_provider_that_nobody_knows_is_told_by_its_user(write: Callable[..., Path]) -> None:
    user = {"auth-provider": {"name": "oidc", "config": {"id-token": "not.a.token"}}}
    assert "user 'u': auth-provider: " in problem(write(config(user)))


def test_a_token_does_not_load_the_heavy_client() -> None:
    code = "import runner.process, sys; print(any(name.startswith('kubernetes') for name in sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"
