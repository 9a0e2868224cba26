"""What ``vksim snapshot`` does: the objects of a data folder to a file and back."""

from contextlib import closing
from pathlib import Path

import click

from fakes.apiserver import storage
from fakes.apiserver.storage import Storage, StorageError


def save(data_dir: Path, file: Path) -> str:
    """Write a snapshot; a line that says what it holds."""
    if not (data_dir / storage.FILE).exists():
        raise click.ClickException(f"{data_dir}: holds no objects; 'vksim serve --data-dir' puts them there")
    try:
        with closing(Storage(data_dir)) as found:
            return f"{file}: {storage.save(found, file):,} objects"
    except StorageError as error:
        raise click.ClickException(str(error)) from None


def restore(file: Path, data_dir: Path) -> str:
    """Put a snapshot into a folder; a line that says what it held."""
    try:
        with storage.locked(data_dir) as found:
            return f"{data_dir}: {storage.restore(file, found):,} objects"
    except StorageError as error:
        raise click.ClickException(str(error)) from None
