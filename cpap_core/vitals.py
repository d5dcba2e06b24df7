"""The current numbers of one room, out of its state."""

from __future__ import annotations

from math import isfinite
from typing import Any

from . import indices
from .rules import BREATHS_IN_MEANS
from .types import Vitals


def vitals_of(state: Any, sampling_rate_hz: float) -> Vitals:
    """Tell the current numbers; means are over the last five breaths of the stretch of signal, fewer at first.

    Parameters
    ----------
    state : record, STATE
        The room's.
    sampling_rate_hz : float
        Samples per second.
    """
    armed = bool(state["armed"])
    since = None
    if armed:
        peak = state["top_position"] if state["inspiring"] else state["last_peak"]
        since = max(0.0, float(state["valid"] - 1 - peak)) / sampling_rate_hz
    gap_open = bool(state["gap_open"])
    cycles = min(int(state["cycles"]), BREATHS_IN_MEANS)
    rate, volume = None, None
    if not gap_open:
        rate = indices.respiratory_rate_per_min(_last(state["onsets"] / sampling_rate_hz, cycles + 1))
        volume = indices.mean(_last(state["volumes"] / sampling_rate_hz / 60 * 1000, cycles))
    sums, counts = _last(state["cycle_sums"], cycles), _last(state["cycle_counts"], cycles)
    pressure = float(state["pressure"])
    return Vitals(
        armed=armed,
        seconds_since_breath=since,
        breath_gap_open=gap_open,
        respiratory_rate_per_min=rate,
        tidal_volume_ml=volume,
        minute_ventilation_lpm=indices.minute_ventilation_lpm(volume, rate),
        leak_lpm=indices.leak_lpm([*zip(sums, counts, strict=True)]),
        airway_pressure_cmh2o=pressure if isfinite(pressure) else None,
        flow_is_inverted=bool(state["inverted"]),
    )


def _last(values: Any, count: int) -> list[float]:
    """The last few; none where there are none."""
    return values[len(values) - count :].tolist()  # type: ignore[no-any-return]
