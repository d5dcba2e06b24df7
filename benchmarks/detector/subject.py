"""The detector that is judged, as the bench asks it: one setting everywhere, and only the public API."""

from __future__ import annotations

import inspect
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cpap_core import EventKind, Recording, RespirationDetector, analyze

Values = NDArray[np.float64]

SCORES_EVENTS = "preset" in inspect.signature(analyze).parameters
"""Whether this version scores events by flow reduction; before, its breath gaps are judged in their place."""

SCORED_BY = "scored by flow reduction, preset `device`" if SCORES_EVENTS else "breath gaps: no events are scored yet"

APNEAS = frozenset({EventKind.APNEA, EventKind.OBSTRUCTIVE_APNEA, EventKind.CENTRAL_APNEA})


@dataclass(frozen=True, slots=True)
class FoundApnea:
    """A detection; times in s since the first sample."""

    kind: EventKind
    onset_s: float
    duration_s: float
    detected_at_s: float

    @property
    def interval(self) -> tuple[float, float]:
        """Onset and end, in s."""
        return self.onset_s, self.onset_s + self.duration_s


@dataclass(frozen=True, slots=True)
class Found:
    """What was found in a recording; arrays of shape (n_breaths,), times in s since the first sample.

    Attributes
    ----------
    onsets_s, confirmed_s, peaks_s : array
        Each breath's onset, when it was certain, and its inspiratory peak.
    volumes_ml : array
        Tidal volumes.
    gaps, apneas : tuple of FoundApnea
        By the breath-gap rule; by flow reduction, or the same again where no events are scored (`SCORES_EVENTS`).
    """

    onsets_s: Values
    confirmed_s: Values
    peaks_s: Values
    volumes_ml: Values
    gaps: tuple[FoundApnea, ...]
    apneas: tuple[FoundApnea, ...]


def find(recording: Recording) -> Found:
    """Run the product's detector over a recording."""
    detector = RespirationDetector(recording.sampling_rate_hz)
    output, rest = detector.update(recording.flow_lpm, recording.airway_pressure_cmh2o), detector.flush()
    onsets, breaths = output.onsets + rest.onsets, output.breaths + rest.breaths
    found = [FoundApnea(e.kind, e.onset_s, e.duration_s, e.detected_at_s) for e in output.events + rest.events]
    gaps = tuple(event for event in found if event.kind is EventKind.BREATH_GAP)
    scored = tuple(event for event in found if event.kind in APNEAS)
    return Found(
        onsets_s=np.array([onset.onset_s for onset in onsets]),
        confirmed_s=np.array([onset.confirmed_at_s for onset in onsets]),
        peaks_s=np.array([breath.peak_s for breath in breaths]),
        volumes_ml=np.array([breath.tidal_volume_ml for breath in breaths]),
        gaps=gaps,
        apneas=scored if SCORES_EVENTS else gaps,
    )
