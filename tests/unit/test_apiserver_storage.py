"""Objects on disk: what a server finds again after it was killed."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from fakes.apiserver.errors import StatusError
from fakes.apiserver.options import ListOptions
from fakes.apiserver.resources import CONFIG_MAPS, NAMESPACES, PODS, SERVICES
from fakes.apiserver.server import ApiServer
from fakes.apiserver.storage import Storage, StorageError, locked, restore, save
from fakes.apiserver.watch import Event

POD = {"metadata": {"name": "p"}, "spec": {"nodeName": "n1", "containers": [{"name": "main", "image": "a"}]}}
SERVICE = {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}}


@pytest.fixture(autouse=True)
def storages(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every storage that a test opens is closed at its end; in between it is as after a kill."""
    opened = ExitStack()
    init = Storage.__init__

    def remembered(storage: Storage, folder: Path) -> None:
        init(storage, folder)
        opened.callback(storage.close)

    monkeypatch.setattr(Storage, "__init__", remembered)
    with opened:
        yield


def started(folder: Path) -> ApiServer:
    """A server as a new process would start it: nothing of the one before but its folder."""
    return ApiServer(
        now=lambda: datetime(2026, 1, 2, tzinfo=UTC), random=Random(1), checked=True, storage=Storage(folder)
    )


def named(name: str) -> dict[str, object]:
    return {"metadata": {"name": name}}


def test_objects_are_there_again(tmp_path: Path) -> None:
    before = started(tmp_path)
    made = before.create(PODS, "default", POD)
    after = started(tmp_path)
    assert after.get(PODS, "default", "p") == made
    assert after.list(PODS, None, ListOptions(field_selector="spec.nodeName=n1"))["items"] == [made]


def test_what_was_deleted_stays_away(tmp_path: Path) -> None:
    before = started(tmp_path)
    before.create(CONFIG_MAPS, "default", named("a"))
    before.delete(CONFIG_MAPS, "default", "a")
    with pytest.raises(StatusError, match="not found"):
        started(tmp_path).get(CONFIG_MAPS, "default", "a")


def test_versions_go_on(tmp_path: Path) -> None:
    before = started(tmp_path)
    before.create(CONFIG_MAPS, "default", named("a"))
    before.delete(CONFIG_MAPS, "default", "a")
    after = started(tmp_path)
    assert after.version == before.version
    assert int(after.create(CONFIG_MAPS, "default", named("b"))["metadata"]["resourceVersion"]) == before.version + 1


def watched(server: ApiServer, since: int) -> Event:
    async def one() -> Event:
        watcher = server.watch(PODS, None, ListOptions(resource_version=str(since)))
        event = await watcher.next()
        watcher.close()
        assert event is not None
        return event

    return asyncio.run(one())


def test_a_watch_of_an_older_version_has_to_list_again(tmp_path: Path) -> None:
    before = started(tmp_path)
    version = before.version
    before.create(PODS, "default", POD)
    kind, status = watched(started(tmp_path), version)
    assert (kind, status["code"], status["reason"]) == ("ERROR", 410, "Expired")


def test_a_watch_of_the_last_version_goes_on(tmp_path: Path) -> None:
    started(tmp_path)
    after = started(tmp_path)
    version = after.version
    after.create(PODS, "default", POD)
    kind, pod = watched(after, version)
    assert (kind, pod["metadata"]["name"]) == ("ADDED", "p")


def test_an_address_is_given_out_once(tmp_path: Path) -> None:
    first = started(tmp_path).create(SERVICES, "default", SERVICE)
    second = started(tmp_path).create(SERVICES, "default", {**SERVICE, "metadata": {"name": "t"}})
    assert first["spec"]["clusterIP"] != second["spec"]["clusterIP"]


def test_a_namespace_that_was_going_goes_on_going(tmp_path: Path) -> None:
    before = started(tmp_path)
    before.create(NAMESPACES, None, named("team"))
    before.create(PODS, "team", POD)
    before.delete(NAMESPACES, None, "team")
    after = started(tmp_path)
    with pytest.raises(StatusError, match="being terminated"):
        after.create(CONFIG_MAPS, "team", named("a"))
    after.delete(PODS, "team", "p")
    pod = after.get(PODS, "team", "p")
    assert pod["metadata"]["deletionTimestamp"]


def test_a_snapshot_brings_back_what_was(tmp_path: Path) -> None:
    server = started(tmp_path / "one")
    made = server.create(CONFIG_MAPS, "default", named("a"))
    save(Storage(tmp_path / "one"), tmp_path / "snapshot")
    server.delete(CONFIG_MAPS, "default", "a")
    restore(tmp_path / "snapshot", Storage(tmp_path / "one"))
    back = started(tmp_path / "one")
    assert back.get(CONFIG_MAPS, "default", "a") == made
    assert back.version > server.version


def test_a_file_that_is_no_snapshot_changes_nothing(tmp_path: Path) -> None:
    started(tmp_path).create(CONFIG_MAPS, "default", named("a"))
    (tmp_path / "letter").write_text('{"dear": "reader"}\n')
    with pytest.raises(StorageError, match="no snapshot"):
        restore(tmp_path / "letter", Storage(tmp_path))
    assert started(tmp_path).get(CONFIG_MAPS, "default", "a")


def test_a_broken_snapshot_changes_nothing(tmp_path: Path) -> None:
    started(tmp_path).create(CONFIG_MAPS, "default", named("a"))
    save(Storage(tmp_path), tmp_path / "snapshot")
    with (tmp_path / "snapshot").open("ab") as file:
        file.write(b'{"resource": ')
    with pytest.raises(StorageError, match="a broken snapshot"):
        restore(tmp_path / "snapshot", Storage(tmp_path))
    assert started(tmp_path).get(CONFIG_MAPS, "default", "a")


def test_a_folder_is_one_processs_at_a_time(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(StorageError, match="another process is serving it"), locked(tmp_path):
        pass


def test_another_programs_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "objects.sqlite").write_text("something else entirely, and longer than a header of a database")
    with pytest.raises(StorageError, match="not a database"):
        Storage(tmp_path)
