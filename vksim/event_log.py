"""The event log as a file: lines of JSON, compressed."""

import gzip
from io import BufferedWriter
from pathlib import Path

NAME = "events.jsonl.gz"
LEVEL = 1
"""Of compression; higher levels take several times as long for little."""


def opened(folder: Path) -> BufferedWriter:
    """The event log in that folder, new and empty. No time is in it: the same run gives the same bytes.

    Raises:
        OSError: it cannot be written.
    """
    packed = gzip.GzipFile(folder / NAME, "wb", compresslevel=LEVEL, mtime=0)
    return BufferedWriter(packed, buffer_size=1 << 20)
