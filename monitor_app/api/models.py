"""What programs ask for and command, as pydantic models: each request is checked and described by them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, StringConstraints, WithJsonSchema

from cpap_core import rules
from monitor_app.ward import CommandRefused, Whose
from monitor_app.ward.commands import check_pressure
from monitor_app.ward.stays import HIGHEST_MRN, LONGEST_TEXT

from .compatible_input import MOST_APNEAS, MOST_RATE_PER_MIN

HIGHEST_ROOM = (1 << 31) - 1
HIGHEST_ID = (1 << 53) - 1
MOST_SAMPLES = 1 << 18
MOST_CSV_SAMPLES = 1 << 15
"""Text costs 40 times what the same numbers cost in binary."""
MOST_BREATHS = 10_000


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
Id = Annotated[int, Field(ge=1, le=HIGHEST_ID)]


class Given(BaseModel):
    """What a request says: nothing unknown, and no number as a text."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


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


class AtRecording(Given):
    """A recording."""

    id: Id


class FindRecordings(Given):
    """Recordings, newest first."""

    mrn: Annotated[int | None, Field(ge=1, le=HIGHEST_MRN, description="Of this patient")] = None
    room: Annotated[int | None, Field(ge=1, le=HIGHEST_ROOM, description="Of this room")] = None
    before: Annotated[int | None, Field(ge=1, le=HIGHEST_ID, description="With a smaller id")] = None
    limit: Annotated[int, Field(ge=1, le=500, description="At most so many")] = 500


class PartOfSamples(AtRecording):
    """Samples from one on."""

    first: Annotated[int, Field(ge=0, le=HIGHEST_ID, description="Index of the first")] = 0
    n: Annotated[
        int | None, Field(ge=0, le=MOST_SAMPLES, description=f"How many; at most {MOST_CSV_SAMPLES} as csv")
    ] = None
    format: Literal["binary", "csv"] = "binary"


class PartOfBreaths(AtRecording):
    """Breaths from one on."""

    first: Annotated[int, Field(ge=0, le=HIGHEST_ID, description="How many to pass over")] = 0
    n: Annotated[int, Field(ge=0, le=MOST_BREATHS, description="How many")] = MOST_BREATHS


# ---- what is commanded


class ForPatient(Given):
    """An order for a room's patient; without an MRN it is for whoever is there when it is carried out."""

    mrn: Annotated[
        int | None, Field(ge=1, le=HIGHEST_MRN, description="Refused where another patient is in the room by now")
    ] = None

    @property
    def whose(self) -> Whose:
        """The patient it is meant for."""
        return "anybody" if self.mrn is None else self.mrn


class PressureCommand(ForPatient):
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


class Transfer(ForPatient):
    """Where a patient goes."""

    to_room: RoomNumber


class Discharge(ForPatient):
    """Nothing more needs to be said."""


class Correction(Given):
    """What was wrong, put right; null leaves what is known."""

    mrn: Mrn | None = None
    patient_name: Name | None = None
    date_of_birth: date | None = None


class NewMeasurement(ForPatient):
    """What was measured of a room's patient."""

    pressure_cmh2o: Pressure
    respiratory_rate_per_min: Annotated[float, Field(ge=0, le=MOST_RATE_PER_MIN, description="Breaths/min")]
    apnea_count: Annotated[int | None, Field(ge=0, le=MOST_APNEAS, description="By the breath-gap rule")] = None
    flow_image: Annotated[str | None, Field(description="PNG or JPEG in base64")] = None


class NewMark(ForPatient):
    """A moment to mark: now."""

    kind: Literal["lights_off", "lights_on", "mask_refit", "note"]
    text: Annotated[str, Field(max_length=LONGEST_TEXT, description="A note needs one")] = ""
