"""A run is the same in every supported Python: those at hand try it, in environments of their own."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
SUPPORTED = ("3.11", "3.12", "3.13")
SCENARIOS = ("quickstart", "api-brownout")
PROGRAM = """
import io, sys
from vksim.scenario_file import find, load
from vksim.simulation import play
for name in sys.argv[1:]:
    print(play(load(find(name)), name, io.BytesIO()).event_log_sha256)
"""


def interpreters() -> Iterator[tuple[str, str]]:
    """Version and program of each other supported Python: on the path, or installed beside this one."""
    for version in SUPPORTED:
        beside = sorted(Path(sys.base_prefix).parent.glob(f"*{version}*/bin/python{version}"))
        for program in filter(None, (shutil.which(f"python{version}"), *map(str, beside))):
            asked = [program, "-c", "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"]
            answer = subprocess.run(asked, capture_output=True, text=True, check=False)
            if answer.stdout.strip() == version:
                yield version, program
                break


def digests(python: Path | str) -> list[str]:
    """What the scenarios' event logs come to."""
    command = [str(python), "-c", PROGRAM, *SCENARIOS]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout.split()


def test_a_run_is_the_same_in_every_python_at_hand(tmp_path: Path) -> None:
    ours = "{}.{}".format(*sys.version_info)
    others = {version: program for version, program in interpreters() if version != ours}
    if not others:
        pytest.skip("no other supported Python is installed")
    found = {ours: digests(sys.executable)}
    for version, program in others.items():
        folder = tmp_path / version
        subprocess.run([program, "-m", "venv", str(folder)], check=True, capture_output=True)
        python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
        install = [str(python), "-m", "pip", "install", "--quiet", "--editable", str(ROOT)]
        if subprocess.run(install, check=False, capture_output=True).returncode:
            pytest.skip(f"Python {version} has no packages here")
        found[version] = digests(python)
    assert len(found[ours]) == len(SCENARIOS)
    assert all(each == found[ours] for each in found.values()), found
