"""Persistence of one ward in one SQLite file: `Store`, what it gives, and what can go wrong."""

from store.backup import back_up
from store.catalogue import ListedRecording
from store.errors import (
    BackupError,
    MrnAssigned,
    NotFound,
    StoreBehind,
    StoreClosed,
    StoreConflict,
    StoreError,
    StoreLocked,
    StoreTooNew,
    StoreUnusable,
)
from store.inspection import Contents
from store.overview import PatientEntry, Record, Search
from store.restore import restore
from store.rows import (
    AuditRow,
    CommandRow,
    CommandState,
    EventRow,
    MarkKind,
    MarkRow,
    MeasurementHead,
    MeasurementRow,
    PatientRow,
    RecordingRow,
    SegmentRow,
    StayRow,
)
from store.store import Store
from store.writer import Health

__all__ = [
    "AuditRow",
    "BackupError",
    "CommandRow",
    "CommandState",
    "Contents",
    "EventRow",
    "Health",
    "ListedRecording",
    "MarkKind",
    "MarkRow",
    "MeasurementHead",
    "MeasurementRow",
    "MrnAssigned",
    "NotFound",
    "PatientEntry",
    "PatientRow",
    "Record",
    "RecordingRow",
    "Search",
    "SegmentRow",
    "StayRow",
    "Store",
    "StoreBehind",
    "StoreClosed",
    "StoreConflict",
    "StoreError",
    "StoreLocked",
    "StoreTooNew",
    "StoreUnusable",
    "back_up",
    "restore",
]
