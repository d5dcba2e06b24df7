"""Onsets and breaths out of the kernels' rows, and the last few of them for the live numbers."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from math import isnan

from . import indices
from .rules import BREATHS_IN_MEANS
from .types import Breath, Onset


class BreathLog:
    """Breaths of one detector, as they become certain.

    Attributes
    ----------
    count : int
        Confirmed onsets since the start.
    """

    def __init__(self, sampling_rate_hz: float) -> None:
        self.count = 0
        self._rate = sampling_rate_hz
        self._onsets_s: deque[float] = deque(maxlen=BREATHS_IN_MEANS + 1)
        self._volumes_ml: deque[float] = deque(maxlen=BREATHS_IN_MEANS)
        self._cycles: deque[tuple[float, float]] = deque(maxlen=BREATHS_IN_MEANS)

    def take_onset(self, row: Sequence[float]) -> Onset:
        """Note an onset; intervals are counted in valid signal, without what is missing."""
        _, onset, confirmed_at, valid_onset, *_ = row
        self.count += 1
        self._onsets_s.append(valid_onset / self._rate)
        return Onset(onset / self._rate, confirmed_at / self._rate)

    def take_breath(self, row: Sequence[float]) -> Breath:
        """Note a breath that is complete."""
        _, onset, peak, inspiratory, expiratory, volume, peak_flow_lpm, flow_sum, samples, flattening = row
        volume_ml = volume / self._rate / 60 * 1000
        self._volumes_ml.append(volume_ml)
        self._cycles.append((flow_sum, samples))
        return Breath(
            onset_s=onset / self._rate,
            peak_s=peak / self._rate,
            inspiratory_time_s=inspiratory / self._rate,
            expiratory_time_s=expiratory / self._rate,
            tidal_volume_ml=volume_ml,
            peak_flow_lpm=peak_flow_lpm,
            flow_limitation=None if isnan(flattening) else flattening,
            leak_lpm=flow_sum / samples if samples else None,
        )

    def forget_recent(self) -> None:
        """Start the means anew: what follows a long loss of signal has nothing to do with what was before."""
        self._onsets_s.clear()
        self._volumes_ml.clear()
        self._cycles.clear()

    @property
    def respiratory_rate_per_min(self) -> float | None:
        """From the last five breath intervals, fewer at first; None before the second onset."""
        return indices.respiratory_rate_per_min(self._onsets_s)

    @property
    def tidal_volume_ml(self) -> float | None:
        """Mean of the last five complete breaths, fewer at first."""
        return indices.mean(self._volumes_ml)

    @property
    def leak_lpm(self) -> float | None:
        """Mean flow over the last five complete breaths, fewer at first."""
        return indices.leak_lpm(self._cycles)
