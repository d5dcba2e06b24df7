"""Backup and restore of the whole store (F52): whole or not there at all, and nothing lost of what was before."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from store import (
    BackupError,
    RecordingRow,
    Store,
    StoreError,
    StoreLocked,
    StoreTooNew,
    StoreUnusable,
    back_up,
    restore,
)
from store import backup as backups
from tests.store.conftest import FLOW_AND_PRESSURE, RATE_HZ


def fill(store: Store, recording: RecordingRow, n_chunks: int, first: int = 0) -> int:
    """Append chunks of 25 samples that count themselves; give the next sample."""
    for _ in range(n_chunks):
        flow = np.arange(first, first + 25, dtype=np.float32)
        first = store.append_samples(recording.id, first, flow, -flow, 1000.0 + first).result(5)
    return first


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def stored(path: Path) -> np.ndarray:
    """The flow of the first recording in a file, which must be sound."""
    with sqlite3.connect(path) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    raw.close()
    with Store(path) as store:
        (recording,) = store.recordings_of_stay(1)
        return store.read_samples(recording.id, 0, recording.next_sample).flow_lpm


@pytest.fixture
def backup(store: Store, recording: RecordingRow, tmp_path: Path) -> Path:
    """A backup of a store with 250 samples, which goes on to 500 and is closed."""
    store.upsert_patient(4711, "Abara, Ada").result(5)
    target = tmp_path / "backup.sqlite"
    at = fill(store, recording, 10)
    back_up(store.path, target)
    fill(store, recording, 10, at)
    store.close()
    return target


@pytest.mark.holds("F52.1")
def test_a_backup_while_the_writer_writes_is_one_moment_of_it(
    store: Store, recording: RecordingRow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each step of the copy meets new commits, and the copy is what was there at its beginning."""
    at = fill(store, recording, 40)
    before = at
    monkeypatch.setattr(backups, "PAGES_AT_ONCE", 2)
    steps: list[float] = []

    def write_meanwhile(done: float) -> None:
        nonlocal at
        steps.append(done)
        at = fill(store, recording, 1, at)

    found = back_up(store.path, tmp_path / "b.sqlite", progress=write_meanwhile)
    assert len(steps) > 10
    assert steps == sorted(steps), "a commit of the writer began the copy anew"
    assert (found.recordings, found.samples, found.newest_received_at) == (1, before, 1000.0 + before - 25)
    assert at == before + 25 * len(steps), "a write waited for the backup"
    assert names(tmp_path) == ["b.sqlite", "data"]
    np.testing.assert_array_equal(stored(tmp_path / "b.sqlite"), np.arange(before, dtype=np.float32))


@pytest.mark.holds("F52.1")
def test_a_backup_is_one_file_for_its_owner_alone(backup: Path, tmp_path: Path) -> None:
    """It holds names of patients; and it can be read where nothing may be written."""
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    with sqlite3.connect(f"file:{backup}?mode=ro&immutable=1", uri=True) as raw:
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert raw.execute("SELECT name FROM patients").fetchall() == [("Abara, Ada",)]
    raw.close()
    assert names(tmp_path) == ["backup.sqlite", "data"]


def test_a_backup_of_a_store_that_nobody_uses_leaves_it_as_it_was(backup: Path, tmp_path: Path) -> None:
    data_file = tmp_path / "data" / "ward.sqlite"
    before = data_file.read_bytes()
    assert back_up(data_file, tmp_path / "second.sqlite").samples == 500
    assert data_file.read_bytes() == before
    assert len(stored(data_file)) == 500


@pytest.mark.holds("F52.1")
def test_nothing_is_overwritten_unless_told(backup: Path, tmp_path: Path) -> None:
    data_file, before = tmp_path / "data" / "ward.sqlite", backup.read_bytes()
    with pytest.raises(BackupError, match=r"is there already.*--replace"):
        back_up(data_file, backup)
    assert backup.read_bytes() == before
    assert back_up(data_file, backup, replace=True).samples == 500


@pytest.mark.parametrize("end", ["", "-wal", "-shm", ".lock"])
def test_the_data_file_is_no_place_for_a_backup(backup: Path, tmp_path: Path, end: str) -> None:
    data_file = tmp_path / "data" / "ward.sqlite"
    with pytest.raises(BackupError, match="the data file itself"):
        back_up(data_file, Path(f"{data_file}{end}"), replace=True)


