"""What programs send and get, as pydantic models: they check each request, and the OpenAPI document is made of them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, StringConstraints, WithJsonSchema

from cpap_core import rules
from monitor_app.ward import CommandRefused
from monitor_app.ward.commands import check_pressure
from monitor_app.ward.stays import HIGHEST_MRN, LONGEST_TEXT

from .compatible_input import MOST_APNEAS, MOST_RATE_PER_MIN

HIGHEST_ROOM = (1 << 31) - 1
HIGHEST_ID = (1 << 53) - 1


def _pressure(value: Any) -> int:
    try:
        return check_pressure(value, max_cmh2o=rules.MAX_COMMAND_CMH2O)
    except CommandRefused as error:
        raise ValueError(str(error)) from None


RoomNumber = Annotated[int, Field(ge=1, le=HIGHEST_ROOM, description="Number of a room", examples=[101])]
Mrn = Annotated[int, Field(ge=1, le=HIGHEST_MRN, description="Medical record number", examples=[7])]
Name = Annotated[str, StringConstraints(max_length=LONGEST_TEXT), Field(description="As people type it, never markup")]
Pressure = Annotated[
    int,
    PlainValidator(_pressure),
    WithJsonSchema(
        {
            "type": "integer",
            "minimum": rules.MIN_CPAP_CMH2O,
            "maximum": rules.MAX_COMMAND_CMH2O,
            "description": "CPAP pressure in cmH2O",
        }
    ),
]
Epoch = Annotated[float, Field(description="Time in epoch s")]
Id = Annotated[int, Field(ge=1, le=HIGHEST_ID)]


class Given(BaseModel):
    """What a request says: nothing unknown, and no number as a text."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


class Answer(BaseModel):
    """What is answered."""

    model_config = ConfigDict(from_attributes=True, extra="forbid")


# ---- what is asked for


class AtRoom(Given):
    """A room."""

    room: RoomNumber


class AtPatient(Given):
    """A patient."""

    mrn: Mrn


class AtMeasurement(Given):
    """A measurement."""

    id: Id


class FindPatients(Given):
    """A page of patients."""

    q: Annotated[str, Field(max_length=100, description="Beginning of the MRN, or part of the name")] = ""
    after: Annotated[int, Field(ge=0, le=HIGHEST_MRN, description="The `next` of the page before")] = 0
    limit: Annotated[int, Field(ge=1, le=200, description="Patients on a page")] = 50


class PageOfPatient(AtPatient):
    """A page of what a patient has, newest first."""

    before: Annotated[int | None, Field(ge=1, le=HIGHEST_ID, description="The `next` of the page before")] = None
    limit: Annotated[int, Field(ge=1, le=200, description="Items on a page")] = 50


class PageOfAudit(Given):
    """A page of the audit trail, newest first."""

    mrn: Annotated[int | None, Field(ge=1, le=HIGHEST_MRN, description="Of this patient")] = None
    room: Annotated[int | None, Field(ge=1, le=HIGHEST_ROOM, description="Of this room")] = None
    before: Annotated[int | None, Field(ge=1, le=HIGHEST_ID, description="The `next` of the page before")] = None
    limit: Annotated[int, Field(ge=1, le=200, description="Items on a page")] = 50


# ---- what is commanded


class PressureCommand(Given):
    """A pressure to set."""

    pressure_cmh2o: Pressure
    reason: Annotated[
        str | None, Field(max_length=500, description="Needed above the maximum of the patient's age (15 or 20)")
    ] = None


class Admission(Given):
    """A patient for a room."""

    mrn: Mrn
    patient_name: Name | None = None
    date_of_birth: date | None = None
    replaces_mrn: Annotated[
        int | None,
        Field(ge=1, le=HIGHEST_MRN, description="The patient who is discharged from the room by this, if still there"),
    ] = None


class Transfer(Given):
    """Where a patient goes."""

    to_room: RoomNumber


class Discharge(Given):
    """Nothing more needs to be said."""


class Correction(Given):
    """What was wrong, put right; null leaves what is known."""

    mrn: Mrn | None = None
    patient_name: Name | None = None
    date_of_birth: date | None = None


class NewMeasurement(Given):
    """What was measured of a room's patient."""

    pressure_cmh2o: Pressure
    respiratory_rate_per_min: Annotated[float, Field(ge=0, le=MOST_RATE_PER_MIN, description="Breaths/min")]
    apnea_count: Annotated[int | None, Field(ge=0, le=MOST_APNEAS, description="By the breath-gap rule")] = None
    flow_image: Annotated[str | None, Field(description="PNG or JPEG in base64")] = None
    mrn: Annotated[
        int | None, Field(ge=1, le=HIGHEST_MRN, description="Refused where another patient is in the room by now")
    ] = None


