"""What can go wrong in the store.

StoreError
├── StoreBehind      the queue of writes is full: keep the data and try again
├── StoreClosed      the store was closed before the write was on disk
├── StoreLocked      another process writes to this data file
├── StoreTooNew      the data file was written by a later version
├── StoreUnusable    the data file cannot be opened, is no data file, or was replaced under the running server
├── BackupError      a backup cannot be made, is damaged, or cannot be put back
├── NotFound         what the write refers to is not stored
└── StoreConflict    the write contradicts what is stored
    └── MrnAssigned  the patient is already in another room (F5)
"""

# The names say what is the case; `raise StoreBehind` reads better than `StoreBehindError`.
# ruff: noqa: N818

from __future__ import annotations


class StoreError(Exception):
    """The base of all errors of the store."""


class StoreBehind(StoreError):
    """The queue of writes is full; the caller withholds its acknowledgement and tries again."""


class StoreClosed(StoreError):
    """The store was closed before the write was on disk."""


class StoreLocked(StoreError):
    """Another process writes to this data file."""


class StoreTooNew(StoreError):
    """The data file was written by a later version of this program."""


class StoreUnusable(StoreError):
    """The data file cannot be opened, is no data file of ours, or was removed or replaced while the server runs."""


class BackupError(StoreError):
    """A backup cannot be made, is damaged, or cannot be put back."""


class NotFound(StoreError):
    """What the write or query refers to is not stored."""


class StoreConflict(StoreError):
    """The write contradicts what is stored."""


class MrnAssigned(StoreConflict):
    """The patient is already in another room; the message is F5's."""

    def __init__(self, mrn: int, room: int) -> None:
        super().__init__(f"MRN {mrn} is already assigned to Room {room}")
        self.mrn = mrn
        self.room = room
