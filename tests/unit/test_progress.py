"""The line of progress (``vksim.progress``) and what a run that breaks off leaves (``vksim.commands``)."""

import sys
from pathlib import Path

import pytest

from vksim import commands, progress, simulation
from vksim.simulation import Progress


def test_the_line_has_time_phases_and_speed() -> None:
    line = progress.line(Progress(90.0, 360.0, {"Pending": 3, "Running": 1200}), wall=0.5)
    assert line.split("  ") == ["1:30 / 6:00", "━━━━━", *[""] * 7, " Pending 3", "Running 1,200", "180x real time"]


def test_nobody_is_told_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    with progress.shown() as report:
        assert report is None


def test_a_simulation_that_breaks_off_is_exit_code_3_with_the_line_that_replays_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(simulation, "play", broken)
    assert commands.run("quickstart", seed=5, parameters={}, out=tmp_path, as_json=False, quiet=True) == commands.BROKEN
    assert "vksim run quickstart --seed 5" in capsys.readouterr().err.splitlines()[-1]
