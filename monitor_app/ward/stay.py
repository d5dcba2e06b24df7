"""A patient's time in a room."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from .commands import CommandLog
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


class Stay:
    """A patient's time in a room; without an MRN the patient is unidentified.

    Attributes
    ----------
    traces : dict
        The newest recordings by their stream_id.
    past : Counts
        What the recordings before those add: they are on disk, and no longer in memory.
    """

    def __init__(self, stay_id: int, started_at: float, mrn: int | None, patient_name: str | None) -> None:
        self.stay_id = stay_id
        self.started_at = started_at
        self.mrn = mrn
        self.patient_name = patient_name
        self.traces: dict[str, Trace] = {}
        self.past = Counts()
        self.earlier_apneas = 0
        self.commands = CommandLog()

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
