"""What is stored, as plain frozen values; fields are in the order of the columns they are read from."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import date
from enum import StrEnum
from typing import Any, ClassVar, Self, TypedDict, TypeVar

from cpap_core.types import EventKind, Samples


class Row:
    """One row of `table`; dataclass fields are its columns."""

    __slots__ = ()
    table: ClassVar[str]

    @classmethod
    def from_sql(cls, values: Sequence[Any]) -> Self:
        """Build the row from its columns' values."""
        build: Callable[..., Self] = cls
        return build(*values)


R = TypeVar("R", bound=Row)

Query = Callable[[str, Sequence[Any]], list[Any]]
"""Takes SQL and its parameters and gives all rows."""


def fetch_all(query: Query, row_type: type[R], rest: str, *parameters: Any) -> list[R]:
    """Rows of one table; `rest` is what follows `FROM table`."""
    columns = ", ".join(column.name for column in fields(row_type))  # type: ignore[arg-type]
    found = query(f"SELECT {columns} FROM {row_type.table} {rest}", parameters)
    return [row_type.from_sql(values) for values in found]


def fetch_one(query: Query, row_type: type[R], rest: str, *parameters: Any) -> R | None:
    """Give the first such row, or None."""
    found = fetch_all(query, row_type, f"{rest} LIMIT 1", *parameters)
    return found[0] if found else None


@dataclass(frozen=True, slots=True)
class PatientRow(Row):
    """A patient; name and date of birth are None where unknown."""

    table: ClassVar[str] = "patients"
    mrn: int
    name: str | None
    date_of_birth: date | None
    created_at: float

    @classmethod
    def from_sql(cls, values: Sequence[Any]) -> Self:
        """Build the row from its columns' values."""
        mrn, name, born, created_at = values
        return cls(mrn, name, date.fromisoformat(born) if born else None, created_at)


@dataclass(frozen=True, slots=True)
class StayRow(Row):
    """A patient's time in a room; `mrn` is None while unidentified, `ended_at` while it lasts."""

    table: ClassVar[str] = "stays"
    id: int
    room: int
    mrn: int | None
    started_at: float
    ended_at: float | None


@dataclass(frozen=True, slots=True)
class RecordingRow(Row):
    """One stream of one device.

    Attributes
    ----------
    channels : tuple of dict
        Name and unit of each channel as the device announced them.
    start_time : float
        Epoch seconds of sample 0.
    first_sample : int
        Index at which it begins; more than 0 where the stream ran through an earlier stay before.
    next_sample : int
        Index after the last stored sample.
    stored_samples : int
        How many samples came to disk; less than `next_sample` where indices were skipped.
    kept_from : int
        Index after the last sample that the retention removed; 0 while all are there.
    trimmed_samples : int
        How many of `stored_samples` the retention removed.
    trimmed_breaths : int
        Breaths with smaller sequence numbers were removed with their samples.
    """

    table: ClassVar[str] = "recordings"
    id: int
    stream_id: str
    stay_id: int
    device: str
    sampling_rate_hz: float
    channels: tuple[dict[str, str], ...]
    start_time: float
    first_sample: int
    next_sample: int
    stored_samples: int
    ended_at: float | None
    kept_from: int
    trimmed_samples: int
    trimmed_breaths: int

    @classmethod
    def from_sql(cls, values: Sequence[Any]) -> Self:
        """Build the row from its columns' values."""
        build: Callable[..., Self] = cls
        before, channels, after = values[:5], values[5], values[6:]
        return build(*before, tuple(json.loads(channels)), *after)


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """Consecutive stored samples; arrays of shape (n_samples,), float32, the reader's own copy.

    `received_at` is the server's clock when the newest of them arrived.
    """

    recording_id: int
    first_sample: int
    flow_lpm: Samples
    airway_pressure_cmh2o: Samples | None
    received_at: float

    @property
    def n_samples(self) -> int:
        """How many samples it holds."""
        return len(self.flow_lpm)


