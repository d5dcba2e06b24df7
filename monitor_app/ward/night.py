"""The stay's trend, a point each minute of recording time."""

from __future__ import annotations

from typing import Any

from cpap_core.detector import RespirationDetector

MINUTE_S = 60.0
LONGEST_MIN = 24 * 60
"""A point a minute for a day; older ones are in the store."""


class Night:
    """Pressure, respiratory rate and leak of a recording, each minute."""

    def __init__(self, start_time: float) -> None:
        self.start_time = start_time
        self.minutes: list[float] = []
        self.pressure: list[float | None] = []
        self.rate: list[float | None] = []
        self.leak: list[float | None] = []
        self._next_s = MINUTE_S

    def note(self, newest_s: float, detector: RespirationDetector) -> None:
        """Add a point where a minute of recording time is complete."""
        if newest_s < self._next_s:
            return
        vitals = detector.vitals()
        self.minutes.append(round(self.start_time + newest_s, 1))
        self.pressure.append(_rounded(vitals.airway_pressure_cmh2o))
        self.rate.append(_rounded(vitals.respiratory_rate_per_min))
        self.leak.append(_rounded(vitals.leak_lpm))
        self._next_s = (newest_s // MINUTE_S + 1) * MINUTE_S
        if len(self.minutes) > LONGEST_MIN:
            for series in (self.minutes, self.pressure, self.rate, self.leak):
                del series[0]

    def as_dict(self) -> dict[str, Any]:
        """The trend as plain lists."""
        return {"minutes": self.minutes, "pressure": self.pressure, "rate": self.rate, "leak": self.leak}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
