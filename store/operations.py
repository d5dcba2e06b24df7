"""What each write does inside the writer's transaction: it checks, changes, and gives back what is now stored."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import TypeVar

from cpap_core.types import Breath, OpenEvent, RespiratoryEvent
from store.database import Database
from store.errors import NotFound, StoreConflict
from store.rows import CommandRow, CommandState, MeasurementRow, PatientRow, RecordingRow, Row, StayRow, fetch_one

R = TypeVar("R", bound=Row)

_FINAL = (CommandState.APPLIED, CommandState.REFUSED)


def upsert_patient(db: Database, mrn: int, name: str | None, date_of_birth: date | None, now: float) -> PatientRow:
    """Create the patient or update what is given; None leaves what is stored."""
    db.execute(
        "INSERT INTO patients (mrn, name, date_of_birth, created_at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (mrn) DO UPDATE SET name = coalesce(excluded.name, name),"
        " date_of_birth = coalesce(excluded.date_of_birth, date_of_birth)",
        [mrn, name, date_of_birth.isoformat() if date_of_birth else None, now],
    )
    return get(db, PatientRow, "mrn", mrn)


def begin_recording(
    db: Database,
    stay_id: int,
    stream_id: str,
    device: str,
    sampling_rate_hz: float,
    channels: Sequence[Mapping[str, str]],
    start_time: float,
    first_sample: int = 0,
) -> RecordingRow:
    """Begin a recording, or go on with the one of this stream in the same stay.

    A stream that ran through a stay which has ended goes on in another one, from the next sample or from
    `first_sample`, whichever is later.
    """
    recording = find(db, RecordingRow, "WHERE stream_id = ? ORDER BY id DESC", stream_id)
    goes_on = recording is not None and recording.stay_id != stay_id and _has_ended(db, recording.stay_id)
    if recording is None or goes_on:
        get(db, StayRow, "id", stay_id)
        first_sample = max(first_sample, recording.next_sample) if recording is not None else 0
        cursor = db.execute(
            "INSERT INTO recordings (stream_id, stay_id, device, sampling_rate_hz, channels, start_time, first_sample,"
            " next_sample) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                stream_id,
                stay_id,
                device,
                sampling_rate_hz,
                json.dumps([dict(c) for c in channels]),
                recording.start_time if recording is not None else start_time,
                first_sample,
                first_sample,
            ],
        )
        return get(db, RecordingRow, "id", cursor.lastrowid)
    stored = (recording.stay_id, recording.sampling_rate_hz, list(recording.channels))
    announced = (stay_id, sampling_rate_hz, [dict(c) for c in channels])
    if stored != announced:
        raise StoreConflict(
            f"Stream {stream_id!r} is stored with stay, rate and channels {stored}, got {announced}: "
            "use a new stream_id for a new recording"
        )
    db.execute("UPDATE recordings SET ended_at = NULL WHERE id = ?", [recording.id])
    return get(db, RecordingRow, "id", recording.id)


def end_recording(db: Database, recording_id: int, ended_at: float) -> RecordingRow:
    """Mark a recording as ended by its device; one that has ended keeps its time."""
    db.execute("UPDATE recordings SET ended_at = coalesce(ended_at, ?) WHERE id = ?", [ended_at, recording_id])
    return get(db, RecordingRow, "id", recording_id)


def put_breaths(db: Database, recording_id: int, first_index: int, breaths: Sequence[Breath]) -> int:
    """Store breaths under their sequence numbers and give the number after the last."""
    get(db, RecordingRow, "id", recording_id)
    db.conn.executemany(
        "INSERT OR REPLACE INTO breaths VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (
                recording_id,
                index,
                breath.onset_s,
                breath.peak_s,
                breath.inspiratory_time_s,
                breath.expiratory_time_s,
                breath.tidal_volume_ml,
                breath.peak_flow_lpm,
            )
            for index, breath in enumerate(breaths, first_index)
        ),
    )
    return first_index + len(breaths)


def put_event(db: Database, recording_id: int, event: OpenEvent | RespiratoryEvent) -> None:
    """Store an event, open or closed; the latest word about its id counts."""
    get(db, RecordingRow, "id", recording_id)
    duration_s = event.duration_s if isinstance(event, RespiratoryEvent) else None
    db.execute(
        "INSERT OR REPLACE INTO events (recording_id, id, kind, onset_s, detected_at_s, duration_s)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        [recording_id, event.id, event.kind, event.onset_s, event.detected_at_s, duration_s],
    )


def add_command(
    db: Database,
    command_id: str,
    stay_id: int,
    room: int,
    pressure_cmh2o: int,
    previous_cmh2o: int | None,
    commanded_by: str,
    reason: str | None,
    commanded_at: float,
) -> CommandRow:
    """Store a commanded pressure; the same command sent again is the one that is stored."""
    command = find(db, CommandRow, "WHERE command_id = ?", command_id)
    if command is not None:
        stored, sent = (command.room, command.pressure_cmh2o), (room, pressure_cmh2o)
        if stored != sent:
            raise StoreConflict(f"Command {command_id!r} is stored with room and pressure {stored}, got {sent}")
        return command
    get(db, StayRow, "id", stay_id)
    db.execute(
        "INSERT INTO commands (command_id, stay_id, room, pressure_cmh2o, previous_cmh2o, commanded_by, reason, state,"
        " commanded_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            command_id,
            stay_id,
            room,
            pressure_cmh2o,
            previous_cmh2o,
            commanded_by,
            reason,
            CommandState.COMMANDED,
            commanded_at,
        ],
    )
    return get(db, CommandRow, "command_id", command_id)


def update_command(db: Database, command_id: str, state: CommandState, at: float, refusal: str | None) -> CommandRow:
    """Note how far a command came. Its first time of each state counts, and applied and refused are final."""
    command = get(db, CommandRow, "command_id", command_id)
    if state is CommandState.COMMANDED:
        raise StoreConflict(f"Command {command_id!r} was stored as commanded by add_command already")
    if command.state in _FINAL:
        return command
    db.execute(
        f"UPDATE commands SET state = ?, {state}_at = coalesce({state}_at, ?), refusal = ? WHERE command_id = ?",
        [state, at, refusal, command_id],
    )
    return get(db, CommandRow, "command_id", command_id)


def add_measurement(
    db: Database,
    mrn: int,
    stay_id: int | None,
    pressure_cmh2o: int | None,
    respiratory_rate_per_min: float | None,
    apnea_count: int | None,
    flow_image: bytes | None,
    received_at: float,
) -> MeasurementRow:
    """Append a measurement to a patient's."""
    get(db, PatientRow, "mrn", mrn)
    cursor = db.execute(
        "INSERT INTO measurements (mrn, stay_id, pressure_cmh2o, respiratory_rate_per_min, apnea_count, flow_image,"
        " received_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [mrn, stay_id, pressure_cmh2o, respiratory_rate_per_min, apnea_count, flow_image, received_at],
    )
    return get(db, MeasurementRow, "id", cursor.lastrowid)


def set_meta(db: Database, key: str, value: str) -> None:
    """Store a word about the whole data file."""
    db.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", [key, value])


def _has_ended(db: Database, stay_id: int) -> bool:
    return get(db, StayRow, "id", stay_id).ended_at is not None


def find(db: Database, row_type: type[R], rest: str, *parameters: object) -> R | None:
    """Give one row of a table, or None; `rest` is what follows `FROM table`."""
    return fetch_one(lambda sql, values: db.execute(sql, values).fetchall(), row_type, rest, *parameters)


def get(db: Database, row_type: type[R], key: str, value: object) -> R:
    """Give the row whose key has this value."""
    row = find(db, row_type, f"WHERE {key} = ?", value)
    if row is None:
        raise NotFound(f"Nothing in {row_type.table} with {key} {value!r}")
    return row
