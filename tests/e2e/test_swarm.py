"""A scenario with many seeds (``vksim run --seeds``)."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

LATE = """
apiVersion: vksim/v1
kind: Scenario
metadata: {name: late}
duration: 2m
cluster:
  nodes: [{name: n, count: 2, script: {start-after: [1s, 20s]}}]
workloads: [{name: w, pods: 6}]
expect: ['pod.startup.max <= ${most}']
parameters: {most: 1m}
"""


def vksim(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    command = [sys.executable, "-m", "vksim", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def late(tmp_path: Path) -> Path:
    (tmp_path / "late.yaml").write_text(LATE)
    return tmp_path


def test_a_seed_comes_out_the_same_alone_in_one_process_and_beside_others(late: Path) -> None:
    hashes = []
    for jobs in ("1", "2"):
        done = vksim("run", "late.yaml", "--seeds", "3-6", "--jobs", jobs, "--out", "out", cwd=late)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1] == "4 seeds: all PASSED"
        hashes.append([each["event_log_sha256"] for each in json.loads((late / "out/seeds.json").read_text())])
    assert hashes[0] == hashes[1]
    assert len(set(hashes[0])) == 4
    alone = json.loads(vksim("run", "late.yaml", "--seed", "5", "-q", "-o", "json", cwd=late).stdout)
    assert alone["event_log_sha256"] == hashes[0][2]


def test_a_seed_that_fails_is_told_with_the_line_that_plays_it_alone(late: Path) -> None:
    done = vksim("run", "late.yaml", "--set", "most=18s", "--seeds", "1-8", "--jobs", "2", "-q", cwd=late)
    assert done.returncode == 1
    replays = [line.split("replay  vksim ")[1] for line in done.stdout.splitlines() if "replay" in line]
    assert 0 < len(replays) < 8
    again = vksim(*replays[0].split(), "-q", cwd=late)
    assert again.returncode == 1
    assert "pod.startup.max <= 18s" in again.stdout


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--seeds", "4"), "'4' is no range; write the first and the last: 1-20"),
        (("--seeds", "4-3"), "'4-3' is no range"),
        (("--seeds", "1-2", "--seed", "1"), "--seed and --seeds exclude each other"),
    ],
)
def test_wrong_usage_is_a_line(late: Path, arguments: tuple[str, ...], line: str) -> None:
    done = vksim("run", "late.yaml", *arguments, cwd=late)
    assert done.returncode == 2
    assert line in done.stderr
    assert len(done.stderr.splitlines()) == 1
