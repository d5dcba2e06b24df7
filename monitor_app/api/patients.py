"""Operations on patients, their stays and measurements, and the trail of changes."""

from __future__ import annotations

from typing import Any

from store import MeasurementHead, MeasurementRow, PatientRow

from . import answers, models
from .operation import Call, Encoded, Operation
from .pictures import media_type
from .problems import Problem


async def list_patients(call: Call) -> dict[str, Any]:
    """A page of patients, by MRN."""
    given: models.FindPatients = call.given
    rows = await call.ask(lambda store: store.find_patients(given.q, after=given.after, most=given.limit + 1))
    page = rows[: given.limit]
    present = _present(call)
    return {"items": [_patient(row, present) for row in page], "next": page[-1].mrn if len(rows) > len(page) else None}


async def show_patient(call: Call) -> dict[str, Any]:
    """One patient."""
    row = await call.ask(lambda store: store.patient(call.given.mrn))
    return _patient(_known(row, call.given.mrn), _present(call))


async def list_stays(call: Call) -> list[Any]:
    """A patient's stays."""
    mrn = call.given.mrn
    row, stays = await call.ask(lambda store: (store.patient(mrn), store.stays_of_patient(mrn)))
    _known(row, mrn)
    return stays


async def list_measurements(call: Call) -> dict[str, Any]:
    """A page of a patient's measurements, newest first."""
    given: models.PageOfPatient = call.given

    def look(store: Any) -> tuple[PatientRow | None, list[MeasurementHead]]:
        heads = store.measurement_heads(given.mrn, before=given.before, newest=given.limit + 1)
        return store.patient(given.mrn), heads[::-1]

    row, heads = await call.ask(look)
    _known(row, given.mrn)
    return _page(heads, given.limit)


async def flow_picture(call: Call) -> Encoded:
    """A measurement's picture, which never changes."""
    row = await call.ask(lambda store: store.measurement(call.given.id))
    if row is None or row.flow_image is None:
        raise Problem(404, f"There is no picture of a measurement {call.given.id}")
    # A picture of ours is opened by nobody as a page: it may load and run nothing.
    headers = {"Content-Security-Policy": "default-src 'none'"}
    return Encoded(row.flow_image, media_type(row.flow_image), headers, "private, max-age=31536000, immutable")


async def audit_trail(call: Call) -> dict[str, Any]:
    """A page of the trail of changes, newest first."""
    given: models.PageOfAudit = call.given
    rows = await call.ask(
        lambda store: store.audit_trail(mrn=given.mrn, room=given.room, before=given.before, most=given.limit + 1)
    )
    return _page(rows, given.limit)


def as_measurement(row: MeasurementRow) -> dict[str, Any]:
    """A measurement without its picture."""
    names = ("id", "mrn", "stay_id", "pressure_cmh2o", "respiratory_rate_per_min", "apnea_count", "received_at")
    return {name: getattr(row, name) for name in names} | {"has_picture": row.flow_image is not None}


def _page(rows: list[Any], limit: int) -> dict[str, Any]:
    return {"items": rows[:limit], "next": rows[limit - 1].id if len(rows) > limit else None}


def _present(call: Call) -> dict[int, int]:
    return {room.stay.mrn: room.number for room in call.ward.rooms() if room.stay is not None and room.stay.mrn}


def _patient(row: PatientRow, present: dict[int, int]) -> dict[str, Any]:
    return {
        "mrn": row.mrn,
        "patient_name": row.name,
        "date_of_birth": row.date_of_birth,
        "room": present.get(row.mrn),
        "first_seen": row.created_at,
    }


def _known(row: PatientRow | None, mrn: int) -> PatientRow:
    if row is None:
        raise Problem(404, f"No patient with MRN {mrn} was ever here: GET /api/v1/patients?q= looks for others")
    return row


_ONE = "/api/v1/patients/{mrn}"
OPERATIONS = (
    Operation(
        method="GET",
        path="/api/v1/patients",
        summary="Look for patients by MRN or name",
        tag="patients",
        run=list_patients,
        given=models.FindPatients,
        answer=answers.Patients,
    ),
    Operation(
        method="GET",
        path=_ONE,
        summary="One patient",
        tag="patients",
        run=show_patient,
        given=models.AtPatient,
        answer=answers.Patient,
        problems=(404,),
    ),
    Operation(
        method="GET",
        path=_ONE + "/stays",
        summary="A patient's stays, in order of time",
        tag="patients",
        run=list_stays,
        given=models.AtPatient,
        answer=list[answers.Stay],
        problems=(404,),
    ),
    Operation(
        method="GET",
        path=_ONE + "/measurements",
        summary="A patient's measurements, newest first",
        tag="patients",
        run=list_measurements,
        given=models.PageOfPatient,
        answer=answers.Measurements,
        problems=(404,),
    ),
    Operation(
        method="GET",
        path="/api/v1/measurements/{id}/flow.png",
        summary="The flow picture of a measurement: a PNG, or the JPEG that a client sent",
        tag="patients",
        run=flow_picture,
        given=models.AtMeasurement,
        media=("image/png", "image/jpeg"),
        problems=(404,),
    ),
    Operation(
        method="GET",
        path="/api/v1/audit",
        summary="Changes of patients and stays, newest first: when, by whom, where, from what to what",
        tag="audit",
        run=audit_trail,
        given=models.PageOfAudit,
        answer=answers.AuditTrail,
    ),
)
