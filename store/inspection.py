"""What a data file or a backup is, found out without changing it."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from store.errors import BackupError, StoreTooNew, StoreUnusable
from store.migrations import STEPS

MAGIC = b"SQLite format 3\x00"
BUSY_S = 5.0


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in a data file.

    Attributes
    ----------
    patients, stays, recordings, samples : int
        How many; samples are those that are stored.
    newest_received_at : float or None
        When the newest sample was received, in epoch s.
    size_bytes : int
        Of the file, without its write-ahead log.
    """

    patients: int
    stays: int
    recordings: int
    samples: int
    newest_received_at: float | None
    size_bytes: int


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open a file that must exist; nothing is written to it, whoever else has it open.

    Raises
    ------
    StoreUnusable
        It is not there, cannot be read, or is no SQLite file.
    """
    try:
        with path.open("rb") as file:
            magic = file.read(len(MAGIC))
    except OSError as error:
        raise StoreUnusable(f"{path} cannot be read: {error.strerror}") from error
    if magic != MAGIC:
        raise StoreUnusable(f"{path} is no data file: it does not begin as an SQLite file does")
    address = f"file:{quote(str(path))}"
    # A file in WAL mode wants files beside it, which a folder on a read-only medium does not take.
    alone = not os.access(path.parent, os.W_OK) and not Path(f"{path}-wal").exists()
    mode = "immutable=1" if alone else "mode=ro"
    connection = sqlite3.connect(f"{address}?{mode}", uri=True, timeout=BUSY_S, isolation_level=None)
    try:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.Error as error:
        connection.close()
        raise StoreUnusable(f"{path} cannot be read: {error}") from error
    return connection


def check_ours(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse what is no data file of this program, or one of a later version.

    Raises
    ------
    StoreUnusable, StoreTooNew
    """
    try:
        query = "SELECT name FROM _sqlite_migrations WHERE migration_set = 'breathwatch' ORDER BY name"
        steps = [str(name) for (name,) in connection.execute(query)]
    except sqlite3.Error as error:
        raise StoreUnusable(f"{path} holds no data of Breathwatch: {error}") from error
    if not steps:
        raise StoreUnusable(f"{path} holds no data of Breathwatch")
    unknown = [name for name in steps if name not in STEPS]
    if unknown:
        raise StoreTooNew(
            f"{path} has step {unknown[-1]!r}, this version knows steps up to {max(STEPS)!r}: "
            "install the version that wrote it, or a later one"
        )


def check_whole(connection: sqlite3.Connection, path: Path) -> None:
    """Read every page and every row, and refuse a file that is damaged.

    Raises
    ------
    BackupError
    """
    try:
        faults = [str(fault) for (fault,) in connection.execute("PRAGMA integrity_check(3)")]
    except sqlite3.Error as error:
        faults = [str(error)]
    if faults != ["ok"]:
        raise BackupError(f"{path} is damaged: {'; '.join(faults)}")


def contents(connection: sqlite3.Connection) -> Contents:
    """Count what is there."""
    patients, stays, recordings, samples, newest, size = connection.execute(
        "SELECT (SELECT count(*) FROM patients), (SELECT count(*) FROM stays), (SELECT count(*) FROM recordings),"
        " (SELECT coalesce(sum(stored_samples), 0) FROM recordings),"
        # One look into the key for each recording: the rows of samples are the file's bulk.
        " (SELECT max((SELECT received_at FROM segments WHERE recording_id = recordings.id"
        " ORDER BY first_sample DESC LIMIT 1)) FROM recordings),"
        " (SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size())"
    ).fetchone()
    return Contents(patients, stays, recordings, samples, newest, size)
