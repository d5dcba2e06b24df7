"""The data file, opened for writing and brought up to date."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from store.database import Database
from store.errors import StoreUnusable
from store.migrations import migrate

WRITER_BUSY_S = 1.0
WAL_KEPT_BYTES = 64 * 1024 * 1024


def identity(path: Path) -> tuple[int, int]:
    """Tell a file from another one that took its name."""
    status = path.stat()
    return status.st_dev, status.st_ino


def open_for_writing(path: Path) -> Database:
    """Open the data file for writing and bring it up to date."""
    connection = None
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        connection = sqlite3.connect(path, timeout=WRITER_BUSY_S, isolation_level=None, check_same_thread=False)
        db = Database(connection, execute_plugins=False)
        # It counts only where the file is still empty, so before anything else is written.
        db.execute("PRAGMA auto_vacuum = INCREMENTAL")
        # What is removed is overwritten where that costs no write of its own, whatever this SQLite was built with.
        db.execute("PRAGMA secure_delete = FAST")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA fullfsync = ON")  # macOS: a plain fsync leaves data in the drive's cache
        db.execute(f"PRAGMA journal_size_limit = {WAL_KEPT_BYTES}")
        migrate(db)
        # Not before: a migration may put a new table in the place of one that others refer to.
        db.execute("PRAGMA foreign_keys = ON")
    except (sqlite3.Error, OSError) as error:
        if connection is not None:
            connection.close()
        raise StoreUnusable(f"The data file {path} cannot be opened: {error}") from error
    except BaseException:
        if connection is not None:
            connection.close()
        raise
    return db
