"""What happens to a stay: admission, transfer, discharge, correction, marks; each leaves a line in the audit trail."""

from __future__ import annotations

from datetime import date

from store.database import Database
from store.errors import MrnAssigned, StoreConflict
from store.operations import find, get, upsert_patient
from store.rows import MarkKind, MarkRow, MeasurementRow, PatientRow, StayRow


def begin_stay(db: Database, room: int, mrn: int | None, started_at: float) -> StayRow:
    """Open a stay in a free room, for a patient who is in no other room, or for nobody known yet."""
    if occupied := find(db, StayRow, "WHERE room = ? AND ended_at IS NULL", room):
        raise StoreConflict(f"Room {room} has an open stay ({occupied.id}): end it first")
    if mrn is not None:
        _check_free(db, mrn)
    cursor = db.execute("INSERT INTO stays (room, mrn, started_at) VALUES (?, ?, ?)", [room, mrn, started_at])
    return get(db, StayRow, "id", cursor.lastrowid)


def identify_stay(db: Database, stay_id: int, mrn: int) -> StayRow:
    """Give an unidentified stay its patient."""
    stay = get(db, StayRow, "id", stay_id)
    if stay.mrn == mrn:
        return stay
    if stay.mrn is not None:
        raise StoreConflict(f"Stay {stay_id} in room {stay.room} is of MRN {stay.mrn}, not {mrn}")
    _check_free(db, mrn)
    db.execute("UPDATE stays SET mrn = ? WHERE id = ?", [mrn, stay_id])
    return get(db, StayRow, "id", stay_id)


def end_stay(db: Database, stay_id: int, ended_at: float) -> StayRow:
    """End a stay; one that has ended keeps its time."""
    db.execute("UPDATE stays SET ended_at = coalesce(ended_at, ?) WHERE id = ?", [ended_at, stay_id])
    return get(db, StayRow, "id", stay_id)


def admit(
    db: Database,
    room: int,
    mrn: int,
    name: str | None,
    date_of_birth: date | None,
    at: float,
    by: str,
    replaces: int | None,
) -> StayRow:
    """Put a patient in a room; an unidentified stay there becomes the patient's.

    The stay `replaces`, of another patient in this room, ends first. Nothing changes where anything is refused.
    """
    stay = find(db, StayRow, "WHERE room = ? AND ended_at IS NULL", room)
    upsert_patient(db, mrn, name, date_of_birth, at)
    if stay is not None and stay.mrn == mrn:
        return stay
    _check_free(db, mrn)
    if stay is not None and stay.mrn is not None:
        if stay.id != replaces:
            raise StoreConflict(f"Room {room} has another patient: discharge MRN {stay.mrn} first")
        discharge(db, stay.id, at, by)
        stay = None
    if stay is None:
        stay = begin_stay(db, room, mrn, at)
        note(db, at, by, "admitted", stay, None, _who(db, mrn))
        return stay
    stay = identify_stay(db, stay.id, mrn)
    note(db, at, by, "identified", stay, "unidentified", _who(db, mrn))
    return stay


def transfer(db: Database, stay_id: int, room: int, at: float, by: str) -> StayRow:
    """Move a patient to another room: the stay ends, and one begins there, or an unidentified one there is theirs."""
    stay = _going_on(db, stay_id)
    if stay.mrn is None:
        raise StoreConflict(f"The patient in room {stay.room} is unidentified: admit the patient first, then transfer")
    if stay.room == room:
        raise StoreConflict(f"MRN {stay.mrn} is in room {room} already")
    there = find(db, StayRow, "WHERE room = ? AND ended_at IS NULL", room)
    if there is not None and there.mrn is not None:
        raise StoreConflict(f"Room {room} has another patient: discharge MRN {there.mrn} first")
    end_stay(db, stay_id, at)
    new = begin_stay(db, room, stay.mrn, at) if there is None else identify_stay(db, there.id, stay.mrn)
    note(db, at, by, "transferred", new, f"room {stay.room}", f"room {room}")
    return new


