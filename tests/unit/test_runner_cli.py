"""The runner's command line: what the flags mean, and the one line that wrong ones get."""

import json
import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from runner import cli, process, settings
from runner.settings import Settings

Run = Callable[..., tuple[int, str, str]]


VARIABLES = """
    DEFAULT_NODE_NAME KUBELET_PORT VKUBELET_POD_IP VKUBELET_TAINT_KEY VKUBELET_TAINT_VALUE VKUBELET_TAINT_EFFECT
    APISERVER_CERT_LOCATION APISERVER_KEY_LOCATION APISERVER_CA_CERT_LOCATION KUBECONFIG KUBERNETES_SERVICE_HOST
"""


@pytest.fixture(autouse=True)
def _environment_of_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES.split():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("runner.logs.configure", lambda *_: logging.getLogger("runner").setLevel("WARNING"))
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # whatever another test's command has left there


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command: its exit code, what it printed and what it complained."""

    def run_(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["runner", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, out, err

    return run_


@pytest.fixture
def settings_of(run: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Settings]:
    """The settings that some arguments mean; no node is run."""
    seen: list[Settings] = []

    def remember(wanted: Settings) -> tuple[int, str]:
        seen.append(wanted)
        return 0, ""

    monkeypatch.setattr(process, "main", remember)

    def settings_of_(*arguments: str) -> Settings:
        code, _, err = run("--provider", "mock", *arguments)
        assert (code, err) == (0, "")
        return seen.pop()

    return settings_of_


def complaint(run: Run, *arguments: str) -> str:
    code, out, err = run("--provider", "mock", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("runner: ")
    assert err.count("\n") == 1
    return err


def test_the_defaults_are_virtual_kubelets(settings_of: Callable[..., Settings]) -> None:
    wanted = settings_of()
    [its] = wanted.nodes
    assert (its.provider, its.provider_config, wanted.kubeconfig) == ("mock", None, None)
    assert (its.kubelet.address, wanted.startup_timeout) == ("127.0.0.1", None)
    assert (wanted.metrics, wanted.metrics_required) == (("", 10255), False)
    node = its.config
    assert (node.node_name, node.operating_system, node.port, node.namespace) == ("virtual-kubelet", "linux", 10250, "")
    assert node.taints == ({"key": "virtual-kubelet.io/provider", "value": "mock", "effect": "NoSchedule"},)
    assert (node.lease_duration, node.lease_renewal) == (timedelta(seconds=40), timedelta(seconds=10))
    assert node.resync_interval == timedelta(minutes=1)


def test_the_environment_speaks_where_the_flags_are_silent(
    settings_of: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "DEFAULT_NODE_NAME": "env-node",
        "KUBELET_PORT": "1234",
        "VKUBELET_POD_IP": "10.0.0.7",
        "VKUBELET_TAINT_KEY": "example.com/key",
        "VKUBELET_TAINT_VALUE": "value",
        "VKUBELET_TAINT_EFFECT": "NoExecute",
        "APISERVER_CERT_LOCATION": "/c",
        "APISERVER_KEY_LOCATION": "/k",
        "APISERVER_CA_CERT_LOCATION": "/a",
    }.items():
        monkeypatch.setenv(name, value)
    [wanted] = settings_of().nodes
    node = wanted.config
    assert (node.node_name, node.port, node.internal_ip, wanted.kubelet.address) == (
        "env-node",
        1234,
        "10.0.0.7",
        "10.0.0.7",
    )
    assert node.taints == ({"key": "example.com/key", "value": "value", "effect": "NoExecute"},)
    assert (wanted.kubelet.certificate, wanted.kubelet.key, wanted.kubelet.client_ca) == (
        Path("/c"),
        Path("/k"),
        Path("/a"),
    )


def test_a_flag_wins_over_the_environment(
    settings_of: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEFAULT_NODE_NAME", "env-node")
    monkeypatch.setenv("VKUBELET_TAINT_KEY", "env-key")
    [wanted] = settings_of("--nodename", "flag-node", "--taint", "flag-key").nodes
    assert wanted.config.node_name == "flag-node"
    assert wanted.config.taints[0]["key"] == "flag-key"


def test_flags_become_settings(settings_of: Callable[..., Settings]) -> None:
    wanted = settings_of(
        *("--os", "Windows", "--label", "a=b", "--label", "example.com/c=", "--disable-taint", "--namespace", "team"),
        *("--address", "0.0.0.0", "--port", "0", "--pod-sync-workers", "3", "--lease-duration", "1m"),
        *("--startup-timeout", "0", "--full-resync-period", "1m30s"),
    )
    [its] = wanted.nodes
    node = its.config
    assert (node.operating_system, node.labels, node.taints) == ("windows", {"a": "b", "example.com/c": ""}, ())
    assert (node.namespace, node.port, node.pod_sync_workers) == ("team", 0, 3)
    assert (node.lease_duration, node.lease_renewal) == (timedelta(minutes=1), timedelta(seconds=15))
    assert (node.resync_interval, wanted.startup_timeout) == (timedelta(seconds=90), timedelta(0))
    assert its.kubelet.address == "0.0.0.0"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--nodename", "My_Node"), "'--nodename' (env var: 'DEFAULT_NODE_NAME'): 'My_Node' must be lower-case"),
        (("--os", "plan9"), "'plan9' is not one of"),
        (("--port", "70000"), "70000 is not in the range"),
        (("--label", "novalue"), "'--label': 'novalue' is no label"),
        (("--taint", "a b"), "'--taint' (env var: 'VKUBELET_TAINT_KEY'): 'a b'"),
        (("--internal-ip", "localhost"), "'--internal-ip' (env var: 'VKUBELET_POD_IP'): 'localhost' is no IP address"),
        (("--metrics-addr", "10255"), "'10255' is no address with a port"),
        (("--trace-sample-rate", "101"), "'101' is neither 'always' nor 'never' nor a whole number of per cent"),
        (("--trace-tag", "blue"), "'blue' is no tag; write key=value"),
        (("--trace-tag", "nodeName=a"), "--trace-tag: 'nodeName' is set by the runner itself"),
        (("--trace-tag", "a=1", "--trace-tag", "a=2"), "--trace-tag: 'a' is given twice"),
        (("--trace-exporter", "fax"), "'fax' is not one of"),
        (("--metrics-addr", "here:1"), "'here' is no IP address"),
        (("--address", "here"), "'--address': 'here' is no IP address"),
        (("--lease-duration", "soon"), "'soon' is not a duration"),
        (("--lease-duration", "0"), "'--lease-duration': must be at least 1s"),
        (("--full-resync-period", "0"), "'--full-resync-period': must be more than 0"),
        (("--pod-sync-workers", "0"), "'--pod-sync-workers': 0 is not in the range"),
        (("--nodenam", "x"), "No such option '--nodenam'"),
        (("--provider-config", "/none.toml"), "--provider-config: /none.toml: no such file"),
        (("--kubeconfig", "/none"), "/none: no such file"),
        (("--provider", "mokc"), "did you mean 'mock'?"),
    ],
)
def test_a_wrong_flag_gets_one_line_and_exit_code_2(run: Run, arguments: tuple[str, ...], says: str) -> None:
    assert says in complaint(run, *arguments)


@pytest.mark.parametrize(
    ("name", "value"),
    [("VKUBELET_TAINT_EFFECT", "Sometimes"), ("APISERVER_CERT_LOCATION", "/c"), ("KUBELET_PORT", "many")],
)
def test_a_wrong_variable_is_named(run: Run, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    assert name in complaint(run)


def test_without_a_ca_everybody_may_call_as_with_virtual_kubelet(settings_of: Callable[..., Settings]) -> None:
    kubelet = settings_of().nodes[0].kubelet
    assert not kubelet.asks_who_calls
    assert kubelet.stream_idle_timeout == timedelta(hours=4)


@pytest.mark.parametrize(
    ("arguments", "asks", "tokens"),
    [
        (("--client-verify-ca", "/ca"), True, True),
        (("--client-verify-ca", "/ca", "--authentication-token-webhook=false"), True, False),
        (("--authentication-token-webhook",), True, True),
        (("--client-verify-ca", "/ca", "--no-verify-clients"), False, False),
    ],
)
def test_who_may_call_the_kubelet_api_is_as_the_flags_say(
    settings_of: Callable[..., Settings], arguments: tuple[str, ...], asks: bool, tokens: bool
) -> None:
    kubelet = settings_of(*arguments).nodes[0].kubelet
    assert (kubelet.asks_who_calls, kubelet.tokens) == (asks, tokens)


def test_how_long_answers_are_believed_and_clients_may_be_quiet_is_as_the_flags_say(
    settings_of: Callable[..., Settings],
) -> None:
    kubelet = (
        settings_of(
            *("--authentication-token-webhook-cache-ttl", "1s", "--authorization-webhook-cache-authorized-ttl", "2s"),
            *("--authorization-webhook-cache-unauthorized-ttl", "3s", "--authorization-mode", "AlwaysAllow"),
            *("--stream-idle-timeout", "4s", "--stream-creation-timeout", "5s"),
        )
        .nodes[0]
        .kubelet
    )
    seconds = (kubelet.token_ttl, kubelet.allowed_ttl, kubelet.denied_ttl)
    assert [each.total_seconds() for each in seconds] == [1, 2, 3]
    assert not kubelet.authorize
    assert (kubelet.stream_idle_timeout, kubelet.stream_creation_timeout) == (
        timedelta(seconds=4),
        timedelta(seconds=5),
    )


@pytest.mark.parametrize("arguments", [("--disable-taint",), ("--disable-taint=true",), ("--disable-taint=t",)])
def test_a_switch_may_be_written_as_in_go(settings_of: Callable[..., Settings], arguments: tuple[str, ...]) -> None:
    assert settings_of(*arguments).nodes[0].config.taints == ()
    assert settings_of("--disable-taint=false").nodes[0].config.taints


@pytest.mark.parametrize(
    "flag", ["--enable-node-lease", "--enable-node-lease=true", "--klog.v=4", "--klog.logtostderr"]
)
def test_a_flag_of_virtual_kubelet_without_a_meaning_is_taken_with_a_warning(
    settings_of: Callable[..., Settings], caplog: pytest.LogCaptureFixture, flag: str
) -> None:
    assert settings_of(flag).nodes
    [line] = caplog.messages
    assert line.startswith(f"{flag.partition('=')[0]} has no effect: ")


def test_a_variable_of_virtual_kubelet_without_a_meaning_gets_a_warning(
    settings_of: Callable[..., Settings], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZPAGES_PORT", ":8080")
    settings_of()
    assert caplog.messages == ["ZPAGES_PORT has no effect: see /debug/pods on --metrics-addr"]


@pytest.mark.parametrize(
    ("text", "address"),
    [("", None), (":1", ("", 1)), ("127.0.0.1:2", ("127.0.0.1", 2)), ("[::1]:3", ("::1", 3))],
)
def test_metrics_are_served_where_the_flag_says(
    settings_of: Callable[..., Settings], text: str, address: tuple[str, int] | None
) -> None:
    wanted = settings_of("--metrics-addr", text)
    assert (wanted.metrics, wanted.metrics_required) == (address, True)


def test_traces_are_as_the_flags_say(settings_of: Callable[..., Settings]) -> None:
    assert settings_of().traces.exporters == ()
    traces = settings_of(
        *("--trace-exporter", "otlp", "--trace-tag", "team=blue", "--trace-sample-rate", "25"),
        *("--trace-service-name", "me"),
    ).traces
    assert (traces.exporters, traces.service_name, traces.sample_share) == (("otlp",), "me", 0.25)
    assert traces.tags == {
        "team": "blue",
        "operatingSystem": "linux",
        "provider": "mock",
        "nodeName": "virtual-kubelet",
    }


@pytest.mark.parametrize(("name", "exporters"), [("jaeger", ("otlp",)), ("ocagent", ("otlp",)), ("zpages", ())])
def test_virtual_kubelets_exporters_are_taken_for_what_is_there_today(
    settings_of: Callable[..., Settings], caplog: pytest.LogCaptureFixture, name: str, exporters: tuple[str, ...]
) -> None:
    assert settings_of("--trace-exporter", name).traces.exporters == exporters
    assert caplog.messages[0].startswith(f"--trace-exporter {name}: ")


def test_without_a_provider_it_says_how_to_find_one(run: Run) -> None:
    code, _, err = run()
    assert code == 2
    assert "--provider: missing; 'runner providers' lists them" in err


def test_version_names_both_versions(run: Run) -> None:
    code, out, _ = run("version")
    assert code == 0
    assert out.startswith("runner 0.")
    assert "kubelet version v1." in out


def test_providers_lists_them_and_knows_whether_one_is_there(run: Run) -> None:
    assert "mock" in run("providers")[1].split()
    assert run("providers", "mock")[:2] == (0, "mock\n")
    code, out, err = run("providers", "other")
    assert (code, out) == (1, "")
    assert "no such provider: 'other'" in err


def test_help_explains_the_exit_codes(run: Run) -> None:
    code, out, _ = run("--help")
    assert code == 0
    assert "Exit codes:" in out


@pytest.mark.parametrize(
    ("name", "text"),
    [("c.json", '{"a": {"b": 1}}'), ("c.toml", "[a]\nb = 1\n"), ("c.yaml", "a: {b: 1}"), ("c.conf", '{"a": {"b": 1}}')],
)
def test_a_providers_configuration_is_read_by_its_suffix(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    assert settings.provider_config(path) == {"a": {"b": 1}}


def test_an_empty_configuration_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("# later\n")
    assert settings.provider_config(path) == {}


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("c.json", '{\n "a": }', "c.json, line 2: broken JSON"),
        ("c.toml", "a = \n", "c.toml: broken TOML"),
        ("c.yaml", "a: 1\nb: : 2\n", "c.yaml, line 2: broken YAML"),
        ("c.yaml", "- a\n", "c.yaml: holds a list"),
        ("c.json", "5", "c.json: holds a int"),
    ],
)
def test_a_broken_configuration_names_file_and_place(tmp_path: Path, name: str, text: str, says: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(settings.WrongUsage) as caught:
        settings.provider_config(path)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_configuration_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_bytes(json.dumps({"a": "ä"}, ensure_ascii=False).encode("latin-1"))
    with pytest.raises(settings.WrongUsage, match="UTF-8"):
        settings.provider_config(path)
