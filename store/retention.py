"""What goes when it is older than the lab keeps it: samples and their breaths, a few rows in each write."""

from __future__ import annotations

from itertools import takewhile
from typing import NamedTuple

from store.database import Database

SEGMENTS_IN_A_TRIM = 64
"""How many rows of samples one write removes: a device's acknowledgement may share its commit and must not wait."""

MOST_BREATHS_IN_A_TRIM = 4 * SEGMENTS_IN_A_TRIM * 10
"""More than the rows of samples can hold, at 4 breaths a second."""

PAGES_IN_A_RELEASE = 256
"""How many free pages one write gives back to the file system: 1 MiB."""

TRIMMED_AT = "trimmed_at"
"""The word in `meta` that says when all that was due had been removed, in epoch s."""


HELD = "retention_held"
"""The word in `meta` that is `1` while nothing may be removed, since the clock is in doubt."""


class Trimmed(NamedTuple):
    """What one write removed, and whether there may be more that is due in this recording."""

    samples: int
    breaths: int
    is_more: bool


def trim(db: Database, recording_id: int, received_before: float) -> Trimmed:
    """Remove a recording's oldest samples, and the breaths that began in them.

    It stops at the first row that was received later, whatever comes after that: only what is older than all that
    remains may go, also where the clock was set while the recording ran.
    """
    oldest = db.execute(
        "SELECT first_sample, n_samples, received_at FROM segments WHERE recording_id = ?"
        " ORDER BY first_sample LIMIT ?",
        [recording_id, SEGMENTS_IN_A_TRIM],
    ).fetchall()
    due = list(takewhile(lambda row: row[2] < received_before, oldest))
    if not due:
        return Trimmed(0, 0, False)
    kept_from = int(due[-1][0] + due[-1][1])
    n_samples = sum(int(row[1]) for row in due)
    db.execute("DELETE FROM segments WHERE recording_id = ? AND first_sample < ?", [recording_id, kept_from])
    n_breaths = _trim_breaths(db, recording_id, kept_from)
    db.execute(
        "UPDATE recordings SET kept_from = ?, trimmed_samples = trimmed_samples + ? WHERE id = ?",
        [kept_from, n_samples, recording_id],
    )
    return Trimmed(n_samples, n_breaths, len(due) == SEGMENTS_IN_A_TRIM)


def release(db: Database) -> int:
    """Give some free pages at the file's end back to the file system, and tell how many remain free.

    A file that was made without `auto_vacuum` keeps its pages and uses them again.
    """
    for _ in range(PAGES_IN_A_RELEASE):
        # One at a time: Python's module takes a single step of this statement, whatever number it is given.
        db.execute("PRAGMA incremental_vacuum(1)")
    return int(db.execute("PRAGMA freelist_count").fetchone()[0])


def _trim_breaths(db: Database, recording_id: int, kept_from: int) -> int:
    """Remove the breaths that began before a sample; breaths are numbered in the order of their onsets."""
    (last,) = db.execute(
        "SELECT max(breath_index) FROM (SELECT breath_index, onset_s FROM breaths WHERE recording_id = ?"
        " ORDER BY breath_index LIMIT ?)"
        " WHERE onset_s < ? / (SELECT sampling_rate_hz FROM recordings WHERE id = ?)",
        [recording_id, MOST_BREATHS_IN_A_TRIM, kept_from, recording_id],
    ).fetchone()
    if last is None:
        return 0
    removed = db.execute("DELETE FROM breaths WHERE recording_id = ? AND breath_index <= ?", [recording_id, last])
    db.execute(
        "UPDATE recordings SET trimmed_breaths = max(trimmed_breaths, ?) WHERE id = ?", [int(last) + 1, recording_id]
    )
    return int(removed.rowcount)
