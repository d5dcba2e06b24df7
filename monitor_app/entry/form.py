"""What a technician types about a patient: read, checked, and applied only when all of it is right (F1 to F7)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import param

from cpap_core import rules

HIGHEST_MRN = (1 << 53) - 1
HIGHEST_ROOM = (1 << 31) - 1
LONGEST_NAME = 200
EARLIEST_BIRTH = date(1880, 1, 1)
MISSING_MRN = "Missing Patient Medical Record Number"
MISSING_ROOM = "Missing Room Number"
LOCKED = "MRN and room are locked after the first send: reset the form for another patient"
LOCKED_FIELDS = ("mrn", "room")
_INTEGER = re.compile(r"[+-]?[0-9]{1,30}")


class FieldError(ValueError):
    """A field's text cannot be taken; the message is what stands beside the field."""


class EntryForm(param.Parameterized):
    """One patient's data as one form holds it."""

    patient_name = param.String(default="", doc="Empty leaves the name that is known.")
    mrn = param.Integer(default=None, allow_None=True, bounds=(1, HIGHEST_MRN), doc="Medical record number.")
    room = param.Integer(default=None, allow_None=True, bounds=(1, HIGHEST_ROOM), doc="The room's number.")
    pressure_cmh2o = param.Integer(
        default=None,
        allow_None=True,
        bounds=(rules.MIN_CPAP_CMH2O, rules.MAX_COMMAND_CMH2O),
        doc="CPAP pressure in cmH2O; None is not given.",
    )
    date_of_birth = param.CalendarDate(
        default=None, allow_None=True, doc="None is unknown, which counts as 12 years and over."
    )
    result = param.Dict(default=None, allow_None=True, doc="What the analysis found in the recording.")
    locked = param.Boolean(default=False, doc="Whether MRN and room are fixed, after the first send.")

    def __init__(self, **params: Any) -> None:
        super().__init__(**params)  # type: ignore[no-untyped-call]
        self.generation = 0

    def read(self, texts: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        """Read what was typed.

        Parameters
        ----------
        texts : mapping
            The text of each field by its name; a field that is not there keeps its value.

        Returns
        -------
        values, errors : dict
            By field: the value of each that is right, and what is wrong with each other.
        """
        values: dict[str, Any] = {}
        errors: dict[str, str] = {}
        for field, read in READERS.items():
            if field in texts:
                try:
                    values[field] = read(str(texts[field] if texts[field] is not None else "").strip())
                except FieldError as error:
                    errors[field] = str(error)
        if self.locked and any(
            values.get(field, getattr(self, field)) != getattr(self, field) for field in LOCKED_FIELDS
        ):
            errors["mrn"] = LOCKED
        return values, errors

    def apply(self, texts: Mapping[str, Any]) -> dict[str, str]:
        """Take what was typed if all of it is right, else none of it; gives the errors by field."""
        values, errors = self.read(texts)
        if not errors:
            self.param.update(**values)
        return errors

    @property
    def missing(self) -> dict[str, str]:
        """What sending still needs, the MRN first (F3)."""
        if self.mrn is None:
            return {"mrn": MISSING_MRN}
        return {"room": MISSING_ROOM} if self.room is None else {}

    @property
    def measurement(self) -> dict[str, Any] | None:
        """What would be sent as a measurement: pressure and calculated data, when both are there (F4)."""
        if self.pressure_cmh2o is None or self.result is None or self.result["breath_rate_bpm"] is None:
            return None
        return {
            "pressure_cmh2o": self.pressure_cmh2o,
            "respiratory_rate_per_min": self.result["breath_rate_bpm"],
            "apnea_count": self.result["apnea_count"],
        }

    def reset(self) -> None:
        """Forget the patient; whatever was begun before belongs to another generation (F11)."""
        self.generation += 1
        self.param.update(**{name: self.param[name].default for name in (*READERS, "result", "locked")})


def whole_number(text: str) -> int | None:
    """An integer as people type it, `007` being 7; None where the text is none."""
    return int(text) if _INTEGER.fullmatch(text) else None


def read_pressure(text: str) -> int | None:
    """A pressure in cmH2O, None where it was left blank (F2)."""
    if not text:
        return None
    value = whole_number(text)
    if value is None:
        raise FieldError("CPAP pressure is not an integer")
    if not rules.MIN_CPAP_CMH2O <= value <= rules.MAX_COMMAND_CMH2O:
        raise FieldError("CPAP Pressure is not between 4 and 25")
    return value


def _positive(name: str, highest: int) -> Callable[[str], int | None]:
    def read(text: str) -> int | None:
        if not text:
            return None
        value = whole_number(text)
        if value is None or value < 1:
            raise FieldError(f"{name} is not a positive whole number")
        if value > highest:
            raise FieldError(f"{name} is above {highest}")
        return value

    return read


def _read_name(text: str) -> str:
    if len(text) > LONGEST_NAME:
        raise FieldError(f"The name has {len(text)} characters, at most {LONGEST_NAME} are kept")
    return "".join(character if character.isprintable() else " " for character in text)


def _read_birth(text: str) -> date | None:
    if not text:
        return None
    try:
        born = date.fromisoformat(text)
    except ValueError:
        raise FieldError("Date of birth is not a date: year, month and day") from None
    if not EARLIEST_BIRTH <= born <= date.today():
        raise FieldError(f"Date of birth is not between {EARLIEST_BIRTH.year} and today")
    return born


READERS: dict[str, Callable[[str], Any]] = {
    "patient_name": _read_name,
    "mrn": _positive("Medical record number", HIGHEST_MRN),
    "room": _positive("Room number", HIGHEST_ROOM),
    "pressure_cmh2o": read_pressure,
    "date_of_birth": _read_birth,
}
"""Reads each field's text, in the order of the form."""
