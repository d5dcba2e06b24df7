"""Analysis of a whole recording, through the very same detector that watches the live rooms (F37)."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cpap_core.detector import RespirationDetector
from cpap_core.rules import Rules, preset_rules
from cpap_core.scoring import INVERTED, LeakWatch, Scoring, Span
from cpap_core.types import Breath, DetectorOutput, EventKind, Recording, RespiratoryEvent

if TYPE_CHECKING:
    import pandas

LISTED_GAP_S = 1.0
"""Shorter stretches without signal count in `unusable_s` but are not listed; single rows are listed by line."""

CHUNK_SAMPLES = 1 << 20
"""Bounds the detector's working memory for recordings of any length."""

NO_BREATH = "no breath found"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Analysis:
    """What a recording holds.

    Attributes
    ----------
    recording : Recording
        What was analysed, with its duration, leakage and rejected rows.
    breaths : tuple of Breath
        Every breath; times in s since the first sample.
    apneas : tuple of RespiratoryEvent
        By the breath-gap rule; times in s since the first sample, each from one inspiratory peak to the next.
    gaps : tuple of Span
        Stretches without signal of a second or longer.
    unusable_s : float
        All time without signal, in s.
    scoring : Scoring
        Scored apneas and hypopneas by flow reduction, AHI, large leak, and whether flow looks inverted.
    """

    recording: Recording
    breaths: tuple[Breath, ...]
    apneas: tuple[RespiratoryEvent, ...]
    gaps: tuple[Span, ...]
    unusable_s: float
    scoring: Scoring

    @property
    def events(self) -> tuple[RespiratoryEvent, ...]:
        """Scored apneas and hypopneas, by flow reduction; breath gaps are `apneas`."""
        return self.scoring.events

    @property
    def breath_times(self) -> list[float]:
        """The inspiratory peaks in s, on the recording's own clock."""
        return [self._on_clock(breath.peak_s) for breath in self.breaths]

    @property
    def breath_rate_bpm(self) -> float:
        """Breaths over the duration, in 1/min; 0 where there is no breath."""
        return len(self.breaths) / self.recording.duration_s * 60 if self.recording.duration_s > 0 else 0.0

    @property
    def message(self) -> str | None:
        """What the reader should know before the numbers; None when there is nothing."""
        if not self.breaths:
            return NO_BREATH
        return INVERTED if self.scoring.inverted_s > 0.5 * self.scoring.usable_s else None

    def as_dict(self) -> dict[str, Any]:
        """F37's result for strict JSON: times in s on the recording's own clock, leakage in L, unknown is None."""
        recording = self.recording
        return {
            "name": recording.name,
            "start_time": _plain(recording.start_time),
            "start_time_is_epoch": recording.has_date,
            "sampling_rate_hz": _plain(recording.sampling_rate_hz),
            "samples": len(recording.flow_lpm),
            "duration": _plain(recording.duration_s),
            "breaths": len(self.breaths),
            "breath_rate_bpm": _plain(self.breath_rate_bpm),
            "breath_times": self.breath_times,
            "apnea_count": len(self.apneas),
            "apneas": [
                {"onset": self._on_clock(apnea.onset_s), "duration": _plain(apnea.duration_s)} for apnea in self.apneas
            ],
            "scoring": self.scoring.as_dict(self._on_clock),
            "leakage": _plain(recording.leakage_l),
            "message": self.message,
            "unusable_s": _plain(self.unusable_s),
            "gaps": [{"onset": self._on_clock(gap.onset_s), "duration": _plain(gap.duration_s)} for gap in self.gaps],
            "rejected_rows": [{"line": row.line, "reason": row.reason} for row in recording.rejected_rows],
        }

    def breaths_to_dataframe(self, time_zone: str = "UTC") -> pandas.DataFrame:
        """One breath in a row, by its onset; needs pandas."""
        from cpap_core.frames import found_frame

        return found_frame(self.recording, self.breaths, time_zone)

    def events_to_dataframe(self, time_zone: str = "UTC") -> pandas.DataFrame:
        """One scored event in a row, by its onset; needs pandas."""
        from cpap_core.frames import found_frame

        return found_frame(self.recording, self.events, time_zone)

    def apneas_to_dataframe(self, time_zone: str = "UTC") -> pandas.DataFrame:
        """One apnea in a row, by its onset; needs pandas."""
        from cpap_core.frames import found_frame

        return found_frame(self.recording, self.apneas, time_zone)

    def _on_clock(self, seconds: float) -> float:
        """A time since the first sample on the recording's own clock, to the microsecond."""
        return round(self.recording.start_time + seconds, 6)


def analyze(recording: Recording, *, preset: str = "device", rules: Rules | None = None) -> Analysis:
    """Find the breaths and the apneas of a whole recording.

    Parameters
    ----------
    recording : Recording
        As `read_recording` returns it.
    preset : str
        By which rule events are scored: `device`, the one the product is judged by, or `aasm`.
    rules : Rules, optional
        Thresholds of one's own in place of a preset's.

    Returns
    -------
    Analysis
        Equal to what the live path finds in the same samples, in whatever chunks they came.
    """
    breaths: list[Breath] = []
    apneas: list[RespiratoryEvent] = []
    scored: list[RespiratoryEvent] = []
    leak = LeakWatch()
    detector = RespirationDetector(recording.sampling_rate_hz, rules=preset_rules(preset) if rules is None else rules)
    for output in _outputs(recording, detector):
        breaths.extend(output.breaths)
        leak.take(output.breaths)
        for event in output.events:
            (apneas if event.kind is EventKind.BREATH_GAP else scored).append(event)
    if recording.leakage_l < 0:
        logger.warning("%s: leakage is negative: %.4f L", recording.name, recording.leakage_l)
    if not breaths:
        logger.warning("%s: %s", recording.name, NO_BREATH)
    gaps = _gaps(recording)
    return Analysis(
        recording=recording,
        breaths=tuple(breaths),
        apneas=tuple(apneas),
        gaps=tuple(gap for gap in gaps if gap.duration_s >= LISTED_GAP_S),
        unusable_s=sum(gap.duration_s for gap in gaps),
        scoring=Scoring(
            preset=preset if rules is None else "custom",
            events=tuple(sorted(scored, key=lambda event: event.onset_s)),
            large_leaks=leak.finish(),
            usable_s=np.count_nonzero(~np.isnan(recording.flow_lpm)) / recording.sampling_rate_hz,
            inverted_s=detector.inverted_s,
        ),
    )


def _outputs(recording: Recording, detector: RespirationDetector) -> Iterator[DetectorOutput]:
    flow, pressure = recording.flow_lpm, recording.airway_pressure_cmh2o
    for first in range(0, len(flow), CHUNK_SAMPLES):
        chunk = slice(first, first + CHUNK_SAMPLES)
        yield detector.update(flow[chunk], None if pressure is None else pressure[chunk])
    yield detector.flush()


def _gaps(recording: Recording) -> list[Span]:
    """All stretches of NaN in the flow."""
    missing = np.concatenate(([False], np.isnan(recording.flow_lpm), [False]))
    edges = np.flatnonzero(missing[1:] != missing[:-1])
    rate_hz = recording.sampling_rate_hz
    return [
        Span(first / rate_hz, (end - first) / rate_hz)
        for first, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    ]


def _plain(value: float) -> float | None:
    """A number as JSON may hold it: to the microsecond or microlitre, None where it is not finite."""
    return round(float(value), 6) if math.isfinite(value) else None
