"""The slow mean of airway pressure."""

# njit hides the types of what it compiles; the caller in rooms.py is checked.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator, misc, type-arg"

from __future__ import annotations

import numpy as np

from .jit import hot, inner


@hot
def average_pressure(s, pressure, start, stop):
    mean = s.pressure
    missing = s.pressure_missing
    for i in range(start, stop):
        value = np.float64(pressure[i])
        if np.isfinite(value):
            mean = value if np.isnan(mean) else mean + s.pressure_gain * (value - mean)
            missing = 0
        elif missing < s.stretch_gap:
            missing += 1
            if missing == s.stretch_gap:
                mean = np.nan
    s.pressure = mean
    s.pressure_missing = missing


@inner
def miss_pressure(s, count):
    s.pressure_missing = min(s.pressure_missing + count, s.stretch_gap)
    if s.pressure_missing == s.stretch_gap:
        s.pressure = np.nan