def discharge(db: Database, stay_id: int, at: float, by: str) -> StayRow:
    """End a stay; everything recorded in it is kept."""
    stay = end_stay(db, _going_on(db, stay_id).id, at)
    note(db, at, by, "discharged", stay, f"room {stay.room}", None)
    return stay


def correct(
    db: Database, stay_id: int, mrn: int | None, name: str | None, date_of_birth: date | None, at: float, by: str
) -> StayRow:
    """Put a wrong MRN, name or date of birth right; what was recorded and measured in the stay goes with it."""
    stay = _going_on(db, stay_id)
    if stay.mrn is None:
        raise StoreConflict(f"The patient in room {stay.room} is unidentified: admit the patient instead")
    before = _who(db, stay.mrn)
    new = stay.mrn if mrn is None else mrn
    upsert_patient(db, new, name, date_of_birth, at)
    if new != stay.mrn:
        _check_free(db, new)
        db.execute("UPDATE stays SET mrn = ? WHERE id = ?", [new, stay_id])
        db.execute("UPDATE measurements SET mrn = ? WHERE stay_id = ?", [new, stay_id])
        was = get(db, PatientRow, "mrn", stay.mrn)
        if _forget_if_nothing_is_left(db, stay.mrn):
            # What was said of the patient under the wrong MRN is the patient's.
            known = get(db, PatientRow, "mrn", new)
            upsert_patient(db, new, known.name or was.name, known.date_of_birth or was.date_of_birth, at)
    corrected = get(db, StayRow, "id", stay_id)
    note(db, at, by, "corrected", corrected, before, _who(db, new))
    return corrected


def add_mark(
    db: Database,
    mark_id: str,
    stay_id: int,
    recording_id: int | None,
    onset_s: float | None,
    kind: MarkKind,
    text: str,
    by: str,
    at: float,
) -> MarkRow:
    """Store a mark; the same mark_id again gives what is stored."""
    mark = find(db, MarkRow, "WHERE mark_id = ?", mark_id)
    if mark is not None:
        if (mark.stay_id, mark.kind, mark.text) != (stay_id, kind, text):
            raise StoreConflict(f"Mark {mark_id!r} was made before, with another stay, kind or text")
        return mark
    get(db, StayRow, "id", stay_id)
    cursor = db.execute(
        "INSERT INTO marks (mark_id, stay_id, recording_id, onset_s, kind, text, made_by, made_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [mark_id, stay_id, recording_id, onset_s, kind.value, text, by, at],
    )
    return get(db, MarkRow, "id", cursor.lastrowid)


def note(db: Database, at: float, by: str, action: str, stay: StayRow, before: str | None, after: str | None) -> None:
    """Add a line to the audit trail."""
    db.execute(
        "INSERT INTO audit (at, by, action, room, mrn, stay_id, before, after) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [at, by, action, stay.room, stay.mrn, stay.id, before, after],
    )


def _going_on(db: Database, stay_id: int) -> StayRow:
    stay = get(db, StayRow, "id", stay_id)
    if stay.ended_at is not None:
        raise StoreConflict(f"The stay in room {stay.room} has ended already")
    return stay


def _who(db: Database, mrn: int) -> str:
    patient = get(db, PatientRow, "mrn", mrn)
    return f"MRN {mrn}, {patient.name or 'no name'}, born {patient.date_of_birth or 'unknown'}"


def _forget_if_nothing_is_left(db: Database, mrn: int) -> bool:
    """A wrong MRN must not stay behind as a patient who never was; the trail keeps it. Gives whether it went."""
    stays, measurements = (find(db, kind, "WHERE mrn = ?", mrn) for kind in (StayRow, MeasurementRow))
    if stays is not None or measurements is not None:
        return False
    db.execute("DELETE FROM patients WHERE mrn = ?", [mrn])
    return True


def _check_free(db: Database, mrn: int) -> None:
    get(db, PatientRow, "mrn", mrn)
    if elsewhere := find(db, StayRow, "WHERE mrn = ? AND ended_at IS NULL", mrn):
        raise MrnAssigned(mrn, elsewhere.room)
