"""Objects on disk: what a server needs to go on after it was killed.

One SQLite file in write-ahead mode. A write is there for the next process as soon as the client has its answer, also
after ``kill -9``; only the machine's own crash can lose the last ones. The file holds the newest state of each object
and no history, so it grows with the objects, not with the writes. Watchers of an older version are told to list again.
"""

import fcntl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from fakes.apiserver.objects import Object, key_of

if TYPE_CHECKING:
    import sqlite3

FILE = "objects.sqlite"
FORMAT = 1
"""Of the file and of snapshots; another one is refused."""

_TABLES = """
create table if not exists server (one integer primary key check (one = 1), version integer, format integer);
create table if not exists objects (
    resource text, namespace text, name text, body blob, primary key (resource, namespace, name)
) without rowid;
"""

Stored = tuple[str, Object]
"""The plural of a resource with its group, and an object of it."""


class StorageError(Exception):
    """A file cannot be used. The message names it and says why."""


class Storage:
    """The objects of one server, in a folder.

    Args:
        folder: made if need be. Two servers cannot use one.

    Raises:
        StorageError: it cannot be written, or holds something else.
    """

    def __init__(self, folder: Path) -> None:
        import sqlite3  # noqa: PLC0415  (1 MiB, and most servers keep nothing)

        self._path = folder / FILE
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(self._path, isolation_level=None, timeout=0)
            self._database.execute("pragma journal_mode = wal")
            self._database.execute("pragma synchronous = normal")
            self._database.executescript(_TABLES)
            self._database.execute("insert or ignore into server values (1, 0, ?)", (FORMAT,))
            found = self._database.execute("select format from server").fetchone()[0]
        except OSError as error:
            raise StorageError(f"{folder}: {error.strerror}") from None
        except sqlite3.Error as error:
            raise StorageError(f"{self._path}: {error}") from None
        if found != FORMAT:
            raise StorageError(f"{self._path}: made by another version of vksim (format {found}, not {FORMAT})")

    @property
    def version(self) -> int:
        """The resourceVersion of the last write; 0 if there was none."""
        version: int = self._database.execute("select version from server").fetchone()[0]
        return version

    def objects(self) -> Iterator[Stored]:
        """All objects, by resource, namespace and name."""
        rows = self._database.execute("select resource, body from objects order by resource, namespace, name")
        return ((resource, orjson.loads(body)) for resource, body in rows)

    def put(self, version: int, resource: str, obj: Object) -> None:
        """Keep the new state of an object."""
        row = (resource, *key_of(obj), orjson.dumps(obj))
        self._write(version, "insert or replace into objects values (?, ?, ?, ?)", row)

    def remove(self, version: int, resource: str, obj: Object) -> None:
        """Forget an object."""
        self._write(
            version, "delete from objects where resource = ? and namespace = ? and name = ?", (resource, *key_of(obj))
        )

    def replace(self, version: int, objects: Iterable[Stored]) -> None:
        """Hold these objects and no others."""
        rows = ((resource, *key_of(obj), orjson.dumps(obj)) for resource, obj in objects)
        with self._transaction():
            self._database.execute("delete from objects")
            self._database.executemany("insert into objects values (?, ?, ?, ?)", rows)
            self._database.execute("update server set version = ?", (version,))

    def close(self) -> None:
        """Fold the log into the file."""
        self._database.close()

    def _write(self, version: int, statement: str, row: tuple[object, ...]) -> None:
        with self._transaction():
            self._database.execute(statement, row)
            self._database.execute("update server set version = ?", (version,))

    def _transaction(self) -> "sqlite3.Connection":
        self._database.execute("begin immediate")
        return self._database


@contextmanager
def locked(folder: Path) -> Iterator[Storage]:
    """The storage of a folder, for one process alone; the lock goes with the process, however it ends.

    Raises:
        StorageError: another process has it, or it cannot be used.
    """
    storage = Storage(folder)
    with (folder / "lock").open("wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield storage
        except BlockingIOError:
            raise StorageError(f"{folder}: another process is serving it; end that first") from None
        finally:
            storage.close()


def save(storage: Storage, path: Path) -> int:
    """Write a snapshot: a line about it, then a line of JSON for each object. Returns how many objects.

    Raises:
        StorageError: the file cannot be written.
    """
    count = 0
    try:
        with path.open("wb") as file:
            file.write(_line({"vksim-snapshot": FORMAT, "resourceVersion": storage.version}))
            for resource, obj in storage.objects():
                file.write(_line({"resource": resource, "object": obj}))
                count += 1
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}") from None
    return count


def restore(path: Path, storage: Storage) -> int:
    """Put a snapshot's objects in the place of those of a storage. Returns how many.

    Raises:
        StorageError: the file cannot be read, or is no snapshot; the storage is then as before.
    """
    try:
        with path.open("rb") as file:
            head = orjson.loads(file.readline() or b"null")
            if not isinstance(head, dict) or head.get("vksim-snapshot") != FORMAT:
                raise StorageError(f"{path}: no snapshot of this version of vksim; make one with 'vksim snapshot save'")
            found = [(each["resource"], each["object"]) for each in map(orjson.loads, file)]
            # Never back: a client that knows a later version must not take an older state for a newer one.
            storage.replace(max(int(head["resourceVersion"]), storage.version) + 1, found)
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}") from None
    except (KeyError, TypeError, ValueError) as error:
        raise StorageError(f"{path}: a broken snapshot: {error}") from None
    return len(found)


def _line(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)
