"""Persistence of one ward in one SQLite file: `Store`, what it gives, and what can go wrong."""

from store.errors import (
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
from store.overview import PatientEntry, Record, Search
from store.rows import (
    AuditRow,
    CommandRow,
    CommandState,
    EventRow,
    MarkKind,
    MarkRow,
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
    "CommandRow",
    "CommandState",
    "EventRow",
    "Health",
    "MarkKind",
    "MarkRow",
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
]
