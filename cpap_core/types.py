"""The values that travel between devices, detector, store and views; measurements are frozen, times are seconds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from math import isnan
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .samples import as_samples
from .tables import NOTHING, Tables

if TYPE_CHECKING:
    import pandas

Samples = NDArray[np.float32]
"""Array of shape (n_samples,); NaN marks a gap."""


class EventKind(StrEnum):
    """What an event is called; `BREATH_GAP` belongs to the breath-gap rule, the others to scoring by flow reduction."""

    BREATH_GAP = "breath_gap"
    APNEA = "apnea"
    OBSTRUCTIVE_APNEA = "obstructive_apnea"
    CENTRAL_APNEA = "central_apnea"
    HYPOPNEA = "hypopnea"
    POSSIBLE_RERA = "possible_rera"


EVENT_KINDS = (
    EventKind.BREATH_GAP,
    EventKind.APNEA,
    EventKind.OBSTRUCTIVE_APNEA,
    EventKind.CENTRAL_APNEA,
    EventKind.HYPOPNEA,
)
"""What the kernels find, in the order of their codes (`kernels/rows.py`)."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive samples of one recording.

    Attributes
    ----------
    first_sample : int
        Index of the first sample, counted from the start of the recording.
    sampling_rate_hz : float
        Samples per second.
    flow_lpm : array of shape (n_samples,), float32
        Airway flow in L/min, positive towards the patient; NaN is a gap.
    airway_pressure_cmh2o : array of shape (n_samples,), float32, or None
        Airway pressure in cmH2O; None where the device has no such channel.
    """

    first_sample: int
    sampling_rate_hz: float
    flow_lpm: Samples
    airway_pressure_cmh2o: Samples | None = None


@dataclass(frozen=True, slots=True)
class Onset:
    """The start of an inspiration, as soon as it is certain; both times in s since the first sample."""

    onset_s: float
    confirmed_at_s: float


@dataclass(frozen=True, slots=True)
class Breath:
    """One complete breath; times in s since the first sample.

    `peak_flow_lpm` is over the baseline, never below 0. `flow_limitation` tells how flat the inspiration is, from 0 (as
    round as a half sine, or rounder) to 1 (flat), None where it is too short or too weak to say; `leak_lpm` is the mean
    flow from onset to onset, None where it was not kept.
    """

    onset_s: float
    peak_s: float
    inspiratory_time_s: float
    expiratory_time_s: float
    tidal_volume_ml: float
    peak_flow_lpm: float
    flow_limitation: float | None = None
    leak_lpm: float | None = None


@dataclass(frozen=True, slots=True)
class OpenEvent:
    """An event in progress; times in s since the first sample."""

    id: int
    kind: EventKind
    onset_s: float
    detected_at_s: float


@dataclass(frozen=True, slots=True)
class RespiratoryEvent:
    """An event that has ended; times in s since the first sample."""

    id: int
    kind: EventKind
    onset_s: float
    detected_at_s: float
    duration_s: float

    @property
    def rule(self) -> str:
        """By which rule it was found, in words: the two are never mixed up."""
        return "breath gap" if self.kind is EventKind.BREATH_GAP else "flow reduction"


class DetectorOutput:
    """What one update made certain. Order and content over all updates do not depend on chunking.

    A detector gives tables; the lists of objects are made of them when they are first asked for, since to make them
    takes longer than to detect.

    Parameters
    ----------
    onsets : list of Onset, optional
        Given, like the other lists, by whoever puts together an output; else made of the tables.
    breaths : list of Breath, optional
        Each once, complete.
    opened : list of OpenEvent, optional
        Events in progress.
    events : list of RespiratoryEvent, optional
        Each once, closed.
    tables : Tables
        The same as columns, where a detector found it; empty where lists were given.
    """

    def __init__(
        self,
        onsets: list[Onset] | None = None,
        breaths: list[Breath] | None = None,
        opened: list[OpenEvent] | None = None,
        events: list[RespiratoryEvent] | None = None,
        *,
        tables: Tables = NOTHING,
    ) -> None:
        self.tables = tables
        if onsets is not None:
            self.onsets = onsets
        if breaths is not None:
            self.breaths = breaths
        if opened is not None:
            self.opened = opened
        if events is not None:
            self.events = events

    @cached_property
    def onsets(self) -> list[Onset]:
        """Onsets, each as soon as it is certain."""
        return [Onset(*row) for row in self.tables.onsets.tolist()]

    @cached_property
    def breaths(self) -> list[Breath]:
        """Complete breaths."""
        return [Breath(*map(_known, row)) for row in self.tables.breaths.tolist()]

    @cached_property
    def opened(self) -> list[OpenEvent]:
        """Events that began."""
        return [OpenEvent(id, EVENT_KINDS[kind], *row) for id, kind, *row in self.tables.opened.tolist()]

    @cached_property
    def events(self) -> list[RespiratoryEvent]:
        """Events that ended."""
        return [RespiratoryEvent(id, EVENT_KINDS[kind], *row) for id, kind, *row in self.tables.events.tolist()]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DetectorOutput) and self._lists() == other._lists()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        onsets, breaths, opened, events = self._lists()
        return f"DetectorOutput({onsets=}, {breaths=}, {opened=}, {events=})"

    def _lists(self) -> tuple[list[Onset], list[Breath], list[OpenEvent], list[RespiratoryEvent]]:
        return self.onsets, self.breaths, self.opened, self.events


def _known(value: float) -> Any:
    return None if isnan(value) else value


@dataclass(frozen=True, slots=True)
class Vitals:
    """A detector's current numbers; None is unknown and shown as `--`.

    `armed` is true from the first breath on (F41). From the opening of a breath gap until the next breath, rate, tidal
    volume and minute ventilation are None. `flow_is_inverted` says that the last minutes look as if flow had the wrong
    sign: nothing is turned round for that.
    """

    armed: bool
    seconds_since_breath: float | None
    breath_gap_open: bool
    respiratory_rate_per_min: float | None
    tidal_volume_ml: float | None
    minute_ventilation_lpm: float | None
    leak_lpm: float | None
    airway_pressure_cmh2o: float | None
    flow_is_inverted: bool = False


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row of a text recording that could not be used; the header is line 1 (F36)."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording on a uniform time grid.

    Attributes
    ----------
    flow_lpm, airway_pressure_cmh2o : array of shape (n_samples,), float32
        NaN is a gap; the pressure is None where there is no such channel.
    sampling_rate_hz : float
        Samples per second.
    start_time : float
        The recording's own clock at sample 0, in s: epoch seconds where the file knows its date, else the file's clock.
    duration_s : float
        Last minus first time of the file, in s.
    leakage_l : float
        Trapezoidal integral of flow over the valid rows, in L (F37).
    rejected_rows : tuple of RejectedRow
        What was skipped, by line.
    name : str
        The file's or folder's name.
    has_date : bool
        Whether `start_time` is epoch seconds.
    """

    flow_lpm: Samples
    airway_pressure_cmh2o: Samples | None
    sampling_rate_hz: float
    start_time: float
    duration_s: float
    leakage_l: float
    rejected_rows: tuple[RejectedRow, ...] = ()
    name: str = ""
    has_date: bool = False

    def __post_init__(self) -> None:
        """Take arrays of any form; what is masked in them is missing."""
        object.__setattr__(self, "flow_lpm", as_samples(self.flow_lpm))
        if self.airway_pressure_cmh2o is not None:
            object.__setattr__(self, "airway_pressure_cmh2o", as_samples(self.airway_pressure_cmh2o))

    def to_dataframe(self, time_zone: str = "UTC") -> pandas.DataFrame:
        """One sample in a row, in L/min and cmH2O; needs pandas.

        Parameters
        ----------
        time_zone : str
            IANA name of the zone of the index, where the recording knows its date; else the index is its clock in s.
        """
        from cpap_core.frames import samples_frame

        return samples_frame(self, time_zone)
