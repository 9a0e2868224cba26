"""The ``vksim`` command as a process of its own: exit codes, files, one line for a mistake."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

SMALL = """\
apiVersion: vksim/v1
kind: Scenario
metadata: {name: small, description: "a <b>small</b> one"}
duration: 1m
cluster:
  nodes:
    - {name: n, count: 2}
workloads:
  - {name: w, pods: 4, runFor: 10s}
expect:
  - pods.succeeded == 4
"""


def vksim(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "NO_COLOR": "1"}
    command = [sys.executable, "-m", "vksim", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, timeout=60, check=False)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(SMALL)
    return path


def test_the_quickstart_passes_and_leaves_a_report(tmp_path: Path) -> None:
    done = vksim("run", "scenarios/quickstart.yaml", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "quickstart  PASSED" in done.stdout
    assert str(Path("report/report.html")) in done.stdout
    assert len(done.stdout.splitlines()) <= 24
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == [
        "events.jsonl.gz",
        "junit.xml",
        "report.html",
        "result.json",
    ]


def test_what_a_provider_has_against_its_configuration_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "cloud.yaml"
    group = "{name: n, count: 1, provider: aci, cloud: west, config: {Regionx: nowhere}}"
    clouds = f"clouds: {{west: {{provider: aci}}}}\ncluster: {{nodes: [{group}]}}\n"
    path.write_text(f"apiVersion: vksim/v1\nkind: Scenario\nmetadata: {{name: c}}\nduration: 1m\n{clouds}")
    answer = vksim("run", str(path), "--quiet", cwd=tmp_path)
    assert answer.returncode == 2
    (line,) = answer.stderr.splitlines()
    assert line.startswith(f"vksim: {path}: node n-0: Regionx: unknown field")


def test_a_missed_objective_is_exit_code_1_and_said(small: Path) -> None:
    small.write_text(SMALL.replace("== 4", "== 5"))
    done = vksim("run", "small.yaml", cwd=small.parent)
    assert done.returncode == 1
    assert "FAILED" in done.stdout
    assert re.search(r"✗ pods.succeeded == 5 +4", done.stdout)


def test_the_result_as_json_goes_to_stdout(small: Path) -> None:
    done = vksim("run", "small.yaml", "-o", "json", "--out", "here", cwd=small.parent)
    result = json.loads(done.stdout)
    assert result["passed"]
    assert result["measured"]["pods.succeeded"] == 4
    assert result == json.loads((small.parent / "here/result.json").read_text())


def test_the_seed_of_the_command_line_wins_and_is_in_the_replay_line(small: Path) -> None:
    done = vksim("run", "small.yaml", "--seed", "42", cwd=small.parent)
    assert "vksim run small.yaml --seed 42" in done.stdout


def test_the_replay_line_gives_the_same_event_log(small: Path) -> None:
    first = vksim("run", "small.yaml", "--seed", "3", "--out", "first", cwd=small.parent)
    [replay] = re.findall(r"^replay +vksim (.*)$", first.stdout, flags=re.MULTILINE)
    vksim(*replay.split(), "--out", "second", cwd=small.parent)
    assert (small.parent / "first/events.jsonl.gz").read_bytes() == (
        small.parent / "second/events.jsonl.gz"
    ).read_bytes()


def test_validate_names_what_is_fine(small: Path) -> None:
    done = vksim("validate", "small.yaml", "quickstart", cwd=small.parent)
    assert done.returncode == 0
    assert done.stdout.splitlines()[0] == "small.yaml: fine (2 nodes, 4 pods, 0 faults)"


def test_validate_counts_the_pods_of_a_trace(small: Path) -> None:
    (small.parent / "t.csv").write_text("at\n1\n2\n3\n")
    traced = small.read_text().replace(
        "workloads:\n", "workloads:\n  - {name: t, kind: Trace, file: t.csv, columns: {at: at}}\n"
    )
    (small.parent / "traced.yaml").write_text(traced)
    done = vksim("validate", "traced.yaml", cwd=small.parent)
    assert done.stdout == "traced.yaml: fine (2 nodes, 7 pods, 0 faults)\n"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ("run", "none.yaml"),
            "vksim: none.yaml: no such file; the scenarios that come with vksim are: aci-burst, "
            "api-brownout, eci-zone-stockout, fargate-spot, five-thousand-nodes, quickstart, "
            "three-clouds-cost",
        ),
        (
            ("validate", "wrong.yaml"),
            "vksim: wrong.yaml:7: cluster.nodes[0].cuont: unknown field; did you mean 'count'?",
        ),
        (("run", "broken.yaml"), "vksim: broken.yaml:2: not YAML: "),
        (("run", "small.yaml", "--out", "small.yaml"), "vksim: Invalid value for '--out': Directory 'small.yaml' is a"),
        (("run", "small.yaml", "--sede", "1"), "vksim: No such option"),
        (("run", "small.yaml", "--seed", "-1"), "vksim: Invalid value for '--seed': -1 is not in the range x>=0"),
        (("nonsense",), "vksim: No such command 'nonsense'"),
        (("serve", "--host", "0.0.0.0"), "vksim: --host: other machines can reach 0.0.0.0"),
        (("serve", "--host", "here"), "vksim: --host: 'here' is not an IP address"),
        (("serve", "--kubeconfig", "small.yaml"), "vksim: --kubeconfig: small.yaml is there already"),
    ],
)
def test_wrong_input_is_exit_code_2_and_one_line(small: Path, arguments: tuple[str, ...], line: str) -> None:
    (small.parent / "wrong.yaml").write_text(SMALL.replace("count", "cuont"))
    (small.parent / "broken.yaml").write_text("a: [1\nb: 2\n")
    done = vksim(*arguments, cwd=small.parent)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(line)
    assert len(done.stderr.splitlines()) == 1


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from vksim.cli import main; sys.argv = ['vksim', '--help']\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print([name for name in ('kubernetes', 'matplotlib', 'aiohttp', 'rich', 'msgspec') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_server_loads_nothing_that_only_some_servers_need() -> None:
    rare = ("sqlite3", "tarfile", "cronsim", "zoneinfo", "importlib.metadata", "kubernetes", "matplotlib")
    code = f"import vksim.serve, sys; print([name for name in {rare} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_parameters_are_set_and_are_in_the_replay_line(small: Path) -> None:
    small.write_text(
        SMALL.replace("pods: 4", "pods: ${pods}").replace("== 4", "== ${pods}") + "parameters: {pods: 4}\n"
    )
    small.write_text(small.read_text().replace("pods: ${pods},", 'pods: "${pods}",'))
    done = vksim("run", "small.yaml", "--set", "pods=7", "-q", cwd=small.parent)
    assert done.returncode == 0
    assert "vksim run small.yaml --set pods=7 --seed 0" in done.stdout
    assert json.loads((small.parent / "report/result.json").read_text())["measured"]["pods.succeeded"] == 7


def test_what_init_writes_passes(tmp_path: Path) -> None:
    assert vksim("init", "mine.yaml", cwd=tmp_path).returncode == 0
    done = vksim("run", "mine.yaml", "-q", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_fields_are_explained_and_the_schema_is_printed(tmp_path: Path) -> None:
    assert "What arrives." in vksim("explain", "workloads", cwd=tmp_path).stdout
    assert json.loads(vksim("schema", cwd=tmp_path).stdout)["title"] == "A vksim scenario"
    wrong = vksim("explain", "workload", cwd=tmp_path)
    assert wrong.returncode == 1
    assert wrong.stderr.startswith("vksim: a scenario has no field 'workload'; did you mean 'workloads'?")
