"""What each write does inside the writer's transaction: it checks, changes, and gives back what is now stored."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import TypeVar

from cpap_core.types import Breath, OpenEvent, RespiratoryEvent
from store.database import Database
from store.errors import MrnAssigned, NotFound, StoreConflict
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
    return _get(db, PatientRow, "mrn", mrn)


def begin_stay(db: Database, room: int, mrn: int | None, started_at: float) -> StayRow:
    """Open a stay in a free room, for a patient who is in no other room, or for nobody known yet."""
    if occupied := _find(db, StayRow, "WHERE room = ? AND ended_at IS NULL", room):
        raise StoreConflict(f"Room {room} has an open stay ({occupied.id}): end it first")
    if mrn is not None:
        _check_free(db, mrn)
    cursor = db.execute("INSERT INTO stays (room, mrn, started_at) VALUES (?, ?, ?)", [room, mrn, started_at])
    return _get(db, StayRow, "id", cursor.lastrowid)


def identify_stay(db: Database, stay_id: int, mrn: int) -> StayRow:
    """Give an unidentified stay its patient."""
    stay = _get(db, StayRow, "id", stay_id)
    if stay.mrn == mrn:
        return stay
    if stay.mrn is not None:
        raise StoreConflict(f"Stay {stay_id} in room {stay.room} is of MRN {stay.mrn}, not {mrn}")
    _check_free(db, mrn)
    db.execute("UPDATE stays SET mrn = ? WHERE id = ?", [mrn, stay_id])
    return _get(db, StayRow, "id", stay_id)


def end_stay(db: Database, stay_id: int, ended_at: float) -> StayRow:
    """End a stay; one that has ended keeps its time."""
    db.execute("UPDATE stays SET ended_at = coalesce(ended_at, ?) WHERE id = ?", [ended_at, stay_id])
    return _get(db, StayRow, "id", stay_id)


def begin_recording(
    db: Database,
    stay_id: int,
    stream_id: str,
    device: str,
    sampling_rate_hz: float,
    channels: Sequence[Mapping[str, str]],
    start_time: float,
) -> RecordingRow:
    """Begin a recording, or go on with the one of this stream in the same stay."""
    recording = _find(db, RecordingRow, "WHERE stream_id = ?", stream_id)
    if recording is None:
        _get(db, StayRow, "id", stay_id)
        cursor = db.execute(
            "INSERT INTO recordings (stream_id, stay_id, device, sampling_rate_hz, channels, start_time)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            [stream_id, stay_id, device, sampling_rate_hz, json.dumps([dict(c) for c in channels]), start_time],
        )
        return _get(db, RecordingRow, "id", cursor.lastrowid)
    stored = (recording.stay_id, recording.sampling_rate_hz, list(recording.channels))
    announced = (stay_id, sampling_rate_hz, [dict(c) for c in channels])
    if stored != announced:
        raise StoreConflict(
            f"Stream {stream_id!r} is stored with stay, rate and channels {stored}, got {announced}: "
            "use a new stream_id for a new recording"
        )
    db.execute("UPDATE recordings SET ended_at = NULL WHERE id = ?", [recording.id])
    return _get(db, RecordingRow, "id", recording.id)


def end_recording(db: Database, recording_id: int, ended_at: float) -> RecordingRow:
    """Mark a recording as ended by its device; one that has ended keeps its time."""
    db.execute("UPDATE recordings SET ended_at = coalesce(ended_at, ?) WHERE id = ?", [ended_at, recording_id])
    return _get(db, RecordingRow, "id", recording_id)


def put_breaths(db: Database, recording_id: int, first_index: int, breaths: Sequence[Breath]) -> int:
    """Store breaths under their sequence numbers and give the number after the last."""
    _get(db, RecordingRow, "id", recording_id)
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
    _get(db, RecordingRow, "id", recording_id)
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
    command = _find(db, CommandRow, "WHERE command_id = ?", command_id)
    if command is not None:
        stored, sent = (command.room, command.pressure_cmh2o), (room, pressure_cmh2o)
        if stored != sent:
            raise StoreConflict(f"Command {command_id!r} is stored with room and pressure {stored}, got {sent}")
        return command
    _get(db, StayRow, "id", stay_id)
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
    return _get(db, CommandRow, "command_id", command_id)


def update_command(db: Database, command_id: str, state: CommandState, at: float, refusal: str | None) -> CommandRow:
    """Note how far a command came. Its first time of each state counts, and applied and refused are final."""
    command = _get(db, CommandRow, "command_id", command_id)
    if state is CommandState.COMMANDED:
        raise StoreConflict(f"Command {command_id!r} was stored as commanded by add_command already")
    if command.state in _FINAL:
        return command
    db.execute(
        f"UPDATE commands SET state = ?, {state}_at = coalesce({state}_at, ?), refusal = ? WHERE command_id = ?",
        [state, at, refusal, command_id],
    )
    return _get(db, CommandRow, "command_id", command_id)


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
    _get(db, PatientRow, "mrn", mrn)
    cursor = db.execute(
        "INSERT INTO measurements (mrn, stay_id, pressure_cmh2o, respiratory_rate_per_min, apnea_count, flow_image,"
        " received_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [mrn, stay_id, pressure_cmh2o, respiratory_rate_per_min, apnea_count, flow_image, received_at],
    )
    return _get(db, MeasurementRow, "id", cursor.lastrowid)


def set_meta(db: Database, key: str, value: str) -> None:
    """Store a word about the whole data file."""
    db.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", [key, value])


def _check_free(db: Database, mrn: int) -> None:
    _get(db, PatientRow, "mrn", mrn)
    if elsewhere := _find(db, StayRow, "WHERE mrn = ? AND ended_at IS NULL", mrn):
        raise MrnAssigned(mrn, elsewhere.room)


def _find(db: Database, row_type: type[R], rest: str, *parameters: object) -> R | None:
    return fetch_one(lambda sql, values: db.execute(sql, values).fetchall(), row_type, rest, *parameters)


def _get(db: Database, row_type: type[R], key: str, value: object) -> R:
    row = _find(db, row_type, f"WHERE {key} = ?", value)
    if row is None:
        raise NotFound(f"Nothing in {row_type.table} with {key} {value!r}")
    return row
