"""The report as a browser shows it: charts drawn, scripts without errors, a pod's life on demand."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SCENARIOS = {
    "quickstart": "scenarios/quickstart.yaml",
    "outage": """
        apiVersion: vksim/v1
        kind: Scenario
        metadata: {name: outage}
        duration: 5m
        cluster: {nodes: [{name: virtual, count: 3}]}
        workloads: [{name: job, pods: 60, over: 2m, runFor: [20s, 40s]}]
        faults: [{kind: provider-errors, at: 30s, for: 45s}]
        expect: [pods.succeeded == 60]
    """,
    "too-small": """
        apiVersion: vksim/v1
        kind: Scenario
        metadata: {name: too-small}
        duration: 2m
        cluster: {nodes: [{name: virtual, count: 1, capacity: {cpu: "1", memory: 4Gi, pods: 10}}]}
        workloads: [{kind: Deployment, name: web, replicas: 8}]
        expect: [pods.running == 8]
    """,
}


def shown(page: Path, fragment: str, profile: Path) -> str:
    """The page's elements after its scripts have run. Nothing may be complained about on the console."""
    command = [
        *(str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"),
        *("--enable-logging=stderr", "--virtual-time-budget=2000", "--dump-dom", f"file://{page}{fragment}"),
    ]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert not [line for line in answer.stderr.splitlines() if "CONSOLE" in line]
    return answer.stdout


@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")
@pytest.mark.parametrize("name", SCENARIOS)
def test_the_report_works_in_a_browser(name: str, tmp_path: Path):
    scenario = SCENARIOS[name]
    path = Path(scenario)
    if not scenario.startswith("scenarios/"):
        path = tmp_path / "scenario.yaml"
        path.write_text(scenario, encoding="utf-8")
    subprocess.run(
        [sys.executable, "-m", "vksim", "run", str(path), "--out", str(tmp_path / "out")],
        capture_output=True,
        timeout=120,
        check=False,  # an objective may be missed
    )
    page = tmp_path / "out/report.html"
    assert page.stat().st_size < 3_000_000
    dom = shown(page, "", tmp_path / "profile")
    assert len(re.findall(r"<svg [^>]*viewBox", dom)) >= 2
    pods = re.findall(r'<button class="\w+" type="button">([^<]+)<', dom)
    assert pods
    life = shown(page, f"#pod={pods[-1]}", tmp_path / "profile").split('id="pod-life"')[1]
    assert f"<h3>{pods[-1]}</h3>" in life
    assert "created" in life
