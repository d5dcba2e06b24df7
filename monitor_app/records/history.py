"""What was recorded of a patient, and which patients there are, as plain data for pages."""

from __future__ import annotations

from typing import Any

from store import Record, Search, Store

RECORDS_SHOWN = 200
"""Of one patient at once, the newest; a page says where there are more."""

PATIENTS_SHOWN = 50
"""On one sheet of the list."""


def list_records(store: Store, mrn: int | None, stay_id: int | None = None) -> dict[str, Any]:
    """A patient's newest records, newest first; of somebody unidentified those of the stay."""
    found: list[Record] = []
    if mrn is not None:
        found = store.records_of_patient(mrn, most=RECORDS_SHOWN + 1)
    elif stay_id is not None:
        found = store.records_of_stay(stay_id, most=RECORDS_SHOWN + 1)
    return {"records": [_plain(record) for record in found[:RECORDS_SHOWN]], "more": len(found) > RECORDS_SHOWN}


def list_patients(store: Store, *, words: str, in_room: bool, many_apneas: bool, sheet: int) -> dict[str, Any]:
    """One sheet of the patients that a search finds, and how many there are in all."""
    search = Search(words.strip(), in_room, many_apneas)
    count = store.count_patients_found(search)
    sheets = max(1, -(-count // PATIENTS_SHOWN))
    sheet = min(max(0, sheet), sheets - 1)
    found = store.patients_found(search, most=PATIENTS_SHOWN, skip=sheet * PATIENTS_SHOWN)
    return {
        "patients": [{"mrn": one.mrn, "name": one.name, "room": one.room} for one in found],
        "count": count,
        "all": count if search == Search() else store.count_patients_found(Search()),
        "sheet": sheet,
        "sheets": sheets,
        "first": sheet * PATIENTS_SHOWN,
    }


def show_patient(store: Store, mrn: int) -> dict[str, Any]:
    """What the list shows of one patient when it is opened: the records, and the stays, newest first."""
    stays = [
        {"room": stay.room, "from": round(stay.started_at, 1), "to": stay.ended_at}
        for stay in reversed(store.stays_of_patient(mrn))
    ]
    return {"mrn": mrn, "stays": stays, **list_records(store, mrn)}


def _plain(record: Record) -> dict[str, Any]:
    rate = record.respiratory_rate_per_min
    return {
        "kind": record.kind,
        "id": record.id,
        "time": round(record.at, 1),
        "pressure_cmh2o": record.pressure_cmh2o,
        "respiratory_rate_per_min": None if rate is None else round(rate, 2),
        "apnea_count": record.apnea_count,
        "room": record.room,
        "has_picture": record.has_picture,
        "duration_s": None if record.duration_s is None else round(record.duration_s),
        "runs": record.runs,
        "device": record.device,
    }
