"""A restore: a backup takes the data file's place in one step, and what was there is kept aside."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

from store.backup import Progress, copy, sync_folder
from store.errors import BackupError
from store.inspection import Contents, check_ours, open_for_reading
from store.lock import DataFileLock


def restore(
    backup: Path, data_file: Path, *, now: float | None = None, progress: Progress | None = None
) -> tuple[Contents, Path | None]:
    """Put a backup in the place of a data file that no server uses; give what it holds, and what was there before.

    The backup is copied beside the data file and checked there; until that copy is found good, nothing changes.

    Parameters
    ----------
    backup, data_file : path
        What is put back, and where.
    now : float, optional
        Epoch s by which the old data file is named; the clock's by default.
    progress : callable, optional
        Is told how much is copied.

    Raises
    ------
    BackupError, StoreUnusable, StoreTooNew
        The backup cannot be used.
    StoreLocked
        A server uses the data file.
    """
    if backup.resolve() == data_file.resolve():
        raise BackupError(f"{backup} is the data file itself: name a backup")
    connection = open_for_reading(backup)
    try:
        check_ours(connection, backup)
    finally:
        connection.close()
    part = data_file.with_name(data_file.name + ".restoring")
    lock = None
    try:
        data_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = DataFileLock(data_file)
        _like_the_folder(lock.path)
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        found = copy(backup, part, progress)
        _like_the_folder(part)
        aside = _keep_aside(data_file, time.time() if now is None else now)
        part.replace(data_file)
        sync_folder(data_file.parent)
    except OSError as error:
        raise BackupError(f"{data_file} cannot be restored: {error.strerror} ({error.filename})") from error
    finally:
        if lock is not None:
            part.unlink(missing_ok=True)
            lock.release()
    return found, aside


def _keep_aside(data_file: Path, now: float) -> Path | None:
    """Give the data file a second, dated name; under its own nothing is left that belongs to the old one only."""
    if not data_file.exists():
        _remove_companions(data_file)
        return None
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
    aside = data_file.with_name(f"{data_file.stem}-before-{stamp}{data_file.suffix}")
    # Commits of a server that ended suddenly are in the log; unopened, whatever state the two are in.
    for end in ("-wal", ""):
        with suppress(FileNotFoundError):
            os.link(f"{data_file}{end}", f"{aside}{end}")
    sync_folder(data_file.parent)
    # Before the new file comes: a log that is not its own would be taken into it.
    _remove_companions(data_file)
    return aside


def _remove_companions(data_file: Path) -> None:
    for end in ("-wal", "-shm"):
        Path(f"{data_file}{end}").unlink(missing_ok=True)


def _like_the_folder(path: Path) -> None:
    """Give what the administrator made to the server's own user, whose folder it lies in."""
    if os.geteuid() == 0:
        folder = path.parent.stat()
        os.chown(path, folder.st_uid, folder.st_gid)
