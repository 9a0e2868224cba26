"""Reading scenarios: what a mistake in a file is told as (``vksim.scenario_file``)."""

from pathlib import Path

import pytest

from providers.distributions import Span
from vksim.scenario_file import ScenarioError, bundled, find, load

GOOD = """\
apiVersion: vksim/v1
kind: Scenario
metadata: {name: test}
duration: 1m30s
cluster:
  nodes:
    - name: a
      count: 2
workloads:
  - name: w
    pods: 3
    runFor: [5s, 10s]
faults:
  - kind: runner-crash
    at: 10s
    node: a-1
expect:
  - pods.created == 3
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "s.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def error(tmp_path: Path, text: str) -> str:
    with pytest.raises(ScenarioError) as caught:
        load(write(tmp_path, text))
    return str(caught.value).replace(str(tmp_path), ".")


def test_a_good_file_becomes_a_scenario(tmp_path: Path) -> None:
    scenario = load(write(tmp_path, GOOD))
    assert scenario.duration.seconds == 90
    assert scenario.workloads[0].run_for == Span(5, 10)


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("count: 2", "cuont: 2", "./s.yaml:8: cluster.nodes[0].cuont: unknown field; did you mean 'count'?"),
        ("      count: 2\n", "", "./s.yaml:7: cluster.nodes[0]: the field 'count' is missing: how many, at first"),
        ("count: 2", "count: two", "./s.yaml:8: cluster.nodes[0].count: write a whole number, not 'two'"),
        ("count: 2", "count:", "./s.yaml:8: cluster.nodes[0].count: write a whole number, not nothing"),
        ("count: 2", "count: -2", "./s.yaml:8: cluster.nodes[0].count: write a whole number >= 0, not -2"),
        ("count: 2", "count: 99999999999", "./s.yaml:8: cluster.nodes[0].count: write a whole number <= 10000000, not"),
        ("count: 2", "count: [2]", "./s.yaml:8: cluster.nodes[0].count: write a whole number, not a list"),
        ("count: 2", "count: 2\n      taints: [a]", "./s.yaml:9: cluster.nodes[0].taints[0]: write a mapping, not 'a'"),
        (
            "count: 2",
            "count: 2\n      tainted: no way",
            "./s.yaml:9: cluster.nodes[0].tainted: write true or false, not",
        ),
        (
            "count: 2",
            "count: 2\n      leave: now",
            "./s.yaml:9: cluster.nodes[0].leave: write one of drain, crash, not 'n",
        ),
        ("count: 2", "count: 2\n      labels: {a: 1}", "./s.yaml:9: cluster.nodes[0].labels.a: write a text, not 1"),
        (
            "count: 2",
            "count: 2\n      labels: {a b: c}",
            "./s.yaml:7: cluster.nodes[0]: the API server would refuse it: ",
        ),
        ("count: 2", "count: 2\n      zones: [a b]", "./s.yaml:7: cluster.nodes[0]: the API server would refuse it: "),
        (
            "1m30s",
            "1m30s\nstart: now",
            "./s.yaml:5: start: write a moment with its time zone, e.g. 2026-01-01T00:00:00Z",
        ),
        ("1m30s", "1m30s\nname: x", "./s.yaml:5: name: unknown field; there are: apiVersion, kind, metadata, cluster"),
        ("count: 2", "count: 0", "./s.yaml:8: cluster.nodes[0].count: 0 nodes make no group; write 1 or more"),
        ("1m30s", "long", "./s.yaml:4: duration: 'long' is not a duration; write e.g. 500ms, 30s, 1m30s or 2h"),
        ("[5s, 10s]", "[10s, 5s]", "./s.yaml:12: workloads[0].runFor: the range ['10s', '5s'] is upside down"),
        ("runner-crash", "runer-crash", "./s.yaml:14: faults[0].kind: unknown kind of fault 'runer-crash'"),
        ("node: a-1", "node: a-9", "./s.yaml:16: faults[0].node: there is no node 'a-9'; did you mean 'a-1'?"),
        ("pods.created", "pods.craeted", "./s.yaml:18: expect[0]: unknown series 'pods.craeted'; did you mean"),
        ("== 3", "is three", "./s.yaml:18: expect[0]: 'pods.created is three' is no objective"),
        ("vksim/v1", "vksim/v9", "./s.yaml:1: apiVersion: write vksim/v1, not 'vksim/v9'"),
        ("duration: 1m30s", "duration: [1", "./s.yaml:5: not YAML: "),
        (GOOD, "", "./s.yaml:1: a scenario is a mapping that begins with apiVersion: vksim/v1"),
        (GOOD, "- a\n- b\n", "./s.yaml:1: a scenario is a mapping"),
    ],
)
def test_a_mistake_is_told_with_its_line_its_field_and_the_remedy(
    tmp_path: Path, right: str, wrong: str, message: str
) -> None:
    assert right in GOOD
    told = error(tmp_path, GOOD.replace(right, wrong))
    assert told.startswith(message)
    assert "\n" not in told


def test_a_name_that_is_there_already_is_refused(tmp_path: Path) -> None:
    twice = GOOD.replace("workloads:\n", "workloads:\n  - {name: w, pods: 1}\n")
    assert error(tmp_path, twice) == "./s.yaml:11: workloads[1].name: 'w' is there already; give it another name"


def test_a_missing_file_is_told_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"no such file; the scenarios that come with vksim are: .*quickstart"):
        find(str(tmp_path / "none.yaml"))


def test_a_folder_is_no_scenario(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="this is a folder"):
        load(tmp_path)


def test_a_file_that_is_not_text_is_told(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ScenarioError, match="not a text file in UTF-8"):
        load(path)


@pytest.mark.parametrize("name", ["quickstart", "scenarios/quickstart.yaml", "quickstart.yaml"])
def test_what_comes_with_the_package_is_found_by_name(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find(name).name == "quickstart.yaml"


@pytest.mark.parametrize("path", bundled(), ids=lambda path: path.stem)
def test_what_comes_with_the_package_is_valid(path: Path) -> None:
    assert load(path).metadata.name == path.stem


@pytest.mark.parametrize(
    ("group", "message"),
    [
        ("provider: acii", "cluster.nodes[0].provider: there is no provider 'acii'; did you mean 'aci'?"),
        ("provider: aci", "cluster.nodes[0].cloud: provider aci needs a cloud to run on; name one of clouds"),
        ("cloud: wets", "cluster.nodes[0].cloud: there is no cloud 'wets'; did you mean 'west'?"),
        ("cloud: west", "cluster.nodes[0].provider: the cloud west is one of aci; write provider: aci"),
        ("profile: acii", "cluster.nodes[0].profile: there is no profile 'acii'; did you mean 'aci'?"),
        ("{provider: aci, profile: aci}", ""),
    ],
)
def test_a_group_that_cannot_run_is_told(tmp_path: Path, group: str, message: str) -> None:
    fields = group.strip("{}").replace(", ", "\n      ")
    text = GOOD.replace("count: 2", f"count: 2\n      {fields}").replace(
        "workloads:", "clouds:\n  west: {provider: aci}\nworkloads:"
    )
    assert message in error(tmp_path, text)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("pods: 1, containers: [{name: a}]", "spec.containers[0].image: Required value"),
        ("pods: 1, containers: [{name: a, image: i, ports: x}]", "spec.containers[0].ports"),
        ("pods: 1, labels: {a b: c}", "metadata.labels"),
        ("kind: Job, containers: [{image: i}]", "spec.template.spec.containers[0].name"),
    ],
)
def test_what_the_api_server_would_refuse_is_told_before(tmp_path: Path, fields: str, message: str) -> None:
    text = GOOD.replace("  - name: w\n    pods: 3\n    runFor: [5s, 10s]\n", f"  - {{name: w, {fields}}}\n")
    told = error(tmp_path, text)
    assert told.startswith("./s.yaml:10: workloads[0]: the API server would refuse it: ")
    assert message in told
    assert "\n" not in told


@pytest.mark.parametrize("columns", ["labels: {r: row}", "priorityClass: row"])
def test_a_traces_pods_are_all_looked_at(tmp_path: Path, columns: str) -> None:
    (tmp_path / "t.csv").write_text("at,row\n1,good\n2,not good\n")
    workload = f"  - {{name: w, kind: Trace, file: t.csv, columns: {{at: at, {columns}}}}}\n"
    text = GOOD.replace("  - name: w\n    pods: 3\n    runFor: [5s, 10s]\n", workload)
    told = error(tmp_path, text.replace("workloads:", "priorityClasses: {good: 1}\nworkloads:"))
    assert told.startswith("./s.yaml:11: workloads[0]: the API server would refuse it: ")
    assert "not good" in told