def test_a_backup_that_fails_leaves_nothing_and_the_old_one(
    backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy that is found damaged is no backup, and takes no good one's place."""
    data_file, before = tmp_path / "data" / "ward.sqlite", backup.read_bytes()
    with sqlite3.connect(data_file) as raw:
        raw.execute("PRAGMA ignore_check_constraints = ON")
        raw.execute("UPDATE recordings SET sampling_rate_hz = -1")
    raw.close()
    with pytest.raises(BackupError, match="is damaged: CHECK constraint failed in recordings"):
        back_up(data_file, backup, replace=True)
    assert backup.read_bytes() == before
    assert names(tmp_path) == ["backup.sqlite", "data"]


def test_two_backups_to_one_name_do_not_mix(backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second is refused while the first runs; what a killed one left is written over."""
    data_file, target = tmp_path / "data" / "ward.sqlite", tmp_path / "b.sqlite"
    (tmp_path / "b.sqlite.part").write_bytes(b"half of a backup")
    monkeypatch.setattr(backups, "PAGES_AT_ONCE", 2)
    refused: list[BaseException] = []

    def another(_done: float) -> None:
        try:
            back_up(data_file, target)
        except StoreError as error:
            refused.append(error)

    back_up(data_file, target, progress=another)
    assert refused and all("Another backup" in str(error) for error in refused)
    assert names(tmp_path) == ["b.sqlite", "backup.sqlite", "data"]


def test_a_disk_without_room_is_told_before_anything_is_copied(
    backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = backups.shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(backups.shutil, "disk_usage", lambda _path: usage)
    with pytest.raises(BackupError, match=r"0 MB free and .* MB are needed"):
        back_up(tmp_path / "data" / "ward.sqlite", tmp_path / "b.sqlite")


def test_there_is_nothing_to_back_up(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match=r"There is no data file.*--data"):
        back_up(tmp_path / "ward.sqlite", tmp_path / "b.sqlite")


@pytest.mark.holds("F52.2")
def test_a_restore_puts_back_what_was_and_keeps_what_came_after(backup: Path, tmp_path: Path) -> None:
    data_file = tmp_path / "data" / "ward.sqlite"
    found, aside = restore(backup, data_file, now=0.0)
    assert (found.patients, found.samples) == (1, 250)
    assert aside is not None
    assert aside.name.startswith("ward-before-19700101-") or aside.name.startswith("ward-before-19691231-")
    assert names(data_file.parent) == sorted([aside.name, "ward.sqlite", "ward.sqlite.lock"])
    assert stat.S_IMODE(data_file.stat().st_mode) == 0o600
    assert len(stored(data_file)) == 250
    assert len(stored(aside)) == 500, "what was in the place of the backup is kept"


@pytest.mark.holds("F52.2")
def test_a_store_goes_on_after_a_restore(backup: Path, tmp_path: Path) -> None:
    """A device whose acknowledged samples are not in the backup goes on: what is missing is a gap."""
    data_file = tmp_path / "data" / "ward.sqlite"
    restore(backup, data_file)
    with Store(data_file) as store:
        stream = store.begin_recording(1, "stream-1", "simulated", RATE_HZ, FLOW_AND_PRESSURE, 1000.0).result(5)
        assert stream.next_sample == 250
        fill(store, stream, 1, 500)
        chunk = store.read_samples(stream.id, 0, 525)
    assert np.isnan(chunk.flow_lpm[250:500]).all()
    assert not np.isnan(chunk.flow_lpm[500:]).any()


@pytest.mark.holds("F52.2")
def test_a_restore_after_a_sudden_end_keeps_the_log_with_its_file(backup: Path, tmp_path: Path) -> None:
    """Commits that were only in the write-ahead log are in what is kept, and not in what is restored."""
    data_file = tmp_path / "data" / "ward.sqlite"
    leave_a_log(data_file, "INSERT INTO meta VALUES ('last', 'words')")
    _, aside = restore(backup, data_file)
    assert aside is not None
    for path, expected in ((aside, [("words",)]), (data_file, [])):
        with sqlite3.connect(path) as raw:
            assert raw.execute("SELECT value FROM meta WHERE key = 'last'").fetchall() == expected
        raw.close()


def leave_a_log(data_file: Path, sql: str) -> None:
    """Commit something and end as a killed process does: the log stays."""
    commands = f"""
import os, sqlite3
raw = sqlite3.connect({str(data_file)!r}, isolation_level=None)
raw.execute("PRAGMA wal_autocheckpoint = 0")
raw.execute({sql!r})
os._exit(0)
"""
    subprocess.run([sys.executable, "-c", commands], check=True)
    assert Path(f"{data_file}-wal").stat().st_size > 0


@pytest.mark.holds("F52.2")
def test_a_damaged_store_is_kept_with_its_log(backup: Path, tmp_path: Path) -> None:
    """It is why one restores: whoever may still save something of it finds file and log together."""
    data_file = tmp_path / "data" / "ward.sqlite"
    leave_a_log(data_file, "INSERT INTO meta VALUES ('last', 'words')")
    damaged = b"not a database any more" + data_file.read_bytes()[23:]
    data_file.write_bytes(damaged)
    log = Path(f"{data_file}-wal").read_bytes()
    _, aside = restore(backup, data_file)
    assert aside is not None
    assert aside.read_bytes() == damaged
    assert Path(f"{aside}-wal").read_bytes() == log
    assert len(stored(data_file)) == 250


@pytest.mark.holds("F52.2")
def test_a_restore_into_an_empty_place(backup: Path, tmp_path: Path) -> None:
    """A new machine: the folder is made."""
    _, aside = restore(backup, tmp_path / "new" / "ward.sqlite")
    assert aside is None
    assert len(stored(tmp_path / "new" / "ward.sqlite")) == 250


@pytest.mark.holds("F52.2")
def test_a_store_in_use_is_not_restored(backup: Path, tmp_path: Path) -> None:
    data_file = tmp_path / "data" / "ward.sqlite"
    with Store(data_file):
        before = names(data_file.parent)
        with pytest.raises(StoreLocked, match=f"in use by process {os.getpid()}"):
            restore(backup, data_file)
        assert names(data_file.parent) == before


def truncated(backup: Path) -> None:
    os.truncate(backup, backup.stat().st_size // 2)


def no_database(backup: Path) -> None:
    backup.write_bytes(b"PK\x03\x04" + b"x" * 10_000)


def somebody_elses(backup: Path) -> None:
    backup.unlink()
    with sqlite3.connect(backup) as raw:
        raw.execute("CREATE TABLE tracks (name TEXT)")
    raw.close()


def of_a_later_version(backup: Path) -> None:
    with sqlite3.connect(backup) as raw:
        raw.execute("UPDATE _sqlite_migrations SET name = '9999_later' WHERE name = '0001_recordings'")
    raw.close()


def absent(backup: Path) -> None:
    backup.unlink()


@pytest.mark.holds("F52.2")
@pytest.mark.parametrize(
    ("spoil", "error", "words"),
    [
        (truncated, StoreError, "damaged|malformed|could not be copied"),
        (no_database, StoreUnusable, "is no data file"),
        (somebody_elses, StoreUnusable, "no data of Breathwatch"),
        (of_a_later_version, StoreTooNew, "9999_later.*install the version that wrote it"),
        (absent, StoreUnusable, "No such file"),
    ],
)
def test_a_backup_that_cannot_be_used_changes_nothing(
    backup: Path, tmp_path: Path, spoil: object, error: type[StoreError], words: str
) -> None:
    """It is looked at before anything is touched."""
    spoil(backup)  # type: ignore[operator]
    data_file = tmp_path / "data" / "ward.sqlite"
    before = data_file.read_bytes(), names(data_file.parent)
    with pytest.raises(error, match=words):
        restore(backup, data_file)
    assert (data_file.read_bytes(), names(data_file.parent)) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only the administrator can give files away")
def test_what_the_administrator_restores_belongs_to_the_server_s_user(backup: Path, tmp_path: Path) -> None:
    """Else the service could not open its own store."""
    folder = tmp_path / "new"
    folder.mkdir()
    os.chown(folder, 12345, 12346)
    restore(backup, folder / "ward.sqlite")
    for path in folder.iterdir():
        assert (path.stat().st_uid, path.stat().st_gid) == (12345, 12346), path.name


def test_a_reader_of_the_store_does_not_notice_a_backup(
    store: Store, recording: RecordingRow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readers in other threads go on in the middle of a copy."""
    fill(store, recording, 40)
    monkeypatch.setattr(backups, "PAGES_AT_ONCE", 2)
    read: list[int] = []

    def look(_done: float) -> None:
        thread = threading.Thread(target=lambda: read.append(store.samples_of_stay(1)))
        thread.start()
        thread.join(5)

    back_up(store.path, tmp_path / "b.sqlite", progress=look)
    assert read and set(read) == {1000}
