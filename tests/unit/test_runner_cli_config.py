"""The file of ``--config``: fields are flags, nodes are a list, errors name file and field."""

from collections.abc import Callable
from pathlib import Path

import pytest

from runner import cli, process
from runner.settings import Settings
from runner.values import Address

Run = Callable[..., Settings | str]
VARIABLES = ["DEFAULT_NODE_NAME", "KUBELET_PORT", "VKUBELET_POD_IP", "VKUBELET_TAINT_KEY", "KUBECONFIG"]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """The settings of a file with this text and these arguments, or the one line of complaint; no node is run."""
    seen: list[Settings] = []

    def remember(wanted: Settings) -> tuple[int, str]:
        seen.append(wanted)
        return 0, ""

    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("runner.logs.configure", lambda *_: None)
    monkeypatch.setattr(process, "main", remember)

    def run_(text: str, *arguments: str, name: str = "runner.yaml") -> Settings | str:
        path = tmp_path / name
        path.write_text(text)
        monkeypatch.setattr("sys.argv", ["runner", "--config", str(path), *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        err = capsys.readouterr().err
        if ended.value.code == 0:
            assert err == ""
            return seen.pop()
        assert ended.value.code == 2
        assert err.count("\n") == 1
        return err.removeprefix(f"runner: {tmp_path}/").strip()

    return run_


def settings(result: Settings | str) -> Settings:
    assert isinstance(result, Settings), result
    return result


def test_a_field_is_a_flag_without_its_dashes(run: Run) -> None:
    wanted = settings(
        run(
            "provider: mock\nnodename: a\nport: 1234\ndisable-taint: true\nlabel: {team: blue}\n"
            "lease-duration: 1m\nmetrics-addr: 127.0.0.1:9000\nstartup-timeout: 30s\n"
        )
    )
    [node] = wanted.nodes
    assert (node.provider, node.config.node_name, node.config.port, node.config.taints) == ("mock", "a", 1234, ())
    assert node.config.labels == {"team": "blue"}
    assert node.config.lease_duration.total_seconds() == 60
    assert wanted.metrics == Address("127.0.0.1", 9000)
    assert wanted.metrics_required


def test_toml_does_as_well(run: Run) -> None:
    wanted = settings(run('provider = "mock"\n[[nodes]]\nnodename = "a"\n', name="runner.toml"))
    assert wanted.nodes[0].config.node_name == "a"


def test_a_variable_wins_over_the_file_and_a_flag_over_both(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "provider: mock\nnodename: file\nport: 1\ninternal-ip: 10.0.0.1\n"
    monkeypatch.setenv("KUBELET_PORT", "2")
    monkeypatch.setenv("VKUBELET_POD_IP", "10.0.0.2")
    config = settings(run(text, "--port", "3")).nodes[0].config
    assert (config.node_name, config.port, config.internal_ip) == ("file", 3, "10.0.0.2")


def test_what_is_said_of_a_node_goes_before_what_is_said_of_all(run: Run) -> None:
    wanted = settings(
        run(
            "provider: mock\nnamespace: team\nnodes:\n"
            "- {nodename: a}\n- {nodename: b, namespace: other, provider-config: {capacity: {cpu: 4}}}\n"
        )
    )
    assert [(each.config.node_name, each.config.namespace) for each in wanted.nodes] == [("a", "team"), ("b", "other")]
    assert wanted.nodes[1].provider_config == {"capacity": {"cpu": 4}}
    assert wanted.nodes[1].provider_config_source.endswith("runner.yaml: nodes[1].provider-config")


def test_nodes_without_a_port_of_their_own_take_one_after_the_other(run: Run) -> None:
    text = "provider: mock\nnodes: [{nodename: a}, {nodename: b}, {nodename: c, port: 7}]\n"
    assert [each.config.port for each in settings(run(text)).nodes] == [10250, 10251, 7]
    assert [each.config.port for each in settings(run(text, "--port", "5")).nodes] == [5, 6, 7]
    assert [each.config.port for each in settings(run(text, "--port", "0")).nodes] == [0, 0, 0]


def test_paths_are_relative_to_the_file(run: Run, tmp_path: Path) -> None:
    wanted = settings(run("provider: mock\nprovider-config: mock.yaml\nkubeconfig: /etc/kube\n"))
    assert wanted.nodes[0].provider_config == tmp_path / "mock.yaml"
    assert wanted.kubeconfig == Path("/etc/kube")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("prot: 1\n", "runner.yaml: prot: no such field; did you mean 'port'?"),
        ("port: 70000\n", "runner.yaml: port: 70000 is not in the range 0<=x<=65535"),
        ("port: true\n", "runner.yaml: port: True is no integer range"),
        ("port: [1]\n", "runner.yaml: port: [1] is no integer range"),
        ("port:\n", "runner.yaml: port: is empty"),
        ("label: blue\n", "runner.yaml: label: must be a list, or fields with names"),
        ("nodes: {nodename: a}\n", "runner.yaml: nodes: must be a list"),
        ("nodes: [{nodename: My_Node}]\n", "runner.yaml: nodes[0].nodename: 'My_Node' must be lower-case"),
        ("nodes: [{nodename: a}, {}]\n", "runner.yaml: nodes[1].nodename: missing"),
        ("nodes: [{nodename: a, log-level: info}]\n", "nodes[0].log-level: is said once for all nodes"),
        ("nodes: [{nodename: a}, {nodename: a}]\n", "nodes[0] and nodes[1] have the same nodename, 'a'"),
        ("nodes: [{nodename: a, port: 1}, {nodename: b, port: 1}]\n", "'a' and 'b' have the same port 1"),
        ("a: : 1\n", "runner.yaml, line 1: broken YAML"),
    ],
)
def test_an_error_names_file_and_field(run: Run, text: str, says: str) -> None:
    complaint = run(text, "--provider", "mock")
    assert isinstance(complaint, str)
    assert says in complaint


def test_a_name_for_one_node_cannot_be_given_to_several(run: Run) -> None:
    complaint = run("provider: mock\nnodes: [{nodename: a}, {nodename: b}]\n", "--nodename", "c")
    assert isinstance(complaint, str)
    assert "--nodename (DEFAULT_NODE_NAME): names one node" in complaint
