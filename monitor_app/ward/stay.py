"""A patient's time in a room."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal, NamedTuple

from cpap_core import rules
from store import MarkKind, MarkRow, MeasurementRow

from .commands import CommandLog
from .errors import StayRefused
from .trace import Trace

MOST_TRACES = 12
"""So many recordings of a stay stay in memory, each 100 kB; a device that was switched off begins another one."""

RESTED_S = 3600.0
"""One that was heard within the last hour stays, too: its apneas are of the last hour."""


class Counts(NamedTuple):
    """What recordings add to their stay's numbers."""

    breaths: int = 0
    apneas: int = 0
    samples: int = 0

    def plus(self, other: Counts, sign: int = 1) -> Counts:
        """The sum, or with -1 the difference."""
        return Counts(*(mine + sign * theirs for mine, theirs in zip(self, other, strict=True)))


Whose = int | None | Literal["anybody"]
"""The patient whom an order is meant for; None is one whom nobody has identified yet."""

MARKS_KEPT = 200
MARK_NAMES = {MarkKind.LIGHTS_OFF: "Lights off", MarkKind.LIGHTS_ON: "Lights on", MarkKind.MASK_REFIT: "Mask refit"}


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment that somebody marked (F51); `time` is on the recording's clock where there was one, in epoch s."""

    mark_id: str
    kind: str
    text: str
    time: float
    by: str
    recording_id: int | None
    onset_s: float | None

    @classmethod
    def of(cls, row: MarkRow, start_time: float | None) -> Mark:
        """What the disk has of it."""
        known = start_time is not None and row.onset_s is not None
        time = start_time + row.onset_s if known else row.made_at  # type: ignore[operator]
        text = " ".join(part for part in (MARK_NAMES.get(row.kind, ""), row.text) if part)
        return cls(row.mark_id, row.kind.value, text, round(time, 1), row.made_by, row.recording_id, row.onset_s)

    def as_dict(self) -> dict[str, Any]:
        """Plain data for pages and the API."""
        return {"mark_id": self.mark_id, "kind": self.kind, "text": self.text, "time": self.time, "by": self.by}


class Stay:
    """A patient's time in a room; without an MRN the patient is unidentified.

    Attributes
    ----------
    traces : dict
        The newest recordings by their stream_id.
    measured : MeasurementRow or None
        The patient's newest measurement, of whatever stay.
    marks : deque of Mark
        The newest marks, in the order they were made.
    past : Counts
        What the recordings before those add: they are on disk, and no longer in memory.
    """

    def __init__(self, stay_id: int, started_at: float, mrn: int | None, patient_name: str | None) -> None:
        self.stay_id = stay_id
        self.started_at = started_at
        self.mrn = mrn
        self.patient_name = patient_name
        self.date_of_birth: date | None = None
        self.measured: MeasurementRow | None = None
        self.marks: deque[Mark] = deque(maxlen=MARKS_KEPT)
        self.marked = 0
        self.traces: dict[str, Trace] = {}
        self.past = Counts()
        self.earlier_apneas = 0
        self.commands = CommandLog()

    def check_is_of(self, whose: Whose, room: int) -> None:
        """See to it that an order for the patient before, who may have left while it waited, reaches nobody else.

        Raises
        ------
        StayRefused
            The stay is another patient's.
        """
        if whose not in ("anybody", self.mrn):
            raise StayRefused(f"Room {room} has another patient by now: look again before you do this")

    @property
    def pressure_cmh2o(self) -> int | None:
        """The patient's latest pressure: what the device applied, else the newer of what was commanded and measured."""
        commanded, measured = self.commands.in_force, self.measured
        if measured is None or measured.pressure_cmh2o is None:
            return None if commanded is None else commanded.pressure_cmh2o
        if commanded is None or (commanded.applied_at is None and commanded.commanded_at < measured.received_at):
            return measured.pressure_cmh2o
        return commanded.pressure_cmh2o

    def max_cpap_cmh2o(self, now: float) -> int:
        """The highest pressure for the patient's age; unknown counts as 12 years and over (F1)."""
        born = self.date_of_birth
        if born is None:
            return rules.MAX_CPAP_ADULT_CMH2O
        today = datetime.fromtimestamp(now, UTC).date()
        age = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
        return rules.MAX_CPAP_CHILD_CMH2O if age < rules.ADULT_FROM_YEARS else rules.MAX_CPAP_ADULT_CMH2O

    def note_measurement(self, row: MeasurementRow) -> None:
        """A measurement of this patient came to the disk."""
        self.measured = row
        self.earlier_apneas += row.apnea_count or 0

    def note_mark(self, mark: Mark) -> None:
        """A mark came to the disk; one that is known already changes nothing."""
        if all(known.mark_id != mark.mark_id for known in self.marks):
            self.marks.append(mark)
            self.marked += 1

    def superfluous(self, in_use: Collection[Trace | None], now: float) -> list[Trace]:
        """Recordings that rest and are on disk, the oldest first, as far as there are too many.

        One without a sample rests at once: a device may introduce itself anew each second, and never send any.
        """
        resting = [
            trace
            for trace in self.traces.values()
            if trace not in in_use
            and trace.link is None
            and trace.stored_next == trace.detected_next
            and (trace.last_received_at or 0.0) < now - RESTED_S
        ]
        resting.sort(key=lambda trace: trace.last_received_at or 0.0)
        return resting[: max(0, len(self.traces) - MOST_TRACES)]

    def forget(self, trace: Trace) -> None:
        """Keep only the counts of a recording that has been finished."""
        del self.traces[trace.spec.stream_id]
        self.past = self.past.plus(Counts(trace.breaths, trace.apnea_count, trace.received))
