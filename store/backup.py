"""A backup: the whole data file as it was at one moment, copied while its server goes on writing."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from store.errors import BackupError
from store.inspection import Contents, check_ours, check_whole, contents, open_for_reading

PAGES_AT_ONCE = 1024
"""A step of 4 MiB, then the copy is put on disk: no commit of the server is to wait behind a heap of writes."""

Progress = Callable[[float], None]
"""Is told how much is done, from 0 to 1."""


def back_up(data_file: Path, target: Path, *, replace: bool = False, progress: Progress | None = None) -> Contents:
    """Copy a data file, in use or not, into one file that is whole or not there at all; give what it holds.

    Parameters
    ----------
    data_file, target : path
        What is copied, and the backup's name.
    replace : bool
        Whether a backup of that name may be replaced.
    progress : callable, optional
        Is told how much is copied.

    Raises
    ------
    BackupError, StoreUnusable, StoreTooNew
    """
    if not data_file.exists():
        raise BackupError(f"There is no data file {data_file}: name the server's data folder with --data")
    if target.resolve() in {Path(f"{data_file.resolve()}{end}") for end in ("", "-wal", "-shm", ".lock")}:
        raise BackupError(f"{target} is the data file itself: choose another name for the backup")
    _check_free(target, replace)
    try:
        with _new_file(target) as part:
            found = copy(data_file, part, progress)
            _check_free(target, replace)
            part.replace(target)
            sync_folder(target.parent)
    except OSError as error:
        raise BackupError(f"{target} cannot be written: {error.strerror}") from error
    return found


def copy(source: Path, part: Path, progress: Progress | None = None) -> Contents:
    """Copy all that is committed into an empty file, check every page of the copy, and put it on disk.

    Raises
    ------
    BackupError, StoreUnusable, StoreTooNew
    """
    connection = open_for_reading(source)
    try:
        check_ours(connection, source)
        needed = source.stat().st_size
        free = shutil.disk_usage(part.parent).free
        if free < needed:
            raise BackupError(
                f"{part.parent} has {free / 1e6:,.0f} MB free and {needed / 1e6:,.0f} MB are needed: make room first"
            )
        _copy_pages(connection, part, progress)
    except sqlite3.Error as error:
        raise BackupError(f"{source} could not be copied to {part.parent}: {error}") from error
    finally:
        connection.close()
    return _checked(part)


def _copy_pages(source: sqlite3.Connection, part: Path, progress: Progress | None) -> None:
    target = sqlite3.connect(part, isolation_level=None)
    descriptor = os.open(part, os.O_RDWR)

    def step(_status: int, remaining: int, total: int) -> None:
        os.fdatasync(descriptor)
        if progress is not None:
            progress(1 - remaining / max(1, total))

    try:
        target.execute("PRAGMA journal_mode = OFF")
        target.execute("PRAGMA synchronous = OFF")
        # One transaction over all steps: without it each commit of the server would begin the copy anew.
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        source.backup(target, pages=PAGES_AT_ONCE, progress=step)
    finally:
        target.close()
        os.close(descriptor)


def _checked(part: Path) -> Contents:
    connection = sqlite3.connect(part, isolation_level=None)
    try:
        # One file without companions, which can be read from anywhere; the server turns WAL on again.
        connection.execute("PRAGMA journal_mode = DELETE")
        check_whole(connection, part)
        found = contents(connection)
    except sqlite3.Error as error:
        raise BackupError(f"The copy {part} cannot be read back: {error}") from error
    finally:
        connection.close()
    with part.open("rb") as file:
        os.fsync(file.fileno())
    return found


@contextmanager
def _new_file(target: Path) -> Iterator[Path]:
    """An empty file beside the target for this process alone; what a killed one left there is written over."""
    part = target.with_name(target.name + ".part")
    descriptor = os.open(part, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BackupError(
                f"Another backup to {target} is under way: wait for it, or choose another name"
            ) from error
        os.ftruncate(descriptor, 0)
        try:
            yield part
        finally:
            for name in (part, Path(f"{part}-journal"), Path(f"{part}-wal"), Path(f"{part}-shm")):
                with suppress(FileNotFoundError):
                    name.unlink()
    finally:
        os.close(descriptor)


def _check_free(target: Path, replace: bool) -> None:
    if not target.parent.is_dir():
        raise BackupError(f"There is no folder {target.parent}: make it first")
    if target.exists() and not replace:
        raise BackupError(f"{target} is there already: choose another name, or replace it with --replace")


def sync_folder(folder: Path) -> None:
    """Put names on disk, not only what they name."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
