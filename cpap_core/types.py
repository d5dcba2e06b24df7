"""The values that travel between devices, detector, store and views; measurements are frozen, times are seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

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

    `flow_limitation` tells how flat the inspiration is, from 0 (as round as a half sine, or rounder) to 1 (flat), None
    where it is too short or too weak to say; `leak_lpm` is the mean flow from onset to onset, None where it was not
    kept.
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


@dataclass(frozen=True, slots=True)
class DetectorOutput:
    """What one update made certain. Order and content over all updates do not depend on chunking."""

    onsets: list[Onset] = field(default_factory=list)
    breaths: list[Breath] = field(default_factory=list)
    opened: list[OpenEvent] = field(default_factory=list)
    events: list[RespiratoryEvent] = field(default_factory=list)


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

    def to_dataframe(self, time_zone: str = "UTC") -> pandas.DataFrame:
        """One sample in a row, in L/min and cmH2O; needs pandas.

        Parameters
        ----------
        time_zone : str
            IANA name of the zone of the index, where the recording knows its date; else the index is its clock in s.
        """
        from cpap_core.frames import samples_frame

        return samples_frame(self, time_zone)
