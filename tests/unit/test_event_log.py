"""The event log as a file (``vksim.event_log``)."""

import gzip
from pathlib import Path

import pytest

from vksim import event_log


def test_what_is_written_comes_out_again(tmp_path: Path) -> None:
    with event_log.opened(tmp_path) as log:
        log.write(b'{"time":1}\n')
        log.write(b'{"time":2}\n')
    assert gzip.decompress((tmp_path / event_log.NAME).read_bytes()) == b'{"time":1}\n{"time":2}\n'


def test_the_same_lines_are_the_same_bytes(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        with event_log.opened(tmp_path / name) as log:
            log.write(b'{"time":1}\n' * 1000)
    first, second = (tmp_path / name / event_log.NAME for name in ("first", "second"))
    assert first.read_bytes() == second.read_bytes()


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        event_log.opened(tmp_path / "nowhere")