@dataclass(frozen=True, slots=True)
class EventRow(Row):
    """A respiratory event; `duration_s` is None while it lasts."""

    table: ClassVar[str] = "events"
    recording_id: int
    id: int
    kind: EventKind
    onset_s: float
    detected_at_s: float
    duration_s: float | None

    @classmethod
    def from_sql(cls, values: Sequence[Any]) -> Self:
        """Build the row from its columns' values."""
        recording_id, id_, kind, onset_s, detected_at_s, duration_s = values
        return cls(recording_id, id_, EventKind(kind), onset_s, detected_at_s, duration_s)


class CommandState(StrEnum):
    """How far a commanded pressure came; the last two are final."""

    COMMANDED = "commanded"
    DELIVERED = "delivered"
    APPLIED = "applied"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class CommandRow(Row):
    """A commanded pressure and its fate (F20)."""

    table: ClassVar[str] = "commands"
    command_id: str
    stay_id: int
    room: int
    pressure_cmh2o: int
    previous_cmh2o: int | None
    commanded_by: str
    reason: str | None
    state: CommandState
    commanded_at: float
    delivered_at: float | None
    applied_at: float | None
    refused_at: float | None
    refusal: str | None

    @classmethod
    def from_sql(cls, values: Sequence[Any]) -> Self:
        """Build the row from its columns' values."""
        build: Callable[..., Self] = cls
        before, state, after = values[:7], values[7], values[8:]
        return build(*before, CommandState(state), *after)


class Space(TypedDict):
    """How much of the disk the store takes, in bytes, and what the retention removed.

    `trimmed_at` is when it had last removed all that was due, in epoch s; it is held while the clock is in doubt.
    """

    page_bytes: int
    file_bytes: int
    free_bytes: int
    wal_bytes: int
    trimmed_samples: int
    trimmed_at: float | None
    is_held: bool


@dataclass(frozen=True, slots=True)
class MeasurementRow(Row):
    """A measurement as a client sent it (F28, F33); `flow_image` is the PNG or JPEG itself."""

    table: ClassVar[str] = "measurements"
    id: int
    mrn: int
    stay_id: int | None
    pressure_cmh2o: int | None
    respiratory_rate_per_min: float | None
    apnea_count: int | None
    received_at: float
    flow_image: bytes | None


@dataclass(frozen=True, slots=True)
class MeasurementHead(Row):
    """A measurement without its picture, which may have megabytes."""

    table: ClassVar[str] = "(SELECT *, flow_image IS NOT NULL AS has_picture FROM measurements)"
    id: int
    mrn: int
    stay_id: int | None
    pressure_cmh2o: int | None
    respiratory_rate_per_min: float | None
    apnea_count: int | None
    received_at: float
    has_picture: bool

    @classmethod
    def from_sql(cls, values: Sequence[Any]) -> Self:
        """Build the row from its columns' values."""
        build: Callable[..., Self] = cls
        return build(*values[:7], bool(values[7]))


class MarkKind(StrEnum):
    """What a technician marks (F51)."""

    LIGHTS_OFF = "lights_off"
    LIGHTS_ON = "lights_on"
    MASK_REFIT = "mask_refit"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class MarkRow(Row):
    """A moment that somebody marked; without a recording at that time, `recording_id` and `onset_s` are None.

    `mark_id` is the maker's own name for it: the same one again is the same mark.
    """

    table: ClassVar[str] = "marks"
    id: int
    mark_id: str
    stay_id: int
    recording_id: int | None
    onset_s: float | None
    kind: MarkKind
    text: str
    made_by: str
    made_at: float

    @classmethod
    def from_sql(cls, values: Sequence[Any]) -> Self:
        """Build the row from its columns' values."""
        build: Callable[..., Self] = cls
        return build(*values[:5], MarkKind(values[5]), *values[6:])


@dataclass(frozen=True, slots=True)
class AuditRow(Row):
    """A change of a stay or a patient: when, by whom, where, from what to what. It is never changed."""

    table: ClassVar[str] = "audit"
    id: int
    at: float
    by: str
    action: str
    room: int | None
    mrn: int | None
    stay_id: int | None
    before: str | None
    after: str | None
    reason: str | None
