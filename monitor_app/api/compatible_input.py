"""What existing clients send to `/add_patient` (F28, F34): checked in full before anything is done, in exact words."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any

from cpap_core import rules
from monitor_app.ward import AdmissionRefused
from monitor_app.ward.stays import check_person

from .pictures import NoPictureError, decode

KEYS = ("patient_mrn", "room_number", "patient_name", "CPAP_pressure", "breath_rate", "apnea_count", "flow_image")
WHOLE = ("patient_mrn", "room_number", "CPAP_pressure", "apnea_count")
TEXT = ("patient_name", "flow_image")
REQUIRED = ("patient_mrn", "room_number")
ABSENT = ("", "Not measured")

NUMERAL = re.compile(r"[+-]?[0-9]{1,30}", re.ASCII)
DECIMAL = re.compile(r"[+-]?(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})(?:e[+-]?[0-9]{1,4})?", re.ASCII | re.I)
BEYOND = 10**30
"""Stands for whole numbers of more digits: none of them is within any bound, and converting them takes long."""

NO_DICTIONARY = "Input is not a dictionary"
TOO_MANY_PARTS = "Input has more parts than a patient's seven values"
PLAIN_BYTES = 8 << 10
MOST_PARTS = 1000
MOST_RATE_PER_MIN = 1000.0
MOST_APNEAS = 1_000_000


class InputRefused(ValueError):  # noqa: N818
    """What was sent is not taken; the message is the answer."""


@dataclass(frozen=True, slots=True)
class PatientUpdate:
    """What a client says of a room's patient; None is what it leaves open."""

    mrn: int
    room: int
    name: str | None
    pressure_cmh2o: int | None
    respiratory_rate_per_min: float | None
    apnea_count: int | None
    flow_image: bytes | None

    @property
    def is_measured(self) -> bool:
        """Whether there is a measurement to add."""
        return self.pressure_cmh2o is not None and self.respiratory_rate_per_min is not None


def read_update(body: bytes | bytearray) -> PatientUpdate:
    """Take a body apart. Slow where it holds a picture: for a thread.

    Raises
    ------
    InputRefused
        With the first thing that is wrong, in the order of the keys.
    """
    return check_update(parse(body))


def parse(body: bytes | bytearray) -> Any:
    """The JSON of a body; what is none is None.

    Raises
    ------
    InputRefused
        A large body has so many parts that taking it apart would hold everything else up.
    """
    if len(body) > PLAIN_BYTES and sum(map(body.count, (b",", b"[", b"{"))) > MOST_PARTS:
        is_dictionary = body.lstrip()[:1] == b"{"
        raise InputRefused(TOO_MANY_PARTS if is_dictionary else NO_DICTIONARY)
    try:
        return json.loads(body, parse_int=_whole)
    except (ValueError, RecursionError):
        return None


def check_update(given: Any) -> PatientUpdate:
    """Check the seven keys one by one, then their values.

    Raises
    ------
    InputRefused
        With the first thing that is wrong.
    """
    if not isinstance(given, dict):
        raise InputRefused(NO_DICTIONARY)
    values: dict[str, Any] = {}
    for key in KEYS:
        if key not in given:
            raise InputRefused(f"Key {key} is missing from input")
        value = given[key]
        if key not in REQUIRED and isinstance(value, str) and value.strip() in ABSENT:
            values[key] = None
        elif key in TEXT:
            values[key] = _text(key, value)
        else:
            values[key] = whole(value) if key in WHOLE else decimal(value)
            if values[key] is None:
                raise InputRefused(f"Key {key} is not an int or numeric string")
    return _within_bounds(values)


def whole(value: Any) -> int | None:
    """A whole number, or a text that is one; else None. True is no number."""
    if isinstance(value, str):
        stripped = value.strip()
        return int(stripped) if NUMERAL.fullmatch(stripped) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def decimal(value: Any) -> float | None:
    """A number, or a text that is one; else None. NaN and infinity are let pass, to be refused by their value."""
    if isinstance(value, str):
        stripped = value.strip()
        is_number = DECIMAL.fullmatch(stripped) or stripped.lower().lstrip("+-") in ("nan", "inf", "infinity")
        return float(stripped) if is_number else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise InputRefused(f"Key {key} has the incorrect value type")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InputRefused(f"Key {key} has half a character, which is no text") from None
    return value


def _within_bounds(values: dict[str, Any]) -> PatientUpdate:
    update = PatientUpdate(
        values["patient_mrn"],
        values["room_number"],
        values["patient_name"],
        values["CPAP_pressure"],
        values["breath_rate"],
        values["apnea_count"],
        None,
    )
    try:
        check_person(update.room, update.mrn, update.name)
    except AdmissionRefused as error:
        raise InputRefused(str(error)) from None
    pressure, rate, apneas = update.pressure_cmh2o, update.respiratory_rate_per_min, update.apnea_count
    if pressure is not None and not rules.MIN_CPAP_CMH2O <= pressure <= rules.MAX_COMMAND_CMH2O:
        raise InputRefused("CPAP Pressure is not between 4 and 25")
    if rate is not None and not (math.isfinite(rate) and 0 <= rate <= MOST_RATE_PER_MIN):
        raise InputRefused(f"Key breath_rate is {rate:g}; it must lie between 0 and {MOST_RATE_PER_MIN:g} breaths/min")
    if apneas is not None and not 0 <= apneas <= MOST_APNEAS:
        raise InputRefused(f"Key apnea_count is {apneas}; it must lie between 0 and {MOST_APNEAS}")
    if values["flow_image"] is None:
        return update
    try:
        picture = decode(values["flow_image"])
    except NoPictureError as error:
        raise InputRefused(f"Key flow_image is no PNG or JPEG in base64: {error}") from None
    return PatientUpdate(update.mrn, update.room, update.name, pressure, rate, apneas, picture)


def _whole(digits: str) -> int:
    if len(digits) <= 30:
        return int(digits)
    return -BEYOND if digits.startswith("-") else BEYOND
