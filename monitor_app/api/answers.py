"""What programs get, as pydantic models: each answer is checked and described by them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Epoch = Annotated[float, Field(description="Time in epoch s")]


class Answer(BaseModel):
    """What is answered."""

    model_config = ConfigDict(from_attributes=True, extra="forbid")


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


class Recording(Answer):
    """One stream of one device, in one stay."""

    id: int
    stream_id: str
    stay_id: int
    room: int | None
    mrn: int | None
    device: str
    sampling_rate_hz: float
    start_time: Annotated[float, Field(description="Epoch s of sample 0")]
    first_sample: Annotated[
        int, Field(description="Where it begins; above 0 where the stream began in an earlier stay")
    ]
    samples: Annotated[int, Field(description="Index after the last one")]
    kept_from: Annotated[int, Field(description="Index after the last sample that went by its age")]
    ended_at: float | None


class Breath(Answer):
    """A breath; times in s since sample 0."""

    onset_s: float
    peak_s: float
    inspiratory_time_s: float
    expiratory_time_s: float
    tidal_volume_ml: float
    peak_flow_lpm: float


class Event(Answer):
    """A respiratory event; times in s since sample 0."""

    id: int
    kind: str
    onset_s: float
    detected_at_s: float
    duration_s: float | None


class RecordingMark(Mark):
    """A moment that somebody marked, with its time in the recording."""

    onset_s: float | None


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