class NewMark(Given):
    """A moment to mark: now."""

    kind: Literal["lights_off", "lights_on", "mask_refit", "note"]
    text: Annotated[str, Field(max_length=LONGEST_TEXT, description="A note needs one")] = ""


# ---- what is answered


class RoomSummary(Answer):
    """A room; unknown is null."""

    room: int
    mrn: int | None
    patient_name: str | None
    pressure_cmh2o: Annotated[
        int | None, Field(description="Applied by the device last; before that the newer of commanded and measured")
    ]
    respiratory_rate_per_min: Annotated[float | None, Field(description="null in a breath gap and unless live")]
    state: Literal["live", "stale", "silent", "faulted", "empty"]
    newest_sample_time: Annotated[float | None, Field(description="Receipt of the newest sample, epoch s")]
    breaths: Annotated[int | None, Field(description="Since the stay began")]
    apnea_count: Annotated[int | None, Field(description="Since the stay began, by the breath-gap rule")]
    apnea_count_last_hour: Annotated[int | None, Field(description="Of the last 60 min of recording time")]
    total_apnea_count: Annotated[int | None, Field(description="Over all data of the patient")]
    samples_received: Annotated[int | None, Field(description="Since the stay began")]


class Command(Answer):
    """A commanded pressure and its fate."""

    command_id: str
    room: int
    pressure_cmh2o: int
    previous_cmh2o: int | None
    state: Literal["commanded", "delivered", "applied", "refused", "superseded"]
    by: str
    given_reason: Annotated[str | None, Field(description="Why it was commanded")]
    commanded_at: Epoch
    delivered_at: float | None
    applied_at: float | None
    refused_at: float | None
    reason: Annotated[str | None, Field(description="Why the device refused it")]


class Measurement(Answer):
    """A measurement, with its time of receipt."""

    id: int
    mrn: int
    stay_id: int | None
    pressure_cmh2o: int | None
    respiratory_rate_per_min: float | None
    apnea_count: int | None
    received_at: Epoch
    has_picture: Annotated[bool, Field(description="Then there is `/api/v1/measurements/<id>/flow.png`")]


class Mark(Answer):
    """A moment that somebody marked."""

    mark_id: str
    kind: str
    text: str
    time: Epoch
    by: str


class RoomDetail(RoomSummary):
    """A room and who is in it."""

    stay_id: int | None
    stay_started: float | None
    date_of_birth: date | None
    device: str | None
    max_pressure_cmh2o: Annotated[int | None, Field(description="Above it a command needs a reason")]
    commands: Annotated[list[Command], Field(description="The newest 20, newest first")]
    measurement: Annotated[Measurement | None, Field(description="The patient's newest")]
    marks: Annotated[list[Mark], Field(description="The newest 200, in the order they were made")]


class Patient(Answer):
    """A patient who is or was here."""

    mrn: int
    patient_name: str | None
    date_of_birth: date | None
    room: Annotated[int | None, Field(description="Where the patient is now")]
    first_seen: Epoch


class Patients(Answer):
    """A page of patients."""

    items: list[Patient]
    next: Annotated[int | None, Field(description="`after` of the next page, null on the last")]


class Stay(Answer):
    """A patient's time in a room."""

    id: int
    room: int
    mrn: int | None
    started_at: Epoch
    ended_at: float | None


class Measurements(Answer):
    """A page of measurements, newest first."""

    items: list[Measurement]
    next: Annotated[int | None, Field(description="`before` of the next page, null on the last")]


class AuditEntry(Answer):
    """A change of a patient or a stay; it is never changed itself."""

    id: int
    at: Epoch
    by: str
    action: str
    room: int | None
    mrn: int | None
    stay_id: int | None
    before: str | None
    after: str | None
    reason: str | None


class AuditTrail(Answer):
    """A page of the audit trail, newest first."""

    items: list[AuditEntry]
    next: Annotated[int | None, Field(description="`before` of the next page, null on the last")]


class Site(Answer):
    """The lab."""

    lab_name: str
    time_zone: str


class FieldError(Answer):
    """A field that is wrong."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    where: Annotated[Literal["body", "path", "query", "header"], Field(alias="in")]
    pointer: str
    detail: str


class ProblemDetails(Answer):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: Annotated[str, Field(description="What is wrong this time, with the bound and the remedy")]
    instance: str
    errors: Annotated[list[FieldError], Field(description="Every field that is wrong")] = []
