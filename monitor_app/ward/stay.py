"""A patient's time in a room."""

from __future__ import annotations

from .commands import CommandLog
from .trace import Trace


class Stay:
    """A patient's time in a room; without an MRN the patient is unidentified."""

    def __init__(self, stay_id: int, started_at: float, mrn: int | None, patient_name: str | None) -> None:
        self.stay_id = stay_id
        self.started_at = started_at
        self.mrn = mrn
        self.patient_name = patient_name
        self.traces: dict[str, Trace] = {}
        self.earlier_apneas = 0
        self.commands = CommandLog()
