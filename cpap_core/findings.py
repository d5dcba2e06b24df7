"""What the kernels' rows of one room say, and the room's current numbers."""

from __future__ import annotations

from math import isfinite
from typing import Any

import numpy as np

from . import kernels
from .apneas import BreathGapLog
from .breaths import BreathLog
from .indices import minute_ventilation_lpm
from .scored import ScoredEventLog
from .types import DetectorOutput, Vitals


class Findings:
    """Breaths, breath gaps and scored events of one room.

    Attributes
    ----------
    breaths, gaps, scored
        The logs of each.
    """

    def __init__(self, sampling_rate_hz: float) -> None:
        self.breaths = BreathLog(sampling_rate_hz)
        self.gaps = BreathGapLog(sampling_rate_hz)
        self.scored = ScoredEventLog(sampling_rate_hz)
        self._rate = sampling_rate_hz

    def collect(self, rows: np.ndarray[Any, np.dtype[np.float64]], output: DetectorOutput) -> None:
        """Add what rows of shape (n_rows, COLUMNS) say to an output."""
        for row in rows.tolist():
            kind = row[0]
            if kind == kernels.ONSET:
                output.onsets.append(self.breaths.take_onset(row))
            elif kind == kernels.BREATH:
                output.breaths.append(self.breaths.take_breath(row))
            elif kind == kernels.GAP_OPENED:
                output.opened.append(self.gaps.open(row))
            elif kind == kernels.GAP_CLOSED:
                output.events.append(self.gaps.close(row))
            elif kind == kernels.EVENT_OPENED:
                output.opened.append(self.scored.open(row))
            elif kind == kernels.EVENT_CLOSED:
                output.events.append(self.scored.close(row))
            else:
                self.breaths.forget_recent()

    def vitals(self, state: Any) -> Vitals:
        """Tell the current numbers from the room's state; means are over the last five breaths, fewer at first."""
        armed = bool(state["armed"])
        since = None
        if armed:
            peak = state["top_position"] if state["inspiring"] else state["last_peak"]
            since = max(0.0, float(state["valid"] - 1 - peak)) / self._rate
        breathing = not self.gaps.is_open
        rate = self.breaths.respiratory_rate_per_min if breathing else None
        volume = self.breaths.tidal_volume_ml if breathing else None
        pressure = float(state["pressure"])
        return Vitals(
            armed=armed,
            seconds_since_breath=since,
            breath_gap_open=self.gaps.is_open,
            respiratory_rate_per_min=rate,
            tidal_volume_ml=volume,
            minute_ventilation_lpm=minute_ventilation_lpm(volume, rate),
            leak_lpm=self.breaths.leak_lpm,
            airway_pressure_cmh2o=pressure if isfinite(pressure) else None,
            flow_is_inverted=bool(state["inverted"]),
        )
